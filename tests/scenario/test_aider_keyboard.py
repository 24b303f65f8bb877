"""A person at a terminal with the real aider: what the keys do is the same with the bridge.

SPDX-License-Identifier: MPL-2.0

Each state is gone through twice, bare and wrapped. The end, the text on the screen and what the
provider was asked must be equal, and of the wrapped one the mesh hears what the person did.
"""

import dataclasses
import fcntl
import os
import re
import struct
import termios

import aider_run
import pytest
from aider_run import Action
from fake_llm import FakeLLM
from wrapped import prepare, run_aider

PROMPT = "a.py\r\n> "
CTRL_C, CTRL_D = "\x03", "\x04"
HELD = {"do": "hold", "seconds": 60}
# A key is hit this long after what it answers: aider has begun to wait by then.
THINK_S = 0.5


def resize(process):
    """The person draws the window larger: the terminal tells its new size to who runs on it."""
    terminal = os.open(f"/proc/{process.pid}/fd/0", os.O_RDWR | os.O_NOCTTY)
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 41, 133, 0, 0))
    finally:
        os.close(terminal)


@dataclasses.dataclass
class State:
    """What a person does, when, and what comes of it."""

    answers: list
    actions: object    # of the provider
    rc: int
    shown: tuple    # texts that stand on the screen in this order
    asked: int    # requests that the provider sees
    outcomes: list    # of the session's requests
    session: str    # its outcome
    fancy: bool = False    # aider edits the line itself, and draws it anew with each key it reads


def held(llm, *then):
    return [Action(PROMPT, send="say hello\n"),
            Action(when=lambda: llm.wait_for_requests(1, 0), send=CTRL_C, delay_s=THINK_S), *then]


STATES = {
    "core_retry_sleep": State(
        ["rate_limit"],
        lambda llm: [Action(PROMPT, send="say hello\n"),
                     Action("Retrying in 4.0 seconds", send=CTRL_C, delay_s=THINK_S),
                     Action(PROMPT, send="/exit\n", delay_s=THINK_S)],
        0, ("Retrying in 4.0 seconds", "^C again to exit", "/exit"), 5,
        ["cancelled"], "cancelled"),
    "core_held_request": State(
        [HELD, "ok"],
        lambda llm: held(llm, Action(PROMPT, send="say it again\n", delay_s=THINK_S),
                         Action(PROMPT, send="/exit\n")),
        0, ("say hello", "^C again to exit", "say it again", "/exit"), 2,
        ["cancelled", "ok"], "ok"),
    "core_prompt_and_end_of_input": State(
        ["ok"],
        lambda llm: [Action(PROMPT, send=CTRL_C, delay_s=THINK_S),
                     Action(PROMPT, send="say hello\n", delay_s=THINK_S),
                     Action(PROMPT, send=CTRL_D, delay_s=THINK_S)],
        0, ("^C again to exit", "say hello"), 1, ["ok"], "ok"),
    "twice": State(
        [HELD], lambda llm: held(llm, Action(PROMPT, send=CTRL_C, delay_s=0.3)),
        0, ("^C again to exit", "^C KeyboardInterrupt"), 1, ["cancelled"], "cancelled"),
    "resize": State(
        ["ok"],
        lambda llm: [Action(PROMPT, call=resize, delay_s=THINK_S),
                     Action(send="!stty size </proc/$PPID/fd/0\n", delay_s=THINK_S),
                     Action("[Yes]: ", send="n\n"), Action(PROMPT, send="say hello\n"),
                     Action(PROMPT, send="/exit\n")],
        0, ("41 133", "say hello"), 1, ["ok"], "ok"),
    "paste": State(
        ["ok"],
        lambda llm: [Action(PROMPT, send="{\nfirst line\nsecond line\n\nfourth\n}\n"),
                     Action("first line"), Action(PROMPT, send="/exit\n")],
        0, ("first line", "second line", "fourth", "/exit"), 1, ["ok"], "ok"),
    # A key that moves within the line, and one that takes back what stands before it.
    "fancy_input": State(
        [{"do": "ok", "text": "Hello there."}],
        lambda llm: [Action("\x1b[6n", send="say helo\x1b[Dl", delay_s=2 * THINK_S),
                     Action(send="\r", delay_s=THINK_S), Action("received.", delay_s=THINK_S),
                     Action(">", send="/exit\r", delay_s=2 * THINK_S)],
        0, ("say hello", "Hello there."), 1, ["ok"], "ok", fancy=True),
}


def screen(outcome, prepared, llm, fancy=False):
    """The text that the terminal was given, without where the cursor went."""
    text = re.sub(r"(\x1b\[[0-9;?]*[A-Za-z]|\x08)", "\r" if fancy else "", outcome.stdout)
    text = text.replace(str(prepared.repo.parent), "PLACE").replace(llm.base_url, "PROVIDER")
    if not fancy:
        return re.sub(r"\r+\n", "\n", text)
    # How many keys are drawn at once is chance: each line as it was in the end.
    lines = list(dict.fromkeys(line.strip() for line in re.split(r"[\r\n]+", text)))
    return "\n".join(line for line in lines if not any(
        other.startswith(line) and other != line for other in lines))


def command_of(place, state):
    words = place.command(plain=not state.fancy)
    return [*words, "--no-pretty", "--fancy-input"] if state.fancy else words


def asked(llm):
    """The texts of the requests, and how each connection ended."""
    return [(request.last_message, request.outcome) for request in llm.chat_requests]


@pytest.mark.parametrize("name", STATES)
def test_keys_do_the_same_with_and_without_the_bridge(mesh, name):
    state = STATES[name]
    mesh.start()
    with FakeLLM(state.answers) as llm:
        place = prepare(mesh, llm, "bare")
        alone = aider_run.run(place, command_of(place, state), terminal=True,
                              actions=state.actions(llm))
        bare = alone.rc, screen(alone, place, llm, state.fancy), asked(llm)
    with FakeLLM(state.answers) as llm:
        place = prepare(mesh, llm, "wrapped")
        run = run_aider(mesh, llm, prepared=place, terminal=True,
                        command=command_of(place, state), actions=state.actions(llm))
        wrapped = run.outcome.rc, screen(run.outcome, place, llm, state.fancy), asked(llm)
    assert wrapped == bare
    assert alone.acted == run.outcome.acted == len(state.actions(llm))
    at = 0
    for text in state.shown:
        at = bare[1].find(text, at)
        assert at >= 0, f"no {text!r} in its place on {bare[1]!r}"
    assert bare[0] == state.rc and len(bare[2]) == state.asked
    assert [data["outcome"] for data in run.of("request_completed")] == state.outcomes
    done = run.one("session_completed")
    assert done["outcome"] == state.session
