"""Connections to the broker's TCP ports that say nothing: it goes on serving, and rests.

SPDX-License-Identifier: MPL-2.0

The full form is the promise: 10 000 on a port, of a broker as it is installed, and under 5 % of
a core while they idle. The short one holds without a look at the machine's speed.
"""

import resource
import time

import pytest
from mesh import SLOWNESS, wait_until
from tcp_broker import DOORS, LIMIT_S, MIB, PEER, start
from zmtp import GREETING, Stranger, ready

SOME, MANY = 500, 10_000
HANDSHAKE_S = 10    # include/mesh/connection.h: what a handshake may take
SIGNATURE_BYTES = 10    # with which a greeting begins, sent before anything is heard
IDLE_S = 10
CORE_SHARE = 0.05
OWN_FILES = 5    # of the broker's own, which come and go
# Measured is 23 KiB, libzmq's buffers.
BYTES_EACH = 40 * 1024


@pytest.fixture(params=["short", "full"])
def count(request):
    """How many connections to a port; for which this process needs as many open files."""
    wanted, files = {"short": (SOME, 3 * SOME + 500), "full": (MANY, MANY + 500)}[request.param]
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(files, most), most))
    yield wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


def is_promised(count):
    return count == MANY and SLOWNESS == 1


def share_of_core(broker, seconds):
    cpu_s, began = broker.cpu_s(), time.monotonic()
    time.sleep(seconds)
    return (broker.cpu_s() - cpu_s) / (time.monotonic() - began)


def connect(broker, door, count, then=lambda strangers: None):
    """That many connections which the broker has taken in: it greets first.

    Step by step: of more than its backlog at once the kernel forgets some, and their owners,
    who say nothing, never learn it. What each step's strangers do next is theirs to do within
    the time of a handshake, however long all the steps take.
    """
    began = time.monotonic()
    strangers = []
    while len(strangers) < count:
        some = [Stranger(broker.ports[door], LIMIT_S) for _ in range(100)]
        for stranger in some:
            stranger.read(SIGNATURE_BYTES)
        then(some)
        strangers += some
    print(f"{door}: {count} connections in {time.monotonic() - began:.1f} s")
    return strangers


def test_who_says_nothing_has_ten_seconds(mesh, count):
    """A connection without a handshake is closed, and one who has a word gets in meanwhile."""
    broker = start(mesh)
    # Few processes may have as many files open as the full form would need for all at once.
    for doors in [[door] for door in DOORS] if count == MANY else [DOORS]:
        files, cpu_s, began = broker.open_files(), broker.cpu_s(), time.monotonic()
        strangers = [stranger for door in doors for stranger in connect(broker, door, count)]
        broker.serve()
        newcomers = [Stranger(broker.ports[door], LIMIT_S) for door in doors]
        for door, newcomer in zip(doors, newcomers):
            newcomer.shake_hands(PEER[door])
        for stranger in strangers:
            assert stranger.is_cut_off(HANDSHAKE_S + LIMIT_S)
            stranger.close()
        wait_until(lambda: broker.open_files() <= files + 2 * len(doors), LIMIT_S,
                   "broker that has closed them")
        print(f"cut off after {time.monotonic() - began:.1f} s,"
              f" {broker.cpu_s() - cpu_s:.2f} s of a core")
        broker.serve()
        for newcomer in newcomers:
            newcomer.close()


@pytest.mark.parametrize("door", DOORS)
def test_who_has_shaken_hands_may_stay_and_costs_nothing(mesh, door, count):
    broker = start(mesh)
    files, memory = broker.open_files(), broker.memory()

    def shake_hands(some):
        for stranger in some:
            stranger.send(GREETING + ready(PEER[door]))
        for stranger in some:
            stranger.read(len(GREETING) - SIGNATURE_BYTES)
            assert stranger.read(2)[0] == 4, "no READY"
    strangers = connect(broker, door, count, shake_hands)
    assert broker.open_files() >= files + count - OWN_FILES
    broker.serve()
    if is_promised(count):
        memory = broker.memory() - memory
        wait_until(lambda: share_of_core(broker, 1) < CORE_SHARE, LIMIT_S, "rest")
        share = share_of_core(broker, IDLE_S)
        print(f"{door}: {count} connections take {memory / MIB:.0f} MiB, {share:.1%} of a core")
        assert share < CORE_SHARE
        assert memory < count * BYTES_EACH
    assert broker.open_files() >= files + count - OWN_FILES, "not all are there any more"
    broker.serve()
    for stranger in strangers:
        stranger.close()
    wait_until(lambda: broker.open_files() <= files + OWN_FILES, LIMIT_S,
               "broker that has closed them")
    broker.serve()
