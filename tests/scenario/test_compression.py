"""Streams as gzip: who is sent it, and that what is unpacked is what the others get.

SPDX-License-Identifier: MPL-2.0
"""

import contextlib
import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time
import zlib

import httpx
import httpx_sse
import pytest
from mesh import SLOWNESS, FrameParser, wait_until
from pyzmq_mesh import Publisher

LIMIT_S = 30 * SLOWNESS
PROGRESS = "aider.session_progress"


@pytest.fixture
def publisher(mesh):
    mesh.start_broker()
    publisher = Publisher("py-publisher", "py-host", mesh.dir)
    yield publisher
    publisher.close()


def publish(publisher, count, message="x", session="s-1"):
    for number in range(count):
        publisher.publish(PROGRESS, session, {"stage": "banner", "message": f"{message} {number}"})
    publisher.drain(LIMIT_S)


def metric(mesh, line):
    text = mesh.get("/metrics")[2].decode()
    return float(re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE).group(1))


def without_comments(text):
    return re.sub(rb"^:\n", b"", bytes(text), flags=re.MULTILINE)


class Zipped(threading.Thread):
    """A client that takes gzip: unpacks each part as it comes, and keeps the frames' bytes."""

    def __init__(self, mesh, path, accept="gzip", last_id=None, receive_bytes=None):
        super().__init__(daemon=True)
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(LIMIT_S)
        self.socket.connect(("127.0.0.1", mesh.port))
        if mesh.tls:
            self.socket = mesh.tls.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self.socket.sendall("\r\n".join([
            f"GET {path} HTTP/1.1", "Host: test", f"Authorization: Bearer {mesh.token}",
            f"Accept-Encoding: {accept}", *([f"Last-Event-ID: {last_id}"] if last_id else []),
            "", ""]).encode())
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.socket.recv(4096)
            assert more, data
            data += more
        head, _, self.rest = data.partition(b"\r\n\r\n")
        self.head = head.decode().lower().splitlines()
        self.wire_bytes = 0
        self.plain = bytearray()
        self.ended = None
        self.go_on = threading.Event()
        self.go_on.set()
        self.start()

    def run(self):
        unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            data = self.rest
            while True:
                self.wire_bytes += len(data)
                self.plain += unpacker.decompress(data)
                assert not unpacker.unconsumed_tail and not unpacker.unused_data
                self.go_on.wait(LIMIT_S)
                data = self.socket.recv(65536)
                if not data:
                    break
            self.ended = "the end"
        except Exception as error:    # said by frames()
            self.ended = repr(error)

    def frames(self, count):
        """So many events, and what was sent after the first block, which is the stream's own."""
        def whole():
            return self.plain.count(b"event: " + PROGRESS.encode()) >= count \
                and without_comments(self.plain).endswith(b"\n\n")
        wait_until(lambda: whole() or self.ended, LIMIT_S, f"{count} events")
        assert whole(), self.ended
        return without_comments(self.plain).partition(b"\n\n")[2]

    def close(self):
        self.go_on.set()
        with contextlib.suppress(OSError):    # the server was first, or it is closed already
            self.socket.shutdown(socket.SHUT_RDWR)
        self.join(LIMIT_S)
        self.socket.close()


@pytest.fixture
def clients():
    made = []
    yield made
    for client in made:
        client.close()


def plain_of(mesh, count, path="/events/aider?since=earliest"):
    """The same stream as it is without gzip."""
    with socket.create_connection(("127.0.0.1", mesh.port), LIMIT_S) as raw:
        raw.sendall((f"GET {path} HTTP/1.1\r\nHost: test\r\n"
                     f"Authorization: Bearer {mesh.token}\r\n\r\n").encode())
        data = b""
        while data.count(b"event: " + PROGRESS.encode()) < count \
                or not without_comments(data).endswith(b"\n\n"):
            more = raw.recv(65536)
            assert more, data[-1000:]
            data += more
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"content-encoding" not in head.lower()
    return without_comments(body).partition(b"\n\n")[2]


def test_what_is_unpacked_is_what_others_get_whenever_a_client_joins(mesh, publisher, clients):
    mesh.start_sse()
    sent = 0
    for number in range(12):
        publish(publisher, 40, message="y" * 200)
        sent += 40
        clients.append(Zipped(mesh, "/events/aider?since=earliest"))
        if number % 4 == 3:
            clients[number - 1].close()
    for _ in range(20):
        publish(publisher, 5, message="z" * 200)
        sent += 5
    expected = plain_of(mesh, sent)
    for number, client in enumerate(clients):
        if number % 4 == 2:
            continue
        assert client.frames(sent) == expected
        for line in ("content-encoding: gzip", "vary: accept-encoding",
                     "content-type: text/event-stream; charset=utf-8"):
            assert line in client.head, client.head
        assert client.wire_bytes < len(client.plain) / 2
    wait_until(lambda: metric(mesh, "aider_sse_compressed_clients") == 9, LIMIT_S,
               "end of those that were closed")
    # One that resumes in the middle has the rest, the same.
    middle = re.findall(rb"^id: (\S+)$", expected, re.MULTILINE)[299].decode()
    clients.append(Zipped(mesh, "/events/aider", last_id=middle))
    rest = clients[-1].frames(sent - 300)
    assert rest == expected.partition(f"id: {middle}\n".encode())[2].partition(b"\n\n")[2]


def test_a_client_that_stops_reading_gets_all_of_it_later_and_the_others_at_once(
        mesh, publisher, clients):
    mesh.start_sse("--set", "http/comment_every=1s")
    stopped = Zipped(mesh, "/events/aider?since=earliest", receive_bytes=4096)
    live = Zipped(mesh, "/events/aider?since=earliest")
    clients += [stopped, live]
    publish(publisher, 10)
    stopped.frames(10)
    stopped.go_on.clear()
    noise = os.urandom(20000).hex()    # which cannot be made smaller than half: 5 MB of it
    for round_ in range(10):
        publish(publisher, 25, message=noise)
        live.frames(10 + 25 * (round_ + 1))
    stopped.go_on.set()
    want = plain_of(mesh, 260)
    for client in (stopped, live):
        assert client.frames(260) == want
    # Comments come, to both, and do not disturb what follows.
    for client in (stopped, live):
        before = client.plain.count(b"\n:\n")
        wait_until(lambda c=client, b=before: c.plain.count(b"\n:\n") > b, LIMIT_S, "comment")
    publish(publisher, 3)
    for client in (stopped, live):
        client.frames(263)
        assert client.ended is None


def test_who_is_sent_gzip(mesh, publisher):
    mesh.start_sse()
    for accept, coding in (("gzip", "gzip"), ("gzip;q=0", None), ("*", "gzip"), (None, None),
                           ("identity", None), ("gzip;q=0.5, identity", None), ("br, deflate", None)):
        headers = {**mesh.headers, **({"Accept-Encoding": accept} if accept else {})}
        with httpx.Client(trust_env=False, timeout=LIMIT_S) as client:
            client.headers.clear()
            with client.stream("GET", f"{mesh.url}/events", headers=headers) as answer:
                assert answer.headers.get("content-encoding") == coding, accept
                assert "accept-encoding" in answer.headers["vary"].lower()
                assert "event: stream.opened" in next(answer.iter_text())
    status, headers, body = mesh.get("/events", {**mesh.headers, "Accept-Encoding": "identity;q=0"})
    assert status == 406 and "gzip" in json.loads(body)["detail"]
    mesh.programs[-1].stop()
    mesh.start_sse("--set", "features/compression=false")
    with httpx.Client(trust_env=False, timeout=LIMIT_S, headers=mesh.headers) as client, \
            client.stream("GET", f"{mesh.url}/events") as answer:
        assert "content-encoding" not in answer.headers


def test_curl_httpx_and_node_unpack_each_event_as_it_comes(mesh, publisher):
    mesh.start_sse()
    publish(publisher, 100)
    shown = mesh.folder / "shown"
    with open(shown, "wb") as out:
        curl = subprocess.Popen(
            ["curl", "-sSiN", "--compressed", "-H", f"Authorization: Bearer {mesh.token}",
             f"{mesh.url}/events/aider?since=earliest"], stdout=out)
    try:
        wait_until(lambda: curl.poll() is not None or shown.read_bytes().count(b"\nid: ") >= 100
                   and shown.read_bytes().endswith(b"\n\n"), LIMIT_S, "hundred events of curl's")
        assert curl.poll() is None, f"curl ended with {curl.returncode}"
    finally:
        curl.kill()
        curl.wait()
    head, _, body = shown.read_text().partition("\n\n")
    assert "content-encoding: gzip" in head.lower()
    ids = re.findall(r"^id: (\S+)$", body, re.MULTILINE)
    assert len(ids) == 100
    with httpx.Client(headers=mesh.headers, timeout=LIMIT_S, trust_env=False) as client, \
            httpx_sse.connect_sse(client, "GET", f"{mesh.url}/events/aider?since=earliest") as source:
        assert source.response.headers["content-encoding"] == "gzip"
        events = source.iter_sse()
        assert next(events).event == "stream.opened"
        assert [next(events).id for _ in range(100)] == ids
        for number in range(5):    # one by one: each is there before the next is sent
            publish(publisher, 1)
            assert json.loads(next(events).data)["message"] == "x 0", number
    script = """
        const answer = await fetch(process.argv[2], {headers: {Authorization: process.argv[3]}});
        if (answer.headers.get('content-encoding') !== 'gzip') throw new Error('no gzip');
        let text = '';
        for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {
            text += part;
            const ids = [...text.matchAll(/^id: (.+)$/gm)].map(found => found[1]);
            if (ids.length >= 105) { console.log(JSON.stringify(ids)); process.exit(0); }
        }
        throw new Error('the end came first');"""
    file = mesh.folder / "follow.mjs"
    file.write_text(script)
    done = subprocess.run(["node", str(file), f"{mesh.url}/events/aider?since=earliest",
                           f"Bearer {mesh.token}"], capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[:100] == ids


def test_the_last_words_come_whole(mesh, publisher, clients):
    sse = mesh.start_sse("--set", "http/max_age=1s")
    client = Zipped(mesh, "/events/aider?since=earliest")
    clients.append(client)
    wait_until(lambda: client.ended, LIMIT_S, "end of the stream")
    assert client.ended == "the end"
    frames = list(FrameParser().feed(client.plain, time.monotonic()))
    assert frames[-1].data["reason"] == "max_age" and frames[-1].retry > 0
    sse.must_run()


def test_gzip_and_tls_together(mesh, publisher, clients):
    place = mesh.folder / "tls"
    place.mkdir()
    done = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "3",
         "-keyout", "key", "-out", "certificate"], cwd=place, capture_output=True)
    assert done.returncode == 0, done.stderr
    mesh.tls = ssl.create_default_context(cafile=str(place / "certificate"))
    mesh.start_sse("--set", f"http/tls_certificate={place / 'certificate'}",
                   "--set", f"http/tls_key={place / 'key'}")
    plain = mesh.stream("/events/aider?since=earliest")
    for _ in range(3):
        publish(publisher, 50, message="y" * 300)
        clients.append(Zipped(mesh, "/events/aider?since=earliest"))
    publish(publisher, 50, message="y" * 300)
    ids = [frame.id for frame in plain.wait(PROGRESS, LIMIT_S, count=200)]
    for client in clients:
        text = client.frames(200).decode()
        assert re.findall(r"^id: (\S+)$", text, re.MULTILINE) == ids
        assert "content-encoding: gzip" in client.head
