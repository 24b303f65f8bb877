"""The broker's limits: who asks for more than there is is refused by name, and the others go on.

SPDX-License-Identifier: MPL-2.0
"""

import collections
import json
import re
import time

import pytest
import zmq
from mesh import SLOWNESS, Program, wait_until
from pyzmq_mesh import ErrorAnswer, Peer, Publisher

LIMIT_S = 30 * SLOWNESS
MIB = 1024 * 1024
READ_WITHIN_S = 10    # of the broker's, where others wait
PAST_EVENTS = 100    # of 50 kB: five pages


def memory(program, what="VmRSS"):
    text = open(f"/proc/{program.process.pid}/status", encoding="ascii").read()
    return int(re.search(rf"{what}:\s+(\d+) kB", text)[1]) * 1024


def make_a_past(mesh, events=PAST_EVENTS):
    """Fill the journal with pages."""
    with Publisher("writer", "py-host", mesh.dir) as writer:
        for _ in range(events):
            writer.publish("aider.session_progress", "s",
                           {"stage": "banner", "message": "x" * 50_000})
        writer.drain(LIMIT_S)


class Deaf(Peer):
    """Asks for the past, time and again, and reads no answer."""

    def __init__(self, name, mesh):
        super().__init__(name, "py-host", mesh.dir)
        self.hello()

    def ask_on(self, count):
        for number in range(count):
            try:
                self.control.send_multipart(
                    [b"aidermesh/1", b"replay",
                     b'{"id":%d,"epoch":"%s","after":0}' % (1000 + number,
                                                            self.welcome["epoch"].encode())],
                    zmq.DONTWAIT)
            except zmq.Again:
                return

    def wait_for_answer(self):
        """Something has come, which stays unread."""
        assert self.control.poll(LIMIT_S * 1000), f"no answer to {self.transport_id}"

    def answers(self, count):
        """What so many answers are, read at last; their receipts stay here."""
        found = collections.Counter()
        for _ in range(count):
            self.wait_for_answer()
            _, verb, body, *_ = self.control.recv_multipart()
            found[json.loads(body).get("code", verb.decode())] += 1
        return found


@pytest.fixture
def opened():
    peers = []
    yield peers
    for peer in reversed(peers):
        peer.context.destroy(linger=0)


def test_who_asks_and_never_reads_costs_one_page(mesh, opened):
    broker = mesh.start_broker("--set", "mesh/lost_after=10m")
    make_a_past(mesh)
    for number in range(30):
        opened.append(Deaf(f"deaf-{number}", mesh))
    before = memory(broker)
    for deaf in opened:
        deaf.ask_on(100)
    with Peer("asks", "py-host", mesh.dir) as peer:
        peer.hello()
        verb, body, _ = peer.ask("replay", {"epoch": peer.welcome["epoch"], "after": 0}, LIMIT_S)
        assert verb == "events" and body["more"]
    for deaf in opened:
        assert deaf.answers(100) == {"events": 1, "replay_unread": 99}
    # At its worst, with all of that asked: 3 000 pages would be 3 GB.
    assert memory(broker, "VmHWM") - before < 150 * MIB


def test_a_page_is_refused_by_name_until_the_last_one_is_read(mesh, opened):
    mesh.start_broker("--set", "broker/replays=2", "--set", "mesh/lost_after=10m")
    make_a_past(mesh)
    readers = [Peer(f"reader-{number}", "py-host", mesh.dir) for number in range(3)]
    opened.extend(readers)
    for reader in readers:
        reader.hello()
        reader.reads = reader.send
    ask = ("replay", {"epoch": readers[0].welcome["epoch"], "after": 0})
    held = []
    for reader in readers[:2]:
        # Keep the receipts back.
        reader.send = lambda verb, body, r=reader: (held.append((r, body)) if verb == "read"
                                                    else r.reads(verb, body))
        reader.ask(*ask, timeout_s=LIMIT_S)
    for reader, code in ((readers[0], "replay_unread"), (readers[2], "replays_full")):
        for verb, body in (ask, ("snapshot", {})):
            with pytest.raises(ErrorAnswer) as refused:
                reader.ask(verb, body, timeout_s=LIMIT_S)
            assert refused.value.code == code
    reader, receipt = held[0]
    reader.reads("read", {"receipt": receipt["receipt"] + 1})    # of no page
    with pytest.raises(ErrorAnswer):
        reader.ask(*ask, timeout_s=LIMIT_S)
    reader.reads("read", receipt)
    reader.ask(*ask, timeout_s=LIMIT_S)


def test_who_does_not_read_while_others_wait_is_cut_off_and_named(mesh, opened):
    broker = mesh.start_broker("--set", "broker/replays=2", "--set", "mesh/lost_after=10m")
    make_a_past(mesh)
    began = time.monotonic()
    for number in range(2):
        opened.append(Deaf(f"deaf-{number}", mesh))
        opened[-1].ask_on(1)
        # Both places are held, in this order, before anybody else asks.
        opened[-1].wait_for_answer()
    with Peer("asks", "py-host", mesh.dir) as peer:
        peer.hello()

        def given():
            try:
                return peer.ask("replay", {"epoch": peer.welcome["epoch"], "after": 0}, LIMIT_S)
            except ErrorAnswer as error:
                assert error.code == "replays_full"
                return None
        assert not given(), "the places of the deaf are not held"
        wait_until(given, READ_WITHIN_S + LIMIT_S, "page once the deaf are cut off", step_s=0.2)
        # However late this test asked for what the broker gave them after it had begun.
        assert time.monotonic() - began > READ_WITHIN_S - 0.1, \
            "they were not given the time to read"
    assert "reader-cut-off deaf-0" in broker.said()


def test_seventy_subscribers_that_come_back_at_once_all_have_everything(mesh):
    """With room for two pages only, after a restart of the broker."""
    words = ("--set", "broker/replays=2")
    broker = mesh.start_broker(*words)
    many = Program(mesh, "mesh_crowd", [mesh.dir, "70"])
    wait_until(lambda: "live 70\n" in many.out.read_text(), LIMIT_S, "crowd that is live")
    broker.kill()
    broker = mesh.start_broker(*words)
    make_a_past(mesh, events=25)    # two pages
    with Peer("asks", "py-host", mesh.dir) as peer:
        head = peer.hello()["head"]

    def everyone_is_there():
        many.must_run()
        places = re.findall(r"^all (\d+)$", many.out.read_text(), re.M)
        return places and int(places[-1]) >= head
    wait_until(everyone_is_there, 3 * LIMIT_S, f"crowd of which everyone is at {head}")
    many.stop(limit_s=LIMIT_S)


def serve_all(server, count, result):
    """Answer so many calls; each `serve` that has a receipt is read."""
    for _ in range(count):
        verb, body, _ = server.receive(LIMIT_S)
        assert verb == "serve"
        server.send("answer", {"call": body["call"], "result": result})


def answers(caller, count):
    """The next answers to calls, as (verb, body), with no receipt sent back."""
    caller.send = lambda verb, body: None
    found = []
    while len(found) < count:
        verb, body, _ = caller.receive(LIMIT_S)
        if "id" in body:
            found.append((verb, body))
    return found


def test_results_that_nobody_reads_are_bounded_in_bytes(mesh, opened):
    mesh.start_broker("--set", "broker/unread_bytes=4MiB", "--set", "mesh/lost_after=10m")
    server, deaf, other = (Peer(name, "py-host", mesh.dir) for name in ("server", "deaf", "other"))
    opened.extend((server, deaf, other))
    server.hello(services=["large"])
    deaf.hello()
    other.hello()
    call = {"service": "large", "deadline_ms": 60_000, "request": {}}
    for number in range(10):
        deaf.send("call", {"id": 1000 + number, **call})
    serve_all(server, 10, {"text": "x" * (MIB - 1000)})
    told = answers(deaf, 10)
    receipts = [body["receipt"] for verb, body in told if verb == "result"]
    assert len(receipts) == len(set(receipts)) == 4, [verb for verb, _ in told]
    assert {body["code"] for verb, body in told if verb == "error"} == {"result_unread"}
    # All together have no more either; what is small is bounded otherwise.
    other.send("call", {"id": 1, **call})
    other.send("call", {"id": 2, **call})
    serve_all(server, 1, {"text": "x" * 5000})
    serve_all(server, 1, {"text": "x" * 3000})
    assert [(verb, body.get("code")) for verb, body in answers(other, 2)] == \
        [("error", "result_unread"), ("result", None)]
    # What is read makes room.
    Peer.send(deaf, "read", {"receipt": receipts[0]})
    wait_until(lambda: result_of(server, other, call) == "result", LIMIT_S, "room for a result")


def result_of(server, caller, call):
    Peer.send(caller, "call", {"id": 7, **call})
    serve_all(server, 1, {"text": "x" * 5000})
    (verb, body), = answers(caller, 1)
    assert verb == "result" or body["code"] == "result_unread"
    return verb


def test_calls_that_a_service_does_not_read_are_bounded_in_bytes(mesh, opened):
    mesh.start_broker("--set", "mesh/lost_after=10m")
    server, caller = Peer("server", "py-host", mesh.dir), Peer("caller", "py-host", mesh.dir)
    opened.extend((server, caller))
    server.hello(services=["deaf"])
    caller.hello()
    call = {"service": "deaf", "deadline_ms": 60_000}
    for number in range(6):
        caller.send("call", {"id": 1000 + number, **call,
                             "request": {"text": "x" * (MIB - 1000)}})
    told = answers(caller, 2)
    assert [(body["id"], body["code"]) for _, body in told] == \
        [(1004, "calls_full"), (1005, "calls_full")]
    assert "has not read" in told[0][1]["message"]


def test_of_sessions_as_many_are_shown_as_is_allowed(mesh):
    mesh.start_broker("--set", "broker/sessions=10")
    with Publisher("writer", "py-host", mesh.dir) as writer:
        for number in range(25):
            writer.publish("aider.session_progress", f"s-{number}", {"stage": "banner"})
            if number != 3:
                writer.publish("aider.session_completed", f"s-{number}", {"success": True})
        writer.drain(LIMIT_S)
        _, body, frames = writer.ask("snapshot", {}, LIMIT_S)
    assert not body["more"]
    shown = {topic.decode().split("/")[2] for topic in frames[::2]} - {""}
    # The oldest that have finished go first.
    assert shown == {"s-3", *(f"s-{number}" for number in range(16, 25))}


def test_of_sources_as_many_are_remembered_as_is_allowed(mesh):
    broker = mesh.start_broker("--set", "broker/sources=10")
    first = []
    for number in range(25):
        with Publisher(f"writer-{number}", "py-host", mesh.dir) as writer:
            for _ in range(3):
                writer.publish("aider.session_progress", "s", {"stage": "banner"})
            writer.drain(LIMIT_S)
            first.append(str(writer.source))
    broker.must_run()

    def wanted(source):
        with Peer(f"asks-{source}", "py-host", mesh.dir) as peer:
            told = peer.hello(sources=[{"source": source, "first": 2, "last": 9, "acked": 0}])
            return told["sources"][0]["next"]
    # The one heard last goes on; one unheard for the longest begins anew, at what it still has.
    assert wanted(first[-1]) == 4
    assert wanted(first[0]) == 2


def test_hellos_and_calls_beyond_the_limits_are_refused_by_name(mesh, opened):
    mesh.start_broker("--set", "broker/calls=2", "--set", "mesh/lost_after=10m")
    server, caller = Peer("server", "py-host", mesh.dir), Peer("caller", "py-host", mesh.dir)
    opened.extend((server, caller))
    with pytest.raises(ErrorAnswer, match="metadata") as refused:
        caller.hello(metadata={"much": "x" * 17_000})
    assert refused.value.code == "malformed"
    server.hello(services=["slow"])
    caller.hello()
    call = {"service": "slow", "deadline_ms": 60_000, "request": {}}
    for number in range(2):
        caller.send("call", {"id": 100 + number, **call})
    with pytest.raises(ErrorAnswer) as refused:
        caller.ask("call", call, LIMIT_S)
    assert refused.value.code == "calls_full"
