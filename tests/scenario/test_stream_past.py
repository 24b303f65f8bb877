"""Streams that reach back beyond the sse-bridge's ring, into the broker's journal.

SPDX-License-Identifier: MPL-2.0
"""

import json
import signal
import threading

import pytest
from mesh import Stream, wait_until
from pyzmq_mesh import Peer, Publisher

PROGRESS = "aider.session_progress"
FIRST = 4000
POURED = 1200
# More than a mebibyte of ring, and more than the sockets of a client that does not read.
STAGE = {"stage": "banner", "message": "x" * 2000}


class Gated(Stream):
    """A client that reads nothing before its gate is opened."""

    def __init__(self, *words):
        self.gate = threading.Event()
        super().__init__(*words)

    def _read(self):
        self.gate.wait()
        super()._read()


@pytest.fixture
def streams():
    opened = []
    yield opened
    for stream in opened:
        if isinstance(stream, Gated):
            stream.gate.set()
        stream.close()


def publish(publisher, first, count):
    for number in range(first, first + count):
        publisher.publish(PROGRESS, "s-1", {**STAGE, "n": number})
        if number % 100 == 0:
            publisher.work()
    publisher.drain(60)


def newest(mesh):
    events = json.loads(mesh.get("/api/v1/events?types=aider.*&last=1")[2])["events"]
    return events[0]["data"]["n"] if events else None


def cursor_of(mesh, number):
    """The cursor of an event, which one answer after the other has found."""
    since = "earliest"
    while True:
        answer = json.loads(mesh.get(f"/api/v1/events?types=aider.*&limit=500&since={since}")[2])
        for event in answer["events"]:
            if event["data"]["n"] == number:
                return event["id"]
        since = answer["next_cursor"]


def told_to(last, stream, again):
    """The events that a client is told up to one, by as many connections as it takes: on a busy
    machine it may be too slow for so small a ring, and comes back."""
    told = []
    while True:
        wait_until(lambda: stream.ended or stream.all(PROGRESS)[-1:]
                   and stream.all(PROGRESS)[-1].data["n"] == last, 120, "the last event")
        opened, = stream.all("stream.opened")
        assert opened.data["verdict"] == "exact" and not stream.all("stream.gap")
        told += stream.all(PROGRESS)
        if told[-1].data["n"] == last:
            return told
        assert stream.all("stream.closing")[-1].data["reason"] == "slow"
        stream = again([frame.id for frame in stream.all() if frame.id][-1])


def test_each_event_once_in_order_while_events_pour_in_and_the_broker_is_killed(mesh, streams):
    broker = mesh.start_broker()
    small = ("--set", "http/ring_bytes=1MiB")
    mesh.start_sse(*small)
    urls = [mesh.url]
    mesh.start_sse(*small)
    urls.append(mesh.url)
    publisher = Publisher("py-publisher", "py-host", mesh.dir)

    def follow(kind, url, query, id_=None):
        headers = {"Last-Event-ID": id_} if id_ else {}
        streams.append(kind(url, f"/events/aider?{query}", {**mesh.headers, **headers}))
        return streams[-1], lambda last: follow(Stream, url, query, last)[0]
    try:
        publish(publisher, 0, FIRST)
        wait_until(lambda: newest(mesh) == FIRST - 1, 60, "the last event")
        early, later = cursor_of(mesh, 9), cursor_of(mesh, 1700)
        # What one sse-bridge has given is good at the other.
        followers = [
            (10, follow(Gated, urls[0], "", early)),
            (10, follow(Stream, urls[0], "", early)),
            (1701, follow(Stream, urls[0], f"since={later}")),
            (1701, follow(Gated, urls[1], f"last_event_id={later}&host=py-host")),
            (0, follow(Stream, urls[1], "since=earliest")),
            (0, follow(Stream, urls[1], "since=1h")),
            (500, follow(Stream, urls[0], f"last={FIRST - 500}&label=!none")),
        ]
        followers[1][1][0].wait(PROGRESS, 60)
        publish(publisher, FIRST, POURED // 2)
        # Those behind a gate are in the middle of it.
        broker.kill()
        mesh.start_broker()
        publish(publisher, FIRST + POURED // 2, POURED // 2)
        for stream in list(streams):
            if isinstance(stream, Gated):
                stream.gate.set()
        for first, (stream, again) in followers:
            told = told_to(FIRST + POURED - 1, stream, again)
            assert [frame.data["n"] for frame in told] == list(range(first, FIRST + POURED))
            offsets = [int(frame.id.partition("-")[2]) for frame in told]
            assert offsets == sorted(set(offsets))
    finally:
        publisher.close()


def first_kept(mesh):
    asker = Peer("asker", "py-host", mesh.dir)
    try:
        return asker.hello(passing=True)["first"]
    finally:
        asker.close()


def test_what_is_truly_gone_is_a_gap_once_the_broker_is_back(mesh, streams):
    broker = mesh.start_broker()
    mesh.start_sse()
    publisher = Publisher("py-publisher", "py-host", mesh.dir)
    try:
        publish(publisher, 0, 1500)
        wait_until(lambda: newest(mesh) == 1499, 60, "the last event")
        early = cursor_of(mesh, 9)
        # One that has no page of the past yet.
        bridge = mesh.start_sse("--set", "http/ring_bytes=1MiB")
        broker.kill()
        held = Stream(mesh.url, "/events/aider", {**mesh.headers, "Last-Event-ID": early})
        streams.append(held)
        # Nobody can say yet what the journal has.
        assert held.response.headers["Aidermesh-Verdict"] is None
        wait_until(lambda: held.parser.comments > 0, 30, "a comment")
        assert not held.all("stream.opened")
        # The journal comes back with less, before the sse-bridge can ask.
        bridge.process.send_signal(signal.SIGSTOP)
        try:
            mesh.start_broker("--set", "broker/retain_events=1000")
            wait_until(lambda: first_kept(mesh) > 400, 60, "retention")
        finally:
            bridge.process.send_signal(signal.SIGCONT)
        assert held.wait("stream.opened", 60)[0].data["verdict"] == "gap"
        gap, = held.wait("stream.gap", 60)
        assert gap.data["reason"] == "removed" and gap.data["from"] == early
        held.wait(PROGRESS, 60, where=lambda data: data["n"] == 1499)
        seen = [frame.data["n"] for frame in held.all(PROGRESS)]
        assert seen == list(range(seen[0], 1500)) and seen[0] > 9
        # At most so many, as it was said.
        assert seen[0] - 10 <= gap.data["at_most"]
    finally:
        publisher.close()
