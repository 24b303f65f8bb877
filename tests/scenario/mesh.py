"""mesh - the real programs, started for one scenario in a place of their own.

SPDX-License-Identifier: MPL-2.0

    with Mesh(folder) as mesh:
        mesh.start()                       # broker, sse-bridge, monitor; a stream that sees all
        mesh.events.wait("aider.session_completed", 20)

Nothing here sleeps: every wait is for a fact, with a deadline far off. Ports are the kernel's choice.
Only processes started here are signalled.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import select
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUPPORT = ROOT / "tests" / "support"
sys.path.insert(0, str(SUPPORT))

import schema    # noqa: E402

SANITIZER = os.environ.get("MESH_TEST_SANITIZER", "")
# Under valgrind and sanitizers a program is slower, and looks for leaks when it ends.
SLOWNESS = {"": 1, "valgrind": 20}.get(SANITIZER, 3)
# Whether the machine does nothing else meanwhile, so that promised times can be held against it.
ALONE = "MESH_TEST_ALONE" in os.environ
# A second is promised of what is installed; sanitizers look for leaks in that second.
STOP_LIMIT_S = 1.0 if not SANITIZER else 5.0 * SLOWNESS
# A wait is for a fact. Its limit says when to give up, and none is shorter than this, as a machine
# may stand still for seconds; what is promised to be soon is held against the times of events.
PATIENCE_S = 30.0 * min(SLOWNESS, 4)
START_LIMIT_S = max(10.0 * SLOWNESS, PATIENCE_S)
MAX_FRAMES = 100_000


def bin_dir():
    return pathlib.Path(os.environ.get("AIDERMESH_BIN") or ROOT / "build" / "bin").resolve()


def wait_until(fact, timeout_s, what, step_s=0.02):
    """Ask `fact` until it is true, and return what it gave. Fails by saying `what` was missed."""
    timeout_s = max(timeout_s, PATIENCE_S)
    until = time.monotonic() + timeout_s
    while True:
        value = fact()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"within {timeout_s:.1f} s there was no {what}")
        select.select([], [], [], step_s)


def output_until(mesh, command, fact, what):
    """What a command has printed when fact(text) comes true; it goes on then, and did not end
    before."""
    out = mesh.folder / f"{command[0]}.out"
    with open(out, "wb") as file:
        process = subprocess.Popen(command, env=mesh.env, stdout=file)

    def printed():
        assert process.poll() is None, f"it has ended: {out.read_text()[-4000:]}"
        text = out.read_text()
        return text if fact(text) else None
    try:
        return wait_until(printed, PATIENCE_S, what)
    finally:
        process.kill()
        process.wait(PATIENCE_S)


def fill(path):
    """Leave no room on a file system."""
    # Without a buffer: what is in one is written at the end, for which there is no room.
    with open(path, "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 65536)
        except OSError:
            pass


@dataclasses.dataclass
class Frame:
    """One SSE event, and when its last byte was read (monotonic seconds)."""

    id: str | None
    type: str
    data: dict
    at: float
    retry: int | None = None


class FrameParser:
    """Reads an event stream as the HTML standard says; strict about what ours must not send."""

    def __init__(self):
        self._rest = b""
        self._fields = {}
        self.comments = 0

    def feed(self, data, at):
        self._rest += data
        while b"\n" in self._rest:
            line, self._rest = self._rest.split(b"\n", 1)
            assert not line.endswith(b"\r") and b"\r" not in line, f"a CR in {line!r}"
            if line:
                self._line(line.decode("utf-8"))
                continue
            fields, self._fields = self._fields, {}
            if "data" in fields:
                yield Frame(fields.get("id"), fields.get("event", "message"),
                            json.loads(fields["data"]), at,
                            int(fields["retry"]) if "retry" in fields else None)

    def _line(self, line):
        if line.startswith(":"):
            self.comments += 1
            return
        name, colon, value = line.partition(":")
        assert colon and name in ("id", "event", "data", "retry"), f"a strange field: {line!r}"
        assert name not in self._fields, f"the field {name} comes twice in one event"
        self._fields[name] = value.removeprefix(" ")


class Frames:
    """Frames as they arrive from another thread, to wait for and to look at."""

    def __init__(self):
        self._frames = []
        self._changed = threading.Condition()
        self._ended = None    # why no more will come

    def add(self, frame):
        with self._changed:
            assert len(self._frames) < MAX_FRAMES, "too many events for one scenario"
            self._frames.append(frame)
            self._changed.notify_all()

    def end(self, why):
        with self._changed:
            self._ended = self._ended or why
            self._changed.notify_all()

    @property
    def ended(self):
        with self._changed:
            return self._ended

    def all(self, *types, session=None):
        """The frames so far, of these types (a trailing * matches any rest), oldest first."""
        with self._changed:
            return [f for f in self._frames if matches(f, types, session)]

    def wait(self, type_, timeout_s, count=1, session=None, where=None):
        """Wait for that many frames of a type (and for which where(data) holds)."""
        def found():
            return [f for f in self._frames if matches(f, (type_,), session)
                    and (where is None or where(f.data))]
        timeout_s = max(timeout_s, PATIENCE_S)
        with self._changed:
            self._changed.wait_for(lambda: len(found()) >= count or self._ended, timeout_s)
            if len(found()) < count:
                seen = [f"{f.type} {json.dumps(f.data)[:200]}" for f in self._frames[-40:]]
                raise AssertionError(
                    f"{len(found())} of {count} {type_} within {timeout_s} s"
                    f" ({self._ended or 'stream open'}); the last events were:\n  "
                    + "\n  ".join(seen))
            return found()


def matches(frame, types, session):
    if session is not None and frame.data.get("session_id") != session:
        return False
    return not types or any(frame.type == t or (t.endswith("*") and frame.type.startswith(t[:-1]))
                            for t in types)


class Stream(Frames):
    """One SSE connection, read by a thread of its own."""

    def __init__(self, base_url, path, headers=None, timeout_s=PATIENCE_S, tls=None):
        super().__init__()
        where = urllib.parse.urlsplit(base_url)
        self._socket = socket.create_connection((where.hostname, where.port), timeout_s)
        if tls:
            self._socket = tls.wrap_socket(self._socket, server_hostname=where.hostname)
        lines = {"Host": where.netloc, "Accept": "text/event-stream", **(headers or {})}
        self._socket.sendall((f"GET {path} HTTP/1.1\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n").encode())
        self.response = http.client.HTTPResponse(self._socket)
        self.response.begin()
        self.status = self.response.status
        if self.status != 200:
            raise AssertionError(f"{path} is answered {self.status}: {self.response.read()!r}")
        self.parser = FrameParser()
        self._socket.settimeout(None)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        why = "the server ended the stream"
        try:
            while data := self.response.read1(65536):
                at = time.monotonic()
                for frame in self.parser.feed(data, at):
                    self.add(frame)
        except Exception as error:    # said by the wait that misses an event
            why = f"reading failed: {error!r}"
        self.end(why)

    def close(self):
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass    # the server was first
        self._thread.join(5)
        self._socket.close()


class Program:
    """One of our programs, its output in files."""

    def __init__(self, mesh, name, words, cwd=None, stdin=subprocess.DEVNULL):
        self.name = name
        self.log = mesh.logs / f"{name}.{len(mesh.programs)}.log"
        self.out = mesh.logs / f"{name}.{len(mesh.programs)}.out"
        with open(self.log, "wb") as err, open(self.out, "wb") as out:
            self.process = subprocess.Popen(
                [*mesh.program(name), *words], env=mesh.env, cwd=cwd or mesh.folder, stdin=stdin,
                stdout=out, stderr=err, start_new_session=True)
        mesh.programs.append(self)
        self.port = None    # on which it serves, where the scenario may want it again
        self.held = None    # a socket that keeps the port, once the program has ended

    def is_running(self):
        return self.process.poll() is None

    def must_run(self):
        assert self.is_running(), \
            f"{self.name} ended with {self.process.returncode}:\n{self.said_last()}"

    def said(self):
        return self.log.read_text(errors="replace")

    def said_last(self):
        """For people."""
        return self.said()[-4000:]

    def wait(self, timeout_s):
        """The exit status, once it has ended by itself."""
        return self.process.wait(max(timeout_s, PATIENCE_S))

    def stop(self, number=signal.SIGTERM, limit_s=PATIENCE_S):
        """Ask it to end: with 0, and within the limit. Returns the seconds it took."""
        self.must_run()
        started = time.monotonic()
        self.process.send_signal(number)
        try:
            self.process.wait(max(limit_s, PATIENCE_S))
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} was still there {max(limit_s, PATIENCE_S):.0f} s"
                                 f" after signal {number}:\n{self.said_last()}") from None
        took_s = time.monotonic() - started
        self._hold_port()
        assert self.process.returncode == 0, \
            f"{self.name} ended with {self.process.returncode}:\n{self.said_last()}"
        assert took_s <= limit_s, f"{self.name} took {took_s:.2f} s to end:\n{self.said_last()}"
        return took_s

    def kill(self):
        if self.is_running():
            self.process.kill()
            self.process.wait(PATIENCE_S)
            self._hold_port()

    def _hold_port(self):
        """Until the scenario ends the kernel gives nobody else the port; the next of ours may."""
        if self.port and not self.held:
            self.held = socket.socket()
            self.held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):    # the next has it already
                self.held.bind(("127.0.0.1", self.port))

    def close(self):
        self.kill()
        if self.held:
            self.held.close()


class Mesh:
    """A mesh in a folder: its environment, its programs, and a stream that sees every event."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.logs = self.folder / "logs"
        self.run_dir = self.folder / "run"
        self.programs = []
        self.streams = []
        self.port = None
        self.tls = None    # an ssl.SSLContext, where the sse-bridge speaks HTTPS
        self.events = None    # Stream of everything, from the earliest event on
        for made in (self.logs, self.run_dir, self.folder / "state", self.folder / "home"):
            made.mkdir(mode=0o700)
        reports = self.logs / "sanitizer"
        self.env = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "HOME": str(self.folder / "home"),
            "XDG_RUNTIME_DIR": str(self.run_dir),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "TMPDIR": str(self.folder),
            "AIDERMESH_HOST": "test-host",
            # A scenario starts its broker itself, when it wants one.
            "AIDERMESH_FEATURES_FALLBACK": "false",
            # The folder may be on any file system.
            "AIDERMESH_SPOOL_ANYWHERE": "true",
            # Reports go to files, so that none is lost in a terminal or in a program's output.
            "ASAN_OPTIONS": f"log_path={reports}:detect_leaks=1",
            "UBSAN_OPTIONS": f"log_path={reports}:print_stacktrace=1",
            "TSAN_OPTIONS": f"log_path={reports}:suppressions={SUPPORT / 'tsan.supp'}",
        }

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.stop()
        finally:
            for stream in self.streams:
                stream.close()
            for program in self.programs:
                program.close()
        if kind is None:
            self.check_reports()
            self.check_events()

    def program(self, name):
        """The words that run a program of ours."""
        path = bin_dir() / name
        if not path.exists():
            raise FileNotFoundError(f"no {path}; AIDERMESH_BIN says where the programs are")
        if SANITIZER == "valgrind":
            return ["valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full",
                    "--errors-for-leak-kinds=definite", "--child-silent-after-fork=no",
                    # The bridge's observer is a program of its own.
                    "--trace-children=yes", "--trace-children-skip=/usr/*,/bin/*",
                    f"--suppressions={SUPPORT / 'valgrind.supp'}",
                    f"--log-file={self.logs}/sanitizer.%p", str(path)]
        return [str(path)]

    @property
    def dir(self):
        """Where the sockets are."""
        return self.run_dir / "aidermesh"

    def endpoint(self, name):
        return f"ipc://{self.dir}/{name}"

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def token(self):
        return (self.folder / "state" / "aidermesh" / "token").read_text().strip()

    @property
    def headers(self):
        return {"Authorization": f"Bearer {self.token}"}

    def start(self, broker=(), sse=(), monitor=()):
        """Broker, sse-bridge and monitor, ready, each with the given further words."""
        self.start_broker(*broker)
        self.start_sse(*sse)
        self.events = self.stream("/events?since=earliest")
        self.start_monitor(*monitor)
        return self

    def start_broker(self, *words):
        program = Program(self, "aidermesh-broker", words)
        control = self.dir / "control"

        def accepts():
            program.must_run()
            # A broker takes away the socket that one before it has left.
            with contextlib.suppress(FileNotFoundError), socket.socket(socket.AF_UNIX) as probe:
                return stat.S_ISSOCK(control.stat().st_mode) and probe.connect_ex(str(control)) == 0
            return False
        wait_until(accepts, START_LIMIT_S, "broker that accepts on its control socket")
        return program

    def start_sse(self, *words):
        port_file = self.folder / f"port.{len(self.programs)}"
        program = Program(self, "aidermesh-sse-bridge", [
            "--set", "http/port=0", "--set", f"http/port_file={port_file}", *words])

        def written():
            program.must_run()
            return port_file.exists() and port_file.read_text().strip()
        self.port = int(wait_until(written, START_LIMIT_S, "port file of the sse-bridge"))
        program.port = self.port
        wait_until(lambda: self.get("/readyz")[0] == 200, START_LIMIT_S, "ready sse-bridge")
        return program

    def start_monitor(self, *words):
        program = Program(self, "aidermesh-monitor", words)
        if self.events:
            self.events.wait("mesh.transport_joined", START_LIMIT_S,
                             where=lambda data: data.get("transport_type") == "monitor")
        return program

    def start_bridge(self, *words, stdin=subprocess.DEVNULL, cwd=None):
        """An stdio-bridge of which the scenario looks at the events only."""
        return Program(self, "aidermesh-stdio-bridge", words, stdin=stdin, cwd=cwd)

    def start_only(self, name, *words):
        """A program by itself, not waited for."""
        return Program(self, name, words)

    @staticmethod
    def wait_for_handlers(program):
        """Wait until a program takes SIGTERM itself (it blocks the signal, to read it)."""
        bit = 1 << (signal.SIGTERM - 1)

        def blocked():
            program.must_run()
            status = pathlib.Path(f"/proc/{program.process.pid}/status").read_text()
            return int(status.partition("SigBlk:")[2].split()[0], 16) & bit
        wait_until(blocked, START_LIMIT_S, f"{program.name} that takes SIGTERM")

    @staticmethod
    def wait_for_output(program, text):
        wait_until(lambda: text in program.out.read_text(errors="replace"), START_LIMIT_S,
                   f"'{text}' in what {program.name} prints")

    def get(self, path, headers=None):
        """One answer: status, headers, body."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=PATIENCE_S, context=self.tls) if self.tls else \
            http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request("GET", path, headers=self.headers if headers is None else headers)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def stream(self, path, headers=None):
        stream = Stream(self.url, path, {**self.headers, **(headers or {})}, tls=self.tls)
        self.streams.append(stream)
        return stream

    def stop(self):
        """End what still runs, as `up` would: readers first, the broker last."""
        running = [program for program in self.programs if program.is_running()]
        rank = {"aidermesh-stdio-bridge": 0, "aidermesh-monitor": 1, "aidermesh-sse-bridge": 2,
                "aidermesh-broker": 3}
        for program in sorted(running, key=lambda program: rank.get(program.name, 0)):
            if program.is_running():    # still: some end with what they serve
                program.stop()

    def check_reports(self):
        """No sanitizer and no valgrind had anything to say, in any process."""
        for report in sorted(self.logs.glob("sanitizer.*")):
            text = report.read_text(errors="replace")
            assert not text.strip(), f"{report.name}:\n{text[:8000]}"

    def check_events(self):
        """Every event that any stream of this scenario has seen is as the schema says."""
        seen = {}    # by place: what many streams have seen is looked at once
        for stream in self.streams:
            for frame in stream.all():
                if frame.id is None or seen.get((frame.type, frame.id)) != frame.data:
                    schema.validate(frame.type, frame.data)
                    seen[frame.type, frame.id] = frame.data
