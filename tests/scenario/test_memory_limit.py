"""A broker with a memory limit, as its unit has one, and a stranger whose message does not end.

SPDX-License-Identifier: MPL-2.0

libzmq keeps the parts of a message until the last one is there, however many. So the stranger can
end the broker, and no more: it is started again, and publishers and subscribers go on where they
were. Who has no key does not get that far. The limit is the kernel's on address space, which needs
no rights and, unlike a group's on memory, is there in every container; a sanitizer cannot live
with it.
"""

import collections
import dataclasses
import re
import resource

import pytest
import zmq
from mesh import wait_until
from tcp_broker import DOORS, LIMIT_S, MIB, PEER, start
from test_link import Subscriber, check_order, publisher, sources_of, wait_drained
from zmtp import MORE, Stranger, frame

ROOM = 256 * MIB    # above what the broker takes when it starts
EVENTS = 1000
PARTS = frame(b"-", MORE) * 20_000


@dataclasses.dataclass
class Unit:
    """What a service manager does: a limit for the broker, and another broker after it."""

    mesh: object
    words: tuple = ()
    broker: object = None
    ends: list = dataclasses.field(default_factory=list)

    def start(self):
        self.broker = start(self.mesh, words=self.words)
        process = self.broker.program.process
        status = open(f"/proc/{process.pid}/status", encoding="ascii").read()
        limit = int(re.search(r"VmSize:\s+(\d+) kB", status)[1]) * 1024 + ROOM
        resource.prlimit(process.pid, resource.RLIMIT_AS, (limit, limit))

    def look(self):
        if not self.broker.program.is_running():
            self.ends.append(self.broker.program.process.returncode)
            self.start()


class Endless:
    """Goes on with one message for as long as somebody takes it, and begins another after that."""

    def __init__(self, unit, door):
        self.unit, self.door = unit, door
        self.stranger = None
        self._rest = b""

    def go_on(self):
        try:
            if not self.stranger:
                self.stranger = Stranger(self.unit.broker.ports[self.door], LIMIT_S)
                self.stranger.shake_hands(PEER[self.door])
                self.stranger.socket.setblocking(False)
                self._rest = b""
            for _ in range(16):
                self._rest = self._rest or PARTS
                self._rest = self._rest[self.stranger.socket.send(self._rest):]
        except BlockingIOError:
            pass
        except (OSError, AssertionError):
            self.close()    # who has ended may take a moment to be gone

    def close(self):
        if self.stranger:
            self.stranger.close()
        self.stranger = None


@pytest.mark.parametrize("door", DOORS)
def test_an_endless_message_ends_the_broker_at_most(mesh, door):
    unit = Unit(mesh)
    unit.start()
    reader = Subscriber(mesh)
    reader.wait_live()
    writers = [publisher(mesh, EVENTS, 25) for _ in range(3)]
    stranger = Endless(unit, door)

    def ended_twice():
        stranger.go_on()
        unit.look()
        return len(unit.ends) >= 2
    wait_until(ended_twice, 4 * LIMIT_S, "broker that has ended twice", step_s=0.001)
    stranger.close()
    print(f"{door}: ended with {unit.ends}")
    assert 0 not in unit.ends
    wait_drained(writers)
    sources = sources_of(writers)
    try:
        wait_until(lambda: set(reader.seen(sources).values()) == {EVENTS}, LIMIT_S,
                   "subscriber that has everything")
        check_order(reader)
        numbers = collections.defaultdict(list)
        for _, _, source, seq, _ in reader.events():
            numbers[source].append(seq)
        for source in sources:
            assert numbers[source] == list(range(1, EVENTS + 1))
        assert not [words for words in reader.read() if words[0] == "gap"]
    finally:
        reader.close()
    unit.broker.serve()


@pytest.mark.parametrize("door", DOORS)
def test_who_has_no_key_cannot_begin_a_message(mesh, door):
    broker = start(mesh, keys=True)
    before = broker.memory()
    # In the clear...
    stranger = Stranger(broker.ports[door], LIMIT_S)
    assert not stranger.send(PARTS * 1000)
    assert stranger.is_cut_off(LIMIT_S)
    stranger.close()
    # ... and with a key that nobody has let in.
    context = zmq.Context()
    try:
        foreign = context.socket(zmq.DEALER)
        foreign.curve_publickey, foreign.curve_secretkey = zmq.curve_keypair()
        foreign.curve_serverkey = broker.key[2]
        foreign.linger = 0
        foreign.sndtimeo = 0
        foreign.connect(f"tcp://127.0.0.1:{broker.ports[door]}")
        wait_until(lambda: "stranger-refused" in broker.program.said(), LIMIT_S, "refusal")
        try:
            for _ in range(1_000_000):
                foreign.send(b"-", zmq.SNDMORE)
        except zmq.Again:
            pass
        broker.serve()
        assert broker.memory() - before < 64 * MIB
    finally:
        context.destroy(linger=0)
