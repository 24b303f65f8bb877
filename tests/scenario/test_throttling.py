"""Throttling through the whole chain: JSON lines in, the monitor's words out over SSE.

SPDX-License-Identifier: MPL-2.0

Thresholds are short; the ones of the default configuration are kept by the real aider in
test_acceptance_held_request.py.
"""

import contextlib
import json
import subprocess
import threading

from mesh import SLOWNESS, Program

# Apart by more than a machine stands still: no step is left out.
LONG_RUNNING_S, THROTTLED_S = 2.5, 5.0
# A busy machine may say it late, none may say it early.
EARLY_S, LATE_S = 0.05, 1.0 if SLOWNESS == 1 else 60.0


def thresholds(long_running_s, throttled_s):
    return ("--set", f"monitor/long_running={int(long_running_s * 1000)}ms",
            "--set", f"monitor/throttled={int(throttled_s * 1000)}ms",
            "--set", "monitor/health_every=500ms")


# Another one than the monitor's.
HOST = "build-7"


class Lines:
    """A bridge on another host, as far as it says, that publishes the JSON lines it is given."""

    def __init__(self, mesh):
        self.bridge = Program(mesh, "aidermesh-stdio-bridge",
                              ["--mode", "ndjson", "--set", f"mesh/host={HOST}"],
                              stdin=subprocess.PIPE)

    def say(self, type_, **data):
        line = json.dumps({"type": type_, "data": data}) + "\n"
        self.bridge.process.stdin.write(line.encode())
        self.bridge.process.stdin.flush()

    def end(self):
        self.bridge.process.stdin.close()
        assert self.bridge.wait(10 * SLOWNESS) == 0, self.bridge.said()


@contextlib.contextmanager
def watched(mesh, long_running_s, throttled_s):
    mesh.start(monitor=thresholds(long_running_s, throttled_s))
    mesh.events.wait("mesh.health", 10 * SLOWNESS)    # the monitor has begun to look
    lines = Lines(mesh)
    yield lines
    lines.end()


def timed(mesh, type_, session, count, timeout_s):
    return mesh.events.wait(type_, timeout_s, count=count, session=session)


def test_each_step_reaches_an_sse_client_when_it_begins(mesh):
    with watched(mesh, LONG_RUNNING_S, THROTTLED_S) as lines:
        errors = mesh.stream(f"/events/errors?host={HOST}")
        lines.say("aider.request_started", session_id="held", request_id="r1",
                  provider="openai")
        (started,) = timed(mesh, "aider.request_started", "held", 1, 10)
        detected = timed(mesh, "aider.throttling_detected", "held", 5, 12 * SLOWNESS)
        lines.say("aider.session_progress", session_id="held", request_id="r1",
                  stage="streaming")
        lines.say("aider.request_completed", session_id="held", request_id="r1", success=True,
                  outcome="ok", duration=10.0)
        (cleared,) = timed(mesh, "aider.throttling_cleared", "held", 1, 10)
        mesh.events.wait("aider.request_completed", 10, session="held")

    assert [(f.data["status"], f.data["severity"]) for f in detected] == [
        ("long_running", "medium"), ("throttled", "medium"), ("throttled", "high"),
        ("severely_throttled", "high"), ("severely_throttled", "critical")]
    begins = [LONG_RUNNING_S, THROTTLED_S, 2 * THROTTLED_S, 3 * THROTTLED_S, 5 * THROTTLED_S]
    for frame, seconds in zip(detected, begins):
        after_s = frame.data["timestamp"] - started.data["timestamp"]
        assert seconds - EARLY_S <= after_s <= seconds + LATE_S
        assert frame.data["threshold"] == seconds
        assert frame.data["request_id"] == "r1"
        assert frame.data["host"] == frame.data["context"]["host"] == HOST
        assert frame.data["correlation_id"] == started.data["correlation_id"]
    assert cleared.data["reason"] == "progress"
    assert cleared.data["status"] == "severely_throttled"
    # Whoever follows only the errors of the session's host is told the same.
    errors.wait("aider.throttling_cleared", 5)
    assert [f.data for f in errors.all("aider.throttling_*")] == \
        [f.data for f in [*detected, cleared]]


def test_a_request_that_moves_is_never_throttled(mesh):
    # Twenty words a second: only a machine that stands still for long looks like silence.
    with watched(mesh, 8.0, 7200.0) as lines:
        lines.say("aider.request_started", session_id="busy", request_id="r1")
        lines.say("aider.request_started", session_id="idle", request_id="r1")
        idle_is_slow = threading.Event()

        def keep_moving():
            while not idle_is_slow.wait(0.05):
                lines.say("aider.session_progress", session_id="busy", request_id="r1",
                          stage="tokens")

        mover = threading.Thread(target=keep_moving)
        mover.start()
        try:
            timed(mesh, "aider.throttling_detected", "idle", 1, 15 * SLOWNESS)
        finally:
            idle_is_slow.set()
            mover.join()
        lines.say("aider.session_completed", session_id="idle", success=False,
                  outcome="failed")
        lines.say("aider.request_completed", session_id="busy", request_id="r1", success=True,
                  outcome="ok", duration=5.0)
        (cleared,) = timed(mesh, "aider.throttling_cleared", "idle", 1, 10)
        mesh.events.wait("aider.request_completed", 10, session="busy")
    assert cleared.data["reason"] == "session_ended"
    assert mesh.events.all("aider.throttling_*", session="busy") == []
