"""checks - what a server of events must do, each check a function that fails with a sentence.

SPDX-License-Identifier: MPL-2.0

A check of WIRE looks at the bytes and heads that the server sends; one of CLIENTS has a client of
readers.py read it. All that is asked of the URL is that it gives some events with ids, the same
ones each time it is opened without a position (ours: since=earliest).
"""

from __future__ import annotations

import dataclasses
import http.client
import ssl
import time
import urllib.parse

import readers
import relay
import sse_standard

FOREIGN_ORIGIN = "https://elsewhere.example"
# What a browser's position may be after years: of another server, or damaged.
STRANGE_IDS = ("what?", "0", "-1", "ffffffffffffffff-18446744073709551616", "x" * 1000, "\xe9", "%00",
               "a,b", '"', "../..")
EVENTS_LOOKED_AT = 3


def expect(holds, sentence):
    """A sentence says what was expected, and what was there."""
    if not holds:
        raise AssertionError(sentence)


@dataclasses.dataclass
class Target:
    """What is tested, and how patiently."""

    url: str
    headers: dict = dataclasses.field(default_factory=dict)
    timeout_s: float = 20.0
    comment_within_s: float = 0.0    # 0: not looked at

    def __post_init__(self):
        self.where = urllib.parse.urlsplit(self.url)
        self.sample = None    # Answer, once it was taken

    def ask(self, method="GET", url=None, headers=None):
        """An answer whose body is still to be read, and its socket."""
        where = urllib.parse.urlsplit(url or self.url)
        if where.scheme == "https":
            connection = http.client.HTTPSConnection(where.netloc, timeout=self.timeout_s,
                                                     context=ssl.create_default_context())
        else:
            connection = http.client.HTTPConnection(where.netloc, timeout=self.timeout_s)
        path = (where.path or "/") + (f"?{where.query}" if where.query else "")
        connection.request(method, path, headers={
            "Accept": "text/event-stream", **self.headers, **(headers or {})})
        # Where the answer is the connection's last it is the response that holds the socket.
        held = connection.sock
        return held, connection.getresponse()

    def head(self, method="GET", url=None, headers=None):
        held, response = self.ask(method, url, headers)
        response.close()
        held.close()
        return response

    def take_sample(self):
        """The head, and the bytes up to some events with an id."""
        held, response = self.ask()
        try:
            reader = sse_standard.Reader()
            events = []
            until = time.monotonic() + self.timeout_s
            while response.status == 200 and time.monotonic() < until and sum(
                    event.own_id is not None for event in events) < EVENTS_LOOKED_AT:
                try:
                    data = response.read1(65536)
                except TimeoutError:
                    break
                if not data:
                    break
                events += reader.feed(data)
            self.sample = Answer(response, reader, events)
        finally:
            response.close()
            held.close()
        return self.sample


@dataclasses.dataclass
class Answer:
    head: http.client.HTTPResponse
    reader: sse_standard.Reader
    events: list

    @property
    def with_id(self):
        return [event for event in self.events if event.own_id is not None]

    @property
    def types(self):
        return sorted({event.type for event in self.events})


# ---- the wire


def a_stream_is_200_and_text_event_stream_in_utf_8(target):
    head = target.sample.head
    expect(head.status == 200, f"the answer is {head.status}")
    media, _, rest = head.headers.get("Content-Type", "").partition(";")
    expect(media.strip().lower() == "text/event-stream", f"its Content-Type is {media!r}")
    expect(rest.strip().lower().replace('"', "") in ("", "charset=utf-8"),
           f"its Content-Type says {rest.strip()!r}, but an event stream is UTF-8")


def no_cache_may_keep_a_stream(target):
    control = target.sample.head.headers.get("Cache-Control", "")
    expect("no-store" in control or "no-cache" in control, f"Cache-Control is {control!r}")


def it_gives_events_with_ids_and_each_id_once(target):
    ids = [event.own_id for event in target.sample.with_id]
    expect(len(ids) >= EVENTS_LOOKED_AT,
           f"{len(ids)} events with an id came, {EVENTS_LOOKED_AT} are needed to look at")
    expect(len(set(ids)) == len(ids), f"an id came twice: {ids}")
    expect(all(ids), "an id is empty, which makes a client forget where it was")


def all_clients_read_its_bytes_alike(target):
    reader = target.sample.reader
    expect(not reader.odd, "; ".join(reader.odd))
    expect(len(reader.line_ends) <= 1, f"lines end in {sorted(reader.line_ends)}, so what looks"
                                       " like data may end a line for a client")


def it_says_when_to_come_back(target):
    retry_ms = target.sample.reader.retry_ms
    expect(retry_ms is not None, "there is no retry: each client waits as it likes")
    expect(retry_ms >= 100, f"retry is {retry_ms} ms: after a fault all come at once")


def a_client_that_accepts_anything_gets_a_stream(target):
    for accept in ("*/*", "text/event-stream, application/json;q=0.1"):
        status = target.head(headers={"Accept": accept}).status
        expect(status == 200, f"with Accept: {accept} the answer is {status}")


def no_position_is_refused(target):
    for strange in STRANGE_IDS:
        status = target.head(headers={"Last-Event-ID": strange}).status
        expect(status == 200, f"Last-Event-ID {strange[:40]!r} is answered {status}, after which"
                              " a browser never comes back")


def what_is_not_there_is_404(target):
    where = target.where
    status = target.head(url=f"{where.scheme}://{where.netloc}/is-not-there-{time.time_ns()}").status
    expect(status in (401, 404), f"a path that is not there is answered {status}")


def who_shows_nothing_is_refused(target):
    if not target.headers:
        return
    status = target.head(headers=dict.fromkeys(target.headers, "")).status
    expect(status in (401, 403), f"without {', '.join(target.headers)} the answer is {status}")


def pages_of_others_may_not_read_it(target):
    for method in ("GET", "OPTIONS"):
        headers = {"Origin": FOREIGN_ORIGIN, "Access-Control-Request-Method": "GET",
                   "Access-Control-Request-Headers": "last-event-id"}
        head = target.head(method, headers=headers).headers
        allowed = head.get("Access-Control-Allow-Origin")
        expect(not (allowed and "Access-Control-Allow-Credentials" in head),
               f"{method}: any origin ({allowed}) may read it with a user's credentials")
        expect(allowed != FOREIGN_ORIGIN, f"{method}: whatever Origin is sent is allowed")


def a_quiet_stream_has_comments(target):
    if not target.comment_within_s:
        return
    held, response = target.ask()
    reader = sse_standard.Reader()
    until = time.monotonic() + target.comment_within_s
    try:
        while not reader.comments and time.monotonic() < until:
            held.settimeout(max(0.01, until - time.monotonic()))
            data = response.read1(65536)
            if not data:
                break
            list(reader.feed(data))
    except TimeoutError:
        pass
    finally:
        response.close()
        held.close()
    expect(reader.comments, f"no comment came within {target.comment_within_s:g} s: proxies close"
                            " what is silent")


WIRE = (a_stream_is_200_and_text_event_stream_in_utf_8, no_cache_may_keep_a_stream,
        it_gives_events_with_ids_and_each_id_once, all_clients_read_its_bytes_alike,
        it_says_when_to_come_back, a_client_that_accepts_anything_gets_a_stream,
        no_position_is_refused, what_is_not_there_is_404, who_shows_nothing_is_refused,
        pages_of_others_may_not_read_it, a_quiet_stream_has_comments)


# ---- each client


class Session:
    """One client at the target, through a relay; for `with`."""

    def __init__(self, target, name, browser, cut_after=None):
        self.target = target
        self.relay = relay.Relay(target.url, target.headers)
        if cut_after:
            self.relay.cut_after(cut_after)
        self.reader = readers.open_reader(name, self.relay, target.sample.types, browser)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reader.close()
        self.relay.__exit__()

    def wait_for_id(self, last_id):
        self.reader.wait(lambda reader: any(event.last_id == last_id for event in reader.events),
                         self.target.timeout_s, f"the event {last_id}")

    def pairs(self):
        """Each event that the client has, and the one that the reference reads there."""
        return list(zip(self.reader.events, self.relay.passed_on()))

    def expect_what_the_standard_says(self):
        """The client has what the reference reads of the same bytes."""
        for number, (got, said) in enumerate(self.pairs(), 1):
            expect((got.type, got.data) == (said.type, said.data),
                   f"event {number} is {got!r:.300}, the standard says {said!r:.300}")
            expect(said.own_id is None or got.last_id == said.own_id,
                   f"event {number} has the id {got.last_id!r} and not {said.own_id!r}")


def it_opens_and_reads_what_the_standard_says(target, name, browser):
    with Session(target, name, browser) as session:
        last = target.sample.with_id[EVENTS_LOOKED_AT - 1]
        session.wait_for_id(last.own_id)
        states = session.reader.states
        expect(states[:1] == ["open"], f"its states are {states}")
        session.expect_what_the_standard_says()


def cut_in_the_middle_of_an_event_it_goes_on_with_exactly_that_event(target, name, browser):
    """The cut comes behind the first line of the second event: its id, maybe."""
    wanted = [(event.own_id, event.type, event.data)
              for event in target.sample.with_id[:EVENTS_LOOKED_AT]]
    with Session(target, name, browser, cut_after=1) as session:
        session.wait_for_id(wanted[-1][0])
        asked = [exchange.asked.get("last-event-id") for exchange in session.relay.exchanges]
        expect(asked[:2] == [None, wanted[0][0]],
               f"it came back with Last-Event-ID {asked[1:]!r}, and had {wanted[0][0]!r}")
        session.expect_what_the_standard_says()
        got = [(said.own_id, got.type, got.data) for got, said in session.pairs()
               if said.own_id is not None]
        expect(got[:EVENTS_LOOKED_AT] == wanted,
               f"over both connections it has {[one[:2] for one in got]}, and not"
               f" {[one[:2] for one in wanted]}")


def it_waits_as_long_as_retry_says(target, name, browser):
    retry_ms = target.sample.reader.retry_ms or 0
    with Session(target, name, browser) as session:
        session.wait_for_id(target.sample.with_id[0].own_id)
        cut_at = time.monotonic()
        session.relay.cut()
        again = session.reader.wait_requests(2, target.timeout_s)
        session.reader.wait_state("connecting", target.timeout_s)
        waited_ms = (again.at - cut_at) * 1000
        # Less by a timer's rounding. A retry may be jittered, so that the sample's is not its own.
        expect(waited_ms > 0.4 * retry_ms, f"it came back after {waited_ms:.0f} ms; retry is"
                                           f" {retry_ms} ms")


CLIENTS = (it_opens_and_reads_what_the_standard_says,
           cut_in_the_middle_of_an_event_it_goes_on_with_exactly_that_event,
           it_waits_as_long_as_retry_says)
