"""llm_dialects - the bodies of two chat APIs: what a reply, a piece of one, and an error look like.

SPDX-License-Identifier: MPL-2.0

Each dialect gives the same five things, so that fake_llm need not know which it speaks:
whole() a reply, opening(), piece() and closing() the events of a streamed one, error() and
error_event() a refusal. Events are bytes, ready to send.
"""

from __future__ import annotations

import json

CREATED = 1_700_000_000    # a fixed time, so that two runs answer alike


class OpenAI:
    """POST /v1/chat/completions, and whoever copies it."""

    paths = ("/v1/chat/completions", "/chat/completions")

    @staticmethod
    def error(status, code, kind, message):
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    @classmethod
    def error_event(cls, status, code, kind, message):
        return _event(cls.error(status, code, kind, message))

    @staticmethod
    def whole(body, text, finish_reason, usage):
        return {"id": "chatcmpl-fake", "object": "chat.completion", "created": CREATED,
                "model": body.get("model", "fake"), "usage": usage,
                "choices": [{"index": 0, "finish_reason": finish_reason,
                             "message": {"role": "assistant", "content": text}}]}

    @classmethod
    def opening(cls, body, usage):
        return cls._chunk(body, {"role": "assistant", "content": ""}, None)

    @classmethod
    def piece(cls, body, text):
        return cls._chunk(body, {"content": text}, None)

    @classmethod
    def closing(cls, body, finish_reason, usage):
        end = cls._chunk(body, {}, finish_reason)
        # The figures come with a stream only when they are asked for.
        if (body.get("stream_options") or {}).get("include_usage"):
            end += _event({**cls._chunk_body(body), "choices": [], "usage": usage})
        return end + b"data: [DONE]\n\n"

    @staticmethod
    def _chunk_body(body):
        return {"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": CREATED,
                "model": body.get("model", "fake")}

    @classmethod
    def _chunk(cls, body, delta, finish_reason):
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return _event({**cls._chunk_body(body), "choices": [choice]})


class Anthropic:
    """POST /v1/messages."""

    paths = ("/v1/messages",)
    KINDS = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error",
             404: "not_found_error", 429: "rate_limit_error", 529: "overloaded_error"}
    STOPS = {"stop": "end_turn", "length": "max_tokens"}

    @classmethod
    def error(cls, status, code, kind, message):
        return {"type": "error", "error": {"type": cls.KINDS.get(status, "api_error"),
                                           "message": message}}

    @classmethod
    def error_event(cls, status, code, kind, message):
        return _event(cls.error(status, code, kind, message), "error")

    @classmethod
    def whole(cls, body, text, finish_reason, usage):
        return {**cls._message(body, usage), "content": [{"type": "text", "text": text}],
                "stop_reason": cls.STOPS.get(finish_reason, finish_reason)}

    @classmethod
    def opening(cls, body, usage):
        message = cls._message(body, {**usage, "completion_tokens": 0})
        return (_event({"type": "message_start", "message": message}, "message_start") +
                _event({"type": "content_block_start", "index": 0,
                        "content_block": {"type": "text", "text": ""}}, "content_block_start"))

    @staticmethod
    def piece(body, text):
        return _event({"type": "content_block_delta", "index": 0,
                       "delta": {"type": "text_delta", "text": text}}, "content_block_delta")

    @classmethod
    def closing(cls, body, finish_reason, usage):
        stop = {"stop_reason": cls.STOPS.get(finish_reason, finish_reason), "stop_sequence": None}
        return (_event({"type": "content_block_stop", "index": 0}, "content_block_stop") +
                _event({"type": "message_delta", "delta": stop,
                        "usage": {"output_tokens": usage["completion_tokens"]}}, "message_delta") +
                _event({"type": "message_stop"}, "message_stop"))

    @staticmethod
    def _message(body, usage):
        return {"id": "msg_fake", "type": "message", "role": "assistant",
                "model": body.get("model", "fake"), "content": [], "stop_reason": None,
                "stop_sequence": None, "usage": {"input_tokens": usage["prompt_tokens"],
                                                 "output_tokens": usage["completion_tokens"]}}


def _event(value, name=None):
    lead = f"event: {name}\n".encode() if name else b""
    return lead + b"data: " + json.dumps(value).encode() + b"\n\n"


DIALECTS = {path: dialect for dialect in (OpenAI, Anthropic) for path in dialect.paths}
