"""GET /api/v1/events: one answer to each question, at once or when something comes.

SPDX-License-Identifier: MPL-2.0
"""

import concurrent.futures
import contextlib
import datetime
import http.client
import json
import re
import signal
import socket
import subprocess
import time

import pytest
from mesh import PATIENCE_S, SLOWNESS, Stream, wait_until
from pyzmq_mesh import Peer, Publisher

PROGRESS = "aider.session_progress"
STAGE = {"stage": "banner", "message": "x"}
API = "/api/v1/events"


@pytest.fixture
def publisher(mesh):
    """A started broker, an sse-bridge, and one who publishes."""
    mesh.start_broker()
    mesh.start_sse()
    publisher = Publisher("py-publisher", "py-host", mesh.dir)
    yield publisher
    publisher.close()


@pytest.fixture
def pool():
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        yield pool


def publish(publisher, count, type_=PROGRESS, session="s-1", **payload):
    for number in range(count):
        publisher.publish(type_, session, {**STAGE, "n": number, **payload})
    publisher.drain(10)


def get(mesh, query="", headers=None):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", mesh.port,
                                                       timeout=PATIENCE_S)) as connection:
        connection.request("GET", API + query, headers={**mesh.headers, **(headers or {})})
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def ask(mesh, query="", headers=None, status=200):
    got, head, body = get(mesh, query, headers)
    assert got == status, body
    return head, json.loads(body)


def numbers(answer):
    return [event["data"]["n"] for event in answer["events"]]


def waiting(mesh):
    text = mesh.get("/metrics")[2].decode()
    return int(float(text.split("\naider_http_waiting_requests ")[1].split()[0]))


def wait_for_waiting(mesh, count):
    wait_until(lambda: waiting(mesh) == count, 10, f"{count} requests that wait")


def wait_for_events(mesh, count, query="?types=aider.*&limit=1000"):
    wait_until(lambda: len(ask(mesh, query)[1]["events"]) == count, 10, f"{count} events")


# ---- what is answered


def test_events_come_as_json_with_a_cursor_to_go_on_from(mesh, publisher):
    publish(publisher, 25)
    wait_for_events(mesh, 25)
    head, answer = ask(mesh, "?types=aider.*&since=earliest&limit=10")
    assert head["content-type"] == "application/json"
    assert head["aidermesh-verdict"] == answer["verdict"] == "exact"
    assert head["aidermesh-next-cursor"] == answer["next_cursor"]
    assert head["cache-control"] == "no-store"
    assert numbers(answer) == list(range(10))
    event = answer["events"][0]
    assert event["type"] == PROGRESS and event["host"] == "py-host"
    assert event["session"] == "s-1" and event["data"]["stage"] == "banner"
    assert answer["events"][-1]["id"] == answer["next_cursor"]
    seen = numbers(answer)
    while answer["events"]:
        _, answer = ask(mesh, f"?types=aider.*&limit=10&since={answer['next_cursor']}")
        seen += numbers(answer)
    assert seen == list(range(25))
    # A header says where to begin just as well, and beats the query.
    _, answer = ask(mesh, "?types=aider.*&since=earliest",
                    {"Last-Event-ID": answer["next_cursor"]})
    assert answer["events"] == [] and answer["verdict"] == "exact"


def test_the_cursor_of_an_answer_is_good_for_a_stream(mesh, publisher):
    publish(publisher, 3)
    wait_for_events(mesh, 3)
    cursor = ask(mesh, "?types=aider.*&limit=2&since=earliest")[1]["next_cursor"]
    stream = mesh.stream(f"/events/aider?since={cursor}")
    assert [frame.data["n"] for frame in stream.wait(PROGRESS, 10, count=1)] == [2]
    assert stream.all("stream.opened")[0].data["verdict"] == "exact"
    stream.close()


def test_ndjson_is_an_event_a_line_and_the_cursor_last(mesh, publisher):
    publish(publisher, 3)
    wait_for_events(mesh, 3)
    for query, headers in (("", {"Accept": "application/x-ndjson"}), ("&format=ndjson", None)):
        status, head, body = get(mesh, f"?types=aider.*{query}", headers)
        assert status == 200 and head["content-type"] == "application/x-ndjson"
        lines = [json.loads(line) for line in body.decode().splitlines()]
        assert [line["data"]["n"] for line in lines[:-1]] == [0, 1, 2]
        assert lines[-1] == {"next_cursor": head["aidermesh-next-cursor"], "verdict": "live"}
    head, _ = ask(mesh, "?format=json", {"Accept": "application/x-ndjson"})
    assert head["content-type"] == "application/json"


def test_a_wrong_parameter_is_named_with_what_is_allowed(mesh, publisher):
    for query, *words in (
            ("?limit=0", "limit", '"0"', "1 to 1000"), ("?limit=1001", "limit", "1000"),
            ("?limit=ten", "limit", '"ten"'), ("?max_bytes=1", "max_bytes", "1024"),
            ("?wait=26", "wait", '"26"', "25"), ("?wait=-1", "wait", '"-1"'),
            ("?format=xml", "format", '"xml"', "ndjson"), ("?slow=disconnect", "slow", "wait"),
            ("?limit=1&limit=2", "limit", "twice"), ("?types=aider.nonsense", "aider.nonsense"),
            ("?since=yesterday", "since", "yesterday", "earliest")):
        head, problem = ask(mesh, query, status=400)
        assert head["content-type"] == "application/problem+json"
        for word in words:
            assert word in problem["detail"], (query, problem)
    # What only one answer takes is no parameter of a stream.
    assert mesh.get("/events?wait=5")[0] == 400
    assert get(mesh, headers={"Authorization": "Bearer wrong"})[0] == 401


# ---- beyond the ring

SMALL_RING = ("--set", "http/ring_bytes=1MiB")
# Several times what such a ring has.
KEPT = 2400
POURED = 600
LARGE = {**STAGE, "message": "x" * 2000}


def pour(publisher, first, count, session="s-1"):
    for number in range(first, first + count):
        publisher.publish(PROGRESS, session, {**LARGE, "n": number})
        if number % 100 == 0:
            publisher.work()
    publisher.drain(60)


def metric(mesh, name):
    return float(mesh.get("/metrics")[2].decode().split(f"\n{name} ")[1].split()[0])


def wait_for_newest(mesh, number):
    def newest():
        return numbers(ask(mesh, "?types=aider.*&last=1")[1])
    wait_until(lambda: newest() == [number], 60 * SLOWNESS, f"event {number}")


def patient(mesh, query):
    """The answer, once there is one: while the broker is away a page may not come."""
    while True:
        status, head, body = get(mesh, query)
        if status == 200:
            return json.loads(body)
        assert status == 503 and head["retry-after"] == "1", body
        time.sleep(float(head["retry-after"]))


def walk(mesh, query, last):
    """The events of all answers from a place on, up to one, and what was said of them."""
    events, verdicts = [], set()
    answer = patient(mesh, f"?limit=300&wait=25&{query}")
    while True:
        verdicts.add(answer["verdict"])
        assert "gap" not in answer
        events += answer["events"]
        if events and events[-1]["data"]["n"] == last:
            return events, verdicts
        query = re.sub("(since|last)=[^&]*", f"since={answer['next_cursor']}", query)
        answer = patient(mesh, f"?limit=300&wait=25&{query}")


def follow(mesh, query, last):
    """The same of a stream, which may be too slow for so small a ring, and comes back."""
    frames, id_ = [], None
    while True:
        stream = Stream(mesh.url, f"/events?{query}",
                        {**mesh.headers, **({"Last-Event-ID": id_} if id_ else {})})
        wait_until(lambda s=stream: s.ended or s.all(PROGRESS)[-1:]
                   and s.all(PROGRESS)[-1].data["n"] == last, 120 * SLOWNESS, "the last event")
        assert stream.all("stream.opened")[0].data["verdict"] == "exact"
        stream.close()
        frames += stream.all(PROGRESS)
        if frames and frames[-1].data["n"] == last:
            return frames
        assert stream.all("stream.closing")[-1].data["reason"] == "slow"
        id_ = next(frame.id for frame in reversed(stream.all()) if frame.id)


def test_all_answers_have_what_a_stream_has(mesh, pool):
    broker = mesh.start_broker()
    mesh.start_sse(*SMALL_RING)
    last = KEPT + POURED - 1
    with Publisher("py-publisher", "py-host", mesh.dir) as publisher:
        pour(publisher, 0, KEPT // 2)
        half = datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
        pour(publisher, KEPT // 2, KEPT // 2)
        wait_for_newest(mesh, KEPT - 1)
        # A time is not looked for from the beginning, and the last n are not in the ring alone.
        first, asked = (ask(mesh, f"?types=aider.*&limit=1000&{query}")[1]
                        for query in (f"since={half}", f"last={KEPT - 10}"))
        assert numbers(first) == list(range(KEPT // 2, KEPT // 2 + len(first["events"])))
        assert numbers(asked) == list(range(10, 10 + len(asked["events"])))
        assert first["verdict"] == asked["verdict"] == "exact"
        _, newest = ask(mesh, "?types=aider.*&limit=1000&max_bytes=16777216")
        assert numbers(newest) == list(range(KEPT - 1000, KEPT)) and newest["verdict"] == "live"
        # While events pour in and the broker is killed.
        wanted = [("since=earliest", 0), (f"since={half}", KEPT // 2), (f"last={KEPT - 500}", 500),
                  ("since=1h&host=py-host", 0)]
        walks = [pool.submit(walk, mesh, f"types=aider.*&{query}", last) for query, _ in wanted]
        follows = [pool.submit(follow, mesh, f"types=aider.*&{query}", last)
                   for query, _ in wanted]
        pour(publisher, KEPT, POURED // 2)
        broker.kill()
        mesh.start_broker()
        pour(publisher, KEPT + POURED // 2, POURED // 2)
        for (query, begins), walked, followed in zip(wanted, walks, follows, strict=True):
            events, verdicts = walked.result(300)
            assert verdicts == {"exact"}
            if query.startswith("last"):    # which of them are the last depends on when
                begins = max(begins, events[0]["data"]["n"])
            assert [event["data"]["n"] for event in events] == list(range(begins, last + 1)), query
            if not query.startswith("last"):
                frames = followed.result(300)
                assert [frame.id for frame in frames] == [event["id"] for event in events]
                assert [frame.data for frame in frames] == [event["data"] for event in events]


def test_a_time_is_found_by_few_pages_which_others_share(mesh, publisher):
    before, after = 5500, 2000
    pour(publisher, 0, before)
    half = datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
    pour(publisher, before, after)
    # One that has no page of the past yet, and not even the end of what comes after the time.
    mesh.start_sse(*SMALL_RING)
    wait_for_newest(mesh, before + after - 1)
    assert metric(mesh, "aider_sse_past_pages_total") == 0
    _, answer = ask(mesh, f"?types=aider.*&limit=10&since={half}")
    assert numbers(answer) == list(range(before, before + 10))
    asked = metric(mesh, "aider_sse_past_pages_total")
    # Eleven pages lie before it.
    assert 1 <= asked <= 9
    frames = follow(mesh, f"types=aider.*&since={half}", before + after - 1)
    assert frames[0].data["n"] == before
    again = metric(mesh, "aider_sse_past_pages_total")
    assert ask(mesh, f"?types=aider.*&limit=10&since={half}")[1] == answer
    assert metric(mesh, "aider_sse_past_pages_total") == again


def first_kept(mesh):
    with Peer("asker", "py-host", mesh.dir) as asker:
        return asker.hello(passing=True)["first"]


def test_a_gap_of_both_kinds_is_told_as_a_stream_tells_it(mesh):
    broker = mesh.start_broker()
    mesh.start_sse()
    with Publisher("py-publisher", "py-host", mesh.dir) as publisher:
        pour(publisher, 0, 1000)
        wait_for_newest(mesh, 999)
        early = ask(mesh, "?types=aider.*&limit=10&since=earliest")[1]["next_cursor"]
        pour(publisher, 1000, 40, session="s-gone")
        pour(publisher, 1040, 2000)
        # The oldest are removed, and of what is kept a session is forgotten.
        broker.stop()
        mesh.start_broker("--set", "broker/retain_events=2500")
        wait_until(lambda: first_kept(mesh) > 300, 60 * SLOWNESS, "retention")
        done = subprocess.run([*mesh.program("aidermesh"), "forget", "--session", "s-gone"],
                              env=mesh.env, capture_output=True, text=True,
                              timeout=60 * SLOWNESS, check=False)
        assert done.returncode == 0, done.stderr
        mesh.start_sse(*SMALL_RING)
        wait_for_newest(mesh, 3039)
        stream = mesh.stream(f"/events/aider?since={early}")
        gap, = stream.wait("stream.gap", 60 * SLOWNESS)
        _, answer = ask(mesh, f"?types=aider.*&since={early}")
    assert answer["verdict"] == "gap" and answer["gap"]["from"] == early
    told = {member: gap.data[member] for member in ("reason", "from", "to", "at_most")}
    assert answer["gap"] == told
    # Both are in it: what was removed ends before what was forgotten.
    removed_to = int(answer["events"][0]["id"].partition("-")[2])
    assert int(answer["gap"]["to"].partition("-")[2]) > removed_to
    lost = answer["events"][0]["data"]["n"] - 10
    assert lost + 40 <= answer["gap"]["at_most"]


# ---- who waits


def test_a_wait_ends_when_something_matches(mesh, publisher, pool):
    publish(publisher, 1)
    wait_for_events(mesh, 1)
    cursor = ask(mesh)[1]["next_cursor"]
    asked = [pool.submit(ask, mesh, f"?session=s-{number}&since={cursor}&wait=25")
             for number in (1, 2)]
    wait_for_waiting(mesh, 2)
    publish(publisher, 1, session="s-2", n=17)
    _, answer = asked[1].result(PATIENCE_S)
    assert numbers(answer) == [17]
    wait_for_waiting(mesh, 1)
    assert not asked[0].done()
    publish(publisher, 1, session="s-1", n=18)
    assert numbers(asked[0].result(PATIENCE_S)[1]) == [18]
    wait_for_waiting(mesh, 0)


def test_a_wait_that_ends_is_answered_at_once(mesh, publisher, pool):
    publish(publisher, 1)
    wait_for_events(mesh, 1)
    cursor = ask(mesh)[1]["next_cursor"]
    took_s = []
    for number in range(10):
        asked = pool.submit(ask, mesh, f"?types=aider.*&since={cursor}&wait=25")
        wait_for_waiting(mesh, 1)
        began_s = time.monotonic()
        publish(publisher, 1, n=number)
        _, answer = asked.result(PATIENCE_S)
        took_s.append(time.monotonic() - began_s)
        assert numbers(answer) == [number]
        cursor = answer["next_cursor"]
    # Were they answered by a timer, each, asked after the one before it was answered, would wait
    # for most of its quarter of a second. One that does not is enough, on a slow machine too.
    assert min(took_s) < 0.125, took_s


def test_a_wait_that_nothing_ends_has_an_answer_with_a_cursor(mesh, publisher):
    cursor = ask(mesh)[1]["next_cursor"]
    began = time.monotonic()
    _, answer = ask(mesh, f"?types=aider.*&since={cursor}&wait=1s")
    assert time.monotonic() - began >= 0.9
    assert answer["events"] == [] and answer["verdict"] == "exact"
    assert answer["next_cursor"].partition("-")[0] == cursor.partition("-")[0]


def test_who_goes_away_does_not_wait_on(mesh, publisher):
    cursor = ask(mesh)[1]["next_cursor"]
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", mesh.port)) as client:
        client.sendall(f"GET {API}?types=aider.*&since={cursor}&wait=25 HTTP/1.1\r\n"
                       f"Host: test\r\nAuthorization: Bearer {mesh.token}\r\n\r\n".encode())
        wait_for_waiting(mesh, 1)
    wait_for_waiting(mesh, 0)
    assert time.monotonic() - began < 25    # before its time


def test_two_questions_on_one_connection_are_both_answered(mesh, publisher):
    cursor = ask(mesh)[1]["next_cursor"]
    request = (f"GET {API}?types=aider.*&since={cursor}&wait=1 HTTP/1.1\r\n"
               f"Host: test\r\nAuthorization: Bearer {mesh.token}\r\n\r\n").encode()
    with socket.create_connection(("127.0.0.1", mesh.port), timeout=PATIENCE_S) as client:
        client.sendall(request * 2)
        data = b""
        while data.count(b"next_cursor\"") < 2:
            more = client.recv(65536)
            assert more, data
            data += more
    assert data.count(b"HTTP/1.1 200 OK\r\n") == 2


def test_stopping_answers_all_who_wait(mesh, publisher, pool):
    cursor = ask(mesh)[1]["next_cursor"]
    asked = [pool.submit(ask, mesh, f"?types=aider.*&since={cursor}&wait=25") for _ in range(5)]
    wait_for_waiting(mesh, 5)
    bridge = next(program for program in mesh.programs if "sse-bridge" in program.name)
    bridge.stop(signal.SIGTERM)
    for future in asked:
        _, answer = future.result(PATIENCE_S)
        assert answer["events"] == [] and answer["next_cursor"]


def test_no_more_wait_than_may(mesh, publisher):
    cursor = ask(mesh)[1]["next_cursor"]
    request = (f"GET {API}?types=aider.*&since={cursor}&wait=25 HTTP/1.1\r\n"
               f"Host: test\r\nAuthorization: Bearer {mesh.token}\r\n\r\n").encode()
    clients = []
    try:
        for _ in range(256):
            clients.append(socket.create_connection(("127.0.0.1", mesh.port)))
            clients[-1].sendall(request)
        wait_for_waiting(mesh, 256)
        head, problem = ask(mesh, f"?types=aider.*&since={cursor}&wait=25", status=503)
        assert head["retry-after"] == "5" and "256" in problem["detail"]
        # Who does not wait is answered.
        assert ask(mesh)[1]["verdict"] == "live"
    finally:
        for client in clients:
            client.close()
    wait_for_waiting(mesh, 0)


def rate_of(head):
    return tuple(int(head[f"ratelimit-{name}"]) for name in ("limit", "remaining", "reset"))


def test_who_waits_is_counted_beside_the_streams_of_its_address_and_token(mesh, publisher, pool):
    mesh.start_sse("--set", "http/trusted_proxies=127.0.0.0/8",
                   "--set", "http/clients_per_address=2", "--set", "http/clients_per_token=2")
    made = subprocess.run([*mesh.program("aidermesh"), "token", "new"], env=mesh.env, check=True,
                          capture_output=True, text=True, timeout=60 * SLOWNESS)
    token = {"Authorization": f"Bearer {made.stdout.strip()}"}
    wait_until(lambda: get(mesh, "", token)[0] == 200, 10 * SLOWNESS, "token that is known")
    for headers, elsewhere, setting in (
            ({"X-Forwarded-For": "192.0.2.1"}, {"X-Forwarded-For": "192.0.2.2"},
             "http/clients_per_address"),
            (token, {}, "http/clients_per_token")):
        cursor = ask(mesh)[1]["next_cursor"]
        query = f"?types=aider.*&since={cursor}&wait="
        with contextlib.closing(Stream(mesh.url, "/events", {**mesh.headers, **headers})) as stream:
            stream.wait("stream.opened", 10 * SLOWNESS)
            asked = pool.submit(ask, mesh, query + "25", headers)
            wait_for_waiting(mesh, 1)
            head, problem = ask(mesh, query + "25", headers, status=429)
            assert head["retry-after"] == "5" and setting in problem["detail"]
            # That is no word of the rate, which has room, and is said as in any answer.
            limit, remaining, reset = rate_of(head)
            assert limit == 1000 and 0 < remaining < limit and 0 < reset <= 20
            status, _, body = mesh.get("/events", {**mesh.headers, **headers})
            assert status == 429 and setting.encode() in body
            # What needs no waiting is answered, and others may wait.
            assert ask(mesh, query + "0", headers)[1]["verdict"] == "exact"
            assert ask(mesh, query + "1", elsewhere)[1]["verdict"] == "exact"
            publish(publisher, 1)
            assert numbers(asked.result(60)[1]) == [0]
            # Who has been answered waits no more.
            cursor = ask(mesh)[1]["next_cursor"]
            assert ask(mesh, f"?types=aider.*&since={cursor}&wait=1", headers)[1]["events"] == []


def test_a_late_answer_says_what_is_left_by_then(mesh, publisher):
    mesh.start_sse("--set", "http/api_requests=100", "--set", "http/api_window=1s")
    cursor = ask(mesh)[1]["next_cursor"]
    for _ in range(5):
        ask(mesh)
    # All were given back while it waited for longer than the window.
    head, _ = ask(mesh, f"?types=aider.*&since={cursor}&wait=2")
    assert rate_of(head) == (100, 100, 0)


# ---- verdicts as headers


def test_the_verdict_is_a_header_that_pages_may_read(mesh):
    mesh.start_broker()
    mesh.start_sse("--set", "http/allow_origins=https://page.example")
    wait_until(lambda: mesh.get("/readyz")[0] == 200, 10, "the bridge to be ready")
    origin = {"Origin": "https://page.example"}
    head, answer = ask(mesh, "", origin)
    exposed = head["access-control-expose-headers"].lower().split(", ")
    assert "aidermesh-verdict" in exposed and "aidermesh-next-cursor" in exposed
    for headers, verdict in (({}, "live"), ({"Last-Event-ID": answer["next_cursor"]}, "exact"),
                             ({"Last-Event-ID": "nonsense"}, "unknown")):
        with socket.create_connection(("127.0.0.1", mesh.port), timeout=PATIENCE_S) as client:
            lines = "".join(f"{name}: {value}\r\n" for name, value in
                            {**mesh.headers, **origin, **headers}.items())
            client.sendall(f"GET /events HTTP/1.1\r\nHost: test\r\n{lines}\r\n".encode())
            data = b""
            while b"stream.opened" not in data:
                more = client.recv(65536)
                assert more, data
                data += more
        head = data.partition(b"\r\n\r\n")[0].decode().lower().split("\r\n")
        assert f"aidermesh-verdict: {verdict}" in head
        assert any(line.startswith("access-control-expose-headers: ") for line in head)
