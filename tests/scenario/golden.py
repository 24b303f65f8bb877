"""golden - the events of a live session, in the form of tests/fixtures/aider-events.

SPDX-License-Identifier: MPL-2.0

Those files are written by tests/unit/test_aider_session.c from captures: a line an event, a
member a word. What differs from run to run (times, ids, places, which machine) is left out of
them; what differs from release to release (versions, tokens, hashes) is replaced here on both
sides. How long a person takes is in no capture, so neither is what AIDER waits for.
"""

from __future__ import annotations

import json
import os
import pathlib
import re

EVENTS = pathlib.Path(__file__).resolve().parents[1] / "fixtures" / "aider-events"
# Members of every event, and those that tell of the place.
PASSING = {"timestamp", "session_id", "request_id", "correlation_id", "host", "source", "seq",
           "covers", "late", "duration", "working_dir", "repo", "branch", "user", "labels", "name"}
REPLACED = (
    (r'"aider_version": "[0-9.]+"', '"aider_version": "V"'),
    (r'(tokens_sent|tokens_received)("?: |=)\d+', r"\1\2N"),
    (r'(session_cost|cost)=[0-9.e-]+', r"\1=C"),
    (r'"commit": "[0-9a-f]+"', '"commit": "H"'),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    # The bridge may see by itself what AIDER says only later.
    (r'message="not a regular file"', 'message="AIDER cannot write it"'),
    (r" in [a-z_]+\.py line \d+", " in F line N"),
)
# Another release has another litellm, with words, and sometimes a class, of its own. What kind of
# error it is must come out the same, but for a body that is no JSON: once an error of litellm's,
# once of the server's.
OTHER_WORDS = (
    (r'error_message="(?:[^"\\]|\\.)*"', 'error_message="W"'),
    (r'error_type="(?:api|server)"', 'error_type="api or server"'),
)


def dump(value):
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def line(frame):
    """One event; its members in the order of their names."""
    members = {name: value for name, value in frame.data.items() if name not in PASSING}
    return normal(frame.type.removeprefix("aider.") +
                  "".join(f" {name}={dump(value)}" for name, value in sorted(members.items())))


def normal(text):
    for pattern, by in REPLACED + (OTHER_WORDS if "AIDERMESH_TEST_AIDER" in os.environ else ()):
        text = re.sub(pattern, by, text)
    return text


def read(text):
    """A line of a golden file with its members in the order of their names."""
    kind, _, rest = text.partition(" ")
    members = {}
    decoder = json.JSONDecoder()
    while rest:
        name, _, rest = rest.partition("=")
        value, end = decoder.raw_decode(rest)
        members[name] = value
        rest = rest[end:].lstrip(" ")
    return normal(kind + "".join(f" {name}={dump(value)}"
                                 for name, value in sorted(members.items())))


def wanted(case):
    lines = (EVENTS / f"{case}.txt").read_text(encoding="utf-8").splitlines()
    return [read(text) for text in lines]


def told(frames):
    """What the bridge said of the session, but for what AIDER waited for."""
    return [line(frame) for frame in frames
            if not frame.type.startswith(("aider.waiting_for_input", "aider.throttling"))]


def asked(frames):
    """What AIDER waited for: kind and question."""
    return [(frame.data["kind"], frame.data["question"].strip()) for frame in frames
            if frame.type == "aider.waiting_for_input"]
