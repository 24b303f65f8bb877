"""llm_answer - plays one step of a script as the answer to one HTTP request.

SPDX-License-Identifier: MPL-2.0
"""

from __future__ import annotations

import http.server
import json
import os
import socket
import struct

from llm_dialects import CREATED, DIALECTS, OpenAI
from llm_script import ERRORS

MAX_BODY_BYTES = 8 * 1024 * 1024
IDLE_CONNECTION_S = 30.0

RECORDED_HEADERS = ("user-agent", "content-type", "x-stainless-retry-count",
                    "x-stainless-read-timeout")


class ClientGone(Exception):
    """The client closed its side while it was waiting for us."""


class Stopped(Exception):
    """The server is stopping."""


class Handler(http.server.BaseHTTPRequestHandler):
    """Asks self.server.fake, a FakeLLM, what to answer, and tells it what became of it."""

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
