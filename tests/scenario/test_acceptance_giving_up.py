"""A provider that never relents: 64 seconds of retries that end in nothing.

SPDX-License-Identifier: MPL-2.0
"""

import pytest
from fake_llm import FakeLLM
from wrapped import check_order, run_aider


def test_nine_429s_are_nine_rate_limits_one_fatal_error_and_a_session_that_gave_up(mesh):
    mesh.start()
    with FakeLLM(["rate_limit"]) as llm:
        run = run_aider(mesh, llm)
        assert len(llm.chat_requests) == 9
    check_order(run)
    assert run.outcome.rc == 0, "aider itself says that all is well"
    limits = run.of("rate_limit_detected")
    assert [limit["attempt"] for limit in limits] == list(range(1, 10))
    for number, limit in enumerate(limits[:8], 1):
        assert limit["will_retry"] is True
        # aider prints one decimal: 0.2 for 0.25.
        assert limit["estimated_delay"] == pytest.approx(0.25 * 2 ** (number - 1), abs=0.06)
    assert limits[8]["will_retry"] is False and "estimated_delay" not in limits[8]
    error = run.one("error_occurred")
    assert error["fatal"] is True and error["will_retry"] is False
    request = run.one("request_completed")
    assert request["success"] is False and request["attempts"] == 9
    done = run.one("session_completed")
    assert done["outcome"] == "gave_up" and done["success"] is False
    assert done["exit_code"] == 0 and done["rate_limit_encountered"] is True
    assert done["duration"] > 63
