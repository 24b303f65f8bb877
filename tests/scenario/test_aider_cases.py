"""test_aider_cases - every kept case with the real aider, live: exactly the events written down.

SPDX-License-Identifier: MPL-2.0

The cases are those of tests/support/capture_aider.py, the events those of
tests/fixtures/aider-events. With $AIDERMESH_TEST_AIDER another release of aider is run.
"""

import contextlib
import dataclasses
import os

import capture_aider
import golden
import pytest
from capture_aider import CASES
from fake_llm import FakeLLM
from wrapped import COMPLETED_WITHIN_S, bridge_words, environment

# A handful for every change; the others take half an hour.
CORE = ("edit_commitmsg_429", "interactive_model", "interactive_crash")
BOUNDS = ("session_started", "request_started", "request_completed", "session_completed")
PROMPT = ("prompt", ">")
ISSUE = ("confirmation",
         "Open a GitHub Issue pre-filled with the above error in your browser? (Y/n)")
# What AIDER waits for, where it does.
ASKED = {
    "interactive": [PROMPT] * 4,
    "interactive_commands": [
        *[PROMPT] * 6,
        ("confirmation", "Add 0.0k tokens of command output to the chat? (Y)es/(N)o [Yes]:"),
        PROMPT],
    "interactive_confirm": [
        PROMPT,
        ("confirmation", "Open URL for more info? (Y)es/(N)o/(D)on't ask again [Yes]:"),
        PROMPT],
    "interactive_crash": [ISSUE],
    "interactive_ctrl_c": [PROMPT] * 3,
    "interactive_ctrl_c_twice": [PROMPT],
    "interactive_fancy": [PROMPT] * 2,
    "interactive_model": [PROMPT] * 4,
    "interactive_new_file": [
        PROMPT, ("confirmation", "Create new file? (Y)es/(N)o [Yes]:"), PROMPT],
}
# Here nobody waits at what is asked besides, so whether that is told is a matter of time.
HURRIED = {"crash": ISSUE, "interactive_ctrl_c_twice": PROMPT, "interactive_eof": PROMPT}
# Classes that the aider of 2025 does not know; it calls them unmapped.
NEWER = ("ImageFetchError",) if "AIDERMESH_TEST_AIDER" in os.environ else ()
TROUBLE = ("rate_limit_detected", "error_occurred")


def answered_when_told(mesh, actions):
    """The actions, each answer to a question only once the mesh has been told of the question."""
    def told(action, count):
        return lambda: ((action.when is None or action.when()) and
                        len(mesh.events.all("aider.waiting_for_input")) >= count)
    waited = []
    answers = 0
    for action in actions:
        if action.after and action.send and action.send != capture_aider.CTRL_C:
            answers += 1
            action = dataclasses.replace(action, when=told(action, answers))
        waited.append(action)
    return waited


def run_case(mesh, name):
    """Run a case through the bridge. Returns the frames of its session."""
    case = CASES[name]
    mesh.start()
    place = mesh.folder / "aider"
    place.mkdir()
    with contextlib.ExitStack() as stack:
        llm = stack.enter_context(FakeLLM(case.script))
        port = stack.enter_context(capture_aider.closed_port()) if case.refused else llm.port
        prepared = capture_aider.prepare(case, place, port, env=environment(mesh))
        # Reminders, which come with time alone, are left to other tests.
        outcome = capture_aider.play(
            case, llm, prepared, prefix=bridge_words(mesh, "--set", "bridge/waiting_every=1h"),
            change=lambda actions: answered_when_told(mesh, actions))
    done = mesh.events.wait("aider.session_completed", COMPLETED_WITHIN_S)
    session = done[0].data["session_id"]
    return outcome, mesh.events.all("aider.*", session=session)


def check_case(mesh, name):
    outcome, frames = run_case(mesh, name)
    expected_rc = int((capture_aider.CAPTURES / name / "rc").read_text())
    assert outcome.rc == expected_rc
    want, have = golden.wanted(name), golden.told(frames)
    # Two files and a pipe agree on no common order; but each has one.
    assert sorted(have) == sorted(want)
    assert [line for line in have if line.startswith(BOUNDS)] == \
        [line for line in want if line.startswith(BOUNDS)]
    if "commitmsg" not in name:    # whose errors only the console has
        assert [line for line in have if line.startswith(TROUBLE)] == \
            [line for line in want if line.startswith(TROUBLE)]
    want, have = ASKED.get(name, []), golden.asked(frames)
    if name in HURRIED:
        assert have[:len(want)] == want and set(have[len(want):]) <= {HURRIED[name]}
    else:
        assert have == want


@pytest.mark.parametrize("name", CORE)
def test_core(mesh, name):
    check_case(mesh, name)


@pytest.mark.parametrize("name", sorted(set(CASES) - set(CORE) - set(NEWER)))
def test_other(mesh, name):
    check_case(mesh, name)
