"""What fails around a session: its disk, its terminal's twin, AIDER's own files. It goes on, and says so.

SPDX-License-Identifier: MPL-2.0
"""

import os
import subprocess
import sys

import aider_run
import pytest
from fake_llm import FakeLLM
from mesh import SLOWNESS, bin_dir, fill, wait_until
from test_stdio_relay import Bridge, Terminal, sh
from wrapped import prepare, run_aider

WITHIN_S = 30 * SLOWNESS
BRIDGE = "aidermesh-stdio-bridge"
# Says a lot when it is told to, of which every line is an event.
SPEAKER = [sys.executable, "-c", "input()\n"
           "for n in range(500): print(f'Added file{n}.py to the chat.')\nraise SystemExit(5)"]
SPOKEN = b"".join(b"Added file%d.py to the chat.\n" % number for number in range(500))


@pytest.fixture
def bridge(folder):
    made = Bridge(folder)
    yield made
    made.check()


def start(mesh, *words, log, env=None):
    """The speaker, wrapped; what the observer logs goes to a file."""
    return subprocess.Popen(
        [*mesh.program(BRIDGE), "--mode", "cli", "--log-level", "info", "--set", "bridge/linger=120s", *words, "--",
         *SPEAKER], env={**mesh.env, **(env or {})}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=log.open("wb"), cwd=mesh.folder)


def end(process):
    out, _ = process.communicate(b"\n", timeout=WITHIN_S)
    assert (out, process.returncode) == (SPOKEN, 5)


# ---- the spool's disk ----

def test_a_disk_that_fills_up_changes_nothing_is_reported_and_loses_no_event(mesh, small_disk):
    log = mesh.folder / "bridge.log"
    process = start(mesh, "--set", f"spool/dir={small_disk}/spool", log=log)
    wait_until(lambda: list(small_disk.glob("spool/*")), WITHIN_S, "spool")
    fill(small_disk / "filler")
    end(process)
    wait_until(lambda: b"spool-write-failed" in log.read_bytes(), WITHIN_S, "word of the full disk")
    assert b"No space left on device" in log.read_bytes()
    mesh.start()
    done = mesh.events.wait("aider.session_completed", WITHIN_S)[0].data
    assert done["exit_code"] == 5
    numbers = [frame.data["seq"] for frame in mesh.events.all(session=done["session_id"])
               if frame.data.get("source") == done["source"]]
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) > 500


def test_a_disk_that_was_full_from_the_start_is_reported_once(mesh, small_disk):
    (small_disk / "spool").mkdir(mode=0o700)
    fill(small_disk / "filler")
    log = mesh.folder / "bridge.log"
    process = start(mesh, "--set", f"spool/dir={small_disk}/spool", log=log)
    end(process)
    mesh.start()
    assert mesh.events.wait("aider.session_completed", WITHIN_S)[0].data["exit_code"] == 5
    said = log.read_bytes()
    assert said.count(b"spool-refused") + said.count(b"spool-write-failed") == 1, said


# ---- the pseudo-terminal ----

# In a mount namespace of its own: no device that makes pseudo-terminals, or one that has none left.
MISSING = """
mount -t tmpfs none "$PLACE" && touch "$PLACE/null" "$PLACE/tty" "$PLACE/urandom" &&
for name in null tty urandom; do mount --bind /dev/$name "$PLACE/$name" || exit 99; done
ln -s /proc/self/fd "$PLACE/fd"; mount --rbind "$PLACE" /dev || exit 99
"""
EXHAUSTED = """
mount -t devpts -o newinstance,max=1,ptmxmode=0666 none /dev/pts || exit 99
mount --bind /dev/pts/ptmx /dev/ptmx && exec 9<>/dev/ptmx || exit 99
"""


@pytest.mark.parametrize("spoiled, why", [
    (MISSING, "No such file or directory"), (EXHAUSTED, "No space left on device"),
], ids=["missing", "exhausted"])
@pytest.mark.parametrize("kept", ["all", "output"])
def test_without_a_pseudo_terminal_the_command_has_the_users_own(bridge, spoiled, why, kept):
    place = bridge.folder / "dev"
    place.mkdir()
    how = {} if kept == "all" else {"stdin": subprocess.DEVNULL}
    seen = []
    for prefix in ([], bridge.words()):
        words = ["unshare", "--mount", "sh", "-c", spoiled + 'exec "$@"', "sh", *prefix,
                 *sh("stty -F /dev/tty size; [ -t 1 ] && echo shown; sleep 0.1; exit 6")]
        with Terminal(bridge, words, env={"PLACE": str(place)}, **how) as terminal:
            seen.append((*terminal.rest(), terminal.is_as_before()))
    line = f"aidermesh-stdio-bridge: {why}; the command runs unobserved\r\n"
    assert seen[1][0].startswith(line), seen
    assert (seen[1][0].removeprefix(line), *seen[1][1:]) == seen[0]
    assert seen[0][1] == 6 and "shown" in seen[0][0]


# ---- AIDER's own files ----

def test_a_chat_history_on_a_full_disk_costs_the_session_nothing_and_is_reported(mesh, small_disk):
    mesh.start()
    fill(small_disk / "filler")
    script = ["rate_limit", {"do": "ok", "text": "hello"}]
    with FakeLLM(script) as llm:
        without = prepare(mesh, llm, "without")
        without.history = small_disk / "chat.history.md"
        alone = aider_run.run(without, without.command("say hello"))
    with FakeLLM(script) as llm:
        wrapped = prepare(mesh, llm, "with")
        wrapped.history = without.history
        run = run_aider(mesh, llm, prepared=wrapped)
    assert (run.outcome.stdout, run.outcome.stderr, run.outcome.rc) == \
        (alone.stdout, alone.stderr, alone.rc)
    assert "Unable to write to chat history file" in alone.stdout
    lost = [event["progress_data"]["source"] for event in run.of("session_progress")
            if event["stage"] == "source_failed"]
    assert lost == ["chat_history"]
    # What the console tells is told.
    assert run.one("rate_limit_detected")["will_retry"] is True
    assert run.one("session_completed")["success"] is True


# ---- a disk that does not answer; preloaded, which sanitizers do not bear ----

def test_hung_disk_delays_no_byte_and_the_events_come_when_it_answers(mesh):
    mesh.start()
    spool = mesh.folder / "spool"
    answers = mesh.folder / "answers"
    log = mesh.folder / "bridge.log"
    process = start(mesh, "--set", f"spool/dir={spool}", log=log, env={
        "LD_PRELOAD": str(bin_dir() / "hung_disk.so"), "HUNG_DISK": str(spool),
        "HUNG_DISK_ANSWERS": str(answers)})
    end(process)
    assert not mesh.events.all("aider.session_completed")
    answers.touch()
    done = mesh.events.wait("aider.session_completed", WITHIN_S)[0].data
    assert done["exit_code"] == 5
    assert os.path.exists(log)
