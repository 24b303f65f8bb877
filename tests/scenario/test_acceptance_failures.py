"""Every way in which a provider fails, through the whole chain.

SPDX-License-Identifier: MPL-2.0
"""

import pytest
from fake_llm import FakeLLM
from wrapped import check_order, run_aider

# error_type: the answers before the good one, and further words for aider. Where the connection
# breaks the OpenAI client tries twice more by itself, whatever the server says.
SURVIVED = {
    "server": (["server_error"], ()),
    "overloaded": (["unavailable"], ()),
    # Long enough for the good answer to come in time from a machine that stands still for a while.
    "timeout": ([{"do": "hold", "seconds": 60}] * 3, ("--timeout", "5")),
    "connection": (["reset"] * 3, ()),
}
FINAL = {
    "context_window": "context_window",
    "not_found": "not_found",
    "bad_request": "bad_request",
}


def check_survived(run, error_type):
    check_order(run)
    error = run.one("error_occurred")
    assert error["error_type"] == error_type
    assert error["fatal"] is False and error["will_retry"] is True and error["attempt"] == 1
    done = run.one("session_completed")
    assert done["success"] is True and done["outcome"] == "ok"


@pytest.mark.parametrize("error_type", SURVIVED)
def test_a_failure_that_aider_survives_is_an_error_and_then_a_success(mesh, error_type):
    answers, words = SURVIVED[error_type]
    mesh.start()
    with FakeLLM([*answers, "ok"]) as llm:
        run = run_aider(mesh, llm, extra=words)
        assert len(llm.chat_requests) == len(answers) + 1
    check_survived(run, error_type)


def test_a_stream_that_fails_in_the_middle_is_an_error_and_then_a_success(mesh):
    mesh.start()
    with FakeLLM(["midstream_close", "ok"]) as llm:
        run = run_aider(mesh, llm)
    check_survived(run, "connection")


def test_without_streaming_a_refusal_is_seen_just_the_same(mesh):
    mesh.start()
    with FakeLLM([{"do": "rate_limit", "retry_after": 1}, "ok"]) as llm:
        run = run_aider(mesh, llm, extra=("--no-stream",))
        assert [request.stream for request in llm.chat_requests] == [False, False]
    check_order(run)
    assert run.one("rate_limit_detected")["attempt"] == 1
    assert run.one("session_completed")["success"] is True


@pytest.mark.parametrize("answer", FINAL)
def test_a_failure_that_aider_does_not_survive_is_fatal_and_no_success(mesh, answer):
    mesh.start()
    with FakeLLM([answer]) as llm:
        run = run_aider(mesh, llm)
    check_order(run)
    error = run.one("error_occurred")
    assert error["fatal"] is True
    assert error["error_type"] == FINAL[answer]
    done = run.one("session_completed")
    assert done["success"] is False and done["outcome"] != "ok"
