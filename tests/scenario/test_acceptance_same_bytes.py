"""The watched program never notices: bytes, exit status and files are the same without us.

SPDX-License-Identifier: MPL-2.0
"""

import hashlib
import os
import pty
import signal
import subprocess
import sys

import aider_run
import pytest
from fake_llm import FakeLLM
from mesh import PATIENCE_S
from wrapped import bridge_words, prepare, run_aider

EDIT = {"do": "edit", "path": "a.py", "content": "x = 2\nprint(x)",
        "text": "I change the number.\n\n"}


def answers():
    return ["rate_limit", EDIT, {"do": "ok", "text": "feat: another number"}]


def left_behind(run):
    """What a run of aider leaves in its repository and says of its end."""
    head = run.prepared.git("log", "--format=%s%n%b", "--stat=100", "-p", "-1")
    return run.outcome.rc, (run.prepared.repo / "a.py").read_bytes(), head


@pytest.mark.parametrize("terminal", [False, True], ids=["piped", "under_a_terminal"])
@pytest.mark.parametrize("columns", [aider_run.WIDE, None], ids=["wide", "80_columns"])
def test_aider_prints_exits_and_edits_the_same_with_and_without_the_bridge(
        mesh, terminal, columns):
    mesh.start()
    with FakeLLM(answers()) as llm:
        without = prepare(mesh, llm, "without", columns=columns)
        alone = aider_run.run(without, without.command("change the number"), terminal=terminal)
    with FakeLLM(answers()) as llm:
        run = run_aider(mesh, llm, "change the number", terminal=terminal,
                        prepared=prepare(mesh, llm, "with", columns=columns))
    assert run.outcome.stdout == alone.stdout
    assert run.outcome.stderr == alone.stderr
    assert "x = 2" in alone.stdout, "the reply was seen at all"
    without_run = type(run)(alone, without, "", [])
    assert left_behind(run) == left_behind(without_run)
    assert (run.prepared.repo / "a.py").read_text() == "x = 2\nprint(x)\n"
    done = run.one("session_completed")
    assert done["changes_detected"] is True and done["success"] is True


NOISE = """
import hashlib, os, sys
block = bytes(range(256)) * 64 + b"\\r\\n\\x1b[31m\\xff\\xfe no newline at the end"
for n in range(64):
    os.write(1, block)
    os.write(2, b"err " + block[:300])
given = sys.stdin.buffer.read()
os.write(1, hashlib.sha256(given).hexdigest().encode())
sys.exit(7)
"""


def test_every_byte_and_the_exit_status_pass_unchanged(mesh):
    mesh.start()
    given = os.urandom(1_000_000)
    words = [sys.executable, "-c", NOISE]
    alone = subprocess.run(words, input=given, capture_output=True, timeout=PATIENCE_S)
    bridged = subprocess.run([*bridge_words(mesh), *words], input=given, capture_output=True,
                             timeout=PATIENCE_S, env=mesh.env)
    assert hashlib.sha256(given).hexdigest().encode() in alone.stdout
    assert bridged.stdout == alone.stdout
    assert bridged.stderr == alone.stderr
    assert bridged.returncode == alone.returncode == 7


def test_the_end_by_a_signal_is_the_same_end(mesh):
    mesh.start()
    words = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"]
    bridged = subprocess.run([*bridge_words(mesh), *words], capture_output=True, timeout=PATIENCE_S,
                             env=mesh.env)
    assert bridged.returncode == -signal.SIGTERM
    done = mesh.events.wait("aider.session_completed", 10)[0].data
    assert done["outcome"] in ("killed", "cancelled") and done["success"] is False
    assert done["signal"] in (15, "SIGTERM")


@pytest.mark.parametrize("words, status", [(["/no/such/program"], 127), (["/etc/passwd"], 126)],
                         ids=["not_found", "not_executable"])
def test_a_command_that_cannot_run_ends_as_with_env(mesh, words, status):
    mesh.start()
    bridged = subprocess.run([*bridge_words(mesh), *words], capture_output=True, timeout=PATIENCE_S,
                             env=mesh.env)
    assert bridged.returncode == status
    assert words[0].encode() in bridged.stderr


def test_without_a_broker_the_command_runs_all_the_same(mesh):
    words = [sys.executable, "-c", "print(input() * 2)"]
    bridged = subprocess.run([*bridge_words(mesh), *words], input=b"ab\n", capture_output=True,
                             timeout=PATIENCE_S, env=mesh.env)
    assert (bridged.returncode, bridged.stdout) == (0, b"abab\n")


def test_the_command_sees_a_terminal_exactly_where_there_is_one(mesh):
    mesh.start()
    look = "import os; print([os.isatty(fd) for fd in (0, 1, 2)], os.get_terminal_size(0)[:])"
    words = [*bridge_words(mesh), sys.executable, "-c", look]
    master, slave = pty.openpty()
    os.set_inheritable(slave, True)
    subprocess.run(["stty", "rows", "37", "cols", "101"], stdin=slave, check=True)
    child = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, env=mesh.env,
                             start_new_session=True)
    os.close(slave)
    said = b""
    try:
        while block := os.read(master, 4096):
            said += block
    except OSError:
        pass    # the other side is closed
    os.close(master)
    assert child.wait(PATIENCE_S) == 0
    assert b"[True, True, True] (101, 37)" in said, said
    piped = subprocess.run([*bridge_words(mesh), sys.executable, "-c",
                            "import os; print([os.isatty(fd) for fd in (0, 1, 2)])"],
                           stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S,
                           env=mesh.env)
    assert piped.stdout == b"[False, False, False]\n"
