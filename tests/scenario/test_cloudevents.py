"""envelope=cloudevents: the same events as without it, each one that the SDK of the format reads.

SPDX-License-Identifier: MPL-2.0
"""

import json
import re
import subprocess
import time
import zlib

import pytest
from pyzmq_mesh import Publisher

from mesh import ROOT, SLOWNESS, SUPPORT, Stream, wait_until

LIMIT_S = 60 * SLOWNESS
PROGRESS = "aider.session_progress"
BEFORE = 1500    # more than the ring holds
LIVE = 100
OWN_SOURCE = "urn:aidermesh:sse-bridge"


class Zipped(Stream):
    """A client that takes gzip."""

    def __init__(self, url, path, headers):
        self.unzip = zlib.decompressobj(31)
        super().__init__(url, path, {**headers, "Accept-Encoding": "gzip"})
        assert self.response.headers["Content-Encoding"] == "gzip"

    def _read(self):
        while data := self.response.read1(65536):
            for frame in self.parser.feed(self.unzip.decompress(data), time.monotonic()):
                self.add(frame)
        self.end("the server ended the stream")


@pytest.fixture
def streams():
    opened = []
    yield opened
    for stream in opened:
        stream.close()


def publish(publisher, first, count):
    texts = ["plain", "né \u2028 \U0001f600", 'data: x\nid: 9\n\n"},"source":"forged', "\t\\\x7f"]
    for number in range(first, first + count):
        publisher.publish(PROGRESS, f"s-{number % 3}" if number % 7 else "", {
            "stage": "banner", "message": texts[number % 4] + "x" * 600, "n": number,
            "progress_data": {"list": [1, 2.5, None, True], "none": {}}})
        if number % 100 == 0:
            publisher.work()
    publisher.drain(LIMIT_S)


def read_by_sdk(events):
    """What the SDK has of each event; it refuses what is none."""
    done = subprocess.run(
        [ROOT / "build" / "api-venv" / "bin" / "python", SUPPORT / "read_cloudevents.py"],
        input="".join(json.dumps(event) + "\n" for event in events), text=True,
        capture_output=True, check=False, timeout=LIMIT_S)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def assert_cloud_event(event, id_, type_, payload):
    """That an event is this one, member by member."""
    assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in event)
    expected = {
        "specversion": "1.0", "id": str(payload["seq"]), "type": type_, "cursor": id_,
        "source": f"//{payload['host']}/{payload['source']}",
        "sequence": f"{payload['seq']:020}", "datacontenttype": "application/json",
        "data": payload}
    if "session_id" in payload:
        expected["subject"] = payload["session_id"]
    stamped = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(payload["timestamp"]))
    rest = {name: value for name, value in event.items() if name not in expected}
    assert {name: event.get(name) for name in expected} == expected
    assert rest.keys() == {"time", "recordedtime"}
    for value in rest.values():
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", value)
    # Rounded on either side of a second it may differ by one.
    assert rest["time"][:19] == stamped or rest["time"][20:26] in ("000000", "999999")


def answers(mesh, query):
    """All events, as one JSON answer after the other has them."""
    since, events = "earliest", []
    while True:
        answer = json.loads(mesh.get(f"/api/v1/events?limit=700&since={since}{query}")[2])
        if not answer["events"]:
            return events
        events += answer["events"]
        since = answer["next_cursor"]


def has_all(stream, payload_of):
    frames = stream.all(PROGRESS)
    return frames and payload_of(frames[-1].data)["n"] == BEFORE + LIVE - 1


def test_each_envelope_has_the_same_events_live_replayed_and_as_gzip(mesh, streams):
    mesh.start_broker()
    mesh.start_sse("--set", "http/ring_bytes=1MiB")
    publisher = Publisher("py-publisher", "py-host", mesh.dir)

    def follow(kind, query):
        streams.append(kind(mesh.url, f"/events/aider?{query}", mesh.headers))
        return streams[-1]
    try:
        publish(publisher, 0, BEFORE)
        wait_until(lambda: any(
            event["data"]["n"] == BEFORE - 1 for event in json.loads(
                mesh.get("/api/v1/events?types=aider.*&last=1")[2])["events"]),
            LIMIT_S, "the last event")
        kept = re.search(rb"^aider_sse_ring_events (\S+)$", mesh.get("/metrics")[2], re.MULTILINE)
        assert float(kept.group(1)) < BEFORE - 50    # the rest is the journal's
        followers = []
        for query, first in (("since=earliest", 0), (f"last={BEFORE - 10}", 10),
                             ("last=50", BEFORE - 50), ("snapshot=1", BEFORE)):
            for kind in (Stream, Zipped):
                followers.append((first, follow(kind, query),
                                  follow(kind, f"{query}&envelope=cloudevents")))
        for _, *both in followers:
            for stream in both:
                stream.wait("stream.opened", LIMIT_S)
        publish(publisher, BEFORE, LIVE)
        for _, plain, cloud in followers:
            wait_until(lambda stream=plain: has_all(stream, lambda data: data), LIMIT_S, "all")
            wait_until(lambda stream=cloud: has_all(stream, lambda data: data["data"]), LIMIT_S,
                       "all as CloudEvents")
        seen = []
        for first, plain, cloud in followers:
            had, has = plain.all(PROGRESS), cloud.all(PROGRESS)
            assert [frame.data["n"] for frame in had] == list(range(first, BEFORE + LIVE))
            assert [frame.id for frame in has] == [frame.id for frame in had]
            for one, other in zip(had, has):
                assert_cloud_event(other.data, one.id, PROGRESS, one.data)
            for frame in cloud.all():
                if frame.type.startswith("stream."):
                    assert frame.data["source"] == OWN_SOURCE and frame.data["type"] == frame.type
                    assert "client_id" in frame.data["data"]
            seen.append([frame.data for frame in cloud.all()])
        assert followers[-1][2].all("stream.snapshot")[0].data["data"]["sessions"]
        everything = [frame.data for frame in followers[0][1].all(PROGRESS)]
        asked = answers(mesh, "&types=aider.*&envelope=cloudevents")
        plain = answers(mesh, "&types=aider.*")
        assert [event["data"] for event in plain] == everything
        assert len(asked) == len(plain)
        for one, other in zip(plain, asked):
            assert_cloud_event(other, one["id"], one["type"], one["data"])
        lines = mesh.get("/api/v1/events?types=aider.*&limit=20&format=ndjson"
                         "&envelope=cloudevents")[2].decode().removesuffix("\n").split("\n")
        *lines, last = map(json.loads, lines)
        assert lines == asked[-20:] and "specversion" not in last and last["next_cursor"]
        for events in [*seen, asked]:
            read = read_by_sdk(events)
            assert [event["data"] for event in read] == [event["data"] for event in events]
            assert [event["attributes"]["id"] for event in read] == [
                event["id"] for event in events]
        # Whoever drops what has the same source and id twice drops nothing else.
        assert len({(event["source"], event["id"]) for event in asked}) == BEFORE + LIVE
    finally:
        publisher.close()


def test_an_envelope_that_is_none_is_named_with_those_that_are(mesh):
    mesh.start_broker()
    mesh.start_sse()
    for path in ("/events", "/api/v1/events"):
        status, _, body = mesh.get(f"{path}?envelope=xml")
        assert status == 400
        assert json.loads(body)["detail"] == \
            'envelope has the value "xml"; allowed are data and cloudevents'


def test_the_sdk_refuses_what_is_no_cloud_event():
    good = {"specversion": "1.0", "id": "1", "source": "/x", "type": "t", "data": {}}
    assert len(read_by_sdk([good])) == 1
    for wrong in ({**good, "Upper": "x"}, {**good, "id": ""}, {**good, "specversion": "2.0"}):
        with pytest.raises(AssertionError):
            read_by_sdk([wrong])


def test_metrics_count_streams_and_frames_by_envelope(mesh, streams):
    mesh.start_broker()
    mesh.start_sse()
    publisher = Publisher("py-publisher", "py-host", mesh.dir)
    try:
        def value(name):
            text = mesh.get("/metrics")[2].decode()
            return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE).group(1))
        publish(publisher, 0, 10)
        wait_until(lambda: value("aider_sse_ring_events") >= 10, LIMIT_S, "the events")
        # Nobody has wanted one.
        assert value("aider_sse_ring_cloudevents_total") == 0
        assert value("aider_sse_ring_cloudevents_bytes") == 0
        for query in ("since=earliest", "since=earliest&envelope=cloudevents",
                      "since=earliest&envelope=cloudevents"):
            streams.append(Stream(mesh.url, f"/events/aider?{query}", mesh.headers))
            wait_until(lambda: len(streams[-1].all(PROGRESS)) == 10, LIMIT_S, "ten events")
        # Made once, for both.
        assert value("aider_sse_ring_cloudevents_total") == 10
        assert value("aider_sse_ring_cloudevents_bytes") > 10 * 600
        assert value('aider_sse_envelope_streams{envelope="data"}') == 1
        assert value('aider_sse_envelope_streams{envelope="cloudevents"}') == 2
        streams.pop().close()
        wait_until(lambda: value('aider_sse_envelope_streams{envelope="cloudevents"}') == 1,
                   LIMIT_S, "the end of one")
    finally:
        publisher.close()
