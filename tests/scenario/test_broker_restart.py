"""A broker that is stopped and started anew: nobody is sent again what it had taken.

SPDX-License-Identifier: MPL-2.0
"""

import json
import select
import subprocess
import threading

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
