"""A session is forgotten: from the journal's files, from memory, for who is here and who comes.

SPDX-License-Identifier: MPL-2.0
"""

import json
import signal
import subprocess
import uuid

import pytest
from mesh import SLOWNESS, START_LIMIT_S, Program, wait_until
from pyzmq_mesh import ErrorAnswer, Peer, Publisher, Subscriber

WAIT_S = 10 * SLOWNESS
SECRET = "whisper-" + uuid.uuid4().hex
EVENTS = 40


def forget(mesh, session, *words, status=0):
    done = subprocess.run([*mesh.program("aidermesh"), "forget", "--session", session, *words],
                          env=mesh.env, capture_output=True, text=True, timeout=60 * SLOWNESS,
                          check=False)
    assert done.returncode == status, (done.stdout, done.stderr)
    return done


def forgotten(mesh, session, *words):
    return json.loads(forget(mesh, session, "--json", *words).stdout)


def publish(publisher, session, count, text, first=True, last=True):
    """A session of `count` events, each of which says `text`."""
    for number in range(count):
        if first and number == 0:
            publisher.publish("aider.session_started", session, {
                "prompt": text, "editable_files": [], "readonly_files": [],
                "architect_mode": False, "mode": "ndjson"})
        elif last and number == count - 1:
            publisher.publish("aider.session_completed", session, {
                "success": True, "outcome": "ok", "duration": 1.0})
        else:
            publisher.publish("aider.session_progress", session,
                              {"stage": "edit", "message": f"{text} {number}"})
    publisher.drain(WAIT_S)


def files_with(mesh, text):
    """Which files of the journal hold these bytes."""
    state = mesh.folder / "state" / "aidermesh"
    return [path.name for path in state.glob("journal.db*") if text.encode() in path.read_bytes()]


def gap_of(stream):
    opened, = stream.wait("stream.opened", WAIT_S)
    return opened.data["verdict"], [f.data for f in stream.all("stream.gap")]


@pytest.fixture
def publisher(mesh):
    # It says that it is here only while it has something to do.
    mesh.start(broker=("--set", "mesh/lost_after=10m"))
    with Publisher("py-forget", "build-7", str(mesh.dir)) as made:
        publish(made, "kept", 3, "plain", last=False)
        before = mesh.events.wait("aider.session_progress", WAIT_S, session="kept", count=2)
        made.before = before[-1].id
        publish(made, "gone", EVENTS, SECRET)
        publish(made, "kept", 3, "plain", first=False)
        mesh.events.wait("aider.session_completed", WAIT_S, session="kept")
        yield made


def test_nothing_of_it_is_left_and_the_gap_is_counted(mesh, publisher):
    assert files_with(mesh, SECRET)
    report = forgotten(mesh, "gone")
    assert report["removed"] == EVENTS and not report["again"]
    assert report["types"] == {"aider.session_started": 1, "aider.session_completed": 1,
                               "aider.session_progress": EVENTS - 2}
    assert report["hosts"] == ["build-7"] and report["set_aside"] == []
    # The pyzmq pair answers no `forget`: it is named.
    assert [row["transport_id"] for row in report["unreached"]] == ["py-forget"]
    assert files_with(mesh, SECRET) == []

    told, = mesh.events.wait("mesh.session_forgotten", WAIT_S)
    assert told.data["session_id"] == "gone" and told.data["removed"] == EVENTS
    behind = {"Last-Event-ID": publisher.before}
    for path, missing in (("/events?types=aider.*", EVENTS), ("/events/aider?session=gone", EVENTS),
                          ("/events/errors", 0), ("/events/aider?session=kept", 0)):
        stream = mesh.stream(path, {**mesh.headers, **behind})
        verdict, gaps = gap_of(stream)
        if missing:
            stream.wait("stream.gap", WAIT_S)
            verdict, gaps = gap_of(stream)
            assert verdict == "gap"
            assert [(gap["reason"], gap["at_most"]) for gap in gaps] == [("forgotten", missing)]
        else:
            assert (verdict, gaps) == ("exact", [])
        if "session=gone" not in path and "errors" not in path:
            stream.wait("aider.session_completed", WAIT_S, session="kept")
        assert not [f for f in stream.all() if SECRET in json.dumps(f.data)]
    # The order is whole for a subscriber that was away, and so is the snapshot.
    with Subscriber("py-late", "build-8", str(mesh.dir), after=0) as late:
        sessions = [event.session for event in late.events(publisher_count(mesh), WAIT_S)]
        assert "gone" not in sessions and sessions.count("kept") == 6
        _, body, frames = late.ask("snapshot", {})
        assert body["count"] > 0 and not any(b"gone" in topic for topic in frames[::2])


def publisher_count(mesh):
    """How many events the journal still has."""
    with Peer("py-count", "build-9", str(mesh.dir)) as peer:
        peer.hello()
        _, body, _ = peer.ask("replay", {"epoch": peer.welcome["epoch"], "after": 0})
        return body["count"]


def test_what_comes_later_is_let_go_and_acknowledged(mesh, publisher):
    forgotten(mesh, "gone")
    publish(publisher, "gone", 5, SECRET)    # drains: each number was taken
    publish(publisher, "after", 1, "plain")
    mesh.events.wait("aider.session_started", WAIT_S, session="after")
    assert files_with(mesh, SECRET) == []
    assert len(mesh.events.all(session="gone")) == EVENTS + 1    # as before, and what tells it
    again = forgotten(mesh, "gone")
    assert again["again"] and again["removed"] == EVENTS


def test_it_stays_forgotten_through_restarts(mesh, publisher):
    forgotten(mesh, "gone")
    for number, name in ((signal.SIGKILL, "broker"), (signal.SIGTERM, "sse-bridge")):
        program = next(p for p in mesh.programs
                       if p.name == f"aidermesh-{name}" and p.is_running())
        program.process.send_signal(number)
        program.process.wait(WAIT_S)
        if name == "broker":
            mesh.start_broker()
        else:
            mesh.start_sse()
    stream = mesh.stream("/events/aider", {**mesh.headers, "Last-Event-ID": publisher.before})
    verdict, gaps = gap_of(stream)
    stream.wait("stream.gap", WAIT_S)
    assert gap_of(stream) == ("gap", [{**gaps[0], "reason": "forgotten", "at_most": EVENTS}])
    wait_until(lambda: publisher_heard_again(publisher), WAIT_S, "publisher at the new broker")
    publish(publisher, "gone", 2, SECRET)
    assert files_with(mesh, SECRET) == []


def publisher_heard_again(publisher):
    publisher.work()
    return publisher.welcome["sources"] and not publisher.kept


def test_a_broker_that_is_killed_meanwhile_comes_to_the_same_end(mesh):
    broker = mesh.start_broker()
    with Publisher("py-many", "build-7", str(mesh.dir)) as publisher:
        for part in range(5):
            publish(publisher, "gone", 1000, SECRET, first=part == 0, last=part == 4)
    asked = Program(mesh, "aidermesh", ["forget", "--session", "gone", "--json"])
    wait_until(lambda: "session-forget gone" in broker.said(), WAIT_S, "forgetting that has begun")
    broker.kill()
    mesh.start_broker()
    asked.wait(60 * SLOWNESS)    # with what it was told, or that the broker went away
    # What was noted goes on by itself, what was not can be asked for again: it ends alike.
    assert forgotten(mesh, "gone")["removed"] == 5000
    assert files_with(mesh, SECRET) == []


def test_a_session_that_goes_on_or_is_not_known_is_refused_by_name(mesh, publisher):
    unknown = forget(mesh, "nobody", status=1)
    assert "no such session" in unknown.stderr
    publish(publisher, "live", 3, "plain", last=False)
    live = forget(mesh, "live", status=1)
    assert "py-forget on build-7 publishes it" in live.stderr
    assert forgotten(mesh, "live", "--force")["removed"] == 3
    assert forgotten(mesh, "nobody", "--force")["removed"] == 0
    assert "say which session" in forget(mesh, "", status=2).stderr
    said = forget(mesh, "gone").stdout
    assert f"forgotten: gone, {EVENTS} events\n" in said
    assert "not reached: " in said and "build-7" in said


def test_a_broker_that_makes_room_tells_what_it_was_told_to_forget(mesh, publisher):
    with Peer("py-broker", "build-9", str(mesh.dir)) as peer:
        peer.hello()

        def pending():
            _, body, _ = peer.ask("forget", {"session_ids": ["gone", "never"]}, WAIT_S)
            return body["pending"]
        wait_until(lambda: pending() == 0, WAIT_S, "sessions that the journal has noted")
        told, = mesh.events.wait("mesh.session_forgotten", WAIT_S, session="gone")
        assert told.data["removed"] == EVENTS
        publish(publisher, "gone", 5, SECRET)
        assert files_with(mesh, SECRET) == []
        assert forgotten(mesh, "never", "--force")["again"]
        limit = [f"s-{n}" for n in range(256)]
        for wrong in ([], [*limit, "one"], [""], ["x" * 129], [7], "gone", {}, None):
            with pytest.raises(ErrorAnswer) as refused:
                peer.ask("forget", {"session_ids": wrong})
            assert refused.value.code == "malformed" and "session_ids" in str(refused.value)
        wait_until(lambda: peer.ask("forget", {"session_ids": limit}, WAIT_S)[1]["pending"] == 0,
                   WAIT_S, "as many sessions as one request may name")


def test_without_a_broker_nothing_is_done_and_said(mesh):
    assert "no broker is found" in forget(mesh, "gone", status=1).stderr


def test_only_operators_may_have_it_done(mesh):
    keys = mesh.program("aidermesh")
    made = subprocess.run([*keys, "keys", "new", "watcher", "subscribe"], env=mesh.env,
                          capture_output=True, text=True, timeout=START_LIMIT_S, check=True)
    from pyzmq_mesh import key_of
    mesh.start_broker()
    with Peer("py-watch", "build-9", str(mesh.dir), key=key_of(made.stdout.strip())) as peer:
        peer.hello()
        with pytest.raises(ErrorAnswer) as refused:
            peer.ask("forget", {"session_id": "gone"})
        assert refused.value.code == "forbidden"
    assert "no such session" in forget(mesh, "gone", status=1).stderr    # local.key may operate
