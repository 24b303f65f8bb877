"""Publishers and subscribers of the C library, a broker that is killed, programs that stand still.

SPDX-License-Identifier: MPL-2.0

With its journal in memory, what the broker had acknowledged and a subscriber had not yet seen may
die with it. All else must hold: per source one order, nothing twice within an epoch, every gap
told, and what is published after the last start arrives. What a journal on disk adds to that is
in test_journal.py. That what was not acknowledged is sent again is proven number by number in
tests/unit/test_sequencer.c.
"""

import collections
import os
import signal

import pytest
from mesh import SLOWNESS, Program, wait_until

PUBLISHERS = 20
EVENTS = 1000
PAUSE_MS = 10    # between batches of 5: an event every 2 ms from each publisher
LIMIT_S = 60 * SLOWNESS


@pytest.fixture
def broker(mesh):
    mesh.start_broker()
    return mesh


def publisher(mesh, count=EVENTS, pause_ms=PAUSE_MS):
    return Program(mesh, "mesh_probe", [mesh.dir, "publish", str(count), str(pause_ms)])


class Subscriber:
    """What a subscriber was told, line by line."""

    def __init__(self, mesh, place=None, mode="subscribe"):
        self.program = Program(mesh, "mesh_probe", [place or mesh.dir, mode])
        self.lines = []
        self._file = open(self.program.out, encoding="ascii")
        self._rest = ""

    def read(self):
        self._rest += self._file.read()
        *lines, self._rest = self._rest.split("\n")
        self.lines += [line.split(" ") for line in lines]
        return self.lines

    def events(self):
        """(epoch, offset, source, seq, covers) of each event so far."""
        return [(words[1], int(words[2]), words[3], int(words[4]), int(words[5]))
                for words in self.read() if words[0] == "event"]

    def seen(self, sources):
        """The last number of each of these sources."""
        last = dict.fromkeys(sources, 0)
        for _, _, source, seq, _ in self.events():
            if source in last:
                last[source] = seq
        return last

    def wait_live(self):
        wait_until(lambda: ["state", "live"] in self.read(), LIMIT_S, "subscriber that is live")

    def close(self):
        self._file.close()


@pytest.fixture
def subscribers(broker):
    both = [Subscriber(broker), Subscriber(broker)]
    for one in both:
        one.wait_live()
    yield both
    for one in both:
        one.close()


def sources_of(programs):
    """The source of each publisher; said when its output is flushed, at the latest at its end."""
    return [program.out.read_text().split("\n")[0].removeprefix("source ") for program in programs]


def wait_drained(programs):
    for program in programs:
        assert program.wait(LIMIT_S) == 0, program.said()
        assert program.out.read_text().endswith("drained\n")


def check_order(subscriber):
    """One order within an epoch, nothing twice, no number left out untold, every new epoch told."""
    place, last, seen = None, {}, collections.Counter()
    epochs = []
    for words in subscriber.read():
        if words[0] == "gap":
            epoch, offset = words[3].split("-")
            if words[1] == "new_epoch":
                assert epoch not in epochs, "an epoch that was left is begun again"
                last = {}
            else:
                assert words[1] == "trimmed"
            place = (epoch, int(offset))
        elif words[0] == "event":
            epoch, offset, source, seq, covers = (words[1], int(words[2]), words[3],
                                                  int(words[4]), int(words[5]))
            if epoch not in epochs:
                assert not epochs or place[0] == epoch, "a new epoch, and no gap told"
                epochs.append(epoch)
            else:
                assert epochs[-1] == epoch, "an epoch that was left goes on"
                assert offset > place[1], "an order that goes back"
            seen[(epoch, source, seq)] += 1
            if source in last:
                assert seq - covers == last[source], f"{source}: {last[source]}, then {seq}"
            last[source] = seq
            place = (epoch, offset)
    assert max(seen.values()) == 1, "an event twice within an epoch"
    return epochs


def wait_all_arrived(subscribers, sources, count):
    for one in subscribers:
        wait_until(lambda one=one: set(one.seen(sources).values()) <= {count}, LIMIT_S,
                   f"last event of each of {len(sources)} sources", step_s=0.2)


def test_many_publishers_reach_every_subscriber_in_order(broker, subscribers):
    publishers = [publisher(broker) for _ in range(PUBLISHERS)]
    wait_drained(publishers)
    sources = sources_of(publishers)
    assert len(set(sources)) == PUBLISHERS
    wait_all_arrived(subscribers, sources, EVENTS)
    for one in subscribers:
        assert len(check_order(one)) == 1
        assert not [words for words in one.lines if words[0] == "gap"]
        assert len([1 for event in one.events() if event[2] in sources]) == PUBLISHERS * EVENTS


def test_after_a_broker_was_killed_each_source_goes_on_in_order_to_its_last_number(mesh):
    in_memory = ["--set", "broker/journal=memory"]
    mesh.start_broker(*in_memory)
    broker, subscribers = mesh, [Subscriber(mesh), Subscriber(mesh)]
    for one in subscribers:
        one.wait_live()
    publishers = [publisher(broker) for _ in range(PUBLISHERS)]
    current = broker.programs[0]
    for share in (0.2, 0.5):
        wait_until(lambda share=share: len(subscribers[0].events()) > share * PUBLISHERS * EVENTS,
                   LIMIT_S, f"{share:.0%} of the events", step_s=0.1)
        current.kill()
        # Of these all was acknowledged; what nobody had seen yet may have died with the broker.
        done = [one for one in publishers if "drained" in one.out.read_text()]
        current = broker.start_broker(*in_memory)
    wait_drained(publishers)
    # What was not acknowledged has arrived, up to the last number of each.
    wait_all_arrived(subscribers, sources_of([one for one in publishers if one not in done]),
                     EVENTS)
    later = [publisher(broker, 200, 2) for _ in range(3)]
    wait_drained(later)
    wait_all_arrived(subscribers, sources_of(later), 200)
    for one in subscribers:
        assert len(check_order(one)) == 3
        reasons = [words[1] for words in one.lines if words[0] == "gap"]
        assert reasons == ["new_epoch", "new_epoch"]
        got = collections.Counter(event[2] for event in one.events())
        assert all(got[source] == 200 for source in sources_of(later))


def test_a_subscriber_that_stood_still_catches_up_without_a_gap(broker, subscribers):
    still, other = subscribers
    publishers = [publisher(broker) for _ in range(PUBLISHERS)]
    wait_until(lambda: len(other.events()) > 1000, LIMIT_S, "thousand events", step_s=0.1)
    os.kill(still.program.process.pid, signal.SIGSTOP)
    try:
        # It stands still until all is published: longer than 2 s, and than the broker waits.
        wait_drained(publishers)
        sources = sources_of(publishers)
        wait_all_arrived([other], sources, EVENTS)
    finally:
        os.kill(still.program.process.pid, signal.SIGCONT)
    wait_all_arrived([still], sources, EVENTS)
    assert len(check_order(still)) == 1
    assert not [words for words in still.lines if words[0] == "gap"]


def test_a_broker_that_stood_still_takes_nobody_for_lost(broker, subscribers):
    writer = publisher(broker, 2000, 20)    # for 8 s
    wait_until(lambda: len(subscribers[0].events()) > 100, LIMIT_S, "hundred events")
    process = broker.programs[0].process
    os.kill(process.pid, signal.SIGSTOP)
    try:
        wait_until(lambda: ["state", "away"] in subscribers[0].read(), LIMIT_S,
                   "subscriber that notices")
    finally:
        os.kill(process.pid, signal.SIGCONT)
    wait_drained([writer])
    wait_all_arrived(subscribers, sources_of([writer]), 2000)
    for one in subscribers:
        assert len(check_order(one)) == 1
        assert not [words for words in one.lines if words[0] == "gap"]
    said = broker.programs[0].log.read_text()
    assert said.count(" transport-joined ") == 3 and " transport-lost " not in said
