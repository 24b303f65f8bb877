"""How streams of the sse-bridge end, and what one that reads too slowly gets.

SPDX-License-Identifier: MPL-2.0
"""

import json
import re
import socket
import threading

import pytest
from mesh import SLOWNESS, FrameParser, Stream, wait_until
from pyzmq_mesh import Publisher

LIMIT_S = 30 * SLOWNESS
PROGRESS = "aider.session_progress"
ERROR = "aider.error_occurred"


@pytest.fixture
def publisher(mesh):
    mesh.start_broker()
    publisher = Publisher("py-publisher", "py-host", mesh.dir)
    yield publisher
    publisher.close()


def publish(publisher, count, message="x"):
    for _ in range(count):
        publisher.publish(PROGRESS, "s-1", {"stage": "banner", "message": message})
    publisher.drain(LIMIT_S)


def publish_error(publisher):
    publisher.publish(ERROR, "s-1", {"error_type": "auth", "error_message": "401", "fatal": True,
                                     "will_retry": False})
    publisher.drain(LIMIT_S)


def metric(mesh, line):
    text = mesh.get("/metrics")[2].decode()
    return float(re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE).group(1))


def places(frames):
    return [int(frame.id.partition("-")[2]) for frame in frames]


class Browser(threading.Thread):
    """Comes back with the last id it has, as an EventSource does, until it has seen enough."""

    def __init__(self, mesh, path, enough):
        super().__init__(daemon=True)
        self.mesh, self.path, self.enough = mesh, path, enough
        self.connections = []
        self.id = None
        self.error = None

    def frames(self, *types):
        return [frame for stream in self.connections for frame in stream.all(*types)]

    def run(self):
        try:
            while len(self.frames("aider.*")) < self.enough:
                headers = {"Last-Event-ID": self.id} if self.id else {}
                stream = Stream(self.mesh.url, self.path, {**self.mesh.headers, **headers})
                self.connections.append(stream)
                stream.wait("stream.opened", LIMIT_S)
                wait_until(lambda s=stream: s.ended or len(self.frames("aider.*")) >= self.enough,
                           LIMIT_S, "end of a stream")
                self.id = next((frame.id for frame in reversed(stream.all()) if frame.id), self.id)
                stream.close()
        except Exception as error:    # raised again by done()
            self.error = error

    def done(self):
        self.join(LIMIT_S)
        assert not self.is_alive(), f"{len(self.frames('aider.*'))} of {self.enough}"
        if self.error:
            raise self.error


def test_streams_end_at_their_age_and_their_clients_miss_nothing(mesh, publisher):
    mesh.start_sse("--set", "http/max_age=1s")
    whole = Browser(mesh, "/events/aider?since=earliest", 2000)
    whole.start()
    late = Browser(mesh, f"/events?types={PROGRESS}&since=earliest", 2000)
    late.start()
    for number in range(200):
        # Until all have been closed a few times in the middle of it.
        wait_until(lambda n=number: n % 40 or min(len(browser.connections) for browser in
                                                  (whole, late)) > n // 40, LIMIT_S, "a closing")
        publish(publisher, 10)
    for browser in (whole, late):
        browser.done()
        assert len(browser.connections) >= 3
        got = places(browser.frames("aider.*"))
        assert len(got) == 2000 and got == sorted(set(got))
        closings = browser.frames("stream.closing")
        assert closings and all(frame.data["reason"] == "max_age" and frame.retry > 0
                                for frame in closings)
        verdicts = [frame.data["verdict"] for frame in browser.frames("stream.opened")]
        assert set(verdicts) == {"exact"}
    assert metric(mesh, 'aider_sse_closed_total{reason="max_age"}') >= 4


def test_who_never_had_an_event_is_given_a_cursor_when_its_stream_is_old(mesh, publisher):
    mesh.start_sse("--set", "http/max_age=1s")
    publish(publisher, 5)
    quiet = mesh.stream(f"/events?types={ERROR}")
    assert quiet.wait("stream.opened", LIMIT_S)[0].data["verdict"] == "live"
    closing = quiet.wait("stream.closing", LIMIT_S)[0]
    wait_until(lambda: quiet.ended, LIMIT_S, "end of the stream")
    publish_error(publisher)
    again = mesh.stream(f"/events?types={ERROR}", {"Last-Event-ID": closing.id})
    assert again.wait("stream.opened", LIMIT_S)[0].data["verdict"] == "exact"
    again.wait(ERROR, LIMIT_S)
    assert len(again.all(ERROR)) == 1


def test_a_reader_that_stops_may_lose_the_oldest_and_costs_a_live_one_nothing(mesh, publisher):
    mesh.start_sse("--set", "http/ring_bytes=1MiB")
    live = mesh.stream("/events/aider")
    live.wait("stream.opened", LIMIT_S)
    stopped = socket.socket()
    stopped.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stopped.settimeout(LIMIT_S)
    stopped.connect(("127.0.0.1", mesh.port))
    stopped.sendall((f"GET /events/aider?slow=drop-oldest HTTP/1.1\r\nHost: test\r\n"
                     f"Authorization: Bearer {mesh.token}\r\n\r\n").encode())
    wait_until(lambda: json.loads(mesh.get("/health")[2])["active_sse_connections"]["total"] == 2,
               LIMIT_S, "second stream")
    sent = 0

    def dropped():
        return metric(mesh, 'aider_sse_dropped_total{reason="slow"}')
    while dropped() == 0:
        assert sent < 40_000, "nothing is ever dropped"
        # Less than the ring has room for, so that the live one is not too slow for it.
        publish(publisher, 20, message="x" * 20000)
        sent += 20
        live.wait(PROGRESS, LIMIT_S, count=sent)
    all_places = places(live.all(PROGRESS))
    assert all_places == sorted(set(all_places)) and len(all_places) == sent
    # It reads again: what was dropped is said where it is missing, the rest is there, and it stays.
    data = b""
    parser = FrameParser()
    frames = []
    with stopped:
        while not frames or not frames[-1].id or places(frames[-1:]) != all_places[-1:]:
            more = stopped.recv(65536)
            assert more, "the stream was ended"
            if b"\r\n\r\n" not in data:
                data += more
                head, gap, more = data.partition(b"\r\n\r\n")
                if not gap:
                    continue
            frames += parser.feed(more, 0)
        publish(publisher, 1)
        while len([frame for frame in frames if frame.id and places([frame])[0] > all_places[-1]]) < 1:
            frames += parser.feed(stopped.recv(65536), 0)
    missing = set(all_places)
    said = 0
    for frame in frames:
        if frame.type == "stream.dropped":
            assert frame.id is None and frame.data["reason"] == "slow"
            first, last = (int(frame.data[name].partition("-")[2]) for name in ("from", "to"))
            gone = {place for place in missing if first < place <= last}
            assert gone and frame.data["at_most"] >= len(gone)
            said += frame.data["at_most"]
            missing -= gone
        elif frame.type == PROGRESS:
            assert places([frame])[0] == all_places[-1] + 1 or places([frame])[0] in missing
            missing.discard(places([frame])[0])
    assert not missing, "neither sent nor said to be dropped"
    assert said == dropped()
    assert metric(mesh, 'aider_sse_closed_total{reason="slow"}') == 0
