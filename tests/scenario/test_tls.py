"""HTTPS of the sse-bridge: certificates, streams, reloads, and what is no TLS.

SPDX-License-Identifier: MPL-2.0
"""

import contextlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import time

import httpx
import httpx_sse
import pytest
from mesh import SLOWNESS, output_until, wait_until
from pyzmq_mesh import Publisher

LIMIT_S = 30 * SLOWNESS
PROGRESS = "aider.session_progress"


class Authority:
    """Makes certificates with openssl, as a person would."""

    def __init__(self, folder):
        self.folder = folder
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-subj", "/CN=test authority", "-days", "30", "-keyout", "ca.key", "-out", "ca.pem")

    def openssl(self, *words):
        done = subprocess.run(["openssl", *words], cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def make(self, name, days=30):
        """A certificate and key for 127.0.0.1; days may be negative."""
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1",
                     "-keyout", f"{name}.key", "-out", f"{name}.csr")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                     "-CAcreateserial", "-copy_extensions", "copy", "-days", str(days),
                     "-out", f"{name}.pem")
        return self.words(f"{name}.pem", f"{name}.key")

    def words(self, certificate, key):
        return ("--set", f"http/tls_certificate={self.folder / certificate}",
                "--set", f"http/tls_key={self.folder / key}")

    def context(self):
        return ssl.create_default_context(cafile=str(self.folder / "ca.pem"))


@pytest.fixture
def authority(folder):
    place = folder / "tls"
    place.mkdir()
    return Authority(place)


@pytest.fixture
def publisher(mesh):
    mesh.start_broker()
    publisher = Publisher("py-publisher", "py-host", mesh.dir)
    yield publisher
    publisher.close()


def start(mesh, authority, *words):
    mesh.tls = authority.context()
    return mesh.start_sse(*authority.make("server"), *words)


def publish(publisher, count, message="x"):
    for _ in range(count):
        publisher.publish(PROGRESS, "s-1", {"stage": "banner", "message": message})
    publisher.drain(LIMIT_S)


def metric(mesh, line):
    text = mesh.get("/metrics")[2].decode()
    return float(re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE).group(1))


def open_streams(mesh):
    return json.loads(mesh.get("/health")[2])["active_sse_connections"]["total"]


def places(frames):
    return [int(frame.id.partition("-")[2]) for frame in frames]


def serial(mesh):
    """Of the certificate that a new connection is shown."""
    with socket.create_connection(("127.0.0.1", mesh.port), LIMIT_S) as plain, \
            mesh.tls.wrap_socket(plain, server_hostname="127.0.0.1") as tls:
        return tls.getpeercert()["serialNumber"]


def test_curl_and_httpx_get_streams_over_tls(mesh, publisher, authority):
    mesh.start_sse()    # HTTP first: the same events over both
    publish(publisher, 100)
    plain = mesh.stream("/events/aider?since=earliest")
    expected = [frame.id for frame in plain.wait(PROGRESS, LIMIT_S, count=100)]
    mesh.programs[-1].stop()
    start(mesh, authority, "--set", "http/comment_every=1s")
    head, _, body = output_until(
        mesh, ["curl", "-sSiN", "--cacert", str(authority.folder / "ca.pem"),
               "-H", f"Authorization: Bearer {mesh.token}", f"{mesh.url}/events/aider?since=earliest"],
        lambda text: text.count(f"event: {PROGRESS}\n") >= 100 and "\n:\n" in text,
        "hundred events, and a comment in a quiet stream").partition("\n\n")
    assert "text/event-stream" in head and "chunked" not in head.lower()
    assert re.findall(r"^id: (\S+)$", body, re.MULTILINE) == expected
    with httpx.Client(headers=mesh.headers, timeout=LIMIT_S, trust_env=False,
                      verify=authority.context()) as client:
        with httpx_sse.connect_sse(client, "GET", f"{mesh.url}/events/aider?since=earliest") as source:
            events = source.iter_sse()
            assert next(events).event == "stream.opened"
            assert [next(events).id for _ in range(100)] == expected
            publish(publisher, 5)
            assert [next(events).event for _ in range(5)] == [PROGRESS] * 5
        # The cookie goes over TLS only.
        answer = client.post(f"{mesh.url}/api/v1/signin")
        assert answer.status_code == 204 and "; Secure" in answer.headers["set-cookie"]
        assert client.get(f"{mesh.url}/api/v1/events?since=earliest").json()["events"]
    wait_until(lambda: open_streams(mesh) == 0, LIMIT_S, "end of the streams")
    # Who does not know the authority does not talk to us.
    assert subprocess.run(["curl", "-sS", f"{mesh.url}/livez"], capture_output=True).returncode == 60


def test_many_streams_get_everything_once_while_events_pour_in(mesh, publisher, authority):
    start(mesh, authority)
    streams = [mesh.stream("/events/aider") for _ in range(30)]
    for stream in streams:
        stream.wait("stream.opened", LIMIT_S)
    publish(publisher, 50, message="x" * 2000)
    resumed = mesh.stream("/events/aider", {
        "Last-Event-ID": streams[0].wait(PROGRESS, LIMIT_S, count=50)[9].id})
    publish(publisher, 50, message="y" * 60000)    # longer than a record
    for stream in streams:
        got = places(stream.wait(PROGRESS, 2 * LIMIT_S, count=100))
        assert got == sorted(set(got)) and len(got) == 100
    assert places(resumed.wait(PROGRESS, LIMIT_S, count=90)) == got[10:]


def test_an_event_is_sent_when_it_comes(mesh, publisher, authority):
    start(mesh, authority)
    stream = mesh.stream("/events/aider")
    stream.wait("stream.opened", LIMIT_S)
    took_s = []
    for number in range(20):
        began_s = time.monotonic()
        publish(publisher, 1)
        stream.wait(PROGRESS, LIMIT_S, count=number + 1)
        took_s.append(time.monotonic() - began_s)
    # Were events sent by a timer, each of them, sent after the one before it came, would wait for
    # nearly all of its quarter of a second. One that does not is enough, on a slow machine too.
    assert min(took_s) < 0.125, took_s


@contextlib.contextmanager
def one_that_stops(mesh, publisher):
    """A stream that is not read, beside one that is, until it is found to be slow."""
    live = mesh.stream("/events/aider")
    live.wait("stream.opened", LIMIT_S)
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.settimeout(LIMIT_S)
    plain.connect(("127.0.0.1", mesh.port))
    with mesh.tls.wrap_socket(plain, server_hostname="127.0.0.1") as stopped:
        stopped.sendall((f"GET /events/aider HTTP/1.1\r\nHost: test\r\n"
                         f"Authorization: Bearer {mesh.token}\r\n\r\n").encode())
        wait_until(lambda: open_streams(mesh) == 2, LIMIT_S, "second stream")
        sent = 0
        while metric(mesh, 'aider_sse_closed_total{reason="slow"}') < 1:
            assert sent < 40_000, "the stopped reader is never let go"
            publish(publisher, 100, message="x" * 20000)
            sent += 100
            live.wait(PROGRESS, LIMIT_S, count=sent)
        yield stopped
    got = places(live.all(PROGRESS))
    assert got == sorted(set(got)) and len(got) == sent


def test_a_reader_that_stops_is_told_so_over_tls_and_costs_the_others_nothing(
        mesh, publisher, authority):
    start(mesh, authority, "--set", "http/ring_bytes=8MiB")
    with one_that_stops(mesh, publisher) as stopped:
        data = b""
        with contextlib.suppress(ssl.SSLEOFError, ConnectionResetError):
            while more := stopped.recv(65536):
                data += more
    assert b"event: stream.dropped\n" in data and data.endswith(b"\n\n")
    assert b'"reason":"slow"' in data.rpartition(b"event: stream.closing\n")[2]


def test_one_that_reads_nothing_at_all_is_cut_in_the_end(mesh, publisher, authority):
    start(mesh, authority, "--set", "http/ring_bytes=8MiB")
    with one_that_stops(mesh, publisher):
        # Told goodbye, which it does not read either.
        wait_until(lambda: open_streams(mesh) == 1, 10 + LIMIT_S, "end of it")
        assert metric(mesh, 'aider_sse_closed_total{reason="cut"}') == 1


def test_streams_that_vanish_or_are_stopped_leave_nothing(mesh, publisher, authority):
    sse = start(mesh, authority)
    streams = [mesh.stream(f"/events?session=s-{number % 7}") for number in range(30)]
    for stream in streams:
        stream.wait("stream.opened", LIMIT_S)
    for stream in streams[:15]:
        stream.close()
    wait_until(lambda: open_streams(mesh) == 15, LIMIT_S, "end of those that went")
    publish(publisher, 10)
    sse.stop()
    for stream in streams[15:]:
        closing, = stream.wait("stream.closing", LIMIT_S)
        assert closing.data["reason"] == "stopping" and closing.retry > 0
        wait_until(lambda s=stream: s.ended, LIMIT_S, "end of the stream")


def test_sighup_shows_the_new_certificate_and_drops_no_stream(mesh, publisher, authority):
    sse = start(mesh, authority)
    before = serial(mesh)
    stream = mesh.stream("/events/aider")
    stream.wait("stream.opened", LIMIT_S)
    # One that does not belong to its key is refused, and the old one stays.
    good = (authority.folder / "server.pem").read_bytes()
    authority.make("other")
    os.replace(authority.folder / "other.pem", authority.folder / "server.pem")
    sse.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "reload-refused" in sse.said(), LIMIT_S, "refusal")
    assert "http/tls_key" in sse.said() and serial(mesh) == before
    (authority.folder / "server.pem").write_bytes(good)
    authority.make("server")
    sse.process.send_signal(signal.SIGHUP)
    wait_until(lambda: serial(mesh) != before, LIMIT_S, "new certificate")
    publish(publisher, 3)
    stream.wait(PROGRESS, LIMIT_S, count=3)
    assert stream.ended is None
    assert metric(mesh, "aider_http_certificate_expiry_timestamp_seconds") > time.time()


def test_files_that_cannot_be_used_are_named_at_the_start(mesh, authority):
    good = authority.make("good")
    authority.make("other")
    authority.make("past", days=-1)
    authority.openssl("ec", "-in", "good.key", "-aes128", "-passout", "pass:secret",
                      "-out", "locked.key")
    (authority.folder / "garbage.pem").write_text("no certificate\n")
    (authority.folder / "garbage.key").write_text("no key\n")
    (authority.folder / "garbage.key").chmod(0o600)
    (authority.folder / "open.key").write_bytes((authority.folder / "good.key").read_bytes())
    (authority.folder / "open.key").chmod(0o644)
    cases = [
        (authority.words("none.pem", "good.key"), ["http/tls_certificate", "none.pem", "No such file"]),
        (authority.words("good.pem", "none.key"), ["http/tls_key", "none.key", "No such file"]),
        (authority.words("garbage.pem", "good.key"), ["http/tls_certificate", "garbage.pem"]),
        (authority.words("good.pem", "garbage.key"), ["http/tls_key", "no private key"]),
        (authority.words("good.pem", "other.key"), ["http/tls_key", "other.key", "not the key of"]),
        (authority.words("good.pem", "locked.key"), ["http/tls_key", "passphrase"]),
        (authority.words("good.pem", "open.key"), ["http/tls_key", "everybody"]),
        (authority.words("past.pem", "past.key"), ["http/tls_certificate", "expired"]),
        (authority.words(".", "good.key"), ["http/tls_certificate", "regular"]),
        (good[:2], ["http/tls_key is not"]),
        (good[2:], ["http/tls_certificate is not"]),
    ]
    for words, said in cases:
        program = mesh.start_only("aidermesh-sse-bridge", "--port", "0", *words)
        assert program.wait(LIMIT_S) == 2, words
        assert all(part in program.said() for part in said), program.said()
    # Beyond loopback nothing else is asked for.
    for words, status in (((), 2), (good, 0)):
        program = mesh.start_only("aidermesh-sse-bridge", "--address", "0.0.0.0", *words,
                                  "--check-config")
        assert program.wait(LIMIT_S) == status, program.said()


def run(mesh, name, *words):
    return subprocess.run([*mesh.program(name), *words], env=mesh.env, cwd=mesh.folder,
                          capture_output=True, text=True, timeout=LIMIT_S)


def test_our_own_programs_know_the_mesh_by_its_key(mesh, publisher, authority):
    port_file = mesh.folder / f"port.{len(mesh.programs)}"
    start(mesh, authority)
    own = (*authority.words("server.pem", "server.key"), "--set", f"http/port={mesh.port}")
    assert run(mesh, "aidermesh-sse-bridge", *own, "--healthcheck").returncode == 0
    report = run(mesh, "aidermesh", "doctor", "--json", *own)
    assert json.loads(report.stdout)["http"]["status"] == 200, report.stdout
    publish(publisher, 3)
    tail = mesh.start_only("aidermesh", "tail", "--json", "--last", "3", *own)
    wait_until(lambda: tail.out.read_text().count(PROGRESS) == 3, LIMIT_S, "events in tail")
    tail.stop(limit_s=LIMIT_S)
    # Another key is somebody else, and is not shown the token.
    other = (*authority.make("other"), "--set", f"http/port={mesh.port}")
    refused = run(mesh, "aidermesh", "tail", *other)
    assert refused.returncode == 1 and "pinned" in refused.stderr
    assert port_file.exists()
    mesh.programs[1].stop()
    assert run(mesh, "aidermesh-sse-bridge", *own, "--healthcheck").returncode == 1


def test_up_with_a_certificate_prints_a_line_that_works(mesh, authority):
    words = authority.make("server")
    up = mesh.start_only("aidermesh", "up", "--port", "0", *words)
    mesh.wait_for_output(up, "/events/aider\n")
    line = re.search(r"^  (curl .*)$", up.out.read_text(), re.MULTILINE)[1]
    assert "https://127.0.0.1:" in line and "--pinnedpubkey" in line
    output_until(mesh, ["sh", "-c", f"exec {line}"], lambda text: "event: stream.opened\n" in text,
                 "stream")
    up.stop()


def test_what_is_no_tls_is_survived_counted_and_logged_once(mesh, publisher, authority):
    sse = start(mesh, authority, "--set", "http/head_deadline=1s")
    stream = mesh.stream("/events/aider")
    stream.wait("stream.opened", LIMIT_S)
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    garbage = [b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00" * 1000, b"\xff" * 70000,
               hello + bytes(200), hello, b"\x16\x03\x01\xff\xff" + b"a" * 70000, b"\x15\x03\x03\x00\x02\x02\x28"]
    before = metric(mesh, "aider_http_mute_connections_total")
    sockets = []
    for data in garbage * 10:
        raw = socket.create_connection(("127.0.0.1", mesh.port), LIMIT_S)
        sockets.append(raw)
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            raw.sendall(data)
    silent = [socket.create_connection(("127.0.0.1", mesh.port), LIMIT_S) for _ in range(50)]
    for raw in sockets + silent:    # those that say nothing more are cut as late heads are
        with contextlib.suppress(ConnectionResetError):
            while raw.recv(65536):
                pass
        raw.close()
    wait_until(lambda: metric(mesh, "aider_http_mute_connections_total") - before >= 120, LIMIT_S,
               "count of them")
    publish(publisher, 3)
    stream.wait(PROGRESS, LIMIT_S, count=3)
    assert sse.said().count("http-no-request") == 1
    wait_until(lambda: metric(mesh, "aider_http_connections") <= 2, LIMIT_S, "end of all")


def test_an_old_version_of_tls_is_refused(mesh, publisher, authority):
    start(mesh, authority)
    for version, known in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True),
                           (ssl.TLSVersion.TLSv1_3, True)):
        context = authority.context()
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.maximum_version = version
        with socket.create_connection(("127.0.0.1", mesh.port), LIMIT_S) as plain:
            if known:
                context.wrap_socket(plain, server_hostname="127.0.0.1").close()
            else:
                with pytest.raises((ssl.SSLError, ConnectionResetError)):
                    context.wrap_socket(plain, server_hostname="127.0.0.1")
