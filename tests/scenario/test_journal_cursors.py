"""A cursor points at one event for ever, whatever is done to the journal; what is gone is told.

SPDX-License-Identifier: MPL-2.0

Real SSE clients: one that stays connected, one that comes back with a place from before.
"""

import collections
import json
import os
import shutil
import sqlite3
import subprocess

import pytest
from mesh import wait_until
from test_journal import journal, publish, restore
from test_link import LIMIT_S

PROGRESS = "aider.session_progress"
EACH = 60
LARGE = 1000    # of 30 KB, which no room is left for


def identity(frame):
    return frame.data["source"], frame.data["seq"]


def told(stream):
    """Identity of each event by its cursor; no cursor comes with two events."""
    found = {}
    for frame in stream.all("aider.*", "mesh.*"):
        if frame.id is not None:
            assert found.setdefault(frame.id, identity(frame)) == identity(frame), frame.id
    return found


def epoch(frame):
    return frame.id.partition("-")[0]


def wait_told(stream, source, count):
    stream.wait("aider.session_progress", LIMIT_S, count=count,
                where=lambda data: data["source"] == source)


def yesterday(mesh):
    return mesh.folder / "yesterday"


def restored(mesh, broker):
    broker.stop()
    restore(mesh, "", ".mark")


def restored_without_its_mark(mesh, broker):
    broker.stop()
    restore(mesh, "")


def restored_whole_after_a_kill(mesh, broker):
    broker.kill()
    state = journal(mesh).parent
    for entry in state.glob("journal.db*"):
        entry.unlink()
    for entry in yesterday(mesh).glob("journal.db*"):
        shutil.copy2(entry, state / entry.name)


def copied(mesh, broker):
    broker.stop()
    directory = journal(mesh).parent
    shutil.copytree(directory, f"{directory}.copy")
    shutil.rmtree(directory)
    os.rename(f"{directory}.copy", directory)


def cut(mesh, broker):
    broker.stop()
    os.truncate(journal(mesh), journal(mesh).stat().st_size // 2)


def log_cut(mesh, broker):
    broker.kill()
    os.truncate(journal(mesh, "-wal"), journal(mesh, "-wal").stat().st_size // 2)


def log_overwritten(mesh, broker):
    broker.kill()
    # Its end alone may hold no event but what the broker notes each second, which nobody misses.
    length = journal(mesh, "-wal").stat().st_size
    with open(journal(mesh, "-wal"), "r+b") as file:
        file.seek(length // 2)
        file.write(b"x" * (length - length // 2))


def log_removed(mesh, broker):
    broker.kill()
    journal(mesh, "-wal").unlink()


def removed(mesh, broker):
    broker.kill()
    journal(mesh).unlink()


@pytest.mark.parametrize("tamper", [restored, restored_without_its_mark,
                                    restored_whole_after_a_kill, copied, cut, log_cut,
                                    log_overwritten, log_removed, removed],
                         ids=lambda tamper: tamper.__name__)
def test_a_cursor_never_points_at_another_event_when_the_journal_was(mesh, tamper):
    broker = mesh.start_broker()
    mesh.start_sse()
    stayed = mesh.stream("/events?since=earliest")
    wait_told(stayed, publish(mesh, EACH), EACH)
    broker.stop()
    shutil.copytree(journal(mesh).parent, yesterday(mesh))
    broker = mesh.start_broker()
    wait_told(stayed, publish(mesh, EACH), EACH)
    before = told(stayed)
    assert len(before) >= 2 * EACH
    assert len({cursor.partition("-")[0] for cursor in before}) == 1
    tamper(mesh, broker)
    mesh.start_broker()
    after = publish(mesh, EACH)
    # The one that stayed is told before it is shown anything of the new order.
    wait_told(stayed, after, EACH)
    gaps = [frame for frame in stayed.all("stream.gap") if frame.data["reason"] == "new_epoch"]
    assert len(gaps) == 1
    of_after = next(frame for frame in stayed.all(PROGRESS) if frame.data["source"] == after)
    first_after = next(frame for frame in stayed.all("aider.*", "mesh.*")
                       if frame.id and epoch(frame) == epoch(of_after))
    assert stayed.all().index(gaps[0]) < stayed.all().index(first_after)
    assert len(told(stayed)) >= len(before) + EACH
    # So are those that come back, wherever they were.
    cursors = list(before)
    for cursor in (cursors[0], cursors[EACH], cursors[-1]):
        again = mesh.stream("/events?since=earliest", {"Last-Event-ID": cursor})
        opened = again.wait("stream.opened", LIMIT_S)[0]
        assert opened.data["verdict"] == "reset"
        wait_told(again, after, EACH)
        assert not set(told(again)) & set(before)
        again.close()


def test_a_log_cut_within_its_last_second_is_told_though_its_publishers_have_gone(mesh):
    broker = mesh.start_broker()
    mesh.start_sse()
    stayed = mesh.stream("/events?since=earliest")
    wait_told(stayed, publish(mesh, EACH), EACH)
    mark = journal(mesh, ".mark")

    def marked():
        wal = journal(mesh, "-wal").stat()
        return f"wal {wal.st_ino} {wal.st_dev} {wal.st_size} " in mark.read_text()
    # As soon as the mark knows of those, more events come, and the broker is killed before it
    # is written again: only that they were told is kept of them.
    wait_until(marked, LIMIT_S, "mark that knows of all events", step_s=0.001)
    length = journal(mesh, "-wal").stat().st_size
    written = mark.stat().st_ino
    publish(mesh, EACH, pause_ms=1)
    broker.kill()
    if mark.stat().st_ino != written:
        # This machine was too slow for that second; then the mark tells it.
        print("the mark was written again")
    wait_until(lambda: len(told(stayed)) >= 2 * EACH, LIMIT_S, "events of both")
    cursor = list(told(stayed))[-1]
    os.truncate(journal(mesh, "-wal"), length)
    mesh.start_broker()
    assert stayed.wait("stream.gap", LIMIT_S)[0].data["reason"] == "new_epoch"
    again = mesh.stream("/events", {"Last-Event-ID": cursor})
    assert again.wait("stream.opened", LIMIT_S)[0].data["verdict"] == "reset"


def offset(frame):
    return int(frame.id.split("-")[1])


def test_a_bridge_started_anew_tells_what_retention_removed_of_each_family(mesh):
    words = ("--set", "broker/retain_progress=1s")
    broker = mesh.start_broker(*words)
    sse = mesh.start_sse()
    stream = mesh.stream("/events?since=earliest")
    bridge = mesh.start_bridge("--mode", "ndjson", stdin=subprocess.PIPE)
    kinds = ["rate_limit_detected", *["session_progress"] * 5, "rate_limit_detected"]
    data = {"rate_limit_detected": {
                "request_id": "r", "provider": "p", "current_model": "m", "attempt": 1,
                "will_retry": False, "error_message": "429"},
            "session_progress": {"stage": "banner", "message": "line"}}
    bridge.process.stdin.write("".join(
        json.dumps({"type": f"aider.{kind}", "data": {"session_id": "s", **data[kind]}}) + "\n"
        for kind in kinds).encode())
    bridge.process.stdin.close()
    before, last = stream.wait("aider.rate_limit_detected", LIMIT_S, count=2)
    gone = stream.all("aider.session_progress", session="s")
    assert len(gone) == 5
    sse.stop()

    def removed():
        with sqlite3.connect(f"file:{journal(mesh)}?mode=ro", uri=True) as db:
            return db.execute("SELECT max(removed) FROM families").fetchone()[0] or 0
    wait_until(lambda: removed() >= offset(gone[-1]), LIMIT_S, "retention that removes progress")
    broker.stop()    # with what it remembers of the newest
    mesh.start_broker(*words)
    mesh.start_sse()
    for path, place, verdict in (("/events", before, "gap"), ("/events/progress", before, "gap"),
                                 ("/events/errors", before, "exact"), ("/events", last, "exact")):
        again = mesh.stream(path, {"Last-Event-ID": place.id})
        opened = again.wait("stream.opened", LIMIT_S)[0]
        assert (path, opened.data["verdict"]) == (path, verdict)
        if verdict == "gap":
            gap = again.wait("stream.gap", LIMIT_S)[0].data
            assert gap["reason"] == "removed" and gap["at_most"] >= len(gone)
        if place is before and path != "/events/progress":
            assert again.wait("aider.rate_limit_detected", LIMIT_S)[0].id == last.id
        assert not again.all("aider.session_progress")


def test_a_client_is_told_of_a_full_disk_and_gets_every_event_with_a_cursor(mesh, small_disk):    # noqa: F811
    mesh.start_broker("--set", f"broker/journal={small_disk}/journal.db")
    mesh.start_sse()
    stream = mesh.stream("/events?since=earliest")
    wait_told(stream, publish(mesh, EACH), EACH)
    with open(small_disk / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 65536)
        except OSError:
            pass
    lines = mesh.folder / "lines"
    lines.write_text("".join(json.dumps({"type": "aider.session_progress", "data": {
        "session_id": "full", "stage": "banner", "message": f"{number} {'x' * 30000}"}}) + "\n"
        for number in range(LARGE)))
    with open(lines, "rb") as stdin:
        bridge = mesh.start_bridge("--mode", "ndjson", stdin=stdin)

    def reasons():
        return [frame.data["reason"] for frame in stream.all("stream.gap")]
    wait_until(lambda: "journal_down" in reasons(), LIMIT_S, "gap that says the journal is down")
    (small_disk / "filler").unlink()
    assert bridge.wait(LIMIT_S) == 0

    def with_cursor():
        return [frame for frame in stream.all("aider.session_progress", session="full")
                if frame.id is not None]
    wait_until(lambda: len(with_cursor()) >= LARGE, LIMIT_S, "each event with a cursor")
    assert [int(frame.data["message"].split()[0]) for frame in with_cursor()] \
        == list(range(LARGE))
    assert reasons()[-1] == "journal_up" and len(told(stream)) > LARGE
    # What came without one came again; nothing else came twice.
    twice = collections.Counter(identity(frame) for frame in stream.all("aider.session_progress"))
    assert set(twice.values()) <= {1, 2}
