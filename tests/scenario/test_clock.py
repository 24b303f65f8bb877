"""Clocks that are wrong: events of days ago, and a clock that is set while the broker runs.

SPDX-License-Identifier: MPL-2.0

With the real stdio-bridge, whose clock is right, and real SSE clients. The broker's clock is
libfaketime's, which does not go together with sanitizers.
"""

import array
import collections
import fcntl
import json
import os
import sqlite3
import subprocess
import termios

from mesh import wait_until
from test_journal import LIBFAKETIME, at_another_time, journal
from test_link import LIMIT_S, Subscriber

LINES = 300
LATE = 1    # the flag in an event's header


def lines(first, count):
    made = [{"type": "aider.session_progress", "data": {
        "session_id": "away", "stage": "banner", "message": f"line {number}"}}
        for number in range(first, first + count)]
    return "".join(json.dumps(line) + "\n" for line in made).encode()


def write(bridge, data):
    """Have the bridge take all of it in."""
    pipe = bridge.process.stdin
    pipe.write(data)
    pipe.flush()
    waiting = array.array("i", [0])

    def is_taken():
        fcntl.ioctl(pipe.fileno(), termios.FIONREAD, waiting)
        return waiting[0] == 0
    wait_until(is_taken, LIMIT_S, "bridge that takes its lines")


def told(stream, count):
    frames = stream.wait("aider.session_progress", LIMIT_S, count=count)
    return [int(frame.data["message"].removeprefix("line ")) for frame in frames]


def test_a_spool_of_three_days_ago_arrives_in_full_and_is_marked_late(mesh):
    assert os.path.exists(LIBFAKETIME), "no libfaketime"
    bridge = mesh.start_bridge("--mode", "ndjson", stdin=subprocess.PIPE)
    # A request that has been open for three days, by the clock of all the others.
    opened = {"type": "aider.request_started", "data": {
        "session_id": "away", "request_id": "open", "prompt": "p", "model": "m"}}
    refused = {"type": "aider.rate_limit_detected", "data": {
        "session_id": "away", "request_id": "open", "provider": "p", "current_model": "m",
        "attempt": 9, "will_retry": False, "error_message": "429"}}
    write(bridge, lines(0, LINES) + b"".join(json.dumps(line).encode() + b"\n"
                                             for line in (opened, refused)))
    at_another_time(mesh, "+3d")
    mesh.start_broker()
    mesh.start_sse()
    mesh.start_monitor("--set", "monitor/long_running=1s", "--set", "monitor/throttled=2s",
                       "--set", "monitor/health_every=1s")
    stream = mesh.stream("/events?since=earliest")
    assert told(stream, LINES) == list(range(LINES))
    stream.wait("aider.rate_limit_detected", LIMIT_S)
    frames = stream.all("aider.*")
    assert all(frame.data["late"] is True for frame in frames)
    numbers = [frame.data["seq"] for frame in frames]
    assert numbers == list(range(numbers[0], numbers[0] + len(frames)))
    assert not [frame for frame in stream.all() if frame.type == "stream.gap"]
    subscriber = Subscriber(mesh)
    source = frames[0].data["source"]

    def flags():
        return [int(words[8]) for words in subscriber.read()
                if words[0] == "event" and words[3] == source]
    wait_until(lambda: len(flags()) >= len(frames), LIMIT_S, "all events once more")
    assert set(flags()) == {LATE}
    # The monitor has looked at the mesh twice since, and draws no conclusion from what is late.
    stream.wait("mesh.health", LIMIT_S, count=len(stream.all("mesh.health")) + 2)
    assert not stream.all("aider.throttling_detected", "mesh.alert_raised")
    # What happens now, by a clock three days behind, is late too, and arrives.
    write(bridge, lines(LINES, 1))
    assert told(stream, LINES + 1)[-1] == LINES
    bridge.process.stdin.close()
    assert bridge.wait(LIMIT_S) == 0
    subscriber.close()


def test_a_clock_set_back_an_hour_loses_and_reorders_nothing(mesh):
    """Set while the broker runs, and once more over a kill; then forward by three days."""
    assert os.path.exists(LIBFAKETIME), "no libfaketime"
    clock = mesh.folder / "clock"

    def set_clock(offset):
        """In one step: the programs read the file whenever they ask for the time."""
        made = mesh.folder / "clock.new"
        made.write_text(offset)
        made.replace(clock)
    set_clock("+0")
    mesh.env.update({"LD_PRELOAD": LIBFAKETIME, "FAKETIME_TIMESTAMP_FILE": str(clock),
                     "FAKETIME_NO_CACHE": "1", "NO_FAKE_STAT": "1",
                     "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"})
    broker = mesh.start_broker()
    mesh.start_sse()
    stream = mesh.stream("/events?since=earliest")
    preload = mesh.env.pop("LD_PRELOAD")    # the bridge's clock is right
    bridge = mesh.start_bridge("--mode", "ndjson", stdin=subprocess.PIPE)
    done = 0

    def hundred_more():
        nonlocal done
        write(bridge, lines(done, 100))
        done += 100
        assert told(stream, done) == list(range(done))
    hundred_more()
    set_clock("-1h")
    hundred_more()
    broker.kill()
    set_clock("-2h")
    mesh.env["LD_PRELOAD"] = preload
    broker = mesh.start_broker()
    hundred_more()
    set_clock("+3d")
    hundred_more()
    bridge.process.stdin.close()
    assert bridge.wait(LIMIT_S) == 0
    assert not [frame for frame in stream.all() if frame.type == "stream.gap"]
    # From any of these places on, an SSE client gets what followed, and nothing else.
    frames = stream.all("aider.session_progress")
    for place in (0, 150, 250, 350):
        again = mesh.stream("/events?types=aider.session_progress",
                            {"Last-Event-ID": frames[place].id})
        assert again.wait("stream.opened", LIMIT_S)[0].data["verdict"] == "exact"
        assert told(again, done - place - 1) == list(range(place + 1, done))
        again.close()
    broker.stop()
    with sqlite3.connect(f"file:{journal(mesh)}?mode=ro", uri=True) as db:
        # A row is a run of events, recorded when its last one was.
        runs = db.execute("SELECT recorded, count FROM events ORDER BY offset").fetchall()
    recorded = [row[0] for row in runs]
    assert recorded == sorted(recorded)
    # It stood still for the two hundred of the hours before, and went on by days.
    stood_still = collections.Counter()
    for moment, count in runs:
        stood_still[moment] += count
    assert max(stood_still.values()) >= 200
    assert recorded[-1] - recorded[0] > 2 * 86400 * 1e6
