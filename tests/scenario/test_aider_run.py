"""test_aider_run - what the runner promises to the scenarios, with small programs instead of aider.

SPDX-License-Identifier: MPL-2.0
"""

import os
import pathlib
import signal
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import aider_run  # noqa: E402
from aider_run import Action  # noqa: E402

LIMIT_S = 120


@pytest.fixture
def prepared(tmp_path):
    """A prepared place; any program that exists will do as aider."""
    return aider_run.prepare(tmp_path, "http://127.0.0.1:1/v1", aider=sys.executable)


def python(program):
    return [sys.executable, "-u", "-c", program]


def test_the_repository_has_the_files_committed_and_the_home_is_its_own(prepared, tmp_path):
    assert prepared.git("ls-files").split() == ["a.py"]
    assert prepared.git("status", "--porcelain") == ""
    assert prepared.env["HOME"].startswith(str(tmp_path))
    assert aider_run.WIDE == int(prepared.env["COLUMNS"])


def test_two_equal_preparations_have_equal_commits(prepared, tmp_path):
    (tmp_path / "other").mkdir()
    other = aider_run.prepare(tmp_path / "other", "http://127.0.0.1:1/v1", aider=sys.executable)
    assert prepared.git("rev-parse", "HEAD") == other.git("rev-parse", "HEAD")


def test_nothing_of_the_callers_environment_but_the_path_gets_in(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-developer")
    monkeypatch.setenv("AIDER_MODEL", "gpt-4o")
    prepared = aider_run.prepare(tmp_path, "http://127.0.0.1:1/v1", aider=sys.executable,
                                 env={"EXTRA": "1", "BROWSER": None})
    assert prepared.env["OPENAI_API_KEY"] == "sk-fake"
    assert "AIDER_MODEL" not in prepared.env and "BROWSER" not in prepared.env
    assert prepared.env["EXTRA"] == "1"
    assert prepared.env["PATH"] == os.environ["PATH"]


def test_a_missing_aider_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="no aider at"):
        aider_run.prepare(tmp_path, "http://127.0.0.1:1/v1", aider=tmp_path / "none")


def test_both_streams_the_timeline_and_the_status_are_kept(prepared):
    outcome = aider_run.run(prepared, python(
        "import sys; print('out é'); print('err', file=sys.stderr); sys.exit(3)"))
    assert (outcome.rc, outcome.stdout, outcome.stderr) == (3, "out é\n", "err\n")
    assert "".join(entry["data"] for entry in outcome.timeline) == outcome.stdout


def test_a_terminal_is_one_and_answers_what_is_asked_of_it(prepared):
    outcome = aider_run.run(prepared, python(
        "import os, sys, tty\n"
        "print(all(map(os.isatty, range(3))), os.get_terminal_size().columns)\n"
        "tty.setraw(0); sys.stdout.write('\\x1b[6n'); print(repr(sys.stdin.read(6)))"),
        terminal=True, size=(24, 97), timeout_s=LIMIT_S)
    assert "True 97\r\n" in outcome.stdout
    assert r"\x1b[1;1R" in outcome.stdout


@pytest.mark.parametrize("terminal", [False, True])
def test_actions_wait_for_their_text_one_after_the_other(prepared, terminal):
    actions = [Action("> ", send="one\n"), Action("> ", send="two\n")]
    outcome = aider_run.run(prepared, python("print([input('> '), input('> ')])"),
                            actions=actions, terminal=terminal, timeout_s=LIMIT_S)
    assert "['one', 'two']" in outcome.stdout
    assert outcome.acted == 2


def test_an_action_waits_for_its_condition_and_sends_a_signal(prepared):
    begun = time.monotonic()
    actions = [Action("ready", when=lambda: time.monotonic() - begun > 0.5,
                      signal=signal.SIGTERM)]
    outcome = aider_run.run(prepared, python("import time; print('ready'); time.sleep(30)"),
                            actions=actions, timeout_s=LIMIT_S)
    assert outcome.rc == -signal.SIGTERM
    assert time.monotonic() - begun > 0.5


def test_the_prefix_stands_before_the_command(prepared):
    outcome = aider_run.run(prepared, ["-c", "print('wrapped')"], prefix=[sys.executable])
    assert outcome.stdout == "wrapped\n"


def test_a_program_that_does_not_end_is_killed_and_said(prepared):
    for timeout_s in (1.0, 5.0, 25.0, 125.0):    # until it has had the time to begin
        with pytest.raises(TimeoutError, match="still running; so far: ") as raised:
            aider_run.run(prepared, python("import time; print('working'); time.sleep(600)"),
                          timeout_s=timeout_s)
        if "working" in str(raised.value):
            return
    pytest.fail("what it has printed is not said")
