"""A broker that is stopped and started anew: nobody is sent again what it had taken.

SPDX-License-Identifier: MPL-2.0
"""

import json
import select
import subprocess
import threading

from mesh import PATIENCE_S, wait_until
from pyzmq_mesh import Peer, Subscriber

EVENTS = 400
BEFORE_STOP = 150
PAUSE_S = 0.005    # shorter than the 50 ms after which a publisher asks for an acknowledgement


def write(bridge):
    for number in range(EVENTS):
        line = {"type": "aider.session_progress",
                "data": {"session_id": "s", "stage": "banner", "message": str(number)}}
        bridge.process.stdin.write(json.dumps(line).encode() + b"\n")
        bridge.process.stdin.flush()
        select.select([], [], [], PAUSE_S)
    bridge.process.stdin.close()


def test_what_a_stopped_broker_has_taken_is_not_delivered_by_the_next(mesh):
    # Heartbeats so far apart that none acknowledges what was taken before the stop.
    seldom = ("--set", "mesh/heartbeat=20s", "--set", "mesh/lost_after=60s")
    broker = mesh.start_broker(*seldom)
    mesh.start_sse()
    mesh.events = mesh.stream("/events")
    bridge = mesh.start_bridge("--mode", "ndjson", *seldom, stdin=subprocess.PIPE)
    writer = threading.Thread(target=write, args=(bridge,))
    writer.start()
    try:
        mesh.events.wait("aider.session_progress", 20, count=BEFORE_STOP)
        broker.stop()
        mesh.start_broker()
    finally:
        writer.join()
    last = str(EVENTS - 1)
    mesh.events.wait("aider.session_progress", 60, where=lambda d: d["message"] == last)
    seen = [int(f.data["message"]) for f in mesh.events.all("aider.session_progress")]
    assert seen == list(range(EVENTS))


def test_a_healthcheck_says_what_is_missing(mesh):
    def check():
        return subprocess.run([*mesh.program("aidermesh-broker"), "--healthcheck"], env=mesh.env,
                              capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    missed = check()
    assert missed.returncode == 1
    assert "no broker answers" in missed.stderr and mesh.endpoint("control") in missed.stderr
    mesh.start_broker()
    # It waits two seconds for an answer.
    found = wait_until(lambda: (done := check()).returncode == 0 and done, PATIENCE_S, "answer")
    assert found.stderr == ""


def test_who_is_here_for_a_question_neither_joins_nor_leaves(mesh):
    broker = mesh.start_broker()
    with Subscriber("reader", "py-host", mesh.dir) as reader:
        asked = subprocess.run([*mesh.program("aidermesh-monitor"), "--healthcheck"], env=mesh.env,
                               capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert asked.returncode == 1 and "no monitor answers" in asked.stderr
        guest = Peer("guest", "py-host", mesh.dir)
        guest.hello(passing=True)
        there = reader.ask("snapshot", {})[1]["transports"]
        assert "guest" in [row["transport_id"] for row in there]
        guest.close()
        with Peer("last", "py-host", mesh.dir) as last:
            last.hello()
            seen = []
            while "last" not in seen:
                seen += [event.payload["transport_id"] for event in reader.events(1, PATIENCE_S)
                         if event.type.startswith("mesh.transport_")]
    assert [who for who in seen if who not in ("reader", "last")] == []
    assert "guest" not in broker.said()
