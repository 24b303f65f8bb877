"""wrong_server - a server of events that is right, or wrong in one way that is asked for.

SPDX-License-Identifier: MPL-2.0

It proves that the checks can fail: FAULTS says of each fault which check must find it.
"""

from __future__ import annotations

import http.server
import threading

HEADER = {"Authorization": "Bearer of-the-test"}
EVENTS = 5
RETRY_MS = 300
COMMENT_EVERY_S = 0.2

STREAM = "a_stream_is_200_and_text_event_stream_in_utf_8"
ALIKE = "all_clients_read_its_bytes_alike"
IDS = "it_gives_events_with_ids_and_each_id_once"
CUT = "cut_in_the_middle_of_an_event_it_goes_on_with_exactly_that_event"
READS = "it_opens_and_reads_what_the_standard_says"
FOREIGN = "pages_of_others_may_not_read_it"

# A fault, and the check that finds it.
FAULTS = {
    "status_503": STREAM,
    "content_type": STREAM,
    "charset": STREAM,
    "cached": "no_cache_may_keep_a_stream",
    "no_ids": IDS,
    "same_id": IDS,
    "empty_id": IDS,
    "no_events": IDS,
    "bom": ALIKE,
    "latin_1": ALIKE,
    "nul": ALIKE,
    "nul_in_id": ALIKE,
    "mixed_newlines": ALIKE,
    "cr_in_data": ALIKE,
    "strange_field": ALIKE,
    "empty_block": ALIKE,
    "retry_with_unit": ALIKE,
    "no_retry": "it_says_when_to_come_back",
    "retry_at_once": "it_says_when_to_come_back",
    "picky_accept": "a_client_that_accepts_anything_gets_a_stream",
    "picky_position": "no_position_is_refused",
    "everything_is_there": "what_is_not_there_is_404",
    "open_door": "who_shows_nothing_is_refused",
    "reflected_origin": FOREIGN,
    "credentials_for_all": FOREIGN,
    "silent": "a_quiet_stream_has_comments",
    "no_resume": CUT,
    "resume_skips": CUT,
    "resume_ends": CUT,
    "empty_block_for_clients": READS,
}
# What a browser forgives, but a client that is not one does not, or the other way round.
ONLY_FOR = {"empty_block_for_clients": "httpx-sse"}


class Server:
    """For `with`; fault None is the one that is right."""

    def __init__(self, fault=None):
        handler = type("Handler", (Handler,), {"fault": fault, "ended": threading.Event()})
        self._handler = handler
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_port}/stream"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._handler.ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fault = None
    ended = None

    def log_message(self, *_):
        pass

    def do_OPTIONS(self):
        self.answer(204, {})

    def do_GET(self):
        if self.path != "/stream" and self.fault != "everything_is_there":
            self.answer(404, {})
        elif self.headers["Authorization"] != HEADER["Authorization"] \
                and self.fault != "open_door":
            self.answer(401, {})
        elif self.fault == "picky_accept" and self.headers["Accept"] != "text/event-stream":
            self.answer(406, {})
        elif self.fault == "picky_position" and not self.position().isdigit():
            self.answer(400, {})
        else:
            self.answer(503 if self.fault == "status_503" else 200, {
                "Content-Type": {"content_type": "text/plain",
                                 "charset": "text/event-stream; charset=iso-8859-1"}.get(
                                     self.fault, "text/event-stream; charset=utf-8"),
                "Cache-Control": "max-age=60" if self.fault == "cached" else "no-store"})
            self.stream()

    def position(self):
        return self.headers.get("Last-Event-ID", "0")

    def answer(self, status, headers):
        self.send_response(status)
        origin = self.headers.get("Origin")
        if origin and self.fault in ("reflected_origin", "credentials_for_all"):
            self.send_header("Access-Control-Allow-Origin",
                             origin if self.fault == "reflected_origin" else "*")
        if origin and self.fault == "credentials_for_all":
            self.send_header("Access-Control-Allow-Credentials", "true")
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()

    def stream(self):
        try:
            self.send(self.beginning())
            after = int(self.position()) if self.position().isdigit() else EVENTS
            if self.fault == "no_resume":
                after = 0
            elif self.fault == "resume_skips" and after:
                after += 1
            elif self.fault == "resume_ends" and after:
                after = EVENTS
            for number in range(after + 1, EVENTS + 1):
                self.send(self.event(number))
            while not self.ended.wait(COMMENT_EVERY_S):
                if self.fault != "silent":
                    self.send(b":\n")
        except OSError:
            pass    # the client is gone

    def send(self, data):
        self.wfile.write(data)
        self.wfile.flush()

    def beginning(self):
        retry = {"no_retry": b"", "retry_at_once": b"retry: 0\n",
                 "retry_with_unit": b"retry: 3s\n"}.get(self.fault, b"retry: %d\n" % RETRY_MS)
        before = b"\xef\xbb\xbf" if self.fault == "bom" else b""
        return before + retry + b"event: hello\ndata: {}\n\n"

    def event(self, number):
        if self.fault == "no_events":
            return b""
        ids = {"no_ids": b"", "same_id": b"id: 7\n", "empty_id": b"id:\n",
               "nul_in_id": b"id: %d\0\n" % number if number == 2 else b"id: %d\n" % number}
        data = {"latin_1": b"caf\xe9", "nul": b"a\0b",
                "cr_in_data": b"a\rid: forged"}.get(self.fault, "caf\u00e9 \u2028 ".encode())
        block = ids.get(self.fault, b"id: %d\n" % number) + \
            b"event: number\ndata: %s%d\n\n" % (data, number)
        if self.fault == "mixed_newlines" and number == 2:
            block = block.replace(b"\n", b"\r\n")
        elif self.fault == "strange_field":
            block = b"name: value\n" + block
        elif self.fault in ("empty_block", "empty_block_for_clients"):
            block += b"event: nothing\n\n"
        return block
