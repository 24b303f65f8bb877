"""snapshot=1: the live sessions first, then what becomes of them, for whoever comes whenever.

SPDX-License-Identifier: MPL-2.0
"""

import contextlib
import json
import random
import ssl
import subprocess
import threading

import pytest
from mesh import PATIENCE_S, FrameParser, Stream, wait_until
from pyzmq_mesh import Publisher

STARTED, ENDED = "aider.session_started", "aider.session_completed"
PROGRESS = "aider.session_progress"
BEFORE, AFTER, MOST = 500, 300, 50_000    # events: before and after the clients come, and in all
SESSIONS = 150
CLIENTS = 16
NONE_OF_OURS = "0123456789abcdef-7"


@pytest.fixture
def publisher(mesh):
    mesh.start_broker()
    publisher = Publisher("py-publisher", "left", mesh.dir)
    yield publisher
    publisher.close()


def start(publisher, session, **members):
    publisher.publish(STARTED, session, {"mode": "mcp", **members})


def end(publisher, session):
    publisher.publish(ENDED, session, {"success": True, "outcome": "ok"})


def offset(cursor):
    return int(cursor.partition("-")[2])


def told(stream):
    """The snapshot, which is the first event after stream.opened."""
    snapshot, = stream.wait("stream.snapshot", PATIENCE_S)
    assert stream.all()[1] is snapshot and snapshot.id is None
    return snapshot.data


def ids(snapshot):
    return [row["session_id"] for row in snapshot["sessions"]]


def live(events):
    """Which sessions run after these events, by the order of their first event."""
    state = {}
    for event in events:
        if event.type == STARTED or event.data["session_id"] in state:
            state[event.data["session_id"]] = event.type != ENDED
    return {session for session, running in state.items() if running}


class Flow(threading.Thread):
    """Sessions of two hosts that start, go on and end, some of them again, until it is finished."""

    def __init__(self, mesh):
        super().__init__(daemon=True)
        self.mesh = mesh
        self.count = 0
        self.before = threading.Event()
        self.finish = threading.Event()
        self.problem = None

    def run(self):
        try:
            with contextlib.ExitStack() as stack:
                hosts = [stack.enter_context(Publisher(f"py-{host}", host, self.mesh.dir))
                         for host in ("left", "right")]
                self.publish(hosts, random.Random(17))
        except Exception as error:
            self.problem = error

    def publish(self, hosts, choice):
        running = []
        left = AFTER
        while left > 0:
            assert self.count < MOST
            self.publish_one(hosts, choice, running)
            self.count += 1
            if self.count == BEFORE:
                self.before.set()
            if self.finish.is_set():
                left -= 1
            elif self.count > BEFORE and self.count % 10 == 0:
                hosts[0].control.poll(60)    # as long as it takes the clients to come
        for host in hosts:
            host.drain(PATIENCE_S)


    def publish_one(self, hosts, choice, running):
        which = choice.randrange(SESSIONS)
        if which not in running and (not running or
                                     (len(running) < 40 and choice.random() < 0.2)):
            running.append(which)
            start(hosts[which % 2], f"s-{which}", labels={"team": "web"})
            return
        which = choice.choice(running)
        if choice.random() < 0.15:
            running.remove(which)
            end(hosts[which % 2], f"s-{which}")
        else:
            hosts[which % 2].publish(PROGRESS, f"s-{which}",
                                     {"stage": "banner", "message": "x" * 100})


FILTERS = {
    "": lambda event: True,
    "&host=left": lambda event: event.data["host"] == "left",
    "&session=s-1,s-2,s-3,s-4,s-5,s-6": lambda event: event.data["session_id"] in
        {f"s-{number}" for number in range(1, 7)},
}


def test_what_is_told_and_what_comes_after_is_the_truth_for_each_client(mesh):
    mesh.start_broker()
    mesh.start_sse()
    flow = Flow(mesh)
    flow.start()
    assert flow.before.wait(PATIENCE_S), flow.problem
    choice = random.Random(4)
    with contextlib.ExitStack() as stack:
        def connect(query, last_id=None):
            stream = Stream(mesh.url, f"/events/aider{query}",
                            {**mesh.headers, **({"Last-Event-ID": last_id} if last_id else {})})
            stack.callback(stream.close)
            return stream
        whole = connect("?since=earliest")
        clients = []
        for number in range(CLIENTS):
            query = list(FILTERS)[number % len(FILTERS)]
            # Some are cut off, and come back to where they were: they know the sessions.
            back = number % 4 == 3
            stream = connect("?snapshot=1" + query)
            first = told(stream)
            cut = []
            if back:
                stream.wait("aider.*", PATIENCE_S, count=choice.randrange(1, 4))
                stream.close()
                cut = stream.all("aider.*")
                stream = connect("?snapshot=1" + query, cut[-1].id)
            clients.append((query, first, cut, stream, back))
        flow.finish.set()
        flow.join(4 * PATIENCE_S)
        assert not flow.is_alive() and flow.problem is None, flow.problem
        everything = whole.wait("aider.*", PATIENCE_S, count=flow.count)
        # They came while it flowed, and each later than the one before.
        places = [offset(first["cursor"]) for _, first, _, _, _ in clients]
        assert places == sorted(places) and places[0] < offset(everything[-1].id)
        for query, first, cut, stream, back in clients:
            mine = [event for event in everything if FILTERS[query](event)]
            place = offset(first["cursor"])
            before = [event for event in mine if offset(event.id) <= place]
            after = [event.id for event in mine if offset(event.id) > place]
            assert set(ids(first)) == live(before) and first["left_out"] == 0
            assert len(set(ids(first))) == len(first["sessions"])
            for row in first["sessions"]:
                of_it = [event for event in before
                         if event.data["session_id"] == row["session_id"]]
                assert row["events_seen"] == len(of_it) and row["cursor"] == of_it[-1].id
            wait_until(lambda cut=cut, stream=stream, after=after:
                       len(cut) + len(stream.all("aider.*")) >= len(after), PATIENCE_S,
                       f"events after {first['cursor']} of {query!r}")
            assert [event.id for event in cut + stream.all("aider.*")] == after
            assert len(stream.all("stream.snapshot")) == (0 if back else 1)
        assert len(everything) == len(whole.all("aider.*")) == flow.count
    assert any(len(ids(first)) > 3 for _, first, _, _, _ in clients), "hardly anything ran"


def test_late_ones_are_told_what_a_bridge_that_has_restarted_reads_in_the_journal(mesh, publisher):
    mesh.start_sse()
    for session in ("a", "b", "c"):
        start(publisher, session)
    end(publisher, "b")
    publisher.drain(PATIENCE_S)
    mesh.programs[-1].stop()
    mesh.start_sse()
    assert ids(told(mesh.stream("/events?snapshot=1"))) == ["c", "a"]
    # Whatever events are asked for; and the past after it, where that is asked for too.
    assert ids(told(mesh.stream("/events/errors?snapshot=1&provider=openai"))) == ["c", "a"]
    past = mesh.stream("/events/aider?snapshot=1&since=earliest")
    assert ids(told(past)) == ["c", "a"]
    assert live(past.wait("aider.*", PATIENCE_S, count=4)) == {"a", "c"}


def test_after_another_journal_everyone_is_told_also_unasked(mesh):
    in_memory = ("--set", "broker/journal=memory")
    broker = mesh.start_broker(*in_memory)
    mesh.start_sse()
    with Publisher("py-publisher", "left", mesh.dir) as publisher:
        start(publisher, "a")
        publisher.drain(PATIENCE_S)
        stream = mesh.stream("/events/aider?snapshot=1&since=earliest")
        old, = stream.wait(STARTED, PATIENCE_S)
        for path in ("/events/aider", "/events/aider?snapshot=1"):
            lost = mesh.stream(path, {"Last-Event-ID": NONE_OF_OURS})
            assert lost.wait("stream.opened", PATIENCE_S)[0].data["verdict"] == "reset"
            assert ids(told(lost)) == ["a"]
        broker.kill()
        mesh.start_broker(*in_memory)
        stream.wait("stream.gap", PATIENCE_S)
        # What still runs is known from before, and goes on in the new order.
        again = mesh.stream("/events/aider", {"Last-Event-ID": old.id})
        opened, = again.wait("stream.opened", PATIENCE_S)
        assert opened.data["verdict"] == "reset" and ids(told(again)) == ["a"]
        end(publisher, "a")
        publisher.drain(PATIENCE_S)
        assert again.wait(ENDED, PATIENCE_S)[0].data["session_id"] == "a"
    assert ids(told(mesh.stream("/events?snapshot=1"))) == []


def test_a_token_is_told_the_sessions_of_its_scope_only(mesh, publisher):
    mesh.start_sse()
    with Publisher("py-right", "right", mesh.dir) as right:
        start(publisher, "l-1")
        start(right, "r-1")
        start(right, "r-2")
        for each in (publisher, right):
            each.drain(PATIENCE_S)
    whole = mesh.stream("/events/aider?snapshot=1&since=earliest")
    whole.wait(STARTED, PATIENCE_S, count=3)
    for scopes, expected in ((["events;host=right"], {"r-1", "r-2"}),
                             (["events;host=left", "events;session=r-2"], {"l-1", "r-2"}),
                             (["events;types=aider.error_occurred"], set()),
                             (["events"], {"l-1", "r-1", "r-2"})):
        words = [word for scope in scopes for word in ("--scope", scope)]
        made = subprocess.run([*mesh.program("aidermesh"), "token", "new", *words], env=mesh.env,
                              capture_output=True, text=True, timeout=PATIENCE_S, check=True)
        key = {"Authorization": f"Bearer {made.stdout.strip()}"}
        # The sse-bridge looks at the file every second.
        wait_until(lambda key=key: mesh.get("/events?nothing=1", key)[0] == 400, PATIENCE_S,
                   "token that is known")
        assert set(ids(told(mesh.stream("/events?snapshot=1", key)))) == expected
        # Also unasked.
        lost = mesh.stream("/events", {**key, "Last-Event-ID": NONE_OF_OURS})
        assert set(ids(told(lost))) == expected


def test_more_than_a_snapshot_takes_is_counted_and_found_in_the_list(mesh, publisher):
    mesh.start_sse()
    for number in range(1005):
        start(publisher, f"s-{number}")
    publisher.drain(PATIENCE_S)
    end(publisher, "s-7")
    publisher.drain(PATIENCE_S)
    mesh.stream(f"/events?types={ENDED}&since=earliest").wait(ENDED, PATIENCE_S)
    snapshot = told(mesh.stream("/events?snapshot=1"))
    assert ids(snapshot) == [f"s-{number}" for number in range(1004, 4, -1) if number != 7] + [
        "s-4"]
    assert snapshot["left_out"] == 4
    page = json.loads(mesh.get("/api/v1/sessions?state=running&limit=1000")[2])
    # One writes times to the microsecond, the other to ten of them.
    times = ("started_at", "last_event_at")
    for row, shown in zip(snapshot["sessions"], page["sessions"], strict=True):
        assert all(abs(row[time] - shown[time]) < 1e-4 for time in times)
        assert {**row, **{time: shown[time] for time in times}} == shown
    rest = json.loads(mesh.get(
        f"/api/v1/sessions?state=running&limit=1000&cursor={page['next_cursor']}")[2])
    assert ids(rest) == ["s-3", "s-2", "s-1", "s-0"]


@pytest.mark.parametrize("zipped", [[], ["--compressed"]], ids=["plain", "gzip"])
def test_over_tls_and_as_gzip_it_is_the_same(mesh, publisher, folder, zipped):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=test", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-days", "30", "-keyout", "key.pem",
                    "-out", "certificate.pem"], cwd=folder, check=True, capture_output=True)
    mesh.tls = ssl.create_default_context(cafile=str(folder / "certificate.pem"))
    mesh.start_sse("--set", f"http/tls_certificate={folder / 'certificate.pem'}",
                   "--set", f"http/tls_key={folder / 'key.pem'}")
    for number in range(300):
        start(publisher, f"s-{number}", labels={"text": f"{number}" * 30})
    publisher.drain(PATIENCE_S)
    mesh.stream("/events/aider?since=earliest").wait(STARTED, PATIENCE_S, count=300)
    with subprocess.Popen(
            ["curl", "-sSN", *zipped, "--cacert", folder / "certificate.pem", "-H",
             f"Authorization: Bearer {mesh.token}", f"{mesh.url}/events/aider?snapshot=1"],
            stdout=subprocess.PIPE) as curl:
        parser, frames = FrameParser(), []
        try:
            while len(frames) < 2:
                data = curl.stdout.read1(65536)
                assert data, "the end came before the snapshot"
                frames += parser.feed(data, 0)
            end(publisher, "s-299")
            publisher.drain(PATIENCE_S)
            while len(frames) < 3:
                frames += parser.feed(curl.stdout.read1(65536), 0)
        finally:
            curl.kill()
    assert [frame.type for frame in frames] == ["stream.opened", "stream.snapshot", ENDED]
    assert ids(frames[1].data) == [f"s-{number}" for number in range(299, -1, -1)]
