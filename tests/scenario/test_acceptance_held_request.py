"""A provider that says nothing for more than a minute: nobody but the monitor can tell.

SPDX-License-Identifier: MPL-2.0
"""

import pytest
from fake_llm import FakeLLM
from mesh import SLOWNESS
from wrapped import check_order, run_aider

# When it is said: never before its time, and later only as a busy machine makes it.
EARLY_S, LATE_S = 0.05, 4 * SLOWNESS
HELD_S = 60 + 5 * SLOWNESS


def test_a_request_that_is_held_is_long_running_at_30_s_and_throttled_at_60_s(mesh):
    mesh.start()
    with FakeLLM([{"do": "hold", "seconds": HELD_S, "then": {"do": "ok"}}]) as llm:
        run = run_aider(mesh, llm)
    check_order(run)
    # What the monitor publishes may come behind the session's own last event.
    cleared = mesh.events.wait("aider.throttling_cleared", 10, session=run.session)
    detected = mesh.events.all("aider.throttling_detected", session=run.session)
    started = [f for f in run.frames if f.type == "aider.request_started"][0]
    ended = [f for f in run.frames if f.type == "aider.request_completed"][0]
    assert [f.data["status"] for f in detected] == ["long_running", "throttled"]
    for frame, seconds in zip(detected, (30, 60)):
        for passed_s in (frame.data["timestamp"] - started.data["timestamp"],
                         frame.data["duration"]):
            assert seconds - EARLY_S <= passed_s < seconds + LATE_S
        assert frame.data["threshold"] == pytest.approx(seconds)
        assert frame.data["severity"] == "medium"
        assert frame.data["diagnosis"] == "no_output"
        assert frame.data["request_id"] == started.data["request_id"]
        assert frame.data["timestamp"] < ended.data["timestamp"], "said while it still runs"
        assert frame.at <= ended.at
    assert len(cleared) == 1 and cleared[0].at >= detected[1].at
    assert cleared[0].data["request_id"] == started.data["request_id"]
    held_s = ended.data["timestamp"] - started.data["timestamp"]
    assert held_s > HELD_S - EARLY_S
    # With the first words of the answer, or with its end.
    cleared_s = cleared[0].data["timestamp"] - started.data["timestamp"]
    assert HELD_S - EARLY_S < cleared_s < held_s + LATE_S
    waiting = [data for data in run.of("session_progress") if data["stage"] == "waiting"]
    assert abs(len(waiting) - held_s / 10) <= 1, "said every ten seconds of silence"
