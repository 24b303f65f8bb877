"""The sse-bridge as clients meet it: streams, resumes, refusals, and those who misbehave.

SPDX-License-Identifier: MPL-2.0
"""

import contextlib
import http.client
import json
import re
import signal
import socket
import struct
import subprocess
import time

import httpx
import httpx_sse
import pytest
from mesh import PATIENCE_S, STOP_LIMIT_S, FrameParser, output_until, wait_until
from pyzmq_mesh import Publisher

PROGRESS = "aider.session_progress"
STAGE = {"stage": "banner", "message": "x"}
STARTED = {"mode": "cli", "working_dir": "/", "editable_files": [], "readonly_files": [],
           "architect_mode": False}


@pytest.fixture
def publisher(mesh):
    """A started broker, and one who publishes."""
    mesh.start_broker()
    publisher = Publisher("py-publisher", "py-host", mesh.dir)
    yield publisher
    publisher.close()


def publish(publisher, count, type_=PROGRESS, session="s-1", **payload):
    for _ in range(count):
        publisher.publish(type_, session, {**STAGE, **payload})
    publisher.drain()


def offsets(frames):
    return [int(frame.id.partition("-")[2]) for frame in frames]


def progress(stream, count, timeout_s=10):
    return stream.wait(PROGRESS, timeout_s, count=count)


class Raw:
    """A client that sends what it is told to, byte for byte."""

    def __init__(self, mesh, data=b"", receive_bytes=None):
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(("127.0.0.1", mesh.port))
        self.socket.sendall(data)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def read_until(self, text):
        data = bytearray()
        looked = 0
        until = time.monotonic() + 3 * PATIENCE_S
        while data.find(text, looked) < 0:
            looked = max(0, len(data) - len(text))
            assert time.monotonic() < until, f"{text!r} does not come: {data[-500:]!r}"
            more = self.socket.recv(65536)
            assert more, f"the end came before {text!r}: {data[-500:]!r}"
            data += more
        return bytes(data)

    def read_all(self):
        data = b""
        with contextlib.suppress(ConnectionResetError):
            while more := self.socket.recv(65536):
                data += more
        return data

    def reset(self):
        """Leave without a word: the kernel sends RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def request(mesh, path, *lines, method="GET", version="1.1"):
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: test",
                        f"Authorization: Bearer {mesh.token}", *lines, "", ""]).encode()


def health(mesh):
    return json.loads(mesh.get("/health")[2])


def open_streams(mesh):
    return health(mesh)["active_sse_connections"]["total"]


def metric(mesh, line):
    text = mesh.get("/metrics")[2].decode()
    found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
    assert found, f"no {line} in:\n{text}"
    return float(found.group(1))


# ---- what a client gets


def test_curl_gets_plain_frames_with_the_right_head(mesh, publisher):
    mesh.start_sse()
    publish(publisher, 3)
    head, _, body = output_until(
        mesh, ["curl", "-sSiN", "-H", f"Authorization: Bearer {mesh.token}",
               f"{mesh.url}/events/aider?since=earliest"],
        lambda text: text.endswith("\n\n") and text.count(f"event: {PROGRESS}\n") >= 3,
        "three frames").partition("\n\n")
    lines = head.lower().splitlines()
    assert lines[0] == "http/1.1 200 ok"
    for line in ("content-type: text/event-stream; charset=utf-8", "cache-control: no-store",
                 "x-accel-buffering: no", "connection: close"):
        assert line in lines
    # The body is the frames and nothing around them.
    assert "transfer-encoding" not in head.lower() and "content-length" not in head.lower()
    assert re.match(r"retry: \d+\nevent: stream.opened\ndata: \{.*\}\n\n"
                    r"id: [0-9a-f]{16}-\d+\nevent: aider.session_progress\ndata: \{", body)
    assert body.count("event: aider.session_progress\n") == 3


def test_httpx_sse_gets_each_event_once_and_no_empty_ones(mesh, publisher):
    mesh.start_sse("--set", "http/comment_every=1s")
    with httpx.Client(headers=mesh.headers, timeout=PATIENCE_S, trust_env=False) as client, \
            httpx_sse.connect_sse(client, "GET", f"{mesh.url}/events/aider") as source:
        events = source.iter_sse()
        assert next(events).event == "stream.opened"
        opened = metric(mesh, "aider_sse_uptime_seconds")
        # Long enough for two comments, which some clients would take for events.
        wait_until(lambda: metric(mesh, "aider_sse_uptime_seconds") > opened + 3, 20, "comments")
        publish(publisher, 5)
        assert [next(events).event for _ in range(5)] == [PROGRESS] * 5


def test_a_reconnect_goes_on_exactly_where_it_was(mesh, publisher):
    mesh.start_sse()
    first = mesh.stream("/events/aider")
    first.wait("stream.opened", 5)
    publish(publisher, 20)
    seen = progress(first, 20)
    first.close()
    publish(publisher, 30)
    second = mesh.stream("/events/aider", {"Last-Event-ID": seen[9].id})
    assert second.wait("stream.opened", 5)[0].data["verdict"] == "exact"
    again = progress(second, 40)
    assert offsets(again[:10]) == offsets(seen[10:])
    assert offsets(again) == sorted(set(offsets(again)))


def test_resumes_while_events_pour_in_miss_nothing_and_double_nothing(mesh, publisher):
    mesh.start_sse()
    whole = mesh.stream("/events/aider?since=earliest")
    streams = []
    for round_ in range(8):
        publish(publisher, 250)
        seen = progress(whole, 250 * round_ + 100)
        streams.append((seen[50].id, mesh.stream("/events", {"Last-Event-ID": seen[50].id})))
    everything = progress(whole, 2000)
    for cursor, stream in streams:
        after = [frame for frame in everything if offsets([frame]) > offsets([_frame(cursor)])]
        got = progress(stream, len(after))
        assert [frame.id for frame in got] == [frame.id for frame in after]


class _frame:
    def __init__(self, id_):
        self.id = id_


def test_streams_are_narrowed_by_path_and_query(mesh, publisher):
    mesh.start_sse()
    publisher.publish("aider.session_started", "s-1",
                      {**STARTED, "labels": {"team": "web"}})
    publisher.publish("aider.rate_limit_detected", "s-1",
                      {"provider": "openai", "current_model": "gpt-4o", "attempt": 1,
                       "max_retries": 8, "will_retry": True, "estimated_delay": 0.2,
                       "error_message": "429"})
    publisher.publish("aider.error_occurred", "s-2",
                      {"provider": "anthropic", "error_type": "auth", "error_message": "401",
                       "fatal": True, "will_retry": False})
    publish(publisher, 1, session="s-2")

    def types(path):
        stream = mesh.stream(path + ("&" if "?" in path else "?") + "since=earliest")
        stream.wait("stream.opened", 5)
        marks.append(stream)
        return stream
    marks = []
    errors = types("/events/errors")
    progress_ = types("/events/progress")
    openai = types("/events?provider=openai")
    not_openai = types("/events/aider?provider=!openai")
    web = types("/events?label=team%3Dweb")
    second = types("/events?session=s-2&types=aider.*,!aider.session_progress")
    whole = types("/events/aider")
    whole.wait(PROGRESS, 5)

    def got(stream, count):
        wait_until(lambda: len(stream.all("aider.*")) >= count, 5, f"{count} events")
        return [frame.type for frame in stream.all("aider.*")]
    assert got(errors, 2) == ["aider.rate_limit_detected", "aider.error_occurred"]
    assert got(progress_, 2) == ["aider.session_started", PROGRESS]
    assert got(openai, 1) == ["aider.rate_limit_detected"]
    assert got(not_openai, 3) == ["aider.session_started", "aider.error_occurred", PROGRESS]
    assert got(web, 2) == ["aider.session_started", "aider.rate_limit_detected"]
    assert got(second, 1) == ["aider.error_occurred"]


def test_since_and_last_choose_the_beginning(mesh, publisher):
    mesh.start_sse()
    publish(publisher, 10)
    whole = mesh.stream("/events/aider?since=earliest")
    ids = [frame.id for frame in progress(whole, 10)]
    for path, expected in (("last=3", ids[7:]), (f"since={ids[4]}", ids[5:]), ("since=1h", ids),
                           (f"last_event_id={ids[8]}&since=earliest", ids[9:])):
        stream = mesh.stream(f"/events/aider?{path}")
        opened = stream.wait("stream.opened", 5)[0]
        assert opened.data["verdict"] == "exact" and opened.id is None
        assert [frame.id for frame in progress(stream, len(expected))] == expected
    late = mesh.stream("/events/aider?since=2100-01-01T00:00:00Z")
    assert late.wait("stream.opened", 5)[0].data["verdict"] == "exact"
    publish(publisher, 1)
    progress(late, 1)
    assert len(late.all(PROGRESS)) == 1


def test_a_cursor_that_is_none_is_said_and_replaced(mesh, publisher):
    mesh.start_sse()
    publish(publisher, 1)
    for cursor, verdict in (("what?", "unknown"), ("0123456789abcdef-7", "reset")):
        stream = mesh.stream("/events", {"Last-Event-ID": cursor})
        opened = stream.wait("stream.opened", 5)[0]
        assert opened.data["verdict"] == verdict
        assert opened.id == opened.data["cursor"]
        again = mesh.stream("/events", {"Last-Event-ID": opened.id})
        assert again.wait("stream.opened", 5)[0].data["verdict"] == "exact"


def test_a_stream_of_one_session_ends_after_it_and_then_there_is_no_content(mesh, publisher):
    mesh.start_sse("--set", "http/ended_after=1s")
    publisher.publish("aider.session_started", "s-9", STARTED)
    stream = mesh.stream("/events/aider?session=s-9&since=earliest")
    publisher.publish("aider.session_completed", "s-9",
                      {"success": True, "outcome": "ok", "exit_code": 0, "duration": 1.0})
    publisher.drain()
    last = stream.wait("aider.session_completed", 5)[0]
    assert stream.wait("stream.closing", 10)[0].data["reason"] == "ended"
    wait_until(lambda: stream.ended, 5, "end of the stream")
    status, _, body = mesh.get("/events/aider?session=s-9&since=earliest",
                               {**mesh.headers, "Last-Event-ID": last.id})
    assert (status, body) == (204, b"")
    # One that nobody has heard of may still come.
    mesh.stream("/events/aider?session=s-10").wait("stream.opened", 5)


# ---- what is refused


def test_refusals_say_what_is_wrong_and_what_is_allowed(mesh, publisher):
    mesh.start_sse()
    for path, words in (("/events?typs=x", ["typs", "types", "severity"]),
                        ("/events/errors?types=aider.nope", ["aider.nope", "aider.error_occurred"]),
                        ("/events?since=soon", ["soon", "earliest"]),
                        ("/events?host=%ff%0a", ["host", "percent"]),
                        ("/events?snapshot=yes", ["yes", "0 and 1"]),
                        ("/api/v1/events?snapshot=1", ["snapshot", "wait"])):
        status, headers, body = mesh.get(path)
        problem = json.loads(body)
        assert status == 400 == problem["status"]
        assert headers["Content-Type"] == "application/problem+json"
        assert all(word in problem["detail"] for word in words), problem
    described = json.loads(mesh.get("/openapi.json")[2])["paths"]
    for path, operations in described.items():
        known = {parameter["name"] for parameter in operations.get("get", {}).get("parameters", [])}
        assert ("snapshot" in known) == path.startswith("/events"), path
    assert mesh.get("/nothing")[0] == 404
    assert mesh.get("/events/")[0] == 404
    assert mesh.get("/%65vents")[0] == 404


def test_the_token_is_asked_for_and_health_is_not_secret(mesh, publisher):
    mesh.start_sse()
    for path in ("/events", "/events/aider", "/metrics"):
        status, headers, body = mesh.get(path, {})
        assert status == 401
        assert headers["WWW-Authenticate"].startswith("Bearer")
        assert "token" in json.loads(body)["detail"]
        assert mesh.get(path, {"Authorization": "Bearer " + "x" * 43})[0] == 401
        assert mesh.get(path, {"Authorization": "Basic eDp5"})[0] == 401
        assert mesh.get(path, {"Authorization": f"bearer {mesh.token}x"})[0] == 401
    assert mesh.get("/metrics", {"Authorization": f"bearer {mesh.token}"})[0] == 200
    for path in ("/health", "/livez", "/readyz"):
        assert mesh.get(path, {})[0] == 200
    assert metric(mesh, 'aider_http_refused_total{reason="access"}') == 12
    mesh.programs[-1].stop()
    mesh.start_sse("--no-token")
    assert mesh.get("/metrics", {})[0] == 200


def test_methods_and_origins(mesh, publisher):
    mesh.start_sse("--set", "http/allow_origins=https://good.example")
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", mesh.port)) as connection:
        def ask(method, path, **headers):
            connection.request(method, path, headers={**mesh.headers, **headers})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        status, headers, body = ask("HEAD", "/health")
        assert (status, body) == (200, b"")
        status, headers, body = ask("POST", "/health")
        assert status == 405 and headers["Allow"] == "GET, HEAD, OPTIONS"
        status, headers, _ = ask("OPTIONS", "/events", Origin="https://good.example")
        assert status == 204
        assert headers["Access-Control-Allow-Origin"] == "https://good.example"
        assert "Authorization" in headers["Access-Control-Allow-Headers"]
        assert "Access-Control-Allow-Credentials" not in headers
        for origin in ("https://bad.example", "null", "https://good.example.evil"):
            _, headers, _ = ask("OPTIONS", "/events", Origin=origin)
            assert "Access-Control-Allow-Origin" not in headers
        _, headers, _ = ask("GET", "/events?x=1", Origin="https://good.example")
        assert headers["Access-Control-Allow-Origin"] == "https://good.example"
        status, headers, body = ask("HEAD", "/events")
        assert (status, body) == (200, b"")
        assert headers["Content-Type"].startswith("text/event-stream")


def test_overload_is_told_so_that_a_browser_comes_back(mesh, publisher):
    mesh.start_sse("--set", "http/clients=1")
    mesh.stream("/events").wait("stream.opened", 5)
    status, headers, body = mesh.get("/events")
    assert status == 503 and int(headers["Retry-After"]) > 0
    assert "http/clients" in json.loads(body)["detail"]
    status, headers, body = mesh.get("/events", {**mesh.headers, "Accept": "text/event-stream"})
    assert status == 200 and headers["Content-Type"] == "text/event-stream; charset=utf-8"
    frame, = FrameParser().feed(body, 0)
    assert (frame.type, frame.data["reason"]) == ("stream.closing", "overloaded")
    assert frame.retry >= 30000


@pytest.mark.parametrize("words, said", [
    (["--address", "0.0.0.0"], "http/insecure"),
    (["--address", "example.org"], "http/address"),
    (["--set", "http/allow_origins=*"], "http/allow_origins"),
])
def test_unsafe_settings_are_refused_by_name(mesh, words, said):
    program = mesh.start_only("aidermesh-sse-bridge", "--port", "0", *words)
    assert program.wait(20) == 2
    assert said in program.said()


def test_a_port_that_is_taken_is_said(mesh, publisher):
    mesh.start_sse()
    program = mesh.start_only("aidermesh-sse-bridge", "--port", str(mesh.port))
    assert program.wait(20) == 1
    assert str(mesh.port) in program.said()


# ---- the broker goes


def test_while_the_broker_is_away_streams_are_held_and_health_says_so(mesh):
    in_memory = ("--set", "broker/journal=memory")
    broker = mesh.start_broker(*in_memory)
    sse = mesh.start_sse("--set", "http/comment_every=1s")
    before = mesh.stream("/events/mesh")
    before.wait("stream.opened", 5)
    broker.kill()
    wait_until(lambda: mesh.get("/readyz")[0] == 503, 10, "/readyz that says no")
    # It says so before the link gives the broker up, from when on streams are held.
    wait_until(lambda: health(mesh).get("reason") == "no broker is heard", 10, "link's verdict")
    report = health(mesh)
    assert report["status"] == "unhealthy" and "broker" in report["reason"]
    assert report["coordinator_status"] == "unavailable"
    assert mesh.get("/livez")[0] == 200
    with Raw(mesh, request(mesh, "/events")) as held:
        assert b"\r\n\r\n:\n" in held.read_until(b"\r\n\r\n:\n")
        held.read_until(b":\n")
        mesh.start_broker(*in_memory)
        held.read_until(b'"verdict":"live"')
    wait_until(lambda: mesh.get("/readyz")[0] == 200, 20, "/readyz that says yes")
    # This broker keeps events in memory: the new one begins anew, and that is said.
    gap = before.wait("stream.gap", 10)[0]
    assert gap.data["reason"] == "new_epoch" and gap.id == gap.data["to"]
    sse.must_run()


def test_the_healthcheck_asks_the_running_one(mesh, publisher):
    port_file = mesh.folder / f"port.{len(mesh.programs)}"
    mesh.start_sse()
    words = mesh.program("aidermesh-sse-bridge") + [
        "--port", "0", "--set", f"http/port_file={port_file}", "--healthcheck"]
    assert subprocess.run(words, env=mesh.env, timeout=PATIENCE_S).returncode == 0
    mesh.programs[-1].stop()
    assert not port_file.exists()
    assert subprocess.run(words, env=mesh.env, timeout=PATIENCE_S).returncode == 1


# ---- clients that misbehave


def test_clients_that_vanish_in_every_way_leave_nothing_behind(mesh, publisher):
    mesh.start_sse()
    raws = [Raw(mesh, request(mesh, "/events")) for _ in range(30)]
    for raw in raws:
        raw.read_until(b"stream.opened")
    assert open_streams(mesh) == 30
    for number, raw in enumerate(raws):
        if number % 3 == 0:
            raw.reset()
        elif number % 3 == 1:
            raw.socket.close()
        else:
            raw.socket.shutdown(socket.SHUT_WR)    # half closed: it has nothing more to say
    wait_until(lambda: open_streams(mesh) == 0, 10, "end of all streams")
    for raw in raws[2::3]:
        raw.read_all()    # the server has closed its half as well
        raw.socket.close()
    wait_until(lambda: metric(mesh, "aider_sse_vanished_total") == 30, PATIENCE_S, "count of them")
    # Those that go before they are answered, or in the middle of a head.
    for number in range(60):
        data = request(mesh, "/events")
        Raw(mesh, data[:len(data) - 1 - number] if number else data).reset()
    wait_until(lambda: open_streams(mesh) == 0, 10, "end of all streams")
    wait_until(lambda: metric(mesh, "aider_http_connections") <= 2, 20, "end of all")
    mesh.stream("/events").wait("stream.opened", 5)


def test_what_follows_the_request_of_a_stream_is_thrown_away(mesh, publisher):
    mesh.start_sse()
    with Raw(mesh, request(mesh, "/events/aider") + request(mesh, "/health") * 3) as raw, \
            Raw(mesh, request(mesh, "/events/aider")) as talker:
        raw.read_until(b"stream.opened")
        talker.read_until(b"stream.opened")
        talker.socket.sendall(request(mesh, "/metrics"))
        publish(publisher, 1)
        assert b"HTTP/1.1 200" not in raw.read_until(PROGRESS.encode())
        assert b"HTTP/1.1 200" not in talker.read_until(PROGRESS.encode())
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            for _ in range(100):
                talker.socket.sendall(b"x" * 4096)
        talker.read_all()    # it talked too much
        # The goodbye arrives whole, whatever lies unread.
        raw.socket.sendall(b"y" * 1000)
        mesh.programs[-1].stop()
        assert raw.read_all().endswith(b'"reason":"stopping"}\n\n')


def test_one_connection_serves_request_after_request(mesh, publisher):
    mesh.start_sse()
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", mesh.port)) as connection:
        connection.connect()
        first = connection.sock
        for path in ("/livez", "/readyz", "/nope", "/events?x=1", "/health") * 4:
            connection.request("GET", path, headers=mesh.headers)
            connection.getresponse().read()
        assert connection.sock is first
        connection.request("GET", "/events", headers=mesh.headers)
        response = connection.getresponse()
        assert response.status == 200 and response.headers["Connection"] == "close"
    with Raw(mesh, request(mesh, "/livez") * 5 + request(mesh, "/livez", "Connection: close")) \
            as pipelined:
        assert pipelined.read_all().count(b"HTTP/1.1 200 OK") == 6


def test_http_1_0_gets_a_stream_too(mesh, publisher):
    mesh.start_sse()
    with Raw(mesh, request(mesh, "/events", version="1.0")) as raw:
        head = raw.read_until(b"stream.opened")
        assert b"chunked" not in head


def test_heads_that_are_slow_large_or_no_http_are_not_served(mesh, publisher):
    mesh.start_sse("--set", "http/head_deadline=1s")
    with Raw(mesh, b"GET /events HTTP/1.1\r\n") as dripping, Raw(mesh) as silent:
        dripping.socket.settimeout(0.1)

        def is_cut_off():
            try:
                dripping.socket.sendall(b"x")    # a byte now and then, which resets no clock
                return not dripping.socket.recv(1000)
            except TimeoutError:
                return False
            except (BrokenPipeError, ConnectionResetError):
                return True
        wait_until(is_cut_off, PATIENCE_S, "end of one who sends a byte now and then")
        silent.read_all()
    wait_until(lambda: metric(mesh, "aider_http_heads_late_total") == 2, PATIENCE_S, "count of both")
    with Raw(mesh, request(mesh, "/livez", "X: " + "x" * 12000)) as raw:
        assert raw.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    for large in (request(mesh, "/livez", "X: " + "x" * 20000),
                  request(mesh, "/livez", *(f"X{number}: {'x' * 50}" for number in range(400)))):
        with Raw(mesh, large) as raw:
            assert raw.read_all().startswith(b"HTTP/1.1 431 ")
    # Our own limit leaves room to say so.
    with Raw(mesh, request(mesh, "/livez", "X: " + "x" * 16500)) as raw:
        assert b"http/head_limit" in raw.read_until(b"}")
    with Raw(mesh, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200)) as tls:
        tls.read_all()
    with Raw(mesh, request(mesh, "/livez", "Content-Length: 1000000")) as body:
        assert body.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")
        body.read_all()
    assert mesh.get("/livez")[0] == 200


def test_a_client_that_stops_reading_slows_nobody_and_is_told(mesh, publisher):
    mesh.start_sse("--set", "http/ring_bytes=1MiB")
    quick = mesh.stream("/events/aider")
    quick.wait("stream.opened", 5)
    with Raw(mesh, request(mesh, "/events/aider"), receive_bytes=4096) as stalled:
        wait_until(lambda: open_streams(mesh) == 2, 5, "second stream")
        sent = 0
        while metric(mesh, 'aider_sse_closed_total{reason="slow"}') < 1:
            assert sent < 4000, "the stalled client is never let go"
            # Less than the ring has room for, so that nobody else can be too slow for it.
            publish(publisher, 20, message="x" * 20000)
            sent += 20
            assert len(progress(quick, sent)) == sent
        assert offsets(quick.all(PROGRESS)) == sorted(set(offsets(quick.all(PROGRESS))))
        said = stalled.read_all().decode()
    body = said.partition("\r\n\r\n")[2]
    frames = list(FrameParser().feed(body.encode(), 0))
    assert [frame.type for frame in frames[-2:]] == ["stream.dropped", "stream.closing"]
    assert frames[-1].data["reason"] == "slow"
    got = [frame for frame in frames if frame.type == PROGRESS]
    assert offsets(got) == offsets(quick.all(PROGRESS))[:len(got)]
    # Who comes back with the last id it has is given what it has missed, from the journal.
    again = mesh.stream("/events/aider", {"Last-Event-ID": got[-1].id})
    missed = progress(again, sent - len(got))
    opened, = again.all("stream.opened")
    assert opened.data["verdict"] == "exact" and opened.id is None
    assert offsets(got + missed) == offsets(quick.all(PROGRESS))


def test_how_far_a_client_is_behind_is_measured(mesh, publisher):
    mesh.start_sse()
    depth = "aider_sse_queue_depth_events"
    with Raw(mesh, request(mesh, "/events/aider"), receive_bytes=4096) as stalled:
        stalled.read_until(b"stream.opened")
        assert (metric(mesh, depth), metric(mesh, "aider_sse_blocked_streams")) == (0, 0)
        sent = 0
        while metric(mesh, depth) < 10 or metric(mesh, "aider_sse_blocked_streams") != 1:
            assert sent < 3000, "it is never behind"
            publish(publisher, 100, message="x" * 20000)
            sent += 100
        assert metric(mesh, depth) < sent
        publish(publisher, 1, message="the last")
        stalled.read_until(b"the last")
        wait_until(lambda: metric(mesh, depth) == 0, 10, "nothing that waits")


def test_stopping_is_said_to_all_streams_and_takes_a_second(mesh, publisher):
    sse = mesh.start_sse()
    streams = [mesh.stream("/events?session=s-%d" % (number % 7)) for number in range(50)]
    for stream in streams:
        stream.wait("stream.opened", 10)
    with Raw(mesh, request(mesh, "/events"), receive_bytes=4096) as stalled, Raw(mesh, b"GET /") as head:
        publish(publisher, 100, message="x" * 20000, session="s-0")
        sse.stop(signal.SIGTERM, STOP_LIMIT_S)
        stalled.read_until(b"stream.opened")
        head.read_all()
    closings = []
    for stream in streams:
        closings += stream.wait("stream.closing", 5)
        assert closings[-1].data["reason"] == "stopping" and closings[-1].retry > 0
        wait_until(lambda s=stream: s.ended, 5, "end of the stream")
    # Who never had an event misses none of those that come until it is back.
    publish(publisher, 1, session="s-1", message="meanwhile")
    mesh.start_sse()
    assert not streams[1].all(PROGRESS)
    again = mesh.stream("/events?session=s-1", {"Last-Event-ID": closings[1].id})
    assert again.wait("stream.opened", 10)[0].data["verdict"] == "exact"
    assert again.wait(PROGRESS, 10)[0].data["message"] == "meanwhile"


def test_a_reload_keeps_the_streams(mesh, publisher):
    sse = mesh.start_sse()
    stream = mesh.stream("/events/aider")
    stream.wait("stream.opened", 5)
    sse.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "reloaded" in sse.said(), 10, "reload")
    publish(publisher, 1)
    progress(stream, 1)


def test_metrics_and_health_tell_what_has_happened(mesh, publisher):
    mesh.start_sse()
    stream = mesh.stream("/events/aider")
    stream.wait("stream.opened", 5)
    publish(publisher, 10)
    progress(stream, 10)
    report = health(mesh)
    assert report["status"] == "healthy" and report["coordinator_status"] == "active"
    assert {"total", "aider_events", "error_events", "progress_events"} \
        <= report["active_sse_connections"].keys()
    assert report["active_sse_connections"]["aider_events"] == 1
    assert report["ring"]["events"] >= 10 and report["position"] == report["ring"]["last"]
    assert metric(mesh, 'aider_sse_clients{endpoint="aider_events"}') == 1
    assert metric(mesh, 'aider_sse_resumes_total{verdict="live"}') == 1
    assert metric(mesh, "aider_sse_frames_total") == 10
    assert metric(mesh, "aider_sse_ready") == 1
    text = mesh.get("/metrics")[2].decode()
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) (aider|process)_\w+ .+|(aider|process)_\w+(\{[^}]*\})? \S+", line)
