"""pyzmq_mesh - a publisher and a subscriber of the mesh, from docs/PROTOCOL.md alone.

SPDX-License-Identifier: MPL-2.0

    publisher = Publisher("tool-1", "build-7", runtime_dir)
    publisher.publish("aider.session_progress", "session-1", {"stage": "banner", "message": "hi"})
    publisher.drain(5)

    with Subscriber("reader-1", "build-7", runtime_dir, after=0) as subscriber:
        for event in subscriber.events(count=10, timeout_s=5): ...

Also what the protocol's own tests use: encode and decode of topics and headers.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import os
import struct
import time
import uuid

import zmq

PROTOCOL = b"aidermesh/1"
VERSION = 1
HEADER = struct.Struct(">BBHI16sQqQQQqII")
LATE, UNCOMMITTED = 1, 2
PAYLOAD_LIMIT = 65_536
UNESCAPED = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-~:")
RESEND_AFTER_S = 0.05
HEARTBEAT_S = 1.0
# The broker speaks every second, and answers at once; how long that takes is the machine's affair.
# No wait is shorter.
PATIENCE_S = 60.0
ASK_AGAIN_S = 2.0
LINGER_MS = 5000    # a goodbye, to a broker that is there


class Refused(Exception):
    """A message that section 2 says is refused; the text is the reason's name."""


# Section 2: the topic


def encode_part(text):
    return "".join(chr(b) if b in UNESCAPED else f"%{b:02X}" for b in text.encode())


def decode_part(text):
    out = bytearray()
    at = 0
    while at < len(text):
        if text[at] == "%":
            digits = text[at + 1:at + 3]
            if len(digits) != 2 or any(d not in "0123456789ABCDEF" for d in digits):
                raise Refused("topic-wrong")
            byte = int(digits, 16)
            if byte == 0 or byte in UNESCAPED:
                raise Refused("topic-wrong")
            out.append(byte)
            at += 3
        else:
            if ord(text[at]) not in UNESCAPED:
                raise Refused("topic-wrong")
            out.append(ord(text[at]))
            at += 1
    return bytes(out)


def encode_topic(type_, host, session=""):
    return f"{type_}/{encode_part(host)}/{encode_part(session or '')}".encode("ascii")


def decode_topic(frame):
    """Returns (type, host, session)."""
    try:
        parts = frame.decode("ascii").split("/")
    except UnicodeDecodeError:
        raise Refused("topic-wrong") from None
    if len(parts) != 3:
        raise Refused("topic-wrong")
    type_ = parts[0]
    legal = (1 <= len(type_) <= 64 and "a" <= type_[0] <= "z"
             and all(c in "abcdefghijklmnopqrstuvwxyz0123456789._" for c in type_))
    host, session = decode_part(parts[1]), decode_part(parts[2])
    if not legal or not 1 <= len(host) <= 255 or len(session) > 128:
        raise Refused("topic-wrong")
    try:
        return type_, host.decode(), session.decode()
    except UnicodeDecodeError:
        raise Refused("topic-wrong") from None


# Section 2: the body


@dataclasses.dataclass
class Event:
    """One event, as section 2 gives it."""

    type: str
    host: str
    session: str
    source: uuid.UUID
    seq: int
    timestamp_us: int
    payload: dict | bytes
    covers: int = 1
    flags: int = 0
    epoch: int = 0
    offset: int = 0
    previous: int = 0
    recorded_us: int = 0

    def frames(self):
        payload = self.payload
        if not isinstance(payload, bytes):
            payload = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
        if len(payload) > PAYLOAD_LIMIT:
            raise Refused("payload-too-large")
        header = HEADER.pack(VERSION, self.flags, 0, self.covers, self.source.bytes, self.seq,
                             self.timestamp_us, self.epoch, self.offset, self.previous,
                             self.recorded_us, len(payload), 0)
        return [encode_topic(self.type, self.host, self.session), header + payload]


def decode_event(frames):
    if len(frames) != 2:
        raise Refused("frames-wrong")
    topic, body = frames
    type_, host, session = decode_topic(topic)
    if len(body) < HEADER.size:
        raise Refused("header-short")
    (version, flags, reserved, covers, source, seq, timestamp_us, epoch, offset, previous,
     recorded_us, length, reserved_too) = HEADER.unpack_from(body)
    if version != VERSION:
        raise Refused("version-refused")
    if flags & ~(LATE | UNCOMMITTED) or reserved or reserved_too:
        raise Refused("reserved-bits-set")
    if length > PAYLOAD_LIMIT:
        raise Refused("payload-too-large")
    if length != len(body) - HEADER.size:
        raise Refused("payload-length-wrong")
    if not 1 <= covers <= seq:
        raise Refused("covers-wrong")
    return Event(type_, host, session, uuid.UUID(bytes=source), seq, timestamp_us,
                 json.loads(body[HEADER.size:]), covers, flags, epoch, offset, previous,
                 recorded_us)


def uuid7():
    now_ms = time.time_ns() // 1_000_000
    rest = int.from_bytes(os.urandom(10), "big")
    value = (now_ms << 80) | rest
    value = (value & ~(0xF << 76)) | (7 << 76)
    return uuid.UUID(int=(value & ~(3 << 62)) | (2 << 62))


# Section 7: keys


def key_of(path):
    """The keys of a file: (public, secret, the broker's public)."""
    values = {}
    for line in open(path, encoding="ascii"):
        name, equals, value = line.strip().partition(" = ")
        if equals:
            values[name] = value.strip('"').encode()
    return values["public-key"], values["secret-key"], values["server-key"]


# Sections 3 and 4: the control socket


class ErrorAnswer(Exception):
    """The broker answered `error`."""

    def __init__(self, body):
        super().__init__(f"{body.get('code')}: {body.get('message')}")
        self.code = body.get("code")
        self.body = body


class Peer:
    """A program of the mesh: a DEALER on the control socket, welcomed by the broker."""

    def __init__(self, transport_id, host, runtime_dir, transport_type="tool", key=None):
        self.host = host
        self.transport_id = transport_id
        self.transport_type = transport_type
        self.context = zmq.Context()
        self.key = key    # None, or what key_of gives
        self.control = self.open(zmq.DEALER)
        self.control.linger = LINGER_MS
        self.control.connect(f"ipc://{runtime_dir}/control")
        self.welcome = None
        self._said = {}    # what the last hello said beyond what each says
        self._last_id = 0
        self._beat_at = 0.0
        self._unasked = collections.deque()

    def open(self, kind):
        """A socket that shows the key, where there is one (section 7)."""
        socket = self.context.socket(kind)
        if self.key:
            socket.curve_publickey, socket.curve_secretkey, socket.curve_serverkey = self.key
        return socket

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.send("bye", {"transport_id": self.transport_id})
        self.context.destroy()

    def send(self, verb, body):
        self.control.send_multipart([PROTOCOL, verb.encode(), json.dumps(body).encode()])

    def receive(self, timeout_s):
        """The next message: (verb, body, further frames), or None."""
        if not self.control.poll(max(0, int(timeout_s * 1000))):
            return None
        frames = self.control.recv_multipart()
        assert frames[0] == PROTOCOL and len(frames) >= 3, frames
        body = json.loads(frames[2])
        if "receipt" in body:
            self.send("read", {"receipt": body["receipt"]})
        return frames[1].decode(), body, frames[3:]

    def ask(self, verb, body, timeout_s=PATIENCE_S):
        """Send a request and wait for the answer with its id. Others are kept for `unasked`.

        Who was welcome, and was taken for lost since, says hello again (section 3).
        """
        try:
            return self._ask(verb, body, timeout_s)
        except ErrorAnswer as error:
            if error.code != "unknown_peer" or not self.welcome or verb == "hello":
                raise
        self._hello({**self._said, "previous_incarnation": self.welcome["incarnation"]}, timeout_s)
        return self._ask(verb, body, timeout_s)

    def _ask(self, verb, body, timeout_s):
        self._last_id += 1
        self.send(verb, {"id": self._last_id, **body})
        until = time.monotonic() + timeout_s    # a request may be lost with its connection
        while (left := until - time.monotonic()) > 0:
            message = self.receive(left)
            if message is None:
                break
            if message[1].get("id") != self._last_id:
                self._unasked.append(message)
            elif message[0] == "error":
                raise ErrorAnswer(message[1])
            else:
                return message
        raise TimeoutError(f"no answer to {verb} within {timeout_s} s")

    def unasked(self):
        """What came without being asked for, without waiting."""
        while self._unasked:
            yield self._unasked.popleft()
        while (message := self.receive(0)) is not None:
            yield message

    def sources(self):
        """What this program publishes, as hello and heartbeat say it."""
        return []

    def hello(self, **members):
        self._hello(members, PATIENCE_S)
        self._said = members
        return self.welcome

    def _hello(self, members, timeout_s):
        body = {"transport_id": self.transport_id, "transport_type": self.transport_type,
                "host": self.host, "pid": os.getpid(), "version": "0.1.0", "protocol": 1,
                "capabilities": [], "metadata": {}, "services": [], "sources": self.sources()}
        _, self.welcome, _ = self.ask("hello", {**body, **members}, timeout_s)

    def heartbeat(self):
        self._beat_at = time.monotonic()
        self.send("heartbeat", {"transport_id": self.transport_id,
                                "incarnation": self.welcome["incarnation"],
                                "sources": self.sources()})

    def heartbeat_when_due(self, interval_s=HEARTBEAT_S):
        if time.monotonic() - self._beat_at >= interval_s:
            self.heartbeat()


# Section 5: from publisher to broker


class Publisher(Peer):
    """Keeps what it publishes until it is acknowledged, sends within the window."""

    def __init__(self, transport_id, host, runtime_dir, key=None, source=None, last=0):
        """A new source, or one that exists already, up to its last number."""
        super().__init__(transport_id, host, runtime_dir, key=key)
        self.source = source or uuid7()
        self.kept = collections.OrderedDict()    # seq -> frames; the oldest first
        self.last = last    # the last number made
        self.committed = last
        self.sent = last    # the last number on the wire
        self.resent = 0
        self.hello()
        # An XPUB is told of the broker's subscription; before that, what is sent is lost.
        self.socket = self.open(zmq.XPUB)
        self.socket.linger = LINGER_MS
        self.socket.connect(self.welcome["endpoints"]["publish"])
        if not self.socket.poll(PATIENCE_S * 1000) or self.socket.recv() != b"\x01":
            raise TimeoutError("the broker does not subscribe")

    def sources(self):
        first = next(iter(self.kept), self.last + 1)
        return [{"source": str(self.source), "first": first, "last": self.last,
                 "acked": self.committed}]

    def publish(self, type_, session, payload, timestamp=None, covers=1):
        timestamp = time.time() if timestamp is None else timestamp
        self.last += covers
        members = {"timestamp": timestamp, "host": self.host, "source": str(self.source),
                   "seq": self.last, "correlation_id": session or str(self.source)}
        if session:
            members["session_id"] = session
        event = Event(type_, self.host, session, self.source, self.last,
                      round(timestamp * 1e6), {**payload, **members}, covers)
        self.kept[self.last] = event.frames()
        self.work()
        return self.last

    def work(self):
        """Take the broker's word, and send what the window allows."""
        for verb, body, _ in self.unasked():
            self._take(verb, body)
        window = self.welcome["window"]
        on_wire = [(seq, frames) for seq, frames in self.kept.items() if seq <= self.sent]
        events, size = len(on_wire), sum(len(frames[1]) for _, frames in on_wire)
        for seq, frames in self.kept.items():
            if seq <= self.sent:
                continue
            events, size = events + 1, size + len(frames[1])
            if events > window["events"] or size > window["bytes"]:
                break
            self.socket.send_multipart(frames)
            self.sent = seq
        self.heartbeat_when_due(RESEND_AFTER_S if self.kept else HEARTBEAT_S)

    def _take(self, verb, body):
        if verb == "ack":
            for row in body["sources"]:
                if row["source"] == str(self.source):
                    self.committed = max(self.committed, row["committed"])
                    for seq in [s for s in self.kept if s <= row["synced"]]:
                        del self.kept[seq]
        elif verb == "resend" and body["source"] == str(self.source):
            self.sent = min(self.sent, body["from"] - 1)
            self.resent += 1
        elif verb == "hello_again":
            self.hello(previous_incarnation=self.welcome["incarnation"])
            self.sent = self.welcome["sources"][0]["next"] - 1

    def drain(self, timeout_s=PATIENCE_S):
        """Wait until the broker has everything."""
        until = time.monotonic() + max(timeout_s, PATIENCE_S)
        while self.kept:
            if time.monotonic() > until:
                raise TimeoutError(f"{len(self.kept)} events are not acknowledged")
            self.work()
            self.control.poll(10)


# Section 6: from broker to subscriber


class Subscriber(Peer):
    """Every event once, in the broker's order; `gaps` says what was no longer kept."""

    def __init__(self, transport_id, host, runtime_dir, after=None, prefix=b"", key=None):
        """after: an offset to go on behind; None: from the head."""
        super().__init__(transport_id, host, runtime_dir, key=key)
        self.hello()
        self.epoch = int(self.welcome["epoch"], 16)
        self.position = self.welcome["head"] if after is None else after
        self.gaps = []
        self.heads = []    # the payloads of mesh.head
        self.replays = 0
        self._ready = collections.deque()
        self.socket = self.open(zmq.SUB)
        self.socket.subscribe(prefix)
        self.socket.connect(self.welcome["endpoints"]["subscribe"])
        self._heard_at = time.monotonic()

    def arrived(self):
        """The events that are there by now, after one look at the sockets."""
        self._step()
        while self._ready:
            yield self._ready.popleft()

    def events(self, count, timeout_s=PATIENCE_S):
        """The next events, `count` of them. Raises TimeoutError when they do not come."""
        until = time.monotonic() + max(timeout_s, PATIENCE_S)
        self._heard_at = time.monotonic()    # while nobody asked, nobody listened
        for number in range(count):
            while not self._ready:
                if time.monotonic() > until:
                    raise TimeoutError(f"{number} of {count} events within {timeout_s} s")
                if time.monotonic() - self._heard_at > PATIENCE_S:
                    raise TimeoutError(f"{PATIENCE_S:.0f} s without a message")
                self._step()
            yield self._ready.popleft()

    def wait_for_head(self, timeout_s=PATIENCE_S):
        """Wait for a mesh.head and give its payload."""
        until = time.monotonic() + max(timeout_s, PATIENCE_S)
        seen = len(self.heads)
        while len(self.heads) == seen:
            if time.monotonic() > until:
                raise TimeoutError("no mesh.head")
            self._step()
        return self.heads[-1]

    def _step(self):
        self.heartbeat_when_due()
        for verb, _, _ in self.unasked():
            if verb == "hello_again":
                self.hello(previous_incarnation=self.welcome["incarnation"])
        if self.socket.poll(50):
            event = decode_event(self.socket.recv_multipart())
            self._heard_at = time.monotonic()
            self._take(event)

    def _take(self, event):
        if event.epoch and event.epoch != self.epoch:
            self.gaps.append(("epoch", self.epoch, event.epoch))
            self.epoch, self.position = event.epoch, 0
        if event.type == "mesh.head":
            self.heads.append(event.payload)
            if event.offset > self.position:
                self._replay()
        elif event.flags & UNCOMMITTED:
            self._ready.append(event)
        elif event.offset <= self.position:
            pass    # seen
        elif event.previous == self.position:
            self._deal_with(event)
        else:
            self._replay()
            if event.offset > self.position:
                self._deal_with(event)

    def _deal_with(self, event):
        self.position = event.offset
        self._ready.append(event)

    def _ask_again(self, verb, body):
        """Ask, and once more where the broker closed the connections in between (section 7)."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self.ask(verb, body, timeout_s=ASK_AGAIN_S)
            except TimeoutError:
                if time.monotonic() > until:
                    raise
            except ErrorAnswer as error:
                # unknown_peer: closed again; replay_unread: the page asked for before is on its way.
                if error.code not in ("unknown_peer", "replay_unread") or time.monotonic() > until:
                    raise

    def _replay(self):
        self.replays += 1
        while True:
            _, body, frames = self._ask_again("replay", {"epoch": f"{self.epoch:016x}",
                                                         "after": self.position})
            assert len(frames) == 2 * body["count"], (len(frames), body)
            if body["first"] > self.position + 1:
                self.gaps.append(("trimmed", self.position, body["first"]))
            for at in range(0, len(frames), 2):
                self._deal_with(decode_event(frames[at:at + 2]))
            self.position = max(self.position, body["to"])
            if not body["more"]:
                return
