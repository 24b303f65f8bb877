"""Strangers at the broker's TCP ports: whatever they send, it goes on serving those it knows.

SPDX-License-Identifier: MPL-2.0
"""

import dataclasses
import random
import re
import subprocess

import pytest
from mesh import SLOWNESS, wait_until
from pyzmq_mesh import PROTOCOL, Publisher, Subscriber, key_of, uuid7
from zmtp import COMMAND, GREETING, MORE, Stranger, claim, frame, ready

LIMIT_S = 20 * SLOWNESS
DOORS = ("publish", "subscribe", "control")
# What a peer of each socket calls itself.
PEER = {"publish": b"PUB", "subscribe": b"SUB", "control": b"DEALER"}
MIB = 1024 * 1024


def seeded(request):
    """Random numbers that a failed test's output lets one repeat."""
    seed = random.SystemRandom().randrange(2 ** 32)
    print(f"{request.node.name}: seed {seed}")
    return random.Random(seed)


@pytest.fixture
def chance(request):
    return seeded(request)


@dataclasses.dataclass
class Broker:
    """A broker that listens on TCP too, and the key of those who may come in."""

    mesh: object
    program: object
    ports: dict
    key: tuple | None

    def serve(self):
        """Prove that an event still goes from a publisher to a subscriber."""
        self.program.must_run()
        mark = f"mark-{uuid7()}"
        peers = []
        try:
            reader = Subscriber(f"reader-{mark}", "py-host", self.mesh.dir, key=self.key)
            peers.append(reader)
            writer = Publisher(f"writer-{mark}", "py-host", self.mesh.dir, key=self.key)
            peers.append(writer)
            writer.publish("aider.session_progress", mark, {"stage": "banner", "message": "-"})
            writer.drain(LIMIT_S)
            while next(iter(reader.events(1, LIMIT_S))).session != mark:
                pass
        finally:
            for peer in peers:
                peer.context.destroy(linger=0)    # also where the broker is gone

    def memory(self):
        """Resident bytes."""
        text = open(f"/proc/{self.program.process.pid}/status", encoding="ascii").read()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) * 1024

    def cpu_s(self):
        fields = open(f"/proc/{self.program.process.pid}/stat", encoding="ascii").read()
        fields = fields.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


def start(mesh, keys=False, words=()):
    key = None
    if keys:
        done = subprocess.run([*mesh.program("aidermesh"), "keys", "new", "known", "operate"],
                              env=mesh.env, text=True, capture_output=True, timeout=60, check=True)
        key = key_of(done.stdout.strip())
    listen = [word for door in DOORS for word in (
        "--set", f"broker/bind_{door}=tcp://127.0.0.1:*,{mesh.endpoint(door)}")]
    program = mesh.start_broker(*listen, *words)
    wait_until(lambda: " ready " in program.said(), LIMIT_S, "broker that is ready")
    ports = {door: int(re.search(rf"listening.*{door} on tcp://127.0.0.1:(\d+)",
                                 program.said())[1]) for door in DOORS}
    return Broker(mesh, program, ports, key)


@pytest.fixture(params=[False, True], ids=["without_keys", "with_keys"])
def broker(mesh, request):
    return start(mesh, keys=request.param)


@pytest.fixture
def open_broker(mesh):
    """Without keys: whoever reaches a port is in."""
    return start(mesh)


@pytest.mark.parametrize("door", DOORS)
def test_raw_garbage_stops_nothing(broker, chance, door):
    strangers = []
    for _ in range(100):
        stranger = Stranger(broker.ports[door])
        stranger.send(chance.choice((b"", GREETING, b"\xff" + bytes(8)))
                      + chance.randbytes(chance.randint(1, 4096)))
        if chance.random() < 0.5:
            stranger.close()
        else:
            strangers.append(stranger)
    broker.serve()
    for stranger in strangers:
        stranger.close()
    broker.serve()


@pytest.mark.parametrize("door", DOORS)
def test_a_handshake_cut_at_each_byte_stops_nothing(broker, door):
    words = GREETING + ready(PEER[door]) + frame(b"aidermesh/1", MORE) + frame(b"hello", MORE)
    left_open = []
    for count in range(len(words)):
        stranger = Stranger(broker.ports[door])
        stranger.send(words[:count])
        if count % 2:
            stranger.close()
        else:
            left_open.append(stranger)
    broker.serve()
    for stranger in left_open:
        stranger.close()
    broker.serve()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("length", [2 ** 30, 2 ** 63 - 1], ids=["1GiB", "8EiB"])
def test_who_claims_a_huge_frame_is_cut_off(open_broker, chance, door, length):
    before = open_broker.memory()
    strangers = [Stranger(open_broker.ports[door]) for _ in range(20)]
    for stranger in strangers:
        stranger.shake_hands(PEER[door])
        stranger.send(claim(length, chance.choice((0, MORE))) + chance.randbytes(1000))
    for stranger in strangers:
        assert stranger.is_cut_off(LIMIT_S)
        stranger.close()
    open_broker.serve()
    assert open_broker.memory() - before < 64 * MIB


def test_a_huge_command_in_the_handshake_costs_nothing(broker):
    before = broker.memory()
    strangers = [Stranger(broker.ports[door]) for door in DOORS for _ in range(10)]
    for stranger in strangers:
        stranger.send(GREETING + claim(2 ** 30, COMMAND) + b"\x05READY")
    broker.serve()
    assert broker.memory() - before < 64 * MIB
    for stranger in strangers:
        stranger.close()


def test_a_flood_that_hangs_up_does_not_end_the_broker(mesh):
    """libzmq's own heartbeats would abort here: more waits than is read, and nobody is there."""
    open_broker = start(mesh, words=("--set", "mesh/heartbeat=50ms"))
    request = frame(PROTOCOL, MORE) + frame(b"nonsense", MORE) + frame(b"{}")
    event = frame(b"no topic", MORE) + frame(b"no header")
    for door, message in (("control", request), ("publish", event)):
        for _ in range(3):
            stranger = Stranger(open_broker.ports[door])
            stranger.shake_hands(PEER[door])
            if door == "publish":
                stranger.socket.recv(100)    # the broker's subscription
            stranger.send(message * 40_000)
            stranger.close()
        open_broker.serve()
