"""A provider that says nothing for 65 seconds: nobody but the monitor can tell.

SPDX-License-Identifier: MPL-2.0
"""

import pytest
from fake_llm import FakeLLM
from wrapped import check_order, run_aider


def test_a_request_held_for_65_s_is_long_running_at_30_s_and_throttled_at_60_s(mesh):
    mesh.start()
    with FakeLLM([{"do": "hold", "seconds": 65, "then": {"do": "ok"}}]) as llm:
        run = run_aider(mesh, llm, timeout_s=150)
    check_order(run)
    # What the monitor publishes may come behind the session's own last event.
    cleared = mesh.events.wait("aider.throttling_cleared", 10, session=run.session)
    detected = mesh.events.all("aider.throttling_detected", session=run.session)
    started = [f for f in run.frames if f.type == "aider.request_started"][0]
    ended = [f for f in run.frames if f.type == "aider.request_completed"][0]
    assert [f.data["status"] for f in detected] == ["long_running", "throttled"]
    for frame, seconds in zip(detected, (30, 60)):
        assert frame.at - started.at == pytest.approx(seconds, abs=1)
        assert frame.data["duration"] == pytest.approx(seconds, abs=1)
        assert frame.data["threshold"] == pytest.approx(seconds)
        assert frame.data["severity"] == "medium"
        assert frame.data["diagnosis"] == "no_output"
        assert frame.data["request_id"] == started.data["request_id"]
        assert frame.at < ended.at, "said while the request still runs"
    assert len(cleared) == 1 and cleared[0].at > detected[1].at
    assert cleared[0].data["request_id"] == started.data["request_id"]
    assert cleared[0].at - ended.at == pytest.approx(0, abs=1)
    assert ended.at - started.at > 64
    waiting = [data for data in run.of("session_progress") if data["stage"] == "waiting"]
    assert len(waiting) in (5, 6), "said every ten seconds of silence"
