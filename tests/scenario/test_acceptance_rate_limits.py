"""A provider that refuses, and then does not: what a client of /events/aider learns of it.

SPDX-License-Identifier: MPL-2.0
"""

import pytest
from fake_llm import FakeLLM
from wrapped import check_order, run_aider


def test_two_429s_then_success_are_two_rate_limits_and_a_successful_session(mesh):
    mesh.start()
    with FakeLLM(["rate_limit", "rate_limit", "ok"]) as llm:
        run = run_aider(mesh, llm)
        assert len(llm.chat_requests) == 3
    check_order(run)
    assert run.outcome.rc == 0
    limits = run.of("rate_limit_detected")
    assert [limit["attempt"] for limit in limits] == [1, 2]
    assert limits[0]["estimated_delay"] == pytest.approx(0.2, abs=0.1)
    assert limits[1]["estimated_delay"] == pytest.approx(0.5)
    for limit in limits:
        assert limit["provider"] == "openai"
        assert limit["will_retry"] is True
        assert limit["current_model"] == "openai/fake"
        assert "Rate limit reached" in limit["error_message"]
    assert run.of("error_occurred") == []
    request = run.one("request_completed")
    assert request["success"] is True and request["attempts"] == 3
    done = run.one("session_completed")
    assert done["success"] is True and done["outcome"] == "ok" and done["exit_code"] == 0
    assert done["rate_limit_encountered"] is True


def test_a_session_without_trouble_says_so(mesh):
    mesh.start()
    with FakeLLM(["ok"]) as llm:
        run = run_aider(mesh, llm)
    check_order(run)
    assert run.of("rate_limit_detected") == [] and run.of("error_occurred") == []
    done = run.one("session_completed")
    assert done["success"] is True and done["rate_limit_encountered"] is False
    request = run.one("request_completed")
    assert request["tokens_sent"] > 0 and request["tokens_received"] > 0
    assert request["cost"] > 0 and request["attempts"] == 1


def test_401_is_one_fatal_error_and_an_unsuccessful_session_although_aider_exits_0(mesh):
    mesh.start()
    with FakeLLM(["auth"]) as llm:
        run = run_aider(mesh, llm)
    check_order(run)
    assert run.outcome.rc == 0
    assert run.of("rate_limit_detected") == []
    error = run.one("error_occurred")
    assert error["fatal"] is True and error["error_type"] == "auth"
    assert error["provider"] == "openai" and error["will_retry"] is False
    done = run.one("session_completed")
    assert done["success"] is False and done["exit_code"] == 0
    assert done["rate_limit_encountered"] is False


def test_rate_limits_arrive_while_aider_still_waits_to_try_again(mesh):
    mesh.start()
    with FakeLLM([*["rate_limit"] * 6, "ok"]) as llm:
        run = run_aider(mesh, llm)
        requests = [llm.started + request.at_s for request in llm.chat_requests]
    limits = [f for f in run.frames if f.type == "aider.rate_limit_detected"]
    assert len(limits) == 6 and len(requests) == 7
    # The last is followed by a wait of eight seconds before aider tries again.
    assert limits[5].data["estimated_delay"] == pytest.approx(8.0)
    assert requests[5] < limits[5].at < requests[6]
