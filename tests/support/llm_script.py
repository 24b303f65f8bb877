"""llm_script - what the scripted provider shall answer, request by request.

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
"""

from __future__ import annotations

import dataclasses

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
