"""The monitor beside a broker: what it says of requests and of the mesh, and what it does not.

SPDX-License-Identifier: MPL-2.0

Requests are acted by a publisher that speaks the protocol, so that each silence is as long as
the scenario wants it; thresholds are short. The passing of time is read off the monitor's own
mesh.health, never slept.
"""

import contextlib
import random
import signal
import sqlite3
import subprocess
import time

import pytest
import schema
from mesh import PATIENCE_S, SLOWNESS, START_LIMIT_S, Program
from pyzmq_mesh import Peer, Publisher, Subscriber

# How late a report may be is promised of what is installed.
SLACK_S = 0.2
# Between the broker's clock and the monitor's, of what never is too early.
CLOCK_S = 0.05
SHORT = ("--set", "monitor/long_running=1500ms", "--set", "monitor/throttled=3s",
         "--set", "monitor/health_every=500ms")


class Stage:
    """A broker, a publisher that acts the requests, and a reader that sees every event."""

    def __init__(self, mesh):
        self.mesh = mesh
        mesh.start_broker()
        self.publisher = Publisher("actor", "build-7", str(mesh.dir))
        self.reader = Subscriber("reader", "build-7", str(mesh.dir), after=0)
        self.seen = []    # in the broker's order

    def close(self):
        self.publisher.close()
        self.reader.close()

    def start_monitor(self, *words):
        """A monitor that has begun to speak."""
        before = self.count("mesh.health")
        monitor = self.mesh.start_monitor(*(words or SHORT))
        self.until(lambda: self.count("mesh.health") > before, START_LIMIT_S, "mesh.health")
        return monitor

    def act(self, type_, session="s", request="r", **members):
        if request is not None:
            members["request_id"] = request
        timestamp = members.pop("timestamp", None)
        self.publisher.publish(type_, session, members, timestamp=timestamp)

    def pump(self):
        self.publisher.work()
        for event in self.reader.arrived():
            self.seen.append(event)
            schema.validate(event.type, event.payload)

    def until(self, fact, timeout_s, what):
        timeout_s = max(timeout_s, PATIENCE_S)
        end = time.monotonic() + timeout_s
        while not fact():
            if time.monotonic() > end:
                told = "\n".join(f"{event.type} {event.payload}" for event in self.seen)
                raise AssertionError(f"within {timeout_s} s there was no {what}; seen:\n{told}")
            self.pump()

    def of(self, type_, request="r"):
        return [event.payload for event in self.events(type_, request)]

    def events(self, type_, request="r"):
        return [event for event in self.seen if event.type == type_
                and (request is None or event.payload.get("request_id") == request)]

    def count(self, type_):
        return len(self.of(type_, None))

    def statuses(self, request="r"):
        return [(data["status"], data["severity"])
                for data in self.of("aider.throttling_detected", request)]

    def wait_detected(self, count):
        self.until(lambda: len(self.statuses()) >= count, PATIENCE_S, "throttling_detected")

    def pass_time(self, seconds):
        """Let the monitor look at the mesh for that long."""
        end = time.monotonic() + seconds
        healths = self.count("mesh.health")
        self.until(lambda: time.monotonic() > end and self.count("mesh.health") > healths,
                   seconds + 10, "mesh.health")


@pytest.fixture
def stage(mesh):
    stage = Stage(mesh)
    yield stage
    stage.close()


def test_a_silent_request_goes_through_the_steps_and_is_cleared_once(stage):
    # Apart by more than a machine stands still: no step is left out.
    stage.start_monitor("--set", "monitor/long_running=2s", "--set", "monitor/throttled=6s",
                        "--set", "monitor/health_every=500ms")
    stage.act("aider.request_started", provider="openai", model="openai/gpt")
    stage.wait_detected(3)
    (started,) = stage.events("aider.request_started")
    stage.act("aider.request_completed", success=True, outcome="ok", duration=7.0)
    stage.until(lambda: stage.of("aider.throttling_cleared"), 5, "throttling_cleared")
    stage.pass_time(2)

    detected = stage.of("aider.throttling_detected")
    assert stage.statuses() == [("long_running", "medium"), ("throttled", "medium"),
                                ("throttled", "high")]
    for data, seconds in zip(detected, (2, 6, 12)):
        for silent_s in (data["timestamp"] - started.recorded_us / 1e6, data["duration"]):
            assert silent_s > seconds - CLOCK_S
            assert silent_s < seconds + SLACK_S or SLOWNESS > 1
        assert data["threshold"] == seconds
        assert data["diagnosis"] == "no_output"
        assert data["session_id"] == "s"
        assert data["context"]["host"] == "build-7"
        assert data["context"]["provider"] == "openai"
    cleared = stage.of("aider.throttling_cleared")
    assert len(cleared) == 1
    assert cleared[0]["reason"] == "completed"


def test_retries_and_an_overloaded_provider_are_the_diagnosis(stage):
    stage.start_monitor("--set", "monitor/long_running=5s", "--set", "monitor/throttled=2h",
                        "--set", "monitor/health_every=500ms")
    stage.act("aider.request_started")
    stage.act("aider.rate_limit_detected", attempt=1, will_retry=True, estimated_delay=0.25)
    stage.act("aider.request_started", request="other")
    stage.act("aider.error_occurred", request="other", error_type="overloaded", attempt=1,
              will_retry=True, estimated_delay=0.25, fatal=False)
    stage.wait_detected(1)
    data, = stage.of("aider.throttling_detected")
    assert (data["diagnosis"], data["context"]["attempt"]) == ("retrying", 1)
    data, = stage.of("aider.throttling_detected", "other")
    assert data["diagnosis"] == "provider_overloaded"
    assert data["duration"] < 5, "said only when it was long"


def test_waiting_for_a_person_and_late_events_are_no_throttling(stage):
    stage.start_monitor()
    stage.act("aider.request_started", request="asks")
    stage.act("aider.waiting_for_input", request="asks", kind="confirmation")
    stage.act("aider.request_started", request="late", timestamp=time.time() - 120)
    stage.act("aider.request_started")
    stage.wait_detected(2)
    assert stage.statuses("asks") == []
    assert stage.statuses("late") == []
    health = stage.of("mesh.health", None)
    stage.until(lambda: stage.count("mesh.health") > len(health), 5, "mesh.health")
    data = stage.of("mesh.health", None)[-1]
    assert data["waiting_requests"] == 1
    assert data["silent_requests"] == 1
    assert data["throttled_requests"] == 1
    assert data["active_requests"] == 2


def test_a_killed_monitors_successor_goes_on_where_it_was(stage):
    apart = ("--set", "monitor/long_running=2s", "--set", "monitor/throttled=6s",
             "--set", "monitor/health_every=500ms")
    monitor = stage.start_monitor(*apart)
    stage.act("aider.request_started")
    stage.act("aider.request_started", request="ends")
    stage.wait_detected(1)
    stage.until(lambda: stage.statuses("ends"), 5, "throttling_detected")
    monitor.kill()
    stage.act("aider.request_completed", request="ends", success=True, outcome="ok",
              duration=2.0)
    stage.act("aider.session_progress", session="long-ago", request="done", stage="edit",
              timestamp=time.time() - 3600)
    stage.start_monitor(*apart)
    stage.until(lambda: stage.of("aider.throttling_cleared", "ends"), 10, "throttling_cleared")
    stage.wait_detected(2)
    assert stage.statuses()[0] == ("long_running", "medium")
    assert ("long_running", "medium") not in stage.statuses()[1:], "said twice"
    assert len(stage.of("aider.throttling_cleared", "ends")) == 1
    assert stage.statuses("done") == []


def test_a_monitor_killed_again_and_again_says_each_step_once(stage):
    seed = time.time_ns() % 1_000_000
    print(f"seed {seed}")
    chance = random.Random(seed)
    monitor = stage.start_monitor()
    requests = [f"r{number}" for number in range(3)]
    for request in requests:
        stage.act("aider.request_started", request=request)
    stage.until(lambda: len(stage.of("aider.request_started", None)) == len(requests), 5,
                "request_started")

    for _ in range(12):
        stage.pass_time(chance.uniform(0, 2))
        monitor.kill()
        # As a bridge says it: alive, without progress.
        for request in requests:
            stage.act("aider.session_progress", request=request, stage="waiting")
        monitor = stage.start_monitor()
    stage.until(lambda: all(stage.statuses(request) for request in requests), 20 * SLOWNESS,
                "throttling_detected")
    for request in requests:
        stage.act("aider.request_completed", request=request, success=True, outcome="ok",
                  duration=9.0)
    stage.until(lambda: len(stage.of("aider.throttling_cleared", None)) >= len(requests), 10,
                "throttling_cleared")
    stage.pass_time(1)
    for request in requests:
        statuses = stage.statuses(request)
        assert len(statuses) == len(set(statuses)), f"said twice: {statuses}"
        assert len(stage.of("aider.throttling_cleared", request)) == 1
    said = [data for type_ in ("aider.throttling_detected", "aider.throttling_cleared",
                               "mesh.health") for data in stage.of(type_, None)]
    assert len({data["source"] for data in said}) == 1, "one source for all lives"
    assert len({data["seq"] for data in said}) == len(said)


def test_a_monitor_whose_state_was_set_back_loses_and_doubles_nothing(stage):
    state = stage.mesh.folder / "state" / "aidermesh" / "monitor.db"
    monitor = stage.start_monitor()
    stage.act("aider.request_started")
    stage.until(lambda: stage.of("aider.request_started"), 5, "request_started")
    monitor.stop()
    earlier = state.read_bytes()
    monitor = stage.start_monitor()
    stage.wait_detected(1)
    monitor.stop()
    state.write_bytes(earlier)
    monitor = stage.start_monitor()
    # What it would say under its numbers the broker would take for what it has.
    stage.until(lambda: "source-renewed" in monitor.said(), 10, "source-renewed")
    stage.act("aider.request_completed", success=True, outcome="ok", duration=9.0)
    stage.until(lambda: stage.of("aider.throttling_cleared"), 10, "throttling_cleared")
    stage.pass_time(1)
    statuses = stage.statuses()
    assert len(statuses) == len(set(statuses)), f"said twice: {statuses}"
    assert len(stage.of("aider.throttling_cleared")) == 1
    cleared, = stage.of("aider.throttling_cleared")
    assert cleared["source"] != stage.of("aider.throttling_detected")[0]["source"]


def test_what_keeps_the_state_from_being_kept_is_said_and_over_when_it_is(stage):
    folder = stage.mesh.folder / "later"

    def health():
        return stage.of("mesh.health", None)[-1]

    monitor = stage.start_monitor(*SHORT, "--set", f"monitor/state={folder}/monitor.db")
    assert (health()["status"], health()["reasons"]) == ("degraded", ["state_not_kept"])
    assert health()["state_fault"] == "io_error"
    assert "state-not-kept" in monitor.said()
    stage.act("aider.request_started")
    stage.wait_detected(1)
    folder.mkdir(mode=0o700)
    stage.until(lambda: health()["status"] == "healthy", 10, "a healthy mesh")
    assert "state_fault" not in health()
    monitor.kill()
    # What a later release has made is left alone, and nothing is kept.
    with contextlib.closing(sqlite3.connect(folder / "monitor.db")) as kept:
        kept.execute("PRAGMA user_version = 99")
    monitor = stage.start_monitor(*SHORT, "--set", f"monitor/state={folder}/monitor.db")
    assert health()["state_fault"] == "newer"
    with contextlib.closing(sqlite3.connect(folder / "monitor.db")) as kept:
        assert kept.execute("SELECT count(*) FROM requests").fetchone() == (1,)


def test_a_stopped_monitor_does_not_take_its_own_absence_for_silence(stage):
    monitor = stage.start_monitor()
    stage.act("aider.request_started")
    stage.until(lambda: stage.of("aider.request_started"), 5, "request_started")
    monitor.process.send_signal(signal.SIGSTOP)
    # In sight of the broker, out of the monitor's: two thresholds long, with progress.
    end = time.monotonic() + 4
    for number in range(9):
        stage.until(lambda n=number: time.monotonic() > end - 4 + n * 0.5, 5, "time")
        stage.act("aider.session_progress", stage="streaming")
    monitor.process.send_signal(signal.SIGCONT)
    stage.act("aider.session_progress", stage="streaming")
    stage.wait_detected(1)
    (detected,) = stage.events("aider.throttling_detected")
    last = [event for event in stage.events("aider.session_progress")
            if event.offset < detected.offset][-1]
    assert detected.payload["timestamp"] - last.recorded_us / 1e6 >= 1.5 - CLOCK_S, \
        "silence began with the last progress"
    assert detected.payload["diagnosis"] == "slow_stream"


def test_requests_are_listed_by_a_call(stage):
    stage.start_monitor("--set", "monitor/long_running=1500ms", "--set", "monitor/throttled=2h",
                        "--set", "monitor/health_every=500ms")
    stage.act("aider.request_started", provider="openai")
    stage.wait_detected(1)
    with Peer("asker", "build-7", str(stage.mesh.dir)) as peer:
        peer.hello()
        verb, body, _ = peer.ask("call", {"service": "requests", "request": {},
                                          "deadline_ms": 60_000})
        assert verb == "result"
        assert body["result"]["open"] == 1
        (request,) = body["result"]["requests"]
        assert (request["session_id"], request["request_id"]) == ("s", "r")
        assert (request["state"], request["severity"]) == ("long_running", "medium")
        assert request["age"] >= 1.5
        with pytest.raises(Exception, match="did not answer"):
            peer.ask("call", {"service": "requests", "request": {"limit": 0},
                              "deadline_ms": 60_000})


def test_a_lost_member_degrades_the_mesh_and_is_said_at_once(stage):
    stage.start_monitor("--set", "monitor/health_every=1h")
    # One that stops its heartbeats without a goodbye.
    peer = Peer("stdio-gone", "build-7", str(stage.mesh.dir), transport_type="stdio")
    peer.hello()
    stage.until(lambda: any(data["status"] == "degraded"
                            for data in stage.of("mesh.health", None)), 15, "degraded")
    first, second = stage.of("mesh.health", None)[:2]
    assert (first["status"], first["reasons"]) == ("healthy", [])
    assert second["reasons"] == ["transport_lost"]
    assert "stdio" not in second["transports"]
    assert second["transports"]["monitor"] == 1
    lost = stage.events("mesh.transport_lost", None)[0]
    # The next of its own would come in an hour.
    assert second["timestamp"] - lost.recorded_us / 1e6 < (1 + SLACK_S if SLOWNESS == 1 else 60)
    peer.close()


def test_a_broker_that_comes_back_is_no_alarm(stage):
    """Silence that nobody could see through is none; requests go on being watched."""
    stage.start_monitor("--set", "monitor/long_running=8s", "--set", "monitor/throttled=2h",
                        "--set", "monitor/health_every=500ms")
    stage.act("aider.request_started")
    stage.pass_time(0.5)
    broker = stage.mesh.programs[0]
    broker.stop()
    for peer in (stage.publisher, stage.reader):
        peer.context.destroy(linger=0)    # nobody is there for a goodbye
    stage.mesh.start_broker()
    stage.publisher = Publisher("actor-2", "build-7", str(stage.mesh.dir))
    stage.reader = Subscriber("reader-2", "build-7", str(stage.mesh.dir), after=0)
    stage.act("aider.session_progress", stage="streaming")
    stage.wait_detected(1)
    assert stage.of("aider.throttling_detected")[0]["diagnosis"] == "slow_stream"
    assert stage.statuses() == [("long_running", "medium")]


def test_thresholds_are_read_again_on_sighup(stage, folder):
    config = folder / "monitor.cfg"
    config.write_text("monitor\n    health_every = \"500ms\"\n    throttled = \"2h\"\n"
                      "    long_running = \"1h\"\n")
    monitor = stage.start_monitor("--config", str(config))
    stage.act("aider.request_started")
    stage.pass_time(1)
    config.write_text(config.read_text().replace("1h", "1500ms"))
    monitor.process.send_signal(signal.SIGHUP)
    stage.wait_detected(1)
    assert stage.statuses() == [("long_running", "medium")]
    # What is wrong is refused, and the monitor goes on.
    config.write_text(config.read_text().replace("2h", "1s"))
    monitor.process.send_signal(signal.SIGHUP)
    stage.until(lambda: "reload-failed" in monitor.said(), 5, "reload-failed")
    monitor.must_run()


def test_thresholds_that_contradict_each_other_are_refused(mesh):
    words = ["--set", "monitor/long_running=10s", "--set", "monitor/throttled=10s"]
    for check in ([], ["--check-config"]):
        refused = subprocess.run([*mesh.program("aidermesh-monitor"), *check, *words],
                                 env=mesh.env, capture_output=True, text=True, timeout=PATIENCE_S,
                                 check=False)
        assert refused.returncode == 2
        assert "monitor/throttled" in refused.stderr
        assert "monitor/long_running" in refused.stderr
    assert subprocess.run([*mesh.program("aidermesh-monitor"), "--check-config"], env=mesh.env,
                          capture_output=True, timeout=PATIENCE_S, check=False).returncode == 0


def test_the_health_check_is_that_of_a_running_monitor(stage):
    def check():
        return Program(stage.mesh, "aidermesh-monitor", ["--healthcheck"]).wait(10)
    assert check() == 1
    monitor = stage.start_monitor()
    assert check() == 0
    monitor.stop()
    assert check() == 1
