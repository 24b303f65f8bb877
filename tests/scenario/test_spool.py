"""What a bridge had accepted outlives it: killed at any moment, its events arrive once, in order.

SPDX-License-Identifier: MPL-2.0
"""

import collections
import contextlib
import json
import os
import pathlib
import signal
import struct
import subprocess
import threading

import pytest

from mesh import SLOWNESS, Program, wait_until
import spool_file

WITHIN_S = 30 * SLOWNESS
KILLS = 6
LINES_MOST = 200


def spools(mesh):
    return sorted((mesh.folder / "state" / "aidermesh" / "spool").glob("*.spool"))


def waiting(mesh):
    """What waits on disk, by source; of a file that is being made or removed, nothing."""
    found = {}
    for path in spools(mesh):
        with contextlib.suppress(FileNotFoundError, struct.error, ValueError):
            spool = spool_file.read(path)
            found[spool.source] = [seq for seq, _ in spool.events]
    return found


def flush(mesh, *words, env=None):
    return subprocess.run([*mesh.program("aidermesh"), "flush", *words], env={**mesh.env, **(env or {})},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=WITHIN_S * 2,
                          check=False)


def line(number, session="s"):
    return json.dumps({"type": "aider.session_progress", "data": {
        "stage": "streaming", "session_id": session, "message": f"number {number}"}}) + "\n"


def start_door(mesh, *words):
    return Program(mesh, "aidermesh-stdio-bridge", ["--mode", "ndjson", *words],
                   stdin=subprocess.PIPE)


def say(door, *numbers, session="s"):
    os.write(door.process.stdin.fileno(),
             "".join(line(number, session) for number in numbers).encode())


def kill(door):
    door.process.kill()
    door.process.wait(WITHIN_S)
    door.process.stdin.close()


def leave_behind(mesh, count, session="s"):
    """A bridge that died with so many events that no broker had; its source."""
    known = set(waiting(mesh))
    door = start_door(mesh)
    say(door, *range(1, count + 1), session=session)
    (source,) = wait_until(
        lambda: [source for source, seqs in waiting(mesh).items()
                 if source not in known and len(seqs) == count],
        WITHIN_S, f"spool of {count} events")
    kill(door)
    return source


def assert_once_in_order(frames):
    """Each source's numbers as they are to arrive."""
    by_source = collections.defaultdict(list)
    for frame in frames:
        by_source[frame.data["source"]].append(frame.data["seq"])
    for source, seqs in by_source.items():
        assert seqs == sorted(set(seqs)), source
    return by_source


def test_a_bridge_killed_at_any_moment_loses_nothing_it_had_accepted(mesh):
    mesh.start()
    accepted = {}
    for attempt in range(KILLS):
        door = start_door(mesh)
        # What is written here while it is killed there: the kill falls anywhere.
        stop = threading.Event()

        def write(door=door, stop=stop, session=f"s{attempt}"):
            numbers = iter(range(1, LINES_MOST))
            try:
                while not stop.is_set():
                    say(door, next(numbers), session=session)
            except (BrokenPipeError, StopIteration):
                pass
        writer = threading.Thread(target=write)
        writer.start()
        if attempt < KILLS - 1:
            mesh.events.wait("aider.session_progress", WITHIN_S, count=1 + 7 * attempt,
                             session=f"s{attempt}")
        else:
            # Those before may all have been acknowledged; of the last something is not.
            mesh.programs[0].process.send_signal(signal.SIGSTOP)
            wait_until(lambda: any(waiting(mesh).values()), WITHIN_S, "event on disk")
        door.process.kill()
        stop.set()
        writer.join(WITHIN_S)
        door.process.wait(WITHIN_S)
        door.process.stdin.close()
        for source, seqs in waiting(mesh).items():
            accepted[source] = max([*seqs, accepted.get(source, 0)])
        mesh.programs.remove(door)
    mesh.programs[0].process.send_signal(signal.SIGCONT)
    done = flush(mesh)
    assert done.returncode == 0, done
    assert spools(mesh) == []
    for source, last in accepted.items():
        mesh.events.wait("aider.session_progress", WITHIN_S,
                         where=lambda data, source=source, last=last:
                         data["source"] == source and data["seq"] >= last)
    by_source = assert_once_in_order(mesh.events.all("aider.session_progress"))
    assert any(accepted.values()), "no kill left anything behind"
    for source, seqs in by_source.items():
        assert seqs == list(range(1, len(seqs) + 1)), source


def test_what_was_accepted_without_a_broker_is_delivered_by_a_later_bridge(mesh):
    source = leave_behind(mesh, 1200)
    mesh.start()
    bridge = mesh.start_bridge("--", "sleep", "600")
    mesh.events.wait("aider.session_progress", WITHIN_S, count=1200, session="s")
    wait_until(lambda: source not in waiting(mesh), WITHIN_S, "end of the dead one's spool")
    (started,) = mesh.events.wait("aider.session_started", WITHIN_S)
    assert started.data["source"] != source
    bridge.process.send_signal(signal.SIGTERM)
    assert bridge.wait(WITHIN_S) == -signal.SIGTERM
    frames = mesh.events.all("aider.session_progress", session="s")
    assert [frame.data["seq"] for frame in frames] == list(range(1, 1201))
    assert [frame.data["message"] for frame in frames] == [f"number {n}" for n in range(1, 1201)]


def test_two_that_flush_at_once_deliver_once(mesh):
    for _ in range(4):
        leave_behind(mesh, 300)
    mesh.start()
    results = []
    threads = [threading.Thread(target=lambda: results.append(flush(mesh))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WITHIN_S * 2)
    assert spools(mesh) == []
    mesh.events.wait("aider.session_progress", WITHIN_S, count=1200, session="s")
    by_source = assert_once_in_order(mesh.events.all("aider.session_progress"))
    assert sorted(map(len, by_source.values())) == [300] * 4


def test_flush_says_what_it_did_and_what_is_left(mesh):
    source = leave_behind(mesh, 5)
    done = flush(mesh, "--wait", "500ms")
    assert done.returncode == 1
    assert b"1 spools" in done.stdout and b"no broker was found" in done.stdout
    doctor = subprocess.run([*mesh.program("aidermesh"), "doctor", "--json"], env=mesh.env,
                            stdout=subprocess.PIPE, timeout=WITHIN_S * 2, check=False)
    (dead,) = json.loads(doctor.stdout)["spools"]["dead"]
    assert dead["name"] == f"{source}.spool" and dead["bytes"] > 500 and dead["age"] >= 0
    mesh.start_broker()
    done = flush(mesh)
    assert (done.returncode, done.stdout) == (0, b"delivered 5 events of 1 spools\n")
    done = flush(mesh)
    assert done.returncode == 0 and done.stdout.startswith(b"nothing waits")


def test_a_bridge_that_runs_keeps_its_spool_and_leaves_none(mesh):
    door = start_door(mesh)
    say(door, 1, 2, 3)
    wait_until(lambda: [3] == [len(seqs) for seqs in waiting(mesh).values()], WITHIN_S, "spool")
    (path,) = spools(mesh)
    assert path.stat().st_mode & 0o777 == 0o600
    assert flush(mesh).stdout.startswith(b"nothing waits")
    mesh.start()
    mesh.events.wait("aider.session_progress", WITHIN_S, count=3)
    # What is acknowledged leaves the disk at once, not only at the end.
    wait_until(lambda: [0] == [len(seqs) for seqs in waiting(mesh).values()], WITHIN_S,
               "empty spool")
    wait_until(lambda: path.stat().st_size < 100, WITHIN_S, "short file")
    door.process.stdin.close()
    assert door.wait(WITHIN_S) == 0
    assert spools(mesh) == []


def test_a_bridge_gives_up_waiting_and_what_it_saw_is_kept(mesh):
    done = subprocess.run([*mesh.program("aidermesh-stdio-bridge"), "--set", "bridge/linger=100ms",
                           "--", "echo", "hi"], env=mesh.env, stdout=subprocess.PIPE, check=False)
    assert (done.returncode, done.stdout) == (0, b"hi\n")
    mesh.start_broker()
    mesh.start_sse()
    mesh.events = mesh.stream("/events?since=earliest")

    def delivered():
        flush(mesh)    # the observer goes on a little longer than the command
        return mesh.events.all("aider.session_completed")
    (completed,) = wait_until(delivered, WITHIN_S, "delivery")
    (started,) = mesh.events.all("aider.session_started")
    assert started.data["source"] == completed.data["source"]
    assert completed.data["exit_code"] == 0


@pytest.mark.parametrize("place", ["full", "read_only"])
def test_a_disk_that_takes_nothing_costs_the_session_nothing(mesh, place):
    mesh.start()
    state = mesh.folder / "elsewhere"
    state.mkdir(mode=0o700)
    words = ["--set", f"spool/dir={state}/spool"]
    if place == "read_only":
        (state / "spool").mkdir(mode=0o500)
        if os.geteuid() == 0:
            (state / "spool").rmdir()
            pathlib.Path(state / "spool").write_text("no directory")
        limit = ""
    else:
        limit = "ulimit -S -f 0; "
    command = [*mesh.program("aidermesh-stdio-bridge"), *words, "--", "sh", "-c", "echo hi; exit 5"]
    done = subprocess.run(["sh", "-c", limit + 'exec "$@"', "sh", *command], env=mesh.env,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          timeout=WITHIN_S)
    assert (done.returncode, done.stdout, done.stderr) == (5, b"hi\n", b"")
    (completed,) = mesh.events.wait("aider.session_completed", WITHIN_S)
    assert completed.data["exit_code"] == 5


def test_a_hard_limit_on_files_costs_the_session_its_observer_only(mesh):
    command = [*mesh.program("aidermesh-stdio-bridge"), "--", "sh", "-c", "echo hi; exit 5"]
    done = subprocess.run(["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *command],
                          env=mesh.env, capture_output=True, check=False, timeout=WITHIN_S)
    assert (done.returncode, done.stdout) == (5, b"hi\n")
    assert done.stderr == \
        b"aidermesh-stdio-bridge: File too large; the command runs unobserved\n"
