"""test_aider_cases - every kept case with the real aider, live: exactly the events written down.

SPDX-License-Identifier: MPL-2.0

The cases are those of tests/support/capture_aider.py, the events those of
tests/fixtures/aider-events. With $AIDERMESH_TEST_AIDER another release of aider is run.
"""

import contextlib

import capture_aider
import golden
import pytest
from capture_aider import CASES
from fake_llm import FakeLLM
from wrapped import COMPLETED_WITHIN_S, bridge_words, environment

# A handful for every change; the others take half an hour.
CORE = ("edit_commitmsg_429", "interactive_model", "interactive_crash")
BOUNDS = ("session_started", "request_started", "request_completed", "session_completed")
ASKS = ("interactive_confirm", "interactive_crash", "interactive_new_file")
TROUBLE = ("rate_limit_detected", "error_occurred")


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
        outcome = capture_aider.play(case, llm, prepared, prefix=bridge_words(mesh))
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
    asked = [frame.data["kind"] for frame in frames if frame.type == "aider.waiting_for_input"]
    if name in ASKS:
        assert "confirmation" in asked, "a question was asked, and nobody said so"


@pytest.mark.parametrize("name", CORE)
def test_core(mesh, name):
    check_case(mesh, name)


@pytest.mark.parametrize("name", sorted(set(CASES) - set(CORE)))
def test_other(mesh, name):
    check_case(mesh, name)
