"""Programs in another language, written from docs/PROTOCOL.md alone, take part in the mesh.

SPDX-License-Identifier: MPL-2.0
"""

import json
import os
import signal
import subprocess
import uuid

import pytest
import zmq
from mesh import ROOT, SLOWNESS, START_LIMIT_S, wait_until
from pyzmq_mesh import (ErrorAnswer, Event, Peer, Publisher, Refused, Subscriber,
                        decode_event, decode_topic, encode_topic, uuid7)

SESSION = "session with / and é"
LIMIT_S = 30 * SLOWNESS
VECTORS = sorted((ROOT / "tests" / "fixtures" / "wire").glob("*.json"))


@pytest.fixture
def broker(mesh):
    """One for which nobody is lost while the test does something else."""
    mesh.start_broker("--set", "mesh/lost_after=10m")
    return mesh


@pytest.fixture
def opened():
    """Peers to be closed at the end, whatever happens."""
    peers = []
    yield peers
    for peer in reversed(peers):
        peer.close()


def publisher(mesh, opened, name="py-publisher", **settings):
    opened.append(Publisher(name, "py-host", mesh.dir, **settings))
    return opened[-1]


def subscriber(mesh, opened, name="py-subscriber", **settings):
    opened.append(Subscriber(name, "py-host", mesh.dir, **settings))
    return opened[-1]


def message(number):
    return {"stage": "banner", "message": f"line {number}"}


def of_sessions(events):
    return [event for event in events if event.type.startswith("aider.")]


def next_of_sessions(reader, count, timeout_s=LIMIT_S):
    """The next events of sessions; those of the mesh itself are passed over."""
    found = []
    while len(found) < count:
        found += of_sessions(reader.events(1, timeout_s))
    return found


def test_topics_have_one_form_only():
    assert encode_topic("aider.x", "build-7", SESSION) == \
        b"aider.x/build-7/session%20with%20%2F%20and%20%C3%A9"
    assert decode_topic(encode_topic("aider.x", "build-7", SESSION)) == \
        ("aider.x", "build-7", SESSION)
    for wrong in (b"aider.x", b"aider.x/h", b"aider.x//s", b"Aider/h/s", b"a/h/s/t", b"a/h/%2f",
                  b"a/h/%41", b"a/h/%00", b"a/h/%4", b"a/h/ ", b"a/" + b"h" * 256 + b"/s"):
        with pytest.raises(Refused, match="topic-wrong"):
            decode_topic(wrong)


def vector_frames(path):
    """The two frames of a test vector, and what its JSON file says of them."""
    def read(suffix):
        return bytes.fromhex(path.with_suffix(suffix).read_text())
    return [read(".topic.hex"), read(".body.hex")], json.loads(path.read_text())


def test_there_are_test_vectors_of_both_kinds():
    kinds = ["refused" in json.loads(path.read_text()) for path in VECTORS]
    assert kinds.count(True) >= 5 and kinds.count(False) >= 5


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_the_vectors_read_and_write_as_the_document_says(path):
    frames, told = vector_frames(path)
    if "refused" in told:
        with pytest.raises(Refused, match=f"^{told['refused']}$"):
            decode_event(frames)
        return
    event = decode_event(frames)
    header = told["header"]
    assert (event.type, event.host, event.session) == \
        (told["type"], told["host"], told["session"])
    assert event.source == uuid.UUID(header["source"])
    assert event.epoch == int(header["epoch"], 16)
    for member in ("flags", "covers", "seq", "timestamp_us", "offset", "previous", "recorded_us"):
        assert getattr(event, member) == int(header[member]), member
    assert event.payload == json.loads(told["payload"])
    event.payload = told["payload"].encode()
    assert event.frames() == frames


def test_a_publisher_and_a_subscriber_from_the_document_understand_each_other(broker, opened):
    reader = subscriber(broker, opened)
    writer = publisher(broker, opened)
    for number in range(1, 51):
        writer.publish("aider.session_progress", SESSION, message(number))
    events = next_of_sessions(reader, 50)
    writer.drain()
    assert [event.seq for event in events] == list(range(1, 51))
    assert [event.payload["message"] for event in events] == [f"line {n}" for n in range(1, 51)]
    assert {event.source for event in events} == {writer.source}
    assert {event.session for event in events} == {SESSION}
    offsets = [event.offset for event in events]
    assert offsets == sorted(set(offsets))
    recorded = [event.recorded_us for event in events]
    assert recorded == sorted(recorded) and recorded[0] >= events[0].timestamp_us - 1_000_000
    assert reader.gaps == []


def test_a_publisher_within_its_window_loses_none_of_many(broker, opened):
    reader = subscriber(broker, opened)
    writer = publisher(broker, opened)
    count = 5000
    for number in range(1, count + 1):
        writer.publish("aider.session_progress", "many", message(number))
    writer.drain()
    events = next_of_sessions(reader, count)
    assert [event.seq for event in events] == list(range(1, count + 1))


def test_a_later_subscriber_replays_what_it_has_missed_and_then_follows(broker, opened):
    writer = publisher(broker, opened)
    for number in range(1, 301):
        writer.publish("aider.session_progress", "early", message(number))
    writer.drain()
    reader = subscriber(broker, opened, after=0)
    writer.publish("aider.session_progress", "late", message(301))
    events = next_of_sessions(reader, 301)
    assert [event.seq for event in events] == list(range(1, 302))
    assert reader.replays >= 1 and reader.gaps == []


def test_what_was_lost_on_the_wire_is_asked_for_again(broker, opened):
    reader = subscriber(broker, opened)
    writer = publisher(broker, opened)
    writer.publish("aider.session_progress", "s", message(1))
    writer.drain()
    # The second never reaches the wire; the third tells the broker so.
    send = writer.socket.send_multipart
    writer.socket.send_multipart = lambda frames: None
    writer.publish("aider.session_progress", "s", message(2))
    writer.socket.send_multipart = send
    writer.publish("aider.session_progress", "s", message(3))
    writer.drain()
    assert [event.seq for event in next_of_sessions(reader, 3)] == [1, 2, 3]
    assert writer.resent >= 1


def test_a_lost_last_event_is_found_by_the_heartbeat(broker, opened):
    reader = subscriber(broker, opened)
    writer = publisher(broker, opened)
    send = writer.socket.send_multipart
    writer.socket.send_multipart = lambda frames: None
    writer.publish("aider.session_progress", "s", message(1))
    writer.socket.send_multipart = send
    writer.drain()
    assert [event.seq for event in next_of_sessions(reader, 1)] == [1]


def test_what_came_twice_is_passed_on_once(broker, opened):
    reader = subscriber(broker, opened)
    writer = publisher(broker, opened)
    send = writer.socket.send_multipart
    writer.socket.send_multipart = lambda frames: [send(frames), send(frames)]
    for number in range(1, 21):
        writer.publish("aider.session_progress", "s", message(number))
    writer.drain()
    assert [event.seq for event in next_of_sessions(reader, 20)] == list(range(1, 21))
    # The first heads to come are of before.
    wait_until(lambda: reader.wait_for_head()["offset"] == reader.position, START_LIMIT_S,
               "head at the last event")


def test_an_event_may_stand_for_several_numbers(broker, opened):
    reader = subscriber(broker, opened)
    writer = publisher(broker, opened)
    writer.publish("aider.session_progress", "s", message(1))
    writer.publish("aider.session_progress", "s", message(5), covers=4)
    writer.publish("aider.session_progress", "s", message(6))
    writer.drain()
    assert [(e.seq, e.covers) for e in next_of_sessions(reader, 3)] == [(1, 1), (5, 4), (6, 1)]


def test_a_subscription_by_prefix_selects_a_type(broker, opened):
    reader = subscriber(broker, opened, name="py-raw")
    raw = reader.context.socket(zmq.SUB)
    raw.subscribe(b"aider.error_occurred/py-host/")
    raw.connect(reader.welcome["endpoints"]["subscribe"])
    writer = publisher(broker, opened)
    # An event that arrives shows that the subscription has; what follows is the test.

    def arrives():
        writer.publish("aider.error_occurred", "s", {"error_type": "timeout", "n": 0})
        return raw.poll(100)
    wait_until(arrives, LIMIT_S, "event of the subscription")
    writer.publish("aider.session_progress", "s", message(1))
    writer.publish("aider.error_occurred", "s", {"error_type": "timeout", "n": 1})
    writer.drain()
    seen = []
    while not seen or seen[-1].payload["n"] != 1:
        assert raw.poll(1000 * LIMIT_S), "the event does not come"
        seen.append(decode_event(raw.recv_multipart()))
    assert {event.type for event in seen} == {"aider.error_occurred"}


def test_malformed_events_are_refused_and_disturb_nobody(broker, opened):
    reader = subscriber(broker, opened)
    writer = publisher(broker, opened)
    good = Event("aider.session_progress", "py-host", "s", uuid7(), 1, 0, {"n": 1}).frames()
    header = good[1][:80]
    for frames in ([b"one"], [good[0], good[1], b"third"], [good[0], b"short"],
                   [b"no topic", good[1]], [good[0], b"\x07" + good[1][1:]],
                   [good[0], header + b"x" * 70_000], [good[0], good[1] + b"x"],
                   [good[0], good[1][:4] + b"\0\0\0\0" + good[1][8:]],
                   [good[0], good[1][:1] + b"\x80" + good[1][2:]]):
        writer.socket.send_multipart(frames)
    writer.publish("aider.session_progress", "s", message(1))
    writer.drain()
    assert [event.payload["message"] for event in next_of_sessions(reader, 1)] == ["line 1"]


def test_the_mesh_head_tells_the_newest_place(broker, opened):
    reader = subscriber(broker, opened)
    writer = publisher(broker, opened)
    writer.publish("aider.session_progress", "s", message(1))
    writer.drain()
    event = next_of_sessions(reader, 1)[0]
    # The first heads to come may be of before.
    wait_until(lambda: reader.wait_for_head()["offset"] >= event.offset, LIMIT_S, "newest place")
    head = reader.heads[-1]
    assert head["epoch"] == f"{event.epoch:016x}"
    assert head["incarnation"] == reader.welcome["incarnation"]


def test_errors_have_the_codes_that_the_document_names(broker, opened):
    opened.append(Peer("py-stranger", "py-host", broker.dir))
    stranger = opened[-1]

    def code(verb, body):
        with pytest.raises(ErrorAnswer) as refused:
            stranger.ask(verb, body)
        assert refused.value.body["message"]
        return refused.value.code
    assert code("replay", {"epoch": "0" * 16, "after": 0}) == "unknown_peer"
    welcome = stranger.hello()
    assert code("no_such_verb", {}) == "malformed"
    assert code("replay", {"after": "x"}) == "malformed"
    other = f"{int(welcome['epoch'], 16) ^ 1:016x}"
    assert code("replay", {"epoch": other, "after": 0}) == "epoch"
    assert code("replay", {"epoch": welcome["epoch"], "after": 10 ** 9}) == "ahead"
    assert code("call", {"service": "none", "request": {}, "deadline_ms": 1000}) == "no_service"
    stranger.control.send_multipart([b"aidermesh/9", b"hello", b'{"id":77}'])
    verb, body, _ = stranger.receive(LIMIT_S)
    assert verb == "error" and body["code"] == "version"


def test_a_source_has_one_holder(broker, opened):
    first = publisher(broker, opened, "py-one")
    second = Peer("py-two", "py-host", broker.dir)
    opened.append(second)
    with pytest.raises(ErrorAnswer) as refused:
        second.hello(sources=[{"source": str(first.source), "first": 1, "last": 0, "acked": 0}])
    assert refused.value.code == "source_held"
    assert refused.value.body["source"] == str(first.source)


def test_a_bridge_whose_source_another_holds_goes_on_under_a_new_one(mesh, opened):
    """As after a machine was cloned: neither is lost, and each number means one event."""
    broker = mesh.start_broker()
    bridge = mesh.start_bridge("--mode", "ndjson", stdin=subprocess.PIPE)

    def say(number):
        line = {"type": "aider.session_progress",
                "data": {"session_id": SESSION, **message(number)}}
        bridge.process.stdin.write(json.dumps(line).encode() + b"\n")
        bridge.process.stdin.flush()
    reader = subscriber(mesh, opened)
    say(1)
    first = next_of_sessions(reader, 1)[0]
    os.kill(bridge.process.pid, signal.SIGSTOP)
    wait_until(lambda: "transport-lost stdio-" in broker.log.read_text(), LIMIT_S, "lost bridge")
    holder = publisher(mesh, opened, source=first.source, last=first.seq)
    os.kill(bridge.process.pid, signal.SIGCONT)

    def bridge_says(text):
        holder.work()
        return text in bridge.log.read_text()
    wait_until(lambda: bridge_says("source_held"), LIMIT_S, "refusal")
    say(2)
    wait_until(lambda: bridge_says("source-renewed"), LIMIT_S, "bridge that gives way")
    say(3)
    holder.publish("aider.session_progress", SESSION, message(4))
    told = []

    def lines_2_to_4():
        holder.work()
        told.extend((event.source, event.seq, event.payload["message"])
                    for event in of_sessions(reader.arrived()))
        return len({text for _, _, text in told} - {"line 1"}) == 3
    wait_until(lines_2_to_4, LIMIT_S, "three lines")
    assert (first.source, first.seq + 1, "line 4") in told
    ours = [row for row in told if row[0] != first.source]
    assert len(ours) == len(told) - 1 and len({source for source, _, _ in ours}) == 1
    # The first line is told again where the bridge had not heard that the broker has it.
    lines = ["line 1", "line 2", "line 3"][-len(ours):]
    assert [row[1:] for row in ours] == list(enumerate(lines, 1))
    bridge.process.stdin.close()
    wait_until(lambda: holder.work() or bridge.process.poll() == 0, LIMIT_S, "end of the bridge")


def test_a_service_is_called_through_the_broker(broker, opened):
    server = Peer("py-server", "py-host", broker.dir)
    client = Peer("py-client", "py-host", broker.dir)
    opened += [server, client]
    server.hello(services=["double"])
    client.hello()
    client._last_id += 1
    client.send("call", {"id": client._last_id, "service": "double", "request": {"n": 21},
                         "deadline_ms": 60_000})
    verb, body, _ = server.receive(LIMIT_S)
    assert (verb, body["service"], body["request"]) == ("serve", "double", {"n": 21})
    server.send("answer", {"call": body["call"], "result": {"n": 42}})
    verb, body, _ = client.receive(LIMIT_S)
    assert (verb, body["id"], body["result"]) == ("result", client._last_id, {"n": 42})


def test_a_snapshot_says_who_is_there_and_the_newest_of_each_session(broker, opened):
    writer = publisher(broker, opened)
    for number in range(1, 4):
        writer.publish("aider.session_progress", "s", message(number))
    writer.drain()
    verb, body, frames = writer.ask("snapshot", {})
    assert verb == "snapshot" and len(frames) == 2 * body["count"]
    assert [peer["transport_id"] for peer in body["transports"]] == ["py-publisher"]
    events = [decode_event(frames[at:at + 2]) for at in range(0, len(frames), 2)]
    newest = [event for event in events if event.session == "s"]
    assert [(event.type, event.seq) for event in newest] == [("aider.session_progress", 3)]
    assert body["offset"] >= newest[0].offset


def test_who_falls_silent_is_lost_and_who_says_bye_has_left(mesh, opened):
    mesh.start_broker()
    reader = subscriber(mesh, opened)
    silent = Peer("py-silent", "py-host", mesh.dir)
    opened.append(silent)
    silent.hello()
    brief = Peer("py-brief", "py-host", mesh.dir)
    brief.hello()
    brief.close()
    told = {}
    while len(told) < 2:
        event = next(reader.events(1))
        if event.type in ("mesh.transport_left", "mesh.transport_lost"):
            told[event.payload["transport_id"]] = event.type
    assert told == {"py-brief": "mesh.transport_left", "py-silent": "mesh.transport_lost"}
