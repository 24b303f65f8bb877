"""Who abuses the sse-bridge's HTTP is refused or cut off, and all others are served on.

SPDX-License-Identifier: MPL-2.0
"""

import contextlib
import json
import pathlib
import random
import re
import subprocess
import time

import pytest
from mesh import PATIENCE_S, SANITIZER, wait_until
from test_sse_streams import Raw, metric, request

MIB = 1024 * 1024
CLIENTS = 40
SPARE = 512    # connections that are no streams, see sse_bridge.c
FEW_FILES = 100    # beside connections
# Of one connection: libmicrohttpd's buffer, and what we know of it.
BYTES_EACH = 32 * 1024
SLOW_S = 5

# What is no HTTP, or could be read in two ways; {token} is replaced by Host and Authorization.
REFUSED = {
    "no_version": b"GET /livez\r\n\r\n",
    "version_2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no_host": b"GET /livez HTTP/1.1\r\n\r\n",
    "two_hosts": b"GET /livez HTTP/1.1\r\n{token}Host: evil.example\r\n\r\n",
    "a_host_behind_a_lone_cr": b"GET /livez HTTP/1.1\r\n{token}X: y\rHost: evil.example\r\n\r\n",
    "absolute": b"GET http://evil.example/livez HTTP/1.1\r\n{token}\r\n",
    "connect": b"CONNECT evil.example:443 HTTP/1.1\r\n{token}\r\n",
    "no_method": b"\x01\x02\x03 /livez HTTP/1.1\r\n{token}\r\n",
    "long_target": b"GET /" + b"a" * 17000 + b" HTTP/1.1\r\n{token}\r\n",
    "long_header": b"GET /livez HTTP/1.1\r\n{token}X: " + b"a" * 2_000_000 + b"\r\n\r\n",
    "many_headers": b"GET /livez HTTP/1.1\r\n{token}" + b"X: y\r\n" * 20_000 + b"\r\n",
    "no_colon": b"GET /livez HTTP/1.1\r\n{token}garbage\r\n\r\n",
    "blank_before_colon": b"POST /livez HTTP/1.1\r\n{token}Content-Length : 4\r\n\r\nGET ",
    "percent_zz": b"GET /events?session=%zz HTTP/1.1\r\n{token}\r\n",
    "percent_cut": b"GET /events?session=% HTTP/1.1\r\n{token}\r\n",
    "percent_nul": b"GET /events?session=%00 HTTP/1.1\r\n{token}\r\n",
    "percent_lf": b"GET /events?session=a%0Ab HTTP/1.1\r\n{token}\r\n",
    "percent_no_utf_8": b"GET /events?types=%c0%8a HTTP/1.1\r\n{token}\r\n",
    "percent_no_utf_8_in_a_list": b"GET /api/v1/sessions?state=%c0%8a HTTP/1.1\r\n{token}\r\n",
    "percent_in_path": b"GET /events%00 HTTP/1.1\r\n{token}\r\n",
    "two_lengths": b"POST /api/v1/ticket HTTP/1.1\r\n{token}Content-Length: 2\r\n"
                   b"Content-Length: 3\r\n\r\n{}",
    "length_and_chunks": b"POST /api/v1/ticket HTTP/1.1\r\n{token}Content-Length: 2\r\n"
                         b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "negative_length": b"POST /api/v1/ticket HTTP/1.1\r\n{token}Content-Length: -1\r\n\r\n",
    "huge_length": b"POST /api/v1/ticket HTTP/1.1\r\n{token}Content-Length: " + b"9" * 30
                   + b"\r\n\r\n",
    "long_body": b"POST /api/v1/ticket HTTP/1.1\r\n{token}Content-Length: 70000\r\n\r\n{",
    "chunks": b"POST /api/v1/ticket HTTP/1.1\r\n{token}Transfer-Encoding: chunked\r\n\r\nzz\r\n",
}
# These are answered by libmicrohttpd itself, in HTML; docs/SECURITY.md says so.
BY_THE_LIBRARY = {"no_version", "version_2", "no_host", "long_header", "many_headers", "no_colon",
                  "negative_length", "huge_length"}
KEEPS_OPEN = {"absolute", "connect", "no_method", "percent_zz", "percent_cut",
              "percent_nul", "percent_lf", "percent_no_utf_8", "percent_no_utf_8_in_a_list",
              "percent_in_path"}


@pytest.fixture
def sse(mesh):
    mesh.start_broker()
    return mesh.start_sse("--set", "http/head_deadline=2s", "--set", f"http/clients={CLIENTS}")


def resident(program):
    status = pathlib.Path(f"/proc/{program.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


def files(program):
    return len(list(pathlib.Path(f"/proc/{program.process.pid}/fd").iterdir()))


def lines_of(program):
    """What was logged of clients, after the start."""
    return [line for line in program.log.read_text().splitlines() if "http-connections" in line]


def test_each_kind_of_bad_request_is_refused_and_nothing_behind_it_is_served(mesh, sse):
    token = f"Host: localhost\r\nAuthorization: Bearer {mesh.token}\r\n".encode()
    for name, text in REFUSED.items():
        with Raw(mesh) as raw:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                raw.socket.sendall(text.replace(b"{token}", token))
            head, _, body = raw.read_until(b"\r\n\r\n").partition(b"\r\n\r\n")
            status = int(head.split()[1])
            assert 400 <= status < 600, (name, head)
            assert (b"Content-Type: application/problem+json" in head) \
                == (name not in BY_THE_LIBRARY), (name, head)
            if name not in BY_THE_LIBRARY:
                length = int(re.search(rb"Content-Length: (\d+)", head)[1])
                while len(body) < length:
                    body += raw.socket.recv(65536)
                problem, body = json.loads(body[:length]), body[length:]
                assert problem["status"] == status and problem["detail"].isprintable(), name
            if name in KEEPS_OPEN:
                raw.socket.sendall(request(mesh, "/livez", "Connection: close"))
                assert b"alive" in body + raw.read_all(), name
            else:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    raw.socket.sendall(request(mesh, "/livez", "Connection: close"))
                assert b"alive" not in body + raw.read_all(), name
        assert mesh.get("/livez")[0] == 200, name


def test_garbage_of_any_kind_is_survived(mesh, sse):
    seed = random.SystemRandom().randrange(2 ** 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    beginnings = (b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET /", bytes(100),
                  b"GET /livez HTTP/1.1\r\n", request(mesh, "/livez")[:-2],
                  b"POST /api/v1/ticket HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n")
    raws = []
    for _ in range(200):
        raw = Raw(mesh)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            raw.socket.sendall(chance.choice(beginnings) + chance.randbytes(chance.randint(1, 3000)))
        if chance.random() < 0.3:
            raw.reset()
        else:
            raws.append(raw)
        if not len(raws) % 20:
            assert mesh.get("/livez")[0] == 200
    for raw in raws:
        raw.read_all()
        raw.socket.close()
    assert mesh.get("/livez")[0] == 200 and sse.is_running()
    wait_until(lambda: metric(mesh, "aider_http_connections") <= 1, PATIENCE_S, "end of all")


def test_requests_without_end_whose_answers_nobody_reads_take_no_memory(mesh, sse):
    before = resident(sse)
    with Raw(mesh, receive_bytes=4096) as raw:
        raw.socket.settimeout(0.5)
        sent = 0
        with contextlib.suppress(TimeoutError, BrokenPipeError, ConnectionResetError):
            while sent < 64 * MIB:
                sent += raw.socket.send(request(mesh, "/openapi.json") * 500)
        assert 0 < sent < 64 * MIB    # it stops reading
        assert mesh.get("/livez")[0] == 200
        assert SANITIZER or resident(sse) - before < 4 * MIB
    wait_until(lambda: metric(mesh, "aider_http_connections") <= 1, PATIENCE_S, "its end")


def test_more_half_requests_than_there_is_room_for_end_in_time_and_are_told_once(mesh):
    mesh.start_broker()
    # As much time as it takes to make all of them: a first that had ended would make room again.
    sse = mesh.start_sse("--set", "http/head_deadline=10s", "--set", f"http/clients={CLIENTS}")
    stream = mesh.stream("/events")
    stream.wait("stream.opened", PATIENCE_S)
    before = resident(sse)
    most = CLIENTS + SPARE
    raws = []
    for number in range(most + 200):
        raws.append(Raw(mesh))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            raws[-1].socket.sendall(b"GET /livez HTTP/1.1\r\nHost: loc"[:number % 30])
    wait_until(lambda: lines_of(sse), PATIENCE_S, "word that all connections are taken")
    assert files(sse) <= most + FEW_FILES
    assert SANITIZER or resident(sse) - before < most * BYTES_EACH
    # Whoever comes now waits for a place, which is free when the halves' time is over.
    until = time.monotonic() + PATIENCE_S
    while True:
        with contextlib.suppress(OSError):
            if mesh.get("/livez")[0] == 200:
                break
        assert time.monotonic() < until, "nobody else is served"
    for raw in raws:
        raw.read_all()
        raw.socket.close()
    wait_until(lambda: metric(mesh, "aider_http_connections") <= 2, PATIENCE_S, "end of all")
    assert len(lines_of(sse)) == 1 and "http/clients" in lines_of(sse)[0]
    assert not stream.ended


def slow(mesh, *words):
    """Debian's slowhttptest, in a folder for what it writes."""
    return subprocess.Popen(
        ["slowhttptest", "-c", "150", "-r", "150", "-l", str(SLOW_S), "-i", "1", "-p", "3", *words],
        cwd=mesh.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def test_slow_heads_slow_bodies_and_slow_readers_keep_nobody_waiting(mesh, sse):
    stream = mesh.stream("/events")
    stream.wait("stream.opened", PATIENCE_S)
    late = metric(mesh, "aider_http_heads_late_total")
    attacks = [slow(mesh, "-H", "-u", mesh.url + "/livez"),
               slow(mesh, "-B", "-u", mesh.url + "/api/v1/ticket", "-s", "4096"),
               slow(mesh, "-X", "-u", mesh.url + "/openapi.json", "-k", "3")]
    served = 0
    while any(attack.poll() is None for attack in attacks):
        assert mesh.get("/livez")[0] == 200
        served += 1
    assert served > 1 and not stream.ended
    assert [attack.returncode for attack in attacks] == [0, 0, 0]
    # They had begun, and were cut off by our own deadline.
    assert metric(mesh, "aider_http_heads_late_total") > late
    wait_until(lambda: metric(mesh, "aider_http_connections") <= 2, PATIENCE_S, "end of all")
    assert lines_of(sse) == []


HOLDER = """
import socket, sys
port, count = map(int, sys.argv[1:])
held = []
for number in range(count):
    one = socket.socket()
    one.bind((f"127.0.0.{number % 100 + 2}", 0))
    one.connect(("127.0.0.1", port))
    one.sendall(b"GET /livez HTTP/1.1\\r\\nHost: loc")
    held.append(one)
print("held", flush=True)
sys.stdin.read()
"""


def test_twenty_thousand_half_requests(mesh):
    """As installed: bounded by files that may be open, and others are served meanwhile."""
    mesh.start_broker()
    sse = mesh.start_sse("--set", "http/head_deadline=5m")
    before = resident(sse)
    held = [subprocess.Popen(["python3", "-c", HOLDER, str(mesh.port), "5000"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(4)]
    try:
        room = int(re.search(r"enough for (\d+)", sse.said())[1]) + SPARE \
            if "enough for" in sse.said() else 20_000
        wait_until(lambda: files(sse) >= min(20_000, room), 600, "20 000 connections", 0.5)
        took = resident(sse) - before
        print(f"{files(sse)} files, {took / MIB:.1f} MiB, {took / files(sse):.0f} bytes each")
        assert SANITIZER or took < 20_000 * BYTES_EACH
        if room > 20_000:
            assert mesh.get("/livez")[0] == 200
    finally:
        for holder in held:
            holder.kill()
            holder.wait()
            holder.stdin.close()
            holder.stdout.close()
    wait_until(lambda: files(sse) < FEW_FILES, 300, "end of all", 0.5)
    wait_until(lambda: json.loads(mesh.get("/health")[2])["status"] == "healthy", PATIENCE_S,
               "healthy mesh")
    assert sum("http-connections" in line for line in lines_of(sse)) <= 1
