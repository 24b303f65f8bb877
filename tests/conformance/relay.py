"""relay - stands between one client and the server under test: notes what passes, and cuts it.

SPDX-License-Identifier: MPL-2.0

What a client asks (its Last-Event-ID above all) and what it is answered is seen here, whatever the
client is. Headers that a browser's EventSource cannot send, as Authorization, are put in here. It
also serves a page of its own, so that the page and the stream have one origin.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import io
import json
import pathlib
import socket
import ssl
import threading
import time
import urllib.parse

import sse_standard

OWN = "/.conformance/"
HEAD_MOST = 65536
CONNECT_TIMEOUT_S = 20
PAGE = pathlib.Path(__file__).with_name("page.html")
# They concern one connection each.
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclasses.dataclass
class Exchange:
    """One request, and what it was answered so far."""

    path: str
    asked: dict                       # headers, names in lower case
    at: float = dataclasses.field(default_factory=time.monotonic)
    status: int | None = None         # None: there was no answer
    headers: dict = dataclasses.field(default_factory=dict)
    body: bytes = b""                 # as far as it was passed on
    over: bool = False

    def read(self, last_id):
        """The reference's reader of the body, and its events."""
        reader = sse_standard.Reader(last_id)
        return reader, list(reader.feed(self.body))


def read_head(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more or len(data) > HEAD_MOST:
            return None, {}, b""
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    first, _, lines = head.partition(b"\r\n")
    fields = http.client.parse_headers(io.BytesIO(lines + b"\r\n\r\n"))
    return first.decode("latin-1"), {name.lower(): value for name, value in fields.items()}, rest


class Relay:
    """On a port of its own, from `with` to its end."""

    def __init__(self, url, headers=None):
        self.target = urllib.parse.urlsplit(url)
        self.headers = dict(headers or {})
        self.exchanges = []
        self.on_said = None     # called with what the page says
        self._changed = threading.Condition()
        self._cut_after = None  # events with an id, of the next answer
        self._open = set()      # sockets
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def go_to(self, url):
        """Where the next requests go."""
        self.target = urllib.parse.urlsplit(url)

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self):
        """What the client is to be given."""
        query = "?" + self.target.query if self.target.query else ""
        return self.origin + (self.target.path or "/") + query

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Closing alone does not wake who waits in accept.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self):
        """End all connections, as a network that fails."""
        with self._changed:
            sockets = list(self._open)
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def cut_after(self, events):
        """Of the next answer pass on so many events with an id, the first line of the block that
        follows, and nothing more."""
        self._cut_after = events

    def wait(self, fact, timeout_s):
        """Whether fact(exchanges) came true in time."""
        with self._changed:
            return self._changed.wait_for(lambda: fact(self.exchanges), timeout_s)

    def passed_on(self, initial_id=""):
        """What the reference reads of all that the client was given."""
        last_id, events = initial_id, []
        with self._changed:
            for exchange in self.exchanges:
                if exchange.status == 200:
                    reader, got = exchange.read(last_id)
                    last_id = reader.last_id
                    events += got
        return events

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            self._answer(connection)
        except (OSError, ValueError):
            pass    # one of both is gone; what had passed is noted
        finally:
            with self._changed:
                self._open.discard(connection)
            # Closing alone tells nobody while another thread reads it.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _answer(self, connection):
        first, headers, rest = read_head(connection)
        if first is None:
            return
        method, path, _ = first.split(" ", 2)
        if path.startswith(OWN):
            self._answer_own(connection, path, headers, rest)
            return
        exchange = Exchange(path, headers)
        with self._changed:
            self._open.add(connection)
            self.exchanges.append(exchange)
            self._changed.notify_all()
        try:
            with self._connect() as server:
                with self._changed:
                    self._open.add(server)
                try:
                    self._pass_on(connection, server, method, exchange)
                finally:
                    with self._changed:
                        self._open.discard(server)
        finally:
            with self._changed:
                exchange.over = True
                self._changed.notify_all()

    def _answer_own(self, connection, path, headers, body):
        while len(body) < int(headers.get("content-length", 0)):
            body += connection.recv(65536)
        page = b""
        if path.startswith(OWN + "page"):
            page = PAGE.read_bytes()
        elif self.on_said:
            self.on_said(json.loads(body))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
                           b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(page) + page)

    def _connect(self):
        secure = self.target.scheme == "https"
        port = self.target.port or (443 if secure else 80)
        server = socket.create_connection((self.target.hostname, port), CONNECT_TIMEOUT_S)
        server.settimeout(None)
        if secure:
            context = ssl.create_default_context()
            server = context.wrap_socket(server, server_hostname=self.target.hostname)
        return server

    def _pass_on(self, connection, server, method, exchange):
        asked = {name: value for name, value in exchange.asked.items() if name not in HOP}
        # What is noted is to be what the client reads.
        asked.update({"host": self.target.netloc, "accept-encoding": "identity",
                      "connection": "close"}, **self.headers)
        server.sendall((f"{method} {exchange.path} HTTP/1.1\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in asked.items()) + "\r\n").encode("latin-1"))
        response = http.client.HTTPResponse(server, method=method)
        response.begin()
        with self._changed:
            exchange.status = response.status
            exchange.headers = {name.lower(): value for name, value in response.getheaders()}
            self._changed.notify_all()
        lines = [f"{name}: {value}\r\n" for name, value in response.getheaders()
                 if name.lower() not in HOP]
        connection.sendall((f"HTTP/1.1 {response.status} {response.reason}\r\n{''.join(lines)}"
                            "Connection: close\r\n\r\n").encode("latin-1"))
        threading.Thread(target=self._watch, args=(connection, server), daemon=True).start()
        cut_after, self._cut_after = self._cut_after, None
        reader = sse_standard.Reader()
        with_id = []
        while data := response.read1(65536):
            with_id += [event for event in reader.feed(data) if event.own_id is not None]
            body = exchange.body + data
            end = cut_at(body, with_id[cut_after - 1].end) \
                if cut_after and len(with_id) >= cut_after else 0
            if end:
                data = body[len(exchange.body):end]
            with self._changed:
                exchange.body += data
                self._changed.notify_all()
            connection.sendall(data)
            if end:
                return

    @staticmethod
    def _watch(connection, server):
        """A client that goes is gone for the server, too."""
        with contextlib.suppress(OSError):
            while connection.recv(4096):
                pass
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)


def cut_at(body, end):
    """Behind the first line that follows `end`; 0 when that is not there yet."""
    line_end = min((at for at in (body.find(b"\n", end), body.find(b"\r", end)) if at >= 0),
                   default=-1)
    return line_end + 1
