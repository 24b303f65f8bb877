"""The sse-bridge passes the conformance suite; and the suite finds what is wrong with a server.

SPDX-License-Identifier: MPL-2.0
"""

import codecs
import json
import sys
import time

import pytest
from mesh import PATIENCE_S, ROOT
from pyzmq_mesh import Event, Publisher

sys.path.insert(0, str(ROOT / "tests" / "conformance"))

import checks    # noqa: E402
import conformance    # noqa: E402
import readers    # noqa: E402
import wrong_server    # noqa: E402
from relay import Relay    # noqa: E402

# Found by what does not come: so many seconds are enough. What is slow must not look like a fault.
SHORT_S = {"no_ids": 3, "no_events": 3, "resume_ends": 8}
OF_CLIENTS = {check.__name__ for check in checks.CLIENTS}
PAYLOAD_MOST = 65536
# What a publisher that means harm, or one that is broken, could send as a payload.
PAYLOADS = (
    b'{"a":1}\r\n\r\nevent: aider.forged\r\ndata: x\r\n\r\n',
    b'{"a":1}\rid: ffffffffffffffff-1\rdata: x\r\r',
    b"\n\n\n\ndata:\n\n: comment\n\nretry: 1\n\n",
    b"data: x\\n\\nid: 1\\r\\n",
    b'\0{"a":"\0"}\0id: \0\n\n',
    '{"a":"\u2028data: x\u2029id: 1\x85\x0b\x0c\x1c\ufeff"}'.encode(),
    b'\xef\xbb\xbf{"a":"b"}',
    b'{"a":"\\ud800","b":"\\udc00\\ud800"}',
    b'{"a":"\xed\xa0\x80\xed\xb0\x80 \xc0\x8a \xff \xf4\x90\x80\x80 \xe2\x80"}',
    b"\xe2\x80\n\n",
    b"",
    b"data: x\r\n\r\n" * (PAYLOAD_MOST // 11),
    b'{"a":"' + b"\xe2\x80\xa8" * ((PAYLOAD_MOST - 8) // 3) + b'"}',
    b"\r" * PAYLOAD_MOST,
)
# A line separator ends a line for what splits strings as Python does.
MESSAGE = "caf\u00e9 \u2028 data: x"


@pytest.fixture(scope="module")
def browser():
    browser = readers.Browser()
    yield browser
    browser.close()


def failures(results):
    return [str(result) for result in results if result.failure is not None]


def test_a_right_server_passes(browser):
    with wrong_server.Server() as server:
        target = checks.Target(server.url, wrong_server.HEADER, PATIENCE_S, PATIENCE_S)
        results = conformance.run(target, list(readers.ALL), browser)
    assert failures(results) == []
    assert len(results) == len(checks.WIRE) + len(checks.CLIENTS) * len(readers.ALL)


@pytest.mark.parametrize("fault", wrong_server.FAULTS)
def test_a_fault_is_found_by_its_check(browser, fault):
    check = wrong_server.FAULTS[fault]
    clients = list(readers.ALL) if check in OF_CLIENTS else []
    by = {wrong_server.ONLY_FOR[fault]} if fault in wrong_server.ONLY_FOR else set(clients)
    with wrong_server.Server(fault) as server:
        target = checks.Target(server.url, wrong_server.HEADER, SHORT_S.get(fault, PATIENCE_S),
                               comment_within_s=1 if fault == "silent" else PATIENCE_S)
        results = conformance.run(target, clients, browser, only=check)
    found = {result.client for result in results if result.failure is not None}
    assert found >= (by or {"wire"}), failures(results)


def test_every_check_has_a_fault_that_it_finds():
    without = OF_CLIENTS | {check.__name__ for check in checks.WIRE}
    # A server cannot have a client come back too early.
    assert without - set(wrong_server.FAULTS.values()) == {"it_waits_as_long_as_retry_says"}


def test_the_sse_bridge_passes(mesh, browser):
    mesh.start_broker()
    publisher = Publisher("py-publisher", "py-host", mesh.dir)
    mesh.start_sse("--set", "http/retry=500ms", "--set", "http/comment_every=1s")
    for _ in range(5):
        publisher.publish("aider.session_progress", "s-1", {"stage": "banner", "message": MESSAGE})
    publisher.drain(PATIENCE_S)
    mesh.stream("/events/aider?since=earliest").wait("aider.session_progress", PATIENCE_S, count=5)
    target = checks.Target(f"{mesh.url}/events/aider?since=earliest", mesh.headers, PATIENCE_S,
                           PATIENCE_S)
    results = conformance.run(target, list(readers.ALL), browser)
    publisher.close()
    assert failures(results) == []
    assert "aider.session_progress" in target.sample.types


class BytesPublisher(Publisher):
    """Its payloads are any bytes."""

    def publish_bytes(self, payload):
        self.last += 1
        self.kept[self.last] = Event("aider.session_progress", self.host, "s-1", self.source,
                                     self.last, time.time_ns() // 1000, payload).frames()
        self.work()


def as_one_line(payload):
    """A payload that cannot stand in a frame as it is keeps its length: a byte for a byte."""
    return payload.translate(bytes.maketrans(b"\r\n\0", b"   ")).decode("utf-8", "question-marks")


def question_marks(error):
    return "?" * (error.end - error.start), error.end


codecs.register_error("question-marks", question_marks)


def test_no_payload_forges_a_field_in_any_client(mesh, browser):
    """Half of them come from the journal, half of them live."""
    mesh.start_broker()
    publisher = BytesPublisher("py-publisher", "py-host", mesh.dir)
    for payload in PAYLOADS:
        publisher.publish_bytes(payload)
    publisher.drain(PATIENCE_S)
    mesh.start_sse()
    opened = []
    for name in readers.ALL:
        relay = Relay(f"{mesh.url}/events?since=earliest&types=aider.*", mesh.headers)
        opened.append(readers.open_reader(
            name, relay, ["aider.session_progress", "stream.opened", "aider.forged"], browser))
    expected = [as_one_line(payload) for payload in PAYLOADS]
    for reader in opened:
        reader.wait_event("aider.session_progress", PATIENCE_S, len(PAYLOADS))
    for payload in PAYLOADS:
        publisher.publish_bytes(payload)
    publisher.drain(PATIENCE_S)
    for reader in opened:
        got = reader.wait_event("aider.session_progress", PATIENCE_S, 2 * len(PAYLOADS))
        assert [event.data for event in got] == 2 * expected, reader.name
        assert len({event.last_id for event in got}) == 2 * len(PAYLOADS)
        assert [event.type for event in reader.events if event not in got] == ["stream.opened"]
        assert reader.states == ["open"]
        reader.close()
        reader.relay.__exit__()
    status, _, body = mesh.get("/api/v1/events?format=ndjson&limit=1000&since=earliest&types=aider.*")
    *lines, last = map(json.loads, body.rstrip(b"\n").split(b"\n"))
    assert status == 200 and len(lines) == 2 * len(PAYLOADS) and "next_cursor" in last
    publisher.close()
