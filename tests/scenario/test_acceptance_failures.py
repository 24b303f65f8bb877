"""Every way in which a provider fails, through the whole chain.

SPDX-License-Identifier: MPL-2.0
"""

import pytest
from fake_llm import FakeLLM
from wrapped import check_order, run_aider

# answer: error_type, whether aider tries again
THEN_OK = {
    "server_error": ("server_error", True),
    "unavailable": ("overloaded", True),
    "midstream_error": (None, True),
    "reset": ("connection", True),
}
FINAL = {
    "context_window": "context_window",
    "quota": "quota",
    "not_found": None,
}


@pytest.mark.parametrize("answer", THEN_OK)
def test_a_failure_that_aider_survives_is_an_error_and_then_a_success(mesh, answer):
    error_type, _ = THEN_OK[answer]
    mesh.start()
    with FakeLLM([answer, "ok"]) as llm:
        run = run_aider(mesh, llm)
    check_order(run)
    error = run.one("error_occurred")
    assert error["fatal"] is False and error["will_retry"] is True and error["attempt"] == 1
    if error_type:
        assert error["error_type"] == error_type
    done = run.one("session_completed")
    assert done["success"] is True and done["outcome"] == "ok"


@pytest.mark.parametrize("answer", ["context_window", "not_found"])
def test_a_failure_that_aider_does_not_survive_is_fatal_and_no_success(mesh, answer):
    mesh.start()
    with FakeLLM([answer]) as llm:
        run = run_aider(mesh, llm)
    check_order(run)
    error = run.one("error_occurred")
    assert error["fatal"] is True
    if FINAL[answer]:
        assert error["error_type"] == FINAL[answer]
    done = run.one("session_completed")
    assert done["success"] is False and done["outcome"] != "ok"
