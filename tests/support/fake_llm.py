"""fake_llm - an OpenAI-compatible server on loopback that answers from a script.

SPDX-License-Identifier: MPL-2.0

A script is a list of steps. Each chat request consumes one; when they are used up the script's
`default` answers, or the last step again. A step is a JSON object whose `do` names the answer:

  ok                 text, chunk_chars, chunk_delay_s, first_delay_s, finish_reason, usage
  empty              a complete reply without text
  length             a reply cut off by the output limit (finish_reason "length")
  edit               path, content, text: a reply in aider's "whole" format that replaces a file
  slow               ok, in chunks of 4 characters with 0.2 s between them
  <error name>       a row of ERRORS below, its status, message, code and type replaceable
  error              status and message as given
  hold               says nothing for seconds, then answers with the step `then`, or hangs up
  reset              the connection is reset (RST) instead of an answer
  hang_up            the connection is closed without an answer
  midstream_close    part of `text` as a stream, then the connection closes without an end
  midstream_reset    the same, ending in a reset
  midstream_error    part of `text` as a stream, then an error object as an event
  malformed          status 200 and a body that is not JSON (or, streaming, not an event)

Errors take `retry_after` (seconds or any text), `retry_after_ms` and `headers`. They carry
`x-should-retry: false` unless the step or the script says `"should_retry": null` (no such
header: the OpenAI client then retries by itself) or `true`.

On /v1/messages it speaks Anthropic's dialect (llm_dialects.py), from the same script.

Everything is bounded: requests, holds, body size, concurrent requests, and the server's life.
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
import struct
import sys
import threading
import time

from llm_dialects import CREATED, DIALECTS, OpenAI

MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_CONCURRENT = 64
IDLE_CONNECTION_S = 30.0
STOP_WAIT_S = 2.0

# name: status, code, type, message. The messages are what the provider's own service says.
ERRORS = {
    "rate_limit": (429, "rate_limit_exceeded", "tokens",
                   "Rate limit reached for gpt-4o in organization org-example on tokens per min"
                   " (TPM): Limit 30000, Used 29000, Requested 2000. Please try again in 2s."
                   " Visit https://platform.openai.com/account/rate-limits to learn more."),
    "quota": (429, "insufficient_quota", "insufficient_quota",
              "You exceeded your current quota, please check your plan and billing details."),
    "auth": (401, "invalid_api_key", "invalid_request_error",
             "Incorrect API key provided: sk-fake. You can find your API key at"
             " https://platform.openai.com/account/api-keys."),
    "forbidden": (403, None, "permission_error",
                  "You are not allowed to sample from this model."),
    "not_found": (404, "model_not_found", "invalid_request_error",
                  "The model `fake` does not exist or you do not have access to it."),
    "bad_request": (400, "invalid_value", "invalid_request_error",
                    "Invalid value for 'temperature': expected a number from 0 to 2."),
    "context_window": (400, "context_length_exceeded", "invalid_request_error",
                       "This model's maximum context length is 8192 tokens. However, your messages"
                       " resulted in 9001 tokens. Please reduce the length of the messages."),
    "content_policy": (400, "content_policy_violation", "invalid_request_error",
                       "Your request was rejected as a result of the safety system."),
    "request_timeout": (408, None, "timeout", "Request timeout."),
    "unprocessable": (422, None, "invalid_request_error", "Unprocessable request."),
    "server_error": (500, None, "server_error",
                     "The server had an error while processing your request. Sorry about that!"),
    "bad_gateway": (502, None, "server_error", "Bad gateway."),
    "unavailable": (503, None, "server_error",
                    "The engine is currently overloaded, please try again later."),
    "gateway_timeout": (504, None, "server_error", "Gateway timeout."),
    "overloaded": (529, None, "overloaded_error", "Overloaded"),
}
ANSWERS = {"ok", "empty", "length", "edit", "slow", "error", "hold", "reset", "hang_up",
           "midstream_close", "midstream_reset", "midstream_error", "malformed"} | set(ERRORS)

STEP_MEMBERS = {"do", "text", "chunk_chars", "chunk_delay_s", "first_delay_s", "finish_reason",
                "usage", "path", "content", "status", "message", "code", "type", "headers",
                "retry_after", "retry_after_ms", "should_retry", "seconds", "then",
                "cut_delay_s"}

RECORDED_HEADERS = ("user-agent", "content-type", "x-stainless-retry-count",
                    "x-stainless-read-timeout")


@dataclasses.dataclass
class Script:
    """The answers, and the limits of the server that gives them."""

    steps: list
    default: dict | None = None    # after the last step; None repeats the last step
    should_retry: bool | None = False
    models: tuple = ("fake",)
    max_requests: int = 200
    max_hold_s: float = 120.0
    max_life_s: float = 900.0

    def __post_init__(self):
        self.steps = [read_step(step) for step in self.steps]
        if self.default is not None or not self.steps:
            self.default = read_step(self.default or "ok")

    @classmethod
    def load(cls, value):
        """Make a Script of a list of steps, of a JSON object, or of a Script."""
        if isinstance(value, cls):
            return value
        if isinstance(value, list):
            return cls(steps=value)
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = set(value) - known
        if unknown:
            raise ValueError(f"unknown script member {sorted(unknown)}; known: {sorted(known)}")
        return cls(**value)

    def step(self, index):
        if index < len(self.steps):
            return self.steps[index]
        return self.default if self.default is not None else self.steps[-1]


def read_step(value):
    """Make a step of its name or its object. Raises ValueError when it is no step."""
    step = {"do": value} if isinstance(value, str) else value
    if not isinstance(step, dict) or step.get("do") not in ANSWERS:
        raise ValueError(f"unknown answer in {value!r}; known: {sorted(ANSWERS)}")
    if unknown := set(step) - STEP_MEMBERS:
        raise ValueError(f"unknown step member {sorted(unknown)}; known: {sorted(STEP_MEMBERS)}")
    return {**step, "then": read_step(step["then"])} if "then" in step else step


@dataclasses.dataclass
class Request:
    """What arrived, and what became of it."""

    number: int    # from 1, over chat requests; 0 for any other path
    at_s: float    # seconds since the server started, monotonic
    path: str
    answer: str
    model: str | None = None
    stream: bool = False
    last_message: str = ""    # the first 200 characters of the last message
    headers: dict = dataclasses.field(default_factory=dict)
    outcome: str = "open"    # then: sent, cut, client_gone, stopped
    took_s: float | None = None


class ClientGone(Exception):
    """The client closed its side while it was waiting for us."""


class Stopped(Exception):
    """The server is stopping."""


class FakeLLM:
    """The server, as a context manager: `with FakeLLM([{"do": "ok"}]) as llm: llm.base_url`."""

    def __init__(self, script, record_file=None):
        self.script = Script.load(script)
        self.requests = []
        self._record_file = record_file
        self._changed = threading.Condition()
        self._slots = threading.BoundedSemaphore(MAX_CONCURRENT)
        self._stop_r, self._stop_w = os.pipe()
        self._chat_requests = 0
        self._started = time.monotonic()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
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
        """End every held request, and the server. May be called twice."""
        with self._changed:
            if self._stopped:
                return
            self._stopped = True
        os.write(self._stop_w, b"x")
        if self._thread:
            self._life.cancel()
            self._server.shutdown()
        self._server.server_close()
        with self._changed:
            self._changed.notify_all()
            if self._changed.wait_for(self._none_open, STOP_WAIT_S):
                os.close(self._stop_r)
                os.close(self._stop_w)

    def wait_for_end(self):
        """Wait, after the server has stopped, until its last requests are recorded."""
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
            request = Request(number, round(time.monotonic() - self._started, 3), path,
                              step["do"], body.get("model"), bool(body.get("stream")),
                              _last_message(body), headers)
            self.requests.append(request)
            del self.requests[:-2 * self.script.max_requests]
            self._changed.notify_all()
        return request, step

    def end(self, request, outcome):
        with self._changed:
            request.outcome = outcome
            request.took_s = round(time.monotonic() - self._started - request.at_s, 3)
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


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_CONNECTION_S

    def log_message(self, *args):
        """Nothing on stderr: the records are the log."""

    @property
    def fake(self):
        return self.server.fake

    def do_GET(self):
        request, _ = self.fake.begin(self.path, None, self._kept_headers())
        if self.path.rstrip("/") in ("/v1/models", "/models"):
            models = [{"id": model, "object": "model", "created": CREATED, "owned_by": "fake"}
                      for model in self.fake.script.models]
            self._send_json(200, {"object": "list", "data": models})
        else:
            self._refuse(404, "No such path.")
        self.fake.end(request, "sent")

    def do_POST(self):
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            length = -1
        if not 0 <= length <= MAX_BODY_BYTES:
            self.close_connection = True
            self._refuse(413, "A body of known, bounded length is needed.")
            return
        raw = self.rfile.read(length)
        self.dialect = DIALECTS.get(self.path.split("?")[0].rstrip("/"))
        if not self.dialect:
            self._refuse(404, "No such path.")
            return
        try:
            body = json.loads(raw)
            if not isinstance(body, dict):
                raise ValueError("not an object")
        except ValueError as err:
            self._refuse(400, f"The body is not a JSON object: {err}")
            return
        if not self.fake._slots.acquire(blocking=False):
            self._refuse(503, "Too many requests at once.")
            return
        try:
            self._answer(body)
        finally:
            self.fake._slots.release()

    def _answer(self, body):
        request, step = self.fake.begin(self.path, body, self._kept_headers())
        outcome = "cut"
        try:
            outcome = self._play(step, body)
        except (ClientGone, BrokenPipeError, ConnectionResetError):
            outcome = "client_gone"
            self.close_connection = True
        except Stopped:
            outcome = "stopped"
            self.close_connection = True
        finally:
            self.fake.end(request, outcome)

    def _play(self, step, body):
        answer = step["do"]
        if step.get("first_delay_s"):
            self.fake.wait(step["first_delay_s"], self.connection)
        if answer in ERRORS or answer == "error":
            return self._play_error(step)
        if answer == "hold":
            self.fake.wait(step.get("seconds", 5.0), self.connection)
            if "then" in step:
                return self._play(step["then"], body)
            self.close_connection = True
            return "cut"
        if answer in ("reset", "hang_up"):
            self._cut(reset=answer == "reset")
            return "cut"
        if answer == "malformed":
            if body.get("stream"):
                self._start_stream()
                self._chunk(b"data: {\"choices\": [ this is not JSON\n\n")
                self._end_stream()
            else:
                self._send(200, b"<html>this is not JSON</html>", "application/json")
            return "sent"
        if answer.startswith("midstream_"):
            return self._play_broken_stream(step, body)
        text = _text_of(step)
        finish_reason = step.get("finish_reason", "length" if answer == "length" else "stop")
        usage = _usage_of(step, text)
        if body.get("stream"):
            self._start_stream()
            self._stream_text(step, body, text, usage)
            self._chunk(self.dialect.closing(body, finish_reason, usage))
            self._end_stream()
        else:
            self._send_json(200, self.dialect.whole(body, text, finish_reason, usage))
        return "sent"

    def _play_error(self, step):
        status, code, kind, message = ERRORS.get(step["do"], (500, None, "server_error", "Error."))
        headers = dict(step.get("headers", {}))
        should_retry = step.get("should_retry", self.fake.script.should_retry)
        if should_retry is not None:
            headers["x-should-retry"] = "true" if should_retry else "false"
        if "retry_after" in step:
            headers["retry-after"] = str(step["retry_after"])
        if "retry_after_ms" in step:
            headers["retry-after-ms"] = str(step["retry_after_ms"])
        status = step.get("status", status)
        self._send_json(status, self.dialect.error(status, step.get("code", code),
                                                   step.get("type", kind),
                                                   step.get("message", message)), headers)
        return "sent"

    def _play_broken_stream(self, step, body):
        """Half a reply, then trouble. To a client that does not stream: half a body, then a cut."""
        text = step.get("text", "Hello from ")
        if not body.get("stream"):
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"id": "chatcmpl-fake", "choices": [')
            self._cut(reset=step["do"] == "midstream_reset")
            return "cut"
        self._start_stream()
        self._stream_text(step, body, text, _usage_of(step, text))
        if step["do"] == "midstream_error":
            self._chunk(self.dialect.error_event(
                step.get("status", 500), step.get("code"), step.get("type", "server_error"),
                step.get("message", ERRORS["server_error"][3])))
            self._end_stream()
            return "sent"
        # Let the client read the half reply first: a reset may overtake bytes not yet read.
        self.fake.wait(step.get("cut_delay_s", 0.1), self.connection)
        self._cut(reset=step["do"] == "midstream_reset")
        return "cut"

    def _stream_text(self, step, body, text, usage):
        slow = step["do"] == "slow"
        chunk_chars = max(1, int(step.get("chunk_chars", 4 if slow else 12)))
        delay_s = step.get("chunk_delay_s", 0.2 if slow else 0.0)
        self._chunk(self.dialect.opening(body, usage))
        for at in range(0, len(text), chunk_chars):
            if at and delay_s:
                self.fake.wait(delay_s, self.connection)
            self._chunk(self.dialect.piece(body, text[at:at + chunk_chars]))

    def _kept_headers(self):
        kept = {name: self.headers[name] for name in RECORDED_HEADERS if name in self.headers}
        # That there was a key is worth knowing; the key is not.
        has_key = "authorization" in self.headers or "x-api-key" in self.headers
        kept["authorization"] = "present" if has_key else "absent"
        return kept

    def _refuse(self, status, message):
        self._send_json(status, OpenAI.error(status, None, "invalid_request_error", message))

    def _send_json(self, status, value, headers=None):
        self._send(status, json.dumps(value).encode(), "application/json", headers)

    def _send(self, status, data, content_type, headers=None):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _start_stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _end_stream(self):
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _cut(self, reset):
        self.close_connection = True
        if reset:
            # Linger with a time of zero turns close into RST.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
            # Detached, because the server's own shutdown() would send FIN before the RST.
            os.close(self.connection.detach())
        else:
            self.connection.shutdown(socket.SHUT_RDWR)


def _text_of(step):
    if step["do"] == "empty":
        return ""
    if step["do"] == "edit":
        lead = step.get("text", "Ok.")
        return f"{lead}\n\n{step.get('path', 'a.py')}\n```\n{step.get('content', 'x = 2')}\n```\n"
    return step.get("text", "Hello from the model.")


def _usage_of(step, text):
    usage = step.get("usage") or {"prompt_tokens": 700,
                                  "completion_tokens": max(1, len(text) // 4)}
    return {"total_tokens": usage["prompt_tokens"] + usage["completion_tokens"], **usage}


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
    llm.wait_for_end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
