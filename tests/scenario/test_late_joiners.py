"""Twenty who join late, while events pour in: the snapshot, and then every event after it.

SPDX-License-Identifier: MPL-2.0

Each asks for the snapshot, page by page, and follows from the place of its first page on
(docs/PROTOCOL.md, section 6). What it has must be what one who was there all the time has: no
event after that place is missing or comes twice, and each page holds the newest event of each
type of its sessions as of its own place. AIDERMESH_TEST_SEED repeats the moments.
"""

import os
import random

from mesh import Program, wait_until
from test_link import LIMIT_S, Subscriber, wait_all_arrived, wait_drained

SEED = int(os.environ.get("AIDERMESH_TEST_SEED", random.randrange(1 << 30)))
JOINERS, PUBLISHERS, EACH, SESSIONS = 20, 50, 200, 100
PAUSE_MS = 300    # between fives of one publisher: 833 events a second, for 12 s


def event_of(words):
    """(offset, source, seq, session, type)"""
    return int(words[2]), words[3], int(words[4]), words[9], words[10]


class Joiner(Subscriber):
    def __init__(self, mesh):
        super().__init__(mesh, mode="join")

    def snapshot(self):
        """(offset, after_session, newest events) of each page."""
        pages = []
        for words in self.read():
            if words[0] == "page":
                pages.append((int(words[1]), "" if words[2] == "-" else words[2], []))
            elif words[0] == "newest":
                pages[-1][2].append(event_of(words))
        return pages

    def after(self):
        return [event_of(words) for words in self.read() if words[0] == "event"]

    def joined(self):
        """(epoch, offset) of the place after which it follows; None before that."""
        return next(((words[1], int(words[2])) for words in self.read() if words[0] == "joined"),
                    None)

    def has_come_to(self, offset):
        return self.joined() and (self.joined()[1] >= offset or any(
            words[0] == "event" and int(words[2]) >= offset for words in self.read()[-500:]))


def newest_as_of(order, offset, after, until):
    """Of the sessions beyond `after`, up to `until` ("" for all), by (session, type)."""
    newest = {}
    for event in order:
        if event[0] > offset:
            break
        session = event[3]
        if session != "-" and session > after and (not until or session <= until):
            newest[session, event[4]] = event
    return sorted(newest.values())


def test_twenty_late_joiners_have_neither_gap_nor_overlap(mesh):
    print(f"seed {SEED}")
    choose = random.Random(SEED)
    mesh.start_broker()
    there = Subscriber(mesh)
    there.wait_live()
    publishing = Program(mesh, "mesh_probe", [mesh.dir, "publish", str(EACH), str(PAUSE_MS),
                                              str(PUBLISHERS), str(SESSIONS)])
    joiners = []
    for share in sorted(choose.uniform(0.02, 0.9) for _ in range(JOINERS)):
        wait_until(lambda share=share: len(there.events()) >= share * PUBLISHERS * EACH, LIMIT_S,
                   f"{share:.0%} of the events", step_s=0.05)
        joiners.append(Joiner(mesh))
    wait_drained([publishing])
    sources = {line.split()[1] for line in publishing.out.read_text().splitlines()
               if line.startswith("source ")}
    assert len(sources) == PUBLISHERS
    wait_all_arrived([there], sources, EACH)
    order = [event_of(words) for words in there.read() if words[0] == "event"]
    last = max(event[0] for event in order if event[1] in sources)
    pages = 0
    for joiner in joiners:
        wait_until(lambda joiner=joiner: joiner.has_come_to(last), LIMIT_S, "joiner that is there")
        assert not [words for words in joiner.read() if words[0] == "gap"]
        snapshot = joiner.snapshot()
        start = snapshot[0][0]
        assert joiner.joined()[1] == start
        expected = [event for event in order if start < event[0] <= last]
        assert [event for event in joiner.after() if event[0] <= last] == expected
        untils = [after for _, after, _ in snapshot[1:]] + [""]
        for (offset, after, newest), until in zip(snapshot, untils):
            assert sorted(newest) == newest_as_of(order, offset, after, until)
        pages += len(snapshot)
        joiner.close()
    there.close()
    print(f"  {JOINERS} joiners, {pages} pages of snapshots, {len(order)} events in the order")
    assert pages > JOINERS, "no snapshot had a second page"
