"""The broker's limits: who asks for more than there is is refused by name, and the others go on.

SPDX-License-Identifier: MPL-2.0
"""

import re
import time

import pytest
import zmq
from mesh import SLOWNESS, Program, wait_until
from pyzmq_mesh import ErrorAnswer, Peer, Publisher

LIMIT_S = 30 * SLOWNESS
MIB = 1024 * 1024
PAST_EVENTS = 100    # of 50 kB: five pages


def memory(program):
    text = open(f"/proc/{program.process.pid}/status", encoding="ascii").read()
    return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) * 1024


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


@pytest.fixture
def opened():
    peers = []
    yield peers
    for peer in reversed(peers):
        peer.context.destroy(linger=0)


def test_who_asks_and_never_reads_costs_one_page(mesh, opened):
    broker = mesh.start_broker()
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
        # All that was asked before has been answered: 3 000 pages would be 3 GB.
        assert memory(broker) - before < 150 * MIB


def test_a_page_is_refused_by_name_until_the_last_one_is_read(mesh, opened):
    mesh.start_broker("--set", "broker/replays=2")
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
    for number in range(2):
        opened.append(Deaf(f"deaf-{number}", mesh))
        opened[-1].ask_on(1)
    with Peer("asks", "py-host", mesh.dir) as peer:
        peer.hello()

        def given():
            try:
                return peer.ask("replay", {"epoch": peer.welcome["epoch"], "after": 0}, LIMIT_S)
            except ErrorAnswer as error:
                assert error.code == "replays_full"
                return None
        began = time.monotonic()
        wait_until(given, 10 + LIMIT_S, "page once the deaf are cut off", step_s=0.2)
        assert time.monotonic() - began > 5, "they were not given the time to read"
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


def test_hellos_and_calls_beyond_the_limits_are_refused_by_name(mesh, opened):
    mesh.start_broker("--set", "broker/calls=2")
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
