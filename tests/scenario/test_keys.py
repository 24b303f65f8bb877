"""Keys: who has none, or the wrong one, is out; who has one does its part; who loses it is out.

SPDX-License-Identifier: MPL-2.0
"""

import contextlib
import itertools
import pathlib
import re
import signal
import subprocess
import threading
import time

import pytest
import zmq
from mesh import PATIENCE_S, SLOWNESS, START_LIMIT_S, wait_until
from pyzmq_mesh import (ErrorAnswer, Event, Peer, Publisher, Subscriber, decode_event, key_of,
                        uuid7)

SILENCE_MS = 700
PATIENCE_MS = 1000 * PATIENCE_S
# A second is promised of what is installed.
OUT_LIMIT_S = 1.0 if SLOWNESS == 1 else 20.0


def keys(mesh, *words, status=0):
    """What `aidermesh keys` prints; on stderr where it is to fail."""
    done = subprocess.run([*mesh.program("aidermesh"), "keys", *words], env=mesh.env, text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stderr if status else done.stdout


def new_key(mesh, name, role):
    return key_of(keys(mesh, "new", name, role).strip())


def store(mesh):
    return mesh.folder / "state" / "aidermesh" / "keys"


def local_key(mesh):
    return key_of(store(mesh) / "local.key")


def message(text):
    return {"stage": "banner", "message": str(text)}


def raw_event(text, source=None, seq=1):
    return Event("aider.session_progress", "py-host", text, source or uuid7(), seq,
                 time.time_ns() // 1000, message(text)).frames()


@pytest.fixture(autouse=True)
def opened():
    """Peers to be closed at the end, whatever happens; strangers are too."""
    peers = []
    yield peers
    # What stays open would keep Python from ending.
    for peer in (*reversed(peers), *Stranger.made):
        peer.context.destroy(linger=0)
    Stranger.made.clear()


def add(opened, kind, mesh, name, **settings):
    opened.append(kind(name, "py-host", mesh.dir, **settings))
    return opened[-1]


def sessions_seen(mesh, opened, key):
    """The sessions of all events there are, once one sent now has come."""
    mark = f"mark-{uuid7()}"
    writer = add(opened, Publisher, mesh, f"py-{mark}", key=key)
    writer.publish("aider.session_progress", mark, message("mark"))
    writer.drain()
    reader = add(opened, Subscriber, mesh, f"py-reader-{mark}", after=0, key=key)
    seen = []
    while not seen or seen[-1] != mark:
        seen += [event.session for event in reader.events(1)]
    return seen


class Stranger:
    """All three sockets, with what keys it likes, and no wish but to get in."""

    made = []

    def __init__(self, mesh, key):
        Stranger.made.append(self)
        self.context = zmq.Context()
        self.sockets = []
        for kind, name in ((zmq.DEALER, "control"), (zmq.XPUB, "publish"), (zmq.SUB, "subscribe")):
            socket = self.context.socket(kind)
            socket.linger = 0
            if key:
                socket.curve_publickey, socket.curve_secretkey, socket.curve_serverkey = key
            if kind == zmq.SUB:
                socket.subscribe(b"")
            socket.connect(mesh.endpoint(name))
            self.sockets.append(socket)
        self.control, self.publish, self.subscribe = self.sockets

    def tries(self, session):
        hello = (b'{"id":1,"transport_id":"stranger","transport_type":"tool","host":"h","pid":1,'
                 b'"version":"0","protocol":1,"sources":[]}')
        call = b'{"id":2,"service":"none","request":{},"deadline_ms":100}'
        for socket, frames in ((self.control, [b"aidermesh/1", b"hello", hello]),
                               (self.control, [b"aidermesh/1", b"call", call]),
                               (self.publish, raw_event(session))):
            with contextlib.suppress(zmq.Again):    # nobody takes it
                socket.send_multipart(frames, zmq.DONTWAIT)

    def got(self, timeout_ms=SILENCE_MS):
        """What arrived: answers, the broker's subscription, events."""
        until = time.monotonic() + timeout_ms / 1000
        found = []
        for socket in itertools.cycle(self.sockets):
            if time.monotonic() > until:
                return found
            if socket.poll(10):
                found.append(socket.recv_multipart())

    def close(self):
        self.context.destroy(linger=0)


@pytest.mark.parametrize("kind", ["no key", "unknown key", "wrong server key"])
def test_a_stranger_can_neither_publish_nor_subscribe_nor_call(mesh, opened, kind):
    public, secret, server = new_key(mesh, "known", "operate")
    other_public, other_secret = zmq.curve_keypair()
    shown = {"no key": None, "unknown key": (other_public, other_secret, server),
             "wrong server key": (public, secret, other_public)}[kind]
    broker = mesh.start_broker()
    stranger = Stranger(mesh, shown)
    stranger.tries("strange")
    seen = sessions_seen(mesh, opened, (public, secret, server))
    assert stranger.got() == []
    stranger.tries("strange")    # what libzmq kept in the meantime, too
    assert stranger.got() == []
    seen = sessions_seen(mesh, opened, (public, secret, server))
    assert "strange" not in seen
    stranger.close()
    if kind == "unknown key":
        wait_until(lambda: "stranger-refused" in broker.said(), PATIENCE_S, "word of the refusal")


def test_a_stranger_gets_in_where_there_are_no_keys(mesh, opened):
    """The same attempt, so that its failure above is the keys' doing."""
    mesh.start_broker()
    stranger = Stranger(mesh, None)
    stranger.tries("strange")
    found = []
    # Two answers, and the broker's subscription, without which what is published is lost.
    wait_until(lambda: found.extend(stranger.got()) or len(found) >= 3 and [b"\x01"] in found,
               PATIENCE_S, "answers and subscription")
    stranger.publish.send_multipart(raw_event("strange"))
    wait_until(lambda: "strange" in sessions_seen(mesh, opened, None), PATIENCE_S,
               "event of the stranger")
    stranger.close()


@pytest.mark.parametrize("guarded", [True, False])
def test_without_a_handler_the_two_options_let_nobody_in(guarded):
    context = zmq.Context()
    public, secret = zmq.curve_keypair()
    server = context.socket(zmq.PULL)
    server.curve_server, server.curve_publickey, server.curve_secretkey = True, public, secret
    if guarded:
        server.zap_domain = b"publish"
        server.setsockopt(93, 1)    # ZMQ_ZAP_ENFORCE_DOMAIN
    port = server.bind_to_random_port("tcp://127.0.0.1")
    client = context.socket(zmq.PUSH)
    client.curve_publickey, client.curve_secretkey = zmq.curve_keypair()
    client.curve_serverkey = public
    client.connect(f"tcp://127.0.0.1:{port}")
    client.linger = 0
    try:
        client.send(b"let me in", zmq.DONTWAIT)
        came = server.poll(SILENCE_MS if guarded else PATIENCE_MS)
    finally:
        context.destroy(linger=0)
    assert bool(came) is not guarded


def test_who_comes_while_the_handler_is_stopped_waits_and_is_refused(mesh, opened):
    key = new_key(mesh, "known", "operate")
    broker = mesh.start_broker()
    broker.process.send_signal(signal.SIGSTOP)
    stranger = Stranger(mesh, (*zmq.curve_keypair(), key[2]))
    try:
        stranger.tries("strange")
        assert stranger.got() == []
    finally:
        broker.process.send_signal(signal.SIGCONT)
    assert "strange" not in sessions_seen(mesh, opened, key)
    assert stranger.got() == []
    stranger.close()


def code(peer, verb, body):
    with pytest.raises(ErrorAnswer) as refused:
        peer.ask(verb, body)
    return refused.value.code


def test_each_role_does_its_part_and_no_other(mesh, opened):
    publish, subscribe, operate = (new_key(mesh, role, role)
                                   for role in ("publish", "subscribe", "operate"))
    mesh.start_broker()
    calls = {"replay": {"epoch": "0" * 16, "after": 0}, "snapshot": {},
             "call": {"service": "none", "request": {}, "deadline_ms": 100}}
    hello = {"sources": [{"source": str(uuid7()), "first": 1, "last": 0, "acked": 0}]}

    writer = add(opened, Publisher, mesh, "py-writer", key=publish)
    writer.publish("aider.session_progress", "s", message(1))
    writer.drain()
    for verb, body in calls.items():
        assert code(writer, verb, body) == "forbidden"
    assert code(writer, "answer", {"call": 1}) == "forbidden"
    with pytest.raises(ErrorAnswer, match="forbidden: .*no services"):
        writer.hello(services=["history"])

    reader = add(opened, Subscriber, mesh, "py-reader", after=0, key=subscribe)
    assert any(event.session == "s" for event in reader.events(2))
    assert reader.ask("snapshot", {})[0] == "snapshot"
    assert code(reader, "call", calls["call"]) == "no_service"
    assert code(reader, "answer", {"call": 1}) == "forbidden"
    with pytest.raises(ErrorAnswer, match="forbidden: .*no sources"):
        reader.hello(**hello)

    # The doors of the other's part stay closed to the sockets, too.
    stranger = Stranger(mesh, publish)
    assert stranger.publish.poll(PATIENCE_MS), "a publisher gets no subscription"
    assert not stranger.subscribe.poll(1500)    # a mesh.head comes every second
    stranger.close()
    stranger = Stranger(mesh, subscribe)
    assert stranger.subscribe.poll(PATIENCE_MS), "a subscriber gets no mesh.head"
    assert not stranger.publish.poll(SILENCE_MS)
    stranger.close()

    server = add(opened, Peer, mesh, "py-server", key=operate)
    server.hello(services=["double"], **hello)
    assert server.ask("snapshot", {})[0] == "snapshot"
    server.close()


def test_what_one_key_began_no_other_goes_on_with(mesh, opened):
    one, two = new_key(mesh, "one", "operate"), new_key(mesh, "two", "operate")
    broker = mesh.start_broker()
    writer = Publisher("py-writer", "py-host", mesh.dir, key=one)
    writer.publish("aider.session_progress", "own", message(1))
    writer.drain()
    thief = add(opened, Peer, mesh, "py-thief", key=two)
    with pytest.raises(ErrorAnswer, match="forbidden: .*transport_id"):
        thief.ask("hello", {"transport_id": "py-writer", "transport_type": "tool", "host": "h",
                            "pid": 1, "version": "0", "protocol": 1, "sources": []})
    claim = [{"source": str(writer.source), "first": 2, "last": 1, "acked": 1}]
    with pytest.raises(ErrorAnswer, match="source_held"):
        thief.hello(sources=claim)
    writer.close()
    wait_until(lambda: "transport-left py-writer" in broker.said(), PATIENCE_S, "bye of the writer")
    with pytest.raises(ErrorAnswer, match="source_held: .*another key"):
        thief.hello(sources=claim)
    socket = thief.open(zmq.XPUB)
    socket.connect(mesh.endpoint("publish"))
    assert socket.poll(PATIENCE_MS)
    socket.send_multipart(raw_event("stolen", writer.source, 2))
    wait_until(lambda: "source-foreign" in broker.said(), PATIENCE_S, "refusal of the stolen source")
    assert "stolen" not in sessions_seen(mesh, opened, two)
    again = add(opened, Peer, mesh, "py-writer-again", key=one)
    assert again.hello(sources=claim)["sources"][0]["next"] == 2


def test_a_revoked_key_is_out_within_a_second_and_the_others_lose_nothing(mesh, opened):
    made = {name: new_key(mesh, name, role) for name, role in
            (("w-good", "publish"), ("w-bad", "publish"), ("r-good", "subscribe"),
             ("r-bad", "subscribe"))}
    mesh.start_broker()
    good, bad = (add(opened, Publisher, mesh, f"py-{name}", key=made[name])
                 for name in ("w-good", "w-bad"))
    reader = add(opened, Subscriber, mesh, "py-reader", after=0, key=made["r-good"])
    spy = Stranger(mesh, made["r-bad"])
    spied, seen = [], []    # events; each list has one thread that adds to it
    bad.control.sndtimeo = 0
    ended = threading.Event()

    def read():
        while not ended.is_set() or sum(e.source == good.source for e in seen) < good.last:
            seen.extend(reader.arrived())

    def watch():
        while spy.subscribe.poll(50) or not ended.is_set():
            with contextlib.suppress(zmq.Again):
                spied.append(decode_event(spy.subscribe.recv_multipart(zmq.DONTWAIT)))
    threads = [threading.Thread(target=run, daemon=True) for run in (read, watch)]
    for thread in threads:
        thread.start()

    def flow(fact, what):
        """Publish until a fact is there."""
        def step():
            for writer in (good, bad):
                # What is not taken stays in the window, and a refused socket takes nothing.
                if writer.last < 900 or writer is good:
                    with contextlib.suppress(zmq.Again):
                        writer.publish("aider.session_progress", writer.transport_id,
                                       message(writer.last))
            return fact()
        wait_until(step, PATIENCE_S, what, step_s=0.005)

    def of(writer):
        return [event for event in seen if event.source == writer.source]

    def newest(events):
        """When the broker made the newest of them, its own heads among them, in Unix seconds."""
        return max(max(event.recorded_us, event.timestamp_us) for event in events) / 1e6

    flow(lambda: len(of(good)) > 10 and len(of(bad)) > 10 and len(spied) > 10, "events of both")
    keys(mesh, "revoke", "w-bad")
    out = time.time()
    flow(lambda: any(event.type == "mesh.transport_lost" and
                     event.payload["transport_id"] == "py-w-bad" for event in seen),
         "loss of the revoked publisher")
    before = len(of(good))
    flow(lambda: len(of(good)) > before + 100, "hundred events after that")
    assert max(event.recorded_us for event in of(bad)) / 1e6 <= out + OUT_LIMIT_S
    keys(mesh, "revoke", "r-bad")
    out = time.time()
    flow(lambda: newest(seen) > max(newest(spied), out) + 1.5, "silence of the revoked subscriber")
    good.drain()
    ended.set()
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), f"{len(seen)} events seen, {good.last} sent"
    spy.close()

    assert [event.seq for event in of(good)] == list(range(1, good.last + 1))
    assert reader.gaps == []
    assert [event.seq for event in of(bad)] == list(range(1, len(of(bad)) + 1))
    assert len(of(bad)) < bad.last, "the revoked publisher is not out"
    assert newest(spied) <= out + OUT_LIMIT_S


def test_a_broken_file_among_the_keys_hides_no_revocation(mesh, opened):
    for name in ("one", "two"):
        new_key(mesh, name, "operate")
    broker = mesh.start_broker()
    one = add(opened, Peer, mesh, "py-one", key=key_of(store(mesh) / "one.key"))
    one.hello()
    (store(mesh) / "authorized" / "one.pub").write_text("broken\n  here")
    assert "one.pub" in keys(mesh, "show", status=1)
    keys(mesh, "revoke", "two")
    wait_until(lambda: "keys-unreadable" in broker.said(), PATIENCE_S, "word on the broken file")

    def is_refused():
        stranger = Stranger(mesh, key_of(store(mesh) / "two.key"))
        got = stranger.got()
        stranger.close()
        return not got
    # The broken file may be said before the revocation is there to be seen.
    wait_until(is_refused, 10 * OUT_LIMIT_S, "refusal of the revoked key")
    again = add(opened, Peer, mesh, "py-one-again", key=key_of(store(mesh) / "one.key"))
    again.hello()    # who cannot be read any more stays as it was


def test_beyond_this_host_a_broker_binds_only_with_keys(mesh):
    words = ["--set", "broker/bind_control=tcp://0.0.0.0:*"]
    bare = mesh.start_only("aidermesh-broker", *words)
    assert bare.wait(START_LIMIT_S) == 2
    assert ("can be reached from other hosts, and the mesh has no keys; make some with "
            "'aidermesh keys new'") in bare.said()
    keys(mesh, "new", "remote", "publish")
    off = mesh.start_only("aidermesh-broker", *words, "--set", "broker/keys=off")
    assert off.wait(START_LIMIT_S) == 2
    broker = mesh.start_only("aidermesh-broker", *words)
    found = wait_until(lambda: re.search(r"listening control on tcp://\*:(\d+)", broker.said()),
                       START_LIMIT_S, "control socket on every address")
    context = zmq.Context()
    for key, answers in ((None, False), (key_of(store(mesh) / "remote.key"), True)):
        dealer = context.socket(zmq.DEALER)
        if key:
            dealer.curve_publickey, dealer.curve_secretkey, dealer.curve_serverkey = key
        dealer.connect(f"tcp://127.0.0.1:{found[1]}")
        dealer.send_multipart([b"aidermesh/1", b"heartbeat", b'{"transport_id":"x"}'])
        assert bool(dealer.poll(PATIENCE_MS if answers else SILENCE_MS)) is answers
    context.destroy(linger=0)
    # A port that the kernel chose is another one after a revocation: the file tells.
    keys(mesh, "revoke", "remote")
    wait_until(lambda: broker.said().count("listening control") == 2, 5, "sockets bound again")
    port = re.findall(r"listening control on tcp://\*:(\d+)", broker.said())[-1]
    registry = mesh.dir / "coordinator_registry.json"
    wait_until(lambda: f":{port}" in registry.read_text(), PATIENCE_S, "port in the discovery file")


def test_keys_on_is_kept_to(mesh):
    broker = mesh.start_only("aidermesh-broker", "--set", "broker/keys=on")
    assert broker.wait(START_LIMIT_S) == 1
    assert "keys-unusable" in broker.said() and "there is no key" in broker.said()
    keys(mesh, "new", "one", "operate")
    (store(mesh) / "broker.key").chmod(0o644)
    broker = mesh.start_only("aidermesh-broker")
    assert broker.wait(START_LIMIT_S) == 1
    assert "others may use it (mode 0644); chmod 600 it" in broker.said()


def test_keys_are_made_shown_and_revoked(mesh):
    assert keys(mesh, "show") == ""
    path = pathlib.Path(keys(mesh, "new", "build-7", "publish").strip())
    assert path == store(mesh) / "build-7.key" and path.stat().st_mode & 0o777 == 0o600
    for part in (store(mesh), store(mesh) / "authorized", store(mesh) / "revoked"):
        assert part.stat().st_mode & 0o777 == 0o700
    public = key_of(path)[0].decode()
    assert f"may enter  publish    {public}  build-7\n" in keys(mesh, "show")
    assert public not in (store(mesh) / "broker.key").read_text()
    assert "already" in keys(mesh, "new", "build-7", "operate", status=1)
    for bad in ("", ".", "a/b", "../x", "-", "ü", "x" * 65, "broker", "local"):
        if bad != "-":
            assert "is not a name for a key" in keys(mesh, "new", bad, "publish", status=1)
    for words in (["new"], ["new", "x"], ["new", "x", "root"], ["show", "x"], ["revoke"],
                  ["no-such-verb"], []):
        keys(mesh, *words, status=2)
    assert keys(mesh, "revoke", "build-7") == ""
    assert f"revoked    publish    {public}  build-7\n" in keys(mesh, "show")
    assert 'no authorized key "build-7"' in keys(mesh, "revoke", "build-7", status=1)
    assert "already, or there was one" in keys(mesh, "new", "build-7", "publish", status=1)
    assert "no authorized key" in keys(mesh, "revoke", "nobody", status=1)
    (store(mesh) / "authorized").chmod(0o777)
    assert "others may write to it" in keys(mesh, "show", status=1)


def transports(mesh, opened, name):
    peer = add(opened, Peer, mesh, name, key=local_key(mesh))
    peer.hello()
    found = {row["transport_type"] for row in peer.ask("snapshot", {})[1]["transports"]}
    peer.close()
    return found


def test_programs_of_this_host_need_no_configuration(mesh, opened):
    keys(mesh, "new", "far", "publish")
    mesh.start()
    bridge = mesh.start_bridge("--", "sh", "-c", "echo hello; sleep 0.2")
    mesh.events.wait("mesh.transport_joined", START_LIMIT_S,
                     where=lambda data: data.get("transport_type") == "stdio")
    mesh.events.wait("mesh.transport_left", START_LIMIT_S)
    bridge.wait(START_LIMIT_S)
    assert {"monitor", "tool"} <= transports(mesh, opened, "py-asks")
    for name in ("aidermesh-broker", "aidermesh-monitor"):
        check = mesh.start_only(name, "--healthcheck")
        assert check.wait(START_LIMIT_S) == 0, check.said()


def test_keys_come_into_force_for_programs_that_run(mesh, opened):
    mesh.start()
    before = len(mesh.events.all("mesh.transport_joined"))
    keys(mesh, "new", "far", "publish")
    wait_until(lambda: "keys are in force from now on" in mesh.programs[0].said(), PATIENCE_S, "keys")
    stranger = Stranger(mesh, None)
    assert stranger.got() == []
    stranger.close()
    wait_until(lambda: {"monitor", "sse"} <= {
        kind.replace("sse-bridge", "sse") for kind in transports(mesh, opened, f"py-{time.time()}")},
        START_LIMIT_S, "programs that are back with their key")
    mesh.start_bridge("--", "true").wait(START_LIMIT_S)
    mesh.events.wait("mesh.transport_joined", START_LIMIT_S, count=before + 1,
                     where=lambda data: data.get("transport_type") != "tool")
