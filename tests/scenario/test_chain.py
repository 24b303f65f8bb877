"""Lines in, frames out: the chain of all programs, without aider. Also run under TSan and valgrind.

SPDX-License-Identifier: MPL-2.0
"""

import json
import subprocess

from mesh import SLOWNESS

LINES = 200


def write(bridge, *objects):
    for value in objects:
        text = value if isinstance(value, str) else json.dumps(value)
        bridge.process.stdin.write(text.encode() + b"\n")
    bridge.process.stdin.flush()


def progress(number, session="session-1"):
    return {"type": "aider.session_progress",
            "data": {"session_id": session, "stage": "banner", "message": f"line {number}"}}


def test_what_ndjson_brings_is_what_a_client_reads_once_and_in_order(mesh):
    mesh.start()
    bridge = mesh.start_bridge("--mode", "ndjson", stdin=subprocess.PIPE)
    write(bridge, *(progress(number) for number in range(LINES)))
    seen = mesh.events.wait("aider.session_progress", 20 * SLOWNESS, count=LINES)
    bridge.process.stdin.close()
    assert bridge.wait(10 * SLOWNESS) == 0
    assert [frame.data["message"] for frame in seen] == [f"line {n}" for n in range(LINES)]
    assert [frame.data["session_id"] for frame in seen] == ["session-1"] * LINES
    assert len({frame.id for frame in seen}) == LINES
    numbers = [frame.data["seq"] for frame in seen]
    assert numbers == list(range(numbers[0], numbers[0] + LINES))


def test_the_predecessors_form_and_lines_that_are_no_events_are_both_survived(mesh):
    mesh.start()
    bridge = mesh.start_bridge("--mode", "ndjson", stdin=subprocess.PIPE)
    old = {"event": "session_progress",
           "data": {"session_id": "old", "stage": "banner", "message": "predecessor\r\nid: 7"}}
    write(bridge, "this is no JSON", old, [1, 2], {"type": "No Such Type", "data": {}},
          {"type": "aider.session_progress"}, progress(1, "new"))
    seen = mesh.events.wait("aider.session_progress", 10 * SLOWNESS, count=2)
    bridge.process.stdin.close()
    bridge.wait(10 * SLOWNESS)
    assert [frame.data["session_id"] for frame in seen] == ["old", "new"]
    assert seen[0].data["message"] == "predecessor\r\nid: 7"
    assert seen[0].type == "aider.session_progress"


def test_who_joins_and_leaves_is_told(mesh):
    mesh.start()
    bridge = mesh.start_bridge("--mode", "ndjson", stdin=subprocess.PIPE)
    joined = mesh.events.wait("mesh.transport_joined", 10 * SLOWNESS,
                              where=lambda data: data["transport_type"] == "stdio")
    bridge.process.stdin.close()
    assert bridge.wait(10 * SLOWNESS) == 0
    left = mesh.events.wait("mesh.transport_left", 10 * SLOWNESS,
                            where=lambda data: data["transport_type"] == "stdio")
    assert joined[0].data["transport_id"] == left[0].data["transport_id"]
