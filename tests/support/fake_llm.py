"""fake_llm - an OpenAI-compatible server on loopback that answers from a script.

SPDX-License-Identifier: MPL-2.0

llm_script.py says what a script may hold. On /v1/messages the server speaks Anthropic's dialect
(llm_dialects.py), from the same script. Each request is recorded, for assertions.

Everything is bounded: requests, holds, body size, concurrent requests, and the server's life.

    with FakeLLM(["rate_limit", {"do": "hold", "seconds": 5, "then": "ok"}]) as llm:
        ... llm.base_url ... llm.chat_requests

    python3 fake_llm.py --script FILE.json    # prints {"port": …, "base_url": …}; SIGTERM ends it
"""

from __future__ import annotations

import argparse
import dataclasses
import http.server
import json
import os
import select
import signal
import socket
import sys
import threading
import time
import weakref

from llm_answer import ClientGone, Handler, Stopped
from llm_script import ERRORS, Script

__all__ = ["ERRORS", "FakeLLM", "Request", "Script"]

MAX_CONCURRENT = 64
STOP_WAIT_S = 20.0


@dataclasses.dataclass
class Request:
    """What arrived, and what became of it."""

    number: int    # from 1, over chat requests; 0 for any other path
    at_s: float    # seconds since FakeLLM.started, monotonic
    path: str
    answer: str
    model: str | None = None
    stream: bool = False
    last_message: str = ""    # the first 200 characters of the last message
    headers: dict = dataclasses.field(default_factory=dict)
    outcome: str = "open"    # then: sent, cut, client_gone, stopped
    took_s: float | None = None


class FakeLLM:
    """The server, as a context manager: `with FakeLLM([{"do": "ok"}]) as llm: llm.base_url`."""

    def __init__(self, script, record_file=None):
        self.script = Script.load(script)
        self.requests = []
        self._record_file = record_file
        self._changed = threading.Condition()
        self._slots = threading.BoundedSemaphore(MAX_CONCURRENT)
        # Closed with the object, not by stop(): a handler may still look at it.
        self._stop_r, self._stop_w = os.pipe()
        weakref.finalize(self, lambda *fds: [os.close(fd) for fd in fds], self._stop_r,
                         self._stop_w)
        self._chat_requests = 0
        self.started = time.monotonic()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = _report_unexpected
        self._server.fake = self
        self._thread = None
        self._life = None
        self._stopped = False

    @property
    def port(self):
        return self._server.server_address[1]

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def chat_requests(self):
        """The recorded chat requests, oldest first."""
        with self._changed:
            return [request for request in self.requests if request.number]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.stop()

    def start(self):
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,),
                                        daemon=True)
        self._thread.start()
        self._life = threading.Timer(self.script.max_life_s, self.stop)
        self._life.daemon = True
        self._life.start()

    def stop(self):
        """End every held request, and the server, and wait for the last records."""
        with self._changed:
            first = not self._stopped
            self._stopped = True
        if first:
            os.write(self._stop_w, b"x")
            if self._thread:
                self._life.cancel()
                self._server.shutdown()
            self._server.server_close()
        with self._changed:
            self._changed.wait_for(self._none_open, STOP_WAIT_S)

    def _none_open(self):
        return all(request.outcome != "open" for request in self.requests)

    def join(self, timeout_s=None):
        """Wait until the server has stopped. Returns whether it has."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def wait_for_requests(self, count, timeout_s, ended=False):
        """Wait until that many chat requests have arrived (or, ended: were answered)."""
        def enough():
            seen = [r for r in self.requests if r.number and (not ended or r.outcome != "open")]
            return len(seen) >= count
        with self._changed:
            return self._changed.wait_for(enough, timeout_s)

    # What follows is called by the handlers' threads.

    def begin(self, path, body, headers):
        """Record a request and give the step that answers it."""
        with self._changed:
            number = 0
            step = {"do": "ok"}
            if body is not None:
                self._chat_requests += 1
                number = self._chat_requests
                if number > self.script.max_requests:
                    step = {"do": "error", "status": 503, "should_retry": False,
                            "message": "The script's max_requests is reached."}
                else:
                    step = self.script.step(number - 1)
            body = body or {}
            request = Request(number, round(time.monotonic() - self.started, 3), path,
                              step["do"], body.get("model"), bool(body.get("stream")),
                              _last_message(body), headers)
            self.requests.append(request)
            del self.requests[:-2 * self.script.max_requests]
            self._changed.notify_all()
        return request, step

    def end(self, request, outcome):
        with self._changed:
            request.outcome = outcome
            request.took_s = round(time.monotonic() - self.started - request.at_s, 3)
            if self._record_file:
                print(json.dumps(dataclasses.asdict(request)), file=self._record_file, flush=True)
            self._changed.notify_all()

    def wait(self, seconds, connection):
        """Wait, unless the server stops or the client goes away."""
        until = time.monotonic() + min(seconds, self.script.max_hold_s)
        while (left := until - time.monotonic()) > 0:
            ready, _, _ = select.select([self._stop_r, connection], [], [], left)
            if self._stop_r in ready:
                raise Stopped
            if connection in ready:
                if not connection.recv(1, socket.MSG_PEEK):
                    raise ClientGone
                # The client pipelines; that says nothing about its patience.
                time.sleep(min(left, 0.05))


def _last_message(body):
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not isinstance(messages[-1], dict):
        return ""
    content = messages[-1].get("content")
    return content[:200] if isinstance(content, str) else ""


def _report_unexpected(_request, _address):
    # A client that goes away in the middle of our answer is the point of many tests.
    if not isinstance(sys.exc_info()[1], OSError):
        http.server.ThreadingHTTPServer.handle_error(None, _request, _address)


def main():
    parser = argparse.ArgumentParser(description="An OpenAI-compatible server with a script.")
    parser.add_argument("--script", required=True, metavar="FILE.json",
                        help="a list of steps, or an object with steps and limits; - is stdin")
    parser.add_argument("--record", metavar="FILE", help="append one JSON line per request")
    options = parser.parse_args()
    try:
        if options.script == "-":
            script = Script.load(json.load(sys.stdin))
        else:
            with open(options.script, encoding="utf-8") as file:
                script = Script.load(json.load(file))
    except (OSError, ValueError, TypeError) as err:
        print(f"fake_llm: {options.script}: {err}", file=sys.stderr)
        return 2
    record_file = open(options.record, "a", encoding="utf-8") if options.record else None
    llm = FakeLLM(script, record_file)
    for number in (signal.SIGTERM, signal.SIGINT):
        # stop() waits for the serving thread, so it may not run inside the handler's thread lock.
        signal.signal(number, lambda *_: threading.Thread(target=llm.stop, daemon=True).start())
    llm.start()
    print(json.dumps({"port": llm.port, "base_url": llm.base_url}), flush=True)
    while not llm.join(0.2):
        pass
    llm.stop()    # begun by another thread; this waits for the last records
    return 0


if __name__ == "__main__":
    sys.exit(main())
