"""What a client does after each thing that a stream can tell it, in four clients at once.

SPDX-License-Identifier: MPL-2.0

Nobody tells the clients anything else: each goes on by itself, as a browser's page would have it.
"""

import contextlib
import http.client
import json
import socket
import subprocess
import sys

import pytest
from mesh import ROOT, SLOWNESS, wait_until
from pyzmq_mesh import Publisher

sys.path.insert(0, str(ROOT / "tests" / "conformance"))

import readers    # noqa: E402
from relay import Relay    # noqa: E402

PROGRESS = "aider.session_progress"
PATIENCE_S = 30 * SLOWNESS
TYPES = [PROGRESS, "aider.session_started", "aider.session_completed", "stream.opened",
         "stream.gap", "stream.closing"]
STARTED = {"mode": "cli", "working_dir": "/", "editable_files": [], "readonly_files": [],
           "architect_mode": False}
QUICK = ("--set", "http/retry=300ms")
NONE_OF_OURS = "0123456789abcdef-7"
LONG_RETRY_MS = 30_000


@pytest.fixture(scope="module")
def browser():
    browser = readers.Browser()
    yield browser
    browser.close()


@pytest.fixture
def publish(mesh):
    """Publishes one event, for good; a started broker takes it."""
    mesh.start_broker()
    with contextlib.closing(Publisher("py-verdicts", "py-host", mesh.dir)) as publisher:
        def publish(message, session="s-1", type_=PROGRESS, **payload):
            payload = payload or {"stage": "banner", "message": message}
            publisher.publish(type_, session, payload)
            publisher.drain(PATIENCE_S)
        yield publish


@pytest.fixture
def open_all(mesh, browser):
    """Every client at a path, each through a relay of its own."""
    opened = []

    def open_all(path, headers=None):
        new = []
        for name in readers.ALL:
            relay = Relay(mesh.url + path, mesh.headers if headers is None else headers)
            new.append(readers.open_reader(name, relay, TYPES, browser))
            opened.append(new[-1])
        return new
    yield open_all
    for reader in opened:
        reader.close()
        reader.relay.__exit__()


def verdicts(reader):
    return [json.loads(event.data)["verdict"] for event in reader.events
            if event.type == "stream.opened"]


def cursors(reader):
    return [json.loads(event.data)["cursor"] for event in reader.events
            if event.type == "stream.opened"]


def messages(reader):
    return [json.loads(event.data)["message"] for event in reader.events
            if event.type == PROGRESS]


def wait_verdicts(reader, expected):
    reader.wait(lambda _: len(verdicts(reader)) >= len(expected), PATIENCE_S,
                f"the verdicts {expected}")
    assert verdicts(reader) == expected, reader.name


def positions(reader):
    """The Last-Event-ID of each request."""
    return [exchange.asked.get("last-event-id") for exchange in reader.relay.exchanges]


def wait_closed(reader, status, requests):
    """It gave up for good, with the last of so many requests."""
    reader.wait_state("closed", PATIENCE_S)
    assert len(reader.relay.exchanges) == requests, (reader.name, positions(reader))
    assert reader.relay.exchanges[-1].status == status


def reasons(reader):
    return [json.loads(event.data)["reason"] for event in reader.events
            if event.type == "stream.closing"]


def test_each_verdict_leads_to_exact_once_there_is_a_position(mesh, publish, open_all):
    mesh.start_sse(*QUICK)
    publish("before")
    before, = mesh.stream("/events/aider?since=earliest").wait(PROGRESS, PATIENCE_S)
    by_verdict = {"live": open_all("/events/aider"),
                  "exact": open_all(f"/events/aider?last_event_id={before.id}"),
                  "reset": open_all(f"/events/aider?last_event_id={NONE_OF_OURS}"),
                  "unknown": open_all("/events/aider?last_event_id=what%3F")}
    everyone = [reader for four in by_verdict.values() for reader in four]
    for verdict, four in by_verdict.items():
        for reader in four:
            wait_verdicts(reader, [verdict])
    # Nothing has happened when the network fails: who showed a dead position has a good one now.
    for reader in everyone:
        reader.relay.cut()
    for verdict, four in by_verdict.items():
        good = verdict in ("reset", "unknown")
        for reader in four:
            wait_verdicts(reader, [verdict, "exact" if good else verdict])
            assert positions(reader) == [None, cursors(reader)[0] if good else None]
    # From its first event on each client has a position of its own, and loses nothing.
    publish("one")
    for reader in everyone:
        reader.wait_event(PROGRESS, PATIENCE_S)
        reader.relay.cut()
    publish("two")
    for reader in everyone:
        reader.wait(lambda reader: len(messages(reader)) >= 2, PATIENCE_S, "both events")
        assert messages(reader) == ["one", "two"]
        assert verdicts(reader)[2:] == ["exact"]
        one = reader.wait_event(PROGRESS, PATIENCE_S)[0]
        assert positions(reader)[2] == one.last_id != ""
        assert reader.states == ["open", "connecting"] * 2 + ["open"]


def test_a_gap_is_said_once_and_then_the_client_goes_on_exactly(mesh, publish, open_all):
    mesh.start_sse(*QUICK)
    for number in range(3):
        publish(f"secret {number}", session="s-gone")
    whole = mesh.stream("/events/aider?since=earliest")
    first = whole.wait(PROGRESS, PATIENCE_S, count=3)[0]
    run(mesh, "forget", "--session", "s-gone", "--force")
    four = open_all(f"/events/aider?last_event_id={first.id}")
    for reader in four:
        wait_verdicts(reader, ["gap"])
        gap, = reader.wait_event("stream.gap", PATIENCE_S)
        said = json.loads(gap.data)
        assert said["reason"] == "forgotten" and said["from"] == first.id and said["at_most"] >= 2
        assert gap.last_id != ""
        reader.relay.cut()
    publish("after")
    for reader in four:
        reader.wait_event(PROGRESS, PATIENCE_S)
        wait_verdicts(reader, ["gap", "exact"])
        assert messages(reader) == ["after"] and len(reader.wait_event("stream.gap", 0)) == 1
        assert positions(reader) == [None, reader.wait_event("stream.gap", 0)[0].last_id]


def test_a_session_that_is_over_ends_its_clients_for_good(mesh, publish, open_all):
    mesh.start_sse(*QUICK, "--set", "http/ended_after=1s")
    publish("", "s-9", "aider.session_started", **STARTED)
    four = open_all("/events/aider?session=s-9&since=earliest")
    for reader in four:
        reader.wait_event("aider.session_started", PATIENCE_S)
    publish("", "s-9", "aider.session_completed", success=True, outcome="ok", exit_code=0,
            duration=1.0)
    for reader in four:
        wait_closed(reader, 204, requests=2)
        assert reasons(reader) == ["ended"]
        completed, = reader.wait_event("aider.session_completed", 0)
        assert positions(reader) == [None, completed.last_id]
        assert reader.states == ["open", "connecting", "closed"]


def run(mesh, *words):
    done = subprocess.run([*mesh.program("aidermesh"), *words], env=mesh.env,
                          capture_output=True, text=True, timeout=60 * SLOWNESS)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def new_token(mesh, *words):
    shown = {"Authorization": f"Bearer {run(mesh, 'token', 'new', *words)}"}
    # The sse-bridge looks at the file every second.
    wait_until(lambda: mesh.get("/api/v1/events", shown)[0] != 401, PATIENCE_S,
               "token that is known")
    return shown


def test_a_refusal_is_final(mesh, publish, open_all):
    mesh.start_sse(*QUICK)
    narrow = new_token(mesh, "--scope", "events;host=left", "narrow")
    refused = {400: open_all("/events?typs=x"), 401: open_all("/events", {}),
               403: open_all("/events?host=right", narrow), 404: open_all("/event")}
    for status, four in refused.items():
        for reader in four:
            wait_closed(reader, status, requests=1)
            assert reader.states == ["closed"] and reader.events == []


def test_a_revoked_token_is_said_and_then_final(mesh, publish, open_all):
    mesh.start_sse(*QUICK)
    four = open_all("/events", new_token(mesh, "--scope", "events", "gone-soon"))
    for reader in four:
        wait_verdicts(reader, ["live"])
    run(mesh, "token", "revoke", "gone-soon")
    for reader in four:
        wait_closed(reader, 401, requests=2)
        assert reasons(reader) == ["token_revoked"]


def test_a_stop_is_said_and_after_it_each_client_goes_on(mesh, publish, open_all):
    sse = mesh.start_sse(*QUICK)
    path = "/events/aider"
    four = open_all(path)
    for reader in four:
        wait_verdicts(reader, ["live"])
    publish("one")
    for reader in four:
        reader.wait_event(PROGRESS, PATIENCE_S)
    # The port that is left may be somebody else's before long: here nobody listens.
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        for reader in four:
            reader.relay.go_to(f"http://127.0.0.1:{nobody.getsockname()[1]}{path}")
        sse.stop()
        publish("two")
        for reader in four:
            reader.wait_event("stream.closing", PATIENCE_S)
            # It finds nobody, and asks again.
            assert reader.relay.wait(lambda asked: len(asked) >= 3, PATIENCE_S), reader.name
        mesh.start_sse(*QUICK)
        for reader in four:
            reader.relay.go_to(mesh.url + path)
    for reader in four:
        reader.wait(lambda reader: len(messages(reader)) >= 2, PATIENCE_S, "both events")
        assert messages(reader) == ["one", "two"] and reasons(reader) == ["stopping"]
        wait_verdicts(reader, ["live", "exact"])
        # From the place that the goodbye has said, which "one" is not behind.
        one = reader.wait_event(PROGRESS, 0)[0]
        closing = reader.wait_event("stream.closing", 0)[0]
        assert int(closing.last_id.partition("-")[2]) >= int(one.last_id.partition("-")[2])
        assert set(positions(reader)[1:]) == {closing.last_id}


def test_no_room_is_said_so_that_a_client_comes_back_but_not_soon(mesh, publish, open_all):
    mesh.start_sse("--set", "http/clients=1")
    mesh.stream("/events").wait("stream.opened", PATIENCE_S)
    for reader in open_all("/events"):
        reader.wait_event("stream.closing", PATIENCE_S)
        assert reasons(reader) == ["overloaded"]
        reader.wait_state("connecting", PATIENCE_S)
        said, _ = reader.relay.exchanges[0].read("")
        assert said.retry_ms >= LONG_RETRY_MS
        assert len(reader.relay.exchanges) == 1 and "closed" not in reader.states


def test_pages_of_an_allowed_origin_can_read_and_no_others(mesh, publish, browser):
    with Relay("http://127.0.0.1:9") as allowed, Relay("http://127.0.0.1:9") as other:
        mesh.start_sse(*QUICK, "--set", f"http/allow_origins={allowed.origin}")
        opened = []
        for page in (allowed, other):
            stream = Relay(mesh.url + "/events/aider", mesh.headers)
            opened.append(readers.ChromiumEventSource(stream, TYPES, browser, page))
        reads, closed = opened
        wait_verdicts(reads, ["live"])
        closed.wait_state("closed", PATIENCE_S)
        publish("one")
        reads.wait_event(PROGRESS, PATIENCE_S)
        assert closed.states == ["closed"] and closed.events == []
        for reader in opened:
            reader.close()
            reader.relay.__exit__()


def test_a_browser_with_a_ticket_comes_back_by_itself(mesh, publish, browser):
    mesh.start_sse(*QUICK)
    connection = http.client.HTTPConnection("127.0.0.1", mesh.port, timeout=PATIENCE_S)
    connection.request("POST", "/api/v1/ticket", json.dumps({"url": "/events/aider"}),
                       mesh.headers)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    with Relay(mesh.url + answer["url"]) as relay:
        reader = readers.ChromiumEventSource(relay, TYPES, browser)
        wait_verdicts(reader, ["live"])
        publish("one")
        reader.wait_event(PROGRESS, PATIENCE_S)
        relay.cut()
        publish("two")
        reader.wait(lambda reader: len(messages(reader)) >= 2, PATIENCE_S, "both events")
        assert messages(reader) == ["one", "two"] and verdicts(reader)[1:] == ["exact"]
        reader.close()
