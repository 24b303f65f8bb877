"""What stays hidden: the OpenAI client retries by itself, before aider hears of anything.

SPDX-License-Identifier: MPL-2.0

The other scenarios' server sends x-should-retry: false, so that one attempt of aider's is one
request. A real provider does not.
"""

from fake_llm import FakeLLM, Script
from wrapped import check_order, run_aider


def test_two_429s_that_the_client_retries_by_itself_are_seen_by_nobody(mesh):
    mesh.start()
    script = Script(["rate_limit", "rate_limit", "ok"], should_retry=None)
    with FakeLLM(script) as llm:
        run = run_aider(mesh, llm)
        assert len(llm.chat_requests) == 3
    check_order(run)
    assert run.of("rate_limit_detected") == []
    done = run.one("session_completed")
    assert done["success"] is True and done["rate_limit_encountered"] is False


def test_the_third_429_of_one_attempt_is_the_first_that_is_seen(mesh):
    mesh.start()
    script = Script(["rate_limit"] * 4 + ["ok"], should_retry=None)
    with FakeLLM(script) as llm:
        run = run_aider(mesh, llm)
        assert len(llm.chat_requests) == 5
    check_order(run)
    limit = run.one("rate_limit_detected")
    assert limit["attempt"] == 1 and limit["will_retry"] is True
    done = run.one("session_completed")
    assert done["success"] is True and done["rate_limit_encountered"] is True
