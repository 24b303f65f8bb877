"""The broker's journal: kills, restarts, tampering, a full disk and a clock that jumps.

SPDX-License-Identifier: MPL-2.0
"""

import collections
import json
import os
import random
import shutil
import signal
import sqlite3

import pytest
from mesh import SLOWNESS, Program, fill, wait_until
from test_link import (LIMIT_S, Subscriber, check_order, publisher, sources_of, wait_all_arrived,
                       wait_drained)

PUBLISHERS = 20
EVENTS = 2000
SEED = int(os.environ.get("AIDERMESH_TEST_SEED", random.randrange(1 << 30)))
LIBFAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


@pytest.fixture
def subscribe(mesh):
    """Makes a subscriber that is live; closed at the end."""
    made = []

    def make():
        made.append(Subscriber(mesh))
        made[-1].wait_live()
        return made[-1]
    yield make
    for one in made:
        one.close()


def journal(mesh, suffix=""):
    return mesh.folder / "state" / "aidermesh" / f"journal.db{suffix}"


def publish(mesh, count=100, pause_ms=1):
    """Publishes from a new source and waits until all is acknowledged. Returns the source."""
    program = publisher(mesh, count, pause_ms)
    wait_drained([program])
    return sources_of([program])[0]


def gaps(subscriber):
    return [words[1] for words in subscriber.read() if words[0] == "gap"]


def epochs(subscriber):
    return list(dict.fromkeys(event[0] for event in subscriber.events()))


def logged(mesh, name):
    return [line for program in mesh.programs if program.name == "aidermesh-broker"
            for line in program.log.read_text().splitlines() if f" {name} " in line]


def test_every_event_arrives_exactly_once_over_a_broker_that_is_killed_three_times(mesh, subscribe):
    print(f"seed {SEED}")
    choose = random.Random(SEED)
    # Small blocks, so that each start also reserves.
    words = ["--set", "broker/journal_block=5000"]
    current = mesh.start_broker(*words)
    subscribers = [subscribe(), subscribe()]
    publishers = [publisher(mesh, EVENTS, 5) for _ in range(PUBLISHERS)]
    shares = sorted(choose.uniform(0.05, 0.9) for _ in range(3))
    for share in shares:
        wait_until(lambda share=share:
                   len(subscribers[0].events()) > share * PUBLISHERS * EVENTS,
                   LIMIT_S, f"{share:.0%} of the events", step_s=0.05)
        current.kill()
        current = mesh.start_broker(*words)
    wait_drained(publishers)
    sources = sources_of(publishers)
    wait_all_arrived(subscribers, sources, EVENTS)
    for one in subscribers:
        assert len(check_order(one)) == 1
        assert gaps(one) == []
        got = collections.Counter((event[2], event[3]) for event in one.events()
                                  if event[2] in sources)
        assert len(got) == PUBLISHERS * EVENTS and set(got.values()) == {1}
    assert len(logged(mesh, "journal-recovered")) == 3


def test_a_clean_stop_keeps_the_epoch_and_the_next_offset(mesh, subscribe):
    first = mesh.start_broker()
    one = subscribe()
    publish(mesh)
    first.stop()
    second = mesh.start_broker()
    source = publish(mesh)
    wait_all_arrived([one], [source], 100)
    assert len(check_order(one)) == 1 and gaps(one) == []
    second.stop()
    assert logged(mesh, "journal-continued")
    # No block was left: the offsets of both runs lie side by side.
    with sqlite3.connect(f"file:{journal(mesh)}?mode=ro", uri=True) as db:
        count, head = db.execute("SELECT sum(count), max(offset) FROM events").fetchone()
    assert head == count


def test_an_sse_client_goes_on_exactly_where_it_was(mesh):
    mesh.start_broker()
    mesh.start_sse()
    publish(mesh, 50)
    stream = mesh.stream("/events?types=aider.*&since=earliest")
    seen = stream.wait("aider.session_progress", LIMIT_S, count=50)
    last = seen[-1].id
    for program in mesh.programs[:2]:
        program.kill()
    mesh.start_broker()
    mesh.start_sse()
    publish(mesh, 30)
    again = mesh.stream("/events?types=aider.*", {"Last-Event-ID": last})
    opened = again.wait("stream.opened", LIMIT_S)[0]
    assert opened.data["verdict"] == "exact"
    more = again.wait("aider.session_progress", LIMIT_S, count=30)
    ids = [frame.id for frame in seen + more]
    assert len(set(ids)) == 80
    assert not [frame for frame in again.all() if frame.type == "stream.gap"]


def test_sessions_are_remembered_over_a_restart(mesh):
    mesh.start_broker()
    publish(mesh, 10)
    broker = mesh.programs[0]
    broker.kill()
    mesh.start_broker()
    from pyzmq_mesh import Peer    # noqa: PLC0415
    with Peer("reader", "h", mesh.dir) as peer:
        peer.hello()
        _, body, frames = peer.ask("snapshot", {})
    assert body["count"] == 1 and frames[0].startswith(b"aider.session_progress/")


def tampered_with(mesh, subscribe, tamper):
    """Two runs, then what a test does to the journal, then a third. Gives what a subscriber saw."""
    directory = journal(mesh).parent
    broker = mesh.start_broker()
    one = subscribe()
    publish(mesh)
    broker.stop()
    shutil.copytree(directory, mesh.folder / "yesterday")
    broker = mesh.start_broker()
    before = publish(mesh)
    wait_all_arrived([one], [before], 100)
    tamper(broker)
    if broker.is_running():
        broker.kill()
    mesh.start_broker()
    after = publish(mesh)
    wait_all_arrived([one], [after], 100)
    check_order(one)
    return one


def restore(mesh, *suffixes):
    for suffix in suffixes:
        shutil.copy2(mesh.folder / "yesterday" / f"journal.db{suffix}", journal(mesh, suffix))


def test_yesterdays_journal_restored_begins_a_new_epoch(mesh, subscribe):
    def tamper(broker):
        broker.stop()
        restore(mesh, "", ".mark")
    one = tampered_with(mesh, subscribe, tamper)
    assert len(epochs(one)) == 2 and gaps(one) == ["new_epoch"]
    assert logged(mesh, "journal-unproven") and list(journal(mesh).parent.glob("*.unproven-*"))


def test_a_copy_in_another_place_begins_a_new_epoch(mesh, subscribe):
    def tamper(broker):
        broker.stop()
        directory = journal(mesh).parent
        shutil.copytree(directory, f"{directory}.copy")
        shutil.rmtree(directory)
        os.rename(f"{directory}.copy", directory)
    assert len(epochs(tampered_with(mesh, subscribe, tamper))) == 2


def test_a_journal_without_its_log_begins_a_new_epoch(mesh, subscribe):
    def tamper(broker):
        broker.kill()
        journal(mesh, "-wal").unlink()
    assert len(epochs(tampered_with(mesh, subscribe, tamper))) == 2


def test_a_journal_that_is_cut_begins_a_new_epoch(mesh, subscribe):
    def tamper(broker):
        broker.stop()
        os.truncate(journal(mesh), journal(mesh).stat().st_size // 2)
    assert len(epochs(tampered_with(mesh, subscribe, tamper))) == 2


def test_garbage_is_set_aside(mesh, subscribe):
    def tamper(broker):
        broker.kill()
        with open(journal(mesh), "r+b") as file:
            file.write(b"garbage" * 100)
        journal(mesh, "-wal").write_bytes(b"garbage" * 10000)
    one = tampered_with(mesh, subscribe, tamper)
    assert len(epochs(one)) == 2
    assert list(journal(mesh).parent.glob("*.unproven-*")) or logged(mesh, "journal-corrupt")


def test_a_journal_found_damaged_while_it_is_read_is_set_aside(mesh, subscribe):
    words = ["--set", "broker/memory_events=100"]
    broker = mesh.start_broker(*words)
    publish(mesh, 1000)
    broker.stop()
    # Under the running broker, which has read nothing of it yet.
    broker = mesh.start_broker(*words)
    content = journal(mesh).read_bytes()
    # One whose text goes on in another page is not found here.
    assert content.count(b'"message":"probe"') >= 900
    with open(journal(mesh), "r+b") as file:
        file.write(content.replace(b'"message":"probe"', b'"message":"prude"'))
    one = subscribe()
    wait_until(lambda: logged(mesh, "journal-corrupt"), LIMIT_S, "journal set aside")
    source = publish(mesh)
    wait_all_arrived([one], [source], 100)
    assert list(journal(mesh).parent.glob("*.corrupt-*"))
    assert gaps(one) == ["new_epoch"] and broker.is_running()


def test_a_second_broker_does_not_write_the_same_journal(mesh):
    mesh.start_broker()
    other = mesh.folder / "other"
    other.mkdir(mode=0o700)
    second = Program(mesh, "aidermesh-broker", ["--set", f"mesh/runtime_dir={other}"])
    assert second.wait(LIMIT_S) == 1
    assert "another broker writes the journal" in second.said()


def test_a_full_disk_is_told_and_healed_and_nothing_is_lost(mesh, subscribe, small_disk):
    mesh.start_broker("--set", f"broker/journal={small_disk}/journal.db")
    mesh.start_sse()
    one = subscribe()
    alerts = mesh.stream("/events?types=mesh.alert_*")
    alerts.wait("stream.opened", LIMIT_S)
    publish(mesh, 200)
    fill(small_disk / "filler")
    # Until the log has used up what room it has.
    program = publisher(mesh, 20000, 1)
    wait_until(lambda: "journal_down" in gaps(one), LIMIT_S, "journal that is down")
    def of_journal(data):
        return data["rule"] == "journal"
    raised = alerts.wait("mesh.alert_raised", LIMIT_S, where=of_journal)[0]
    assert "disk_full" in raised.data["message"]
    wait_until(lambda: json.loads(mesh.get("/health")[2]).get("journal", {}).get("reason")
               == "disk_full", LIMIT_S, "journal in /health")
    (small_disk / "filler").unlink()
    program.wait(LIMIT_S)
    wait_drained([program])
    source = sources_of([program])[0]

    def committed():
        """How often each number came with a place; without one it may have come before."""
        return collections.Counter(event[3] for event in one.events()
                                   if event[2] == source and event[1] > 0)
    wait_until(lambda: len(committed()) >= 20000, LIMIT_S, "each event with a place", step_s=0.2)
    assert set(committed().values()) == {1}
    assert gaps(one)[-1] == "journal_up" and set(gaps(one)) == {"journal_down", "journal_up"}
    assert len({event[0] for event in one.events() if event[1] > 0}) == 1
    alerts.wait("mesh.alert_cleared", LIMIT_S, where=of_journal)


def at_another_time(mesh, offset):
    """The programs started from here on see the clock so."""
    mesh.env.update({"LD_PRELOAD": LIBFAKETIME, "FAKETIME": offset, "NO_FAKE_STAT": "1",    # files have the kernel's times
                     "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"})


@pytest.mark.skipif(SLOWNESS > 1, reason="libfaketime and sanitizers do not go together")
@pytest.mark.parametrize("jump", ["-1h", "+3d"])
def test_a_clock_that_jumps_loses_and_reorders_nothing(mesh, subscribe, jump):
    if not os.path.exists(LIBFAKETIME):
        pytest.skip("no libfaketime")
    broker = mesh.start_broker()
    one = subscribe()
    before = publish(mesh)
    broker.process.send_signal(signal.SIGKILL)
    broker.process.wait(10)
    at_another_time(mesh, jump)
    mesh.start_broker()
    after = publish(mesh)
    wait_all_arrived([one], [before, after], 100)
    assert len(check_order(one)) == 1 and gaps(one) == []
    with sqlite3.connect(f"file:{journal(mesh)}?mode=ro", uri=True) as db:
        recorded = [row[0] for row in db.execute("SELECT recorded FROM events ORDER BY offset")]
    assert recorded == sorted(recorded)
