"""The schema takes what is right and refuses what is wrong, rule by rule.

SPDX-License-Identifier: MPL-2.0

No program runs here. Each wrong example differs from a right one in one thing, so that the rule
it names is what refuses it.
"""

import copy
import json
import pathlib
import re

import pytest
import schema

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ("broker", "cli", "mesh", "monitor", "sse-bridge", "stdio-bridge")

COMMON = {
    "timestamp": 1763800000.25, "host": "build-7", "seq": 3, "correlation_id": "trace-1",
    "source": "0190d9e8-0000-7000-8000-000000000001",
}
SESSION = {**COMMON, "session_id": "s-1"}
REQUEST = {**SESSION, "request_id": "r-1"}
THROTTLING = {
    **REQUEST, "duration": 30.0, "threshold": 30, "status": "long_running",
    "severity": "medium", "diagnosis": "no_output", "context": {"request_duration": 31.5},
}
TRANSPORT = {**COMMON, "transport_id": "stdio-1", "transport_type": "stdio",
             "capabilities": ["aider.session_started"], "last_seen": 1763800000.0,
             "metadata": {}, "pid": 4711, "version": "0.1.0"}
CLIENT = {"client_id": "0190d9e8-0000-7000-8000-000000000002"}
LIVE = {"session_id": "s-1", "host": "build-7", "state": "running", "started_at": 1763800000.0,
        "last_event_at": 1763800001.5, "last_event": "aider.waiting_for_input",
        "events_seen": 2, "cursor": "00c0ffee00c0ffee-8", "model": "openai/gpt-4o",
        "labels": {"team": "red"}}
RANGE = {"from": "00c0ffee00c0ffee-4", "to": "00c0ffee00c0ffee-9", "at_most": 5}

# One right example, or more, of each type.
RIGHT = {
    "aider.session_started": [
        {**SESSION, "mode": "cli", "editable_files": ["a.py"], "readonly_files": [],
         "working_dir": "/home/me/project", "architect_mode": False, "model": "openai/gpt-4o",
         "labels": {"team": "red"}},
        {**SESSION, "mode": "mcp", "prompt": "Add a test"},
    ],
    "aider.session_progress": [
        {**REQUEST, "stage": "waiting", "duration": 10.0,
         "progress_data": {"retry_in": 0.5, "attempt": 1}},
        {**SESSION, "stage": "commit", "message": "abc1234 feat: x",
         "progress_data": {"commit": "abc1234"}},
    ],
    "aider.session_completed": [
        {**SESSION, "success": True, "outcome": "ok", "exit_code": 0, "duration": 2.5,
         "rate_limit_encountered": True, "fallback_used": False, "changes_detected": True,
         "redactions": {"openai": 1},
         "changes_summary": {"summary": "1 file edited",
                             "files": [{"name": "a.py", "operation": "edited"}]}},
        {**SESSION, "success": False, "outcome": "killed", "signal": 9},
        {**SESSION, "success": False, "outcome": "lost"},
    ],
    "aider.request_started": [{**REQUEST, "model": "openai/gpt-4o", "provider": "openai"}],
    "aider.request_completed": [
        {**REQUEST, "success": True, "outcome": "ok", "duration": 1.0, "attempts": 2,
         "tokens_sent": 10, "tokens_received": 5, "cost": 0.01, "session_cost": 0.02},
    ],
    "aider.rate_limit_detected": [
        {**REQUEST, "provider": "openai", "attempt": 1, "max_retries": 8, "will_retry": True,
         "estimated_delay": 0.2, "retry_after": 20, "limit_type": "tokens_per_minute"},
        {**REQUEST, "attempt": 9, "will_retry": False},
    ],
    "aider.error_occurred": [
        {**REQUEST, "error_type": "auth", "error_message": "no", "fatal": True,
         "will_retry": False},
        {**REQUEST, "error_type": "overloaded", "attempt": 1, "will_retry": True,
         "estimated_delay": 0.2, "fatal": False},
    ],
    "aider.throttling_detected": [
        THROTTLING,
        {**THROTTLING, "status": "severely_throttled", "severity": "critical"},
    ],
    "aider.throttling_cleared": [{**THROTTLING, "reason": "progress"}],
    "aider.waiting_for_input": [{**SESSION, "kind": "confirmation", "question": "Add file?"}],
    "mesh.transport_joined": [TRANSPORT],
    "mesh.transport_left": [TRANSPORT],
    "mesh.transport_lost": [TRANSPORT],
    "mesh.health": [
        {**COMMON, "status": "healthy", "reasons": [], "transports": {"stdio": 2},
         "active_requests": 1, "throttled_requests": 0, "events_seen": 9, "gaps": 0,
         "uptime": 10.5},
        {**COMMON, "status": "degraded", "reasons": ["transport_lost"], "transports": {},
         "active_requests": 0, "throttled_requests": 0, "events_seen": 9, "gaps": 0,
         "uptime": 10.5},
    ],
    "mesh.provider_state_changed": [{**COMMON, "provider": "openai", "state": "rate_limited"}],
    "mesh.alert_raised": [{**COMMON, "alert_id": "1", "rule": "many-errors",
                           "severity": "high"}],
    "mesh.alert_cleared": [{**COMMON, "alert_id": "1", "rule": "many-errors"}],
    "mesh.session_forgotten": [
        {**COMMON, "session_id": "s", "removed": 3, "first": "00c0ffee00c0ffee-7",
         "last": "00c0ffee00c0ffee-12",
         "types": {"aider.session_started": 1, "aider.session_progress": 2}},
        {**COMMON, "session_id": "s", "removed": 0, "types": {}},
    ],
    "mesh.head": [{"epoch": "00c0ffee00c0ffee", "offset": 17, "incarnation": "i"}],
    "stream.opened": [{**CLIENT, "verdict": "exact", "cursor": "00c0ffee00c0ffee-0"}],
    "stream.snapshot": [
        {**CLIENT, "cursor": "00c0ffee00c0ffee-9", "sessions": [LIVE], "left_out": 2},
        {**CLIENT, "cursor": "00c0ffee00c0ffee-0", "sessions": [], "left_out": 0},
    ],
    "stream.gap": [{**CLIENT, **RANGE, "reason": "removed"}],
    "stream.dropped": [{**CLIENT, **RANGE, "reason": "slow"}],
    "stream.closing": [{**CLIENT, "reason": "ended"}],
}

ABSENT = object()

# (type, which right example, member, the value that makes it wrong, what the refusal names)
WRONG = [
    # the common members
    *(("aider.request_started", 0, member, ABSENT, member) for member in COMMON),
    ("aider.request_started", 0, "timestamp", 0, "timestamp"),
    ("aider.request_started", 0, "timestamp", "2026-01-01", "timestamp"),
    ("aider.request_started", 0, "host", "", "host"),
    ("aider.request_started", 0, "host", "h" * 256, "host"),
    ("aider.request_started", 0, "source", "0190D9E8-0000-7000-8000-000000000001", "source"),
    ("aider.request_started", 0, "source", "me", "source"),
    ("aider.request_started", 0, "seq", 0, "seq"),
    ("aider.request_started", 0, "seq", 1.5, "seq"),
    ("aider.request_started", 0, "correlation_id", "", "correlation_id"),
    ("aider.request_started", 0, "late", False, "late"),
    ("aider.request_started", 0, "session_id", ABSENT, "session_id"),
    ("aider.request_started", 0, "session_id", "s" * 129, "session_id"),
    ("aider.request_started", 0, "request_id", ABSENT, "request_id"),
    ("aider.request_started", 0, "request_id", "", "request_id"),
    # null, known and unknown, at any depth
    ("aider.request_started", 0, "model", None, "model"),
    ("aider.request_started", 0, "of_somebody_else", None, "of_somebody_else"),
    ("aider.request_started", 0, "of_somebody_else", {"deep": [None]}, "of_somebody_else"),
    ("aider.session_progress", 0, "progress_data", {"more": None}, "progress_data"),
    ("aider.throttling_detected", 0, "context", {"request_duration": 1, "more": None},
     "context"),
    ("stream.gap", 0, "more", None, "more"),
    # session_started
    ("aider.session_started", 0, "mode", "shell", "mode"),
    *(("aider.session_started", 0, member, ABSENT, member)
      for member in ("editable_files", "readonly_files", "working_dir", "architect_mode")),
    ("aider.session_started", 0, "editable_files", "a.py", "editable_files"),
    ("aider.session_started", 0, "editable_files", [1], "editable_files"),
    ("aider.session_started", 0, "readonly_files", [1], "readonly_files"),
    ("aider.session_started", 0, "architect_mode", "no", "architect_mode"),
    ("aider.session_started", 0, "labels", {"team": 1}, "labels"),
    *(("aider.session_started", 0, member, 1, member)
      for member in ("prompt", "model", "working_dir", "aider_version", "repo", "branch", "user",
                     "name")),
    # session_progress
    ("aider.session_progress", 0, "stage", ABSENT, "stage"),
    ("aider.session_progress", 0, "stage", "thinking", "stage"),
    ("aider.session_progress", 0, "message", 1, "message"),
    ("aider.session_progress", 0, "duration", -1, "duration"),
    ("aider.session_progress", 0, "progress_data", [], "progress_data"),
    ("aider.session_progress", 0, "progress_data", {"retry_in": "1"}, "retry_in"),
    ("aider.session_progress", 0, "progress_data", {"attempt": 0}, "attempt"),
    ("aider.session_progress", 0, "progress_data", {"file": 1}, "file"),
    ("aider.session_progress", 0, "progress_data", {"tokens_sent": -1}, "tokens_sent"),
    ("aider.session_progress", 0, "progress_data", {"tokens_received": 1.5}, "tokens_received"),
    ("aider.session_progress", 0, "progress_data", {"model": 1}, "model"),
    ("aider.session_progress", 0, "progress_data", {"aider_version": 1}, "aider_version"),
    ("aider.session_progress", 1, "progress_data", {"commit": "feat"}, "commit"),
    # session_completed
    ("aider.session_completed", 0, "success", ABSENT, "success"),
    ("aider.session_completed", 0, "success", 1, "success"),
    ("aider.session_completed", 0, "success", False, "success"),
    ("aider.session_completed", 1, "success", True, "success"),
    ("aider.session_completed", 0, "outcome", ABSENT, "outcome"),
    ("aider.session_completed", 0, "outcome", "success", "outcome"),
    ("aider.session_completed", 0, "exit_code", 256, "exit_code"),
    ("aider.session_completed", 0, "exit_code", -1, "exit_code"),
    ("aider.session_completed", 0, "signal", 9, "signal"),
    ("aider.session_completed", 1, "signal", 0, "signal"),
    ("aider.session_completed", 0, "duration", "2 s", "duration"),
    ("aider.session_completed", 0, "changes_summary", "1 file", "changes_summary"),
    ("aider.session_completed", 0, "changes_summary", {"summary": 1}, "summary"),
    ("aider.session_completed", 0, "changes_summary", {"files": [{}]}, "name"),
    ("aider.session_completed", 0, "changes_summary", {"more": None}, "changes_summary"),
    *(("aider.session_completed", 0, member, "yes", member)
      for member in ("rate_limit_encountered", "fallback_used", "changes_detected")),
    ("aider.session_completed", 0, "redactions", {"openai": 0}, "openai"),
    *(("aider.session_completed", 0, member, 1, member)
      for member in ("model_used", "original_model")),
    # request_started, request_completed
    ("aider.request_started", 0, "provider", "", "provider"),
    ("aider.request_started", 0, "model", 4, "model"),
    ("aider.request_started", 0, "prompt", 4, "prompt"),
    ("aider.request_completed", 0, "success", False, "success"),
    ("aider.request_completed", 0, "outcome", "failed", "success"),
    ("aider.request_completed", 0, "outcome", "done", "outcome"),
    *(("aider.request_completed", 0, member, ABSENT, member)
      for member in ("success", "outcome", "duration")),
    ("aider.request_completed", 0, "duration", -0.5, "duration"),
    ("aider.request_completed", 0, "attempts", 0, "attempts"),
    ("aider.request_completed", 0, "tokens_sent", -1, "tokens_sent"),
    ("aider.request_completed", 0, "tokens_received", "5", "tokens_received"),
    ("aider.request_completed", 0, "cost", -0.01, "cost"),
    ("aider.request_completed", 0, "session_cost", "$1", "session_cost"),
    # rate_limit_detected
    ("aider.rate_limit_detected", 0, "attempt", ABSENT, "attempt"),
    ("aider.rate_limit_detected", 0, "attempt", 0, "attempt"),
    ("aider.rate_limit_detected", 0, "will_retry", ABSENT, "will_retry"),
    ("aider.rate_limit_detected", 0, "will_retry", "yes", "will_retry"),
    ("aider.rate_limit_detected", 0, "estimated_delay", ABSENT, "estimated_delay"),
    ("aider.rate_limit_detected", 0, "estimated_delay", -1, "estimated_delay"),
    ("aider.rate_limit_detected", 1, "estimated_delay", 0, "estimated_delay"),
    ("aider.rate_limit_detected", 0, "max_retries", -1, "max_retries"),
    ("aider.rate_limit_detected", 0, "retry_after", "20s", "retry_after"),
    ("aider.rate_limit_detected", 0, "limit_type", "money", "limit_type"),
    ("aider.rate_limit_detected", 0, "provider", "", "provider"),
    *(("aider.rate_limit_detected", 0, member, 1, member)
      for member in ("current_model", "fallback_model", "error_message")),
    # error_occurred
    ("aider.error_occurred", 0, "error_type", ABSENT, "error_type"),
    ("aider.error_occurred", 0, "error_type", "AuthenticationError", "error_type"),
    ("aider.error_occurred", 0, "fatal", "yes", "fatal"),
    ("aider.error_occurred", 1, "fatal", True, "fatal"),
    ("aider.error_occurred", 0, "estimated_delay", 1, "estimated_delay"),
    # throttling
    *(("aider.throttling_detected", 0, member, ABSENT, member)
      for member in ("duration", "threshold", "status", "severity", "diagnosis", "context")),
    ("aider.throttling_detected", 0, "duration", -1, "duration"),
    ("aider.throttling_detected", 0, "threshold", 0, "threshold"),
    ("aider.throttling_detected", 0, "status", "slow", "status"),
    ("aider.throttling_detected", 0, "severity", "low", "severity"),
    ("aider.throttling_detected", 0, "severity", "high", "severity"),
    ("aider.throttling_detected", 0, "diagnosis", "asleep", "diagnosis"),
    ("aider.throttling_detected", 0, "reason", "progress", "reason"),
    ("aider.throttling_detected", 0, "context", {}, "request_duration"),
    ("aider.throttling_detected", 0, "context", {"request_duration": 1, "attempt": 0},
     "attempt"),
    *(("aider.throttling_detected", 0, "context", {"request_duration": 1, member: 1}, member)
      for member in ("host", "provider", "model", "stage")),
    ("aider.throttling_detected", 0, "session_id", ABSENT, "session_id"),
    ("aider.throttling_cleared", 0, "reason", ABSENT, "reason"),
    ("aider.throttling_cleared", 0, "reason", "bored", "reason"),
    # waiting_for_input
    ("aider.waiting_for_input", 0, "kind", ABSENT, "kind"),
    ("aider.waiting_for_input", 0, "kind", "question", "kind"),
    ("aider.waiting_for_input", 0, "question", 1, "question"),
    # the mesh
    ("mesh.transport_joined", 0, "transport_id", ABSENT, "transport_id"),
    ("mesh.transport_joined", 0, "transport_id", "a\nb", "transport_id"),
    ("mesh.transport_left", 0, "transport_type", ABSENT, "transport_type"),
    ("mesh.transport_left", 0, "transport_type", "", "transport_type"),
    ("mesh.transport_lost", 0, "capabilities", "sse", "capabilities"),
    ("mesh.transport_lost", 0, "last_seen", "now", "last_seen"),
    ("mesh.transport_lost", 0, "metadata", [], "metadata"),
    ("mesh.transport_lost", 0, "metadata", {"port": None}, "metadata"),
    ("mesh.transport_lost", 0, "pid", 0, "pid"),
    ("mesh.transport_lost", 0, "version", 1, "version"),
    ("mesh.health", 0, "status", "fine", "status"),
    ("mesh.health", 0, "status", "degraded", "reasons"),
    ("mesh.health", 0, "reasons", ["catching_up"], "reasons"),
    ("mesh.health", 1, "reasons", ["rain"], "reasons"),
    ("mesh.health", 1, "reasons", ["transport_lost", "transport_lost"], "reasons"),
    ("mesh.health", 0, "transports", {"stdio": 0}, "transports"),
    ("mesh.health", 1, "state_fault", "sound", "state_fault"),
    *(("mesh.health", 0, member, ABSENT, member)
      for member in ("status", "reasons", "transports", "active_requests", "throttled_requests",
                     "events_seen", "gaps", "uptime")),
    *(("mesh.health", 0, member, -1, member)
      for member in ("transports_lost", "transports_unknown", "active_requests",
                     "silent_requests", "throttled_requests", "waiting_requests", "events_seen",
                     "events_late", "events_refused", "events_dropped", "gaps", "lag",
                     "uptime")),
    ("mesh.provider_state_changed", 0, "provider", ABSENT, "provider"),
    ("mesh.provider_state_changed", 0, "state", "sad", "state"),
    ("mesh.alert_raised", 0, "severity", ABSENT, "severity"),
    ("mesh.alert_raised", 0, "alert_id", ABSENT, "alert_id"),
    ("mesh.alert_cleared", 0, "rule", ABSENT, "rule"),
    ("mesh.session_forgotten", 0, "session_id", ABSENT, "session_id"),
    ("mesh.session_forgotten", 0, "removed", -1, "removed"),
    ("mesh.session_forgotten", 0, "types", {"aider.session_started": 0}, "types"),
    ("mesh.session_forgotten", 0, "first", "7", "first"),
    ("mesh.session_forgotten", 0, "last", 12, "last"),
    ("mesh.head", 0, "epoch", "c0ffee", "epoch"),
    ("mesh.head", 0, "offset", -1, "offset"),
    ("mesh.head", 0, "incarnation", ABSENT, "incarnation"),
    # the stream's own
    ("stream.opened", 0, "client_id", ABSENT, "client_id"),
    ("stream.opened", 0, "client_id", "me", "client_id"),
    ("stream.opened", 0, "verdict", ABSENT, "verdict"),
    ("stream.opened", 0, "verdict", "hold", "verdict"),
    ("stream.opened", 0, "cursor", "12", "cursor"),
    *(("stream.snapshot", 0, member, ABSENT, member)
      for member in ("client_id", "cursor", "sessions", "left_out")),
    ("stream.snapshot", 0, "left_out", -1, "left_out"),
    *(("stream.snapshot", 0, "sessions", [{**LIVE, member: value}], member)
      for member, value in (("session_id", ""), ("host", 1), ("state", "ended"),
                            ("started_at", "now"), ("last_event_at", "now"), ("last_event", 1),
                            ("events_seen", 0), ("cursor", "8"))),
    *(("stream.snapshot", 0, "sessions",
       [{name: value for name, value in LIVE.items() if name != member}], member)
      for member in ("session_id", "host", "state", "started_at", "last_event_at", "last_event",
                     "events_seen")),
    ("stream.snapshot", 0, "sessions", [{**LIVE, "more": None}], "more"),
    ("stream.gap", 0, "reason", ABSENT, "reason"),
    ("stream.gap", 0, "from", "00c0ffee00c0ffee-04", "from"),
    ("stream.gap", 0, "to", 9, "to"),
    ("stream.gap", 0, "at_most", -1, "at_most"),
    ("stream.dropped", 0, "reason", "too slow", "reason"),
    ("stream.closing", 0, "reason", "", "reason"),
    ("stream.closing", 0, "detail", 1, "detail"),
    ("stream.closing", 0, "in", -1, "in"),
]


def changed(payload, member, value):
    payload = copy.deepcopy(payload)
    if value is ABSENT:
        del payload[member]
    else:
        payload[member] = value
    return payload


def test_every_type_has_a_right_example():
    assert sorted(RIGHT) == sorted(schema.types())


@pytest.mark.parametrize("type_,payload", [
    (type_, payload) for type_, payloads in RIGHT.items() for payload in payloads])
def test_a_right_event_is_taken(type_, payload):
    schema.validate(type_, payload)
    schema.validate(type_, {**payload, "of_somebody_else": {"deep": [1, "two", False]}})


@pytest.mark.parametrize("type_,which,member,value,named", WRONG)
def test_a_wrong_event_is_refused_by_the_name_of_what_is_wrong(type_, which, member, value,
                                                               named):
    payload = changed(RIGHT[type_][which], member, value)
    with pytest.raises(schema.SchemaError) as refusal:
        schema.validate(type_, payload)
    found = str(refusal.value).rsplit("\nin ", 1)[0]
    assert found.startswith(type_ + ": ")
    assert named in found


def test_every_member_of_every_type_has_a_wrong_example():
    """So that a member added to the schema without a rule that can fail is noticed."""
    shown = {}
    for type_, _, member, _, named in WRONG:
        shown.setdefault(type_, set()).update((member, named))

    def properties(definition):
        found = set(definition.get("properties", {}))
        for part in definition.get("allOf", []):
            if "$ref" in part:
                found |= properties(schema.root()["$defs"][part["$ref"].rpartition("/")[2]])
        return found

    # Types that share their members share the examples.
    shares = {
        "failure": ("aider.rate_limit_detected", "aider.error_occurred"),
        "throttling": ("aider.throttling_detected", "aider.throttling_cleared"),
        "transport": ("mesh.transport_joined", "mesh.transport_left", "mesh.transport_lost"),
        "alert": ("mesh.alert_raised", "mesh.alert_cleared"),
        "stream": ("stream.opened", "stream.gap", "stream.dropped", "stream.closing"),
    }
    common = {*COMMON, "session_id", "request_id", "late"}
    plain = {"message", "model"}    # of the monitor's later events: any text
    for type_ in schema.types():
        group = next((group for group in shares.values() if type_ in group), (type_,))
        seen = set().union(*(shown.get(each, set()) for each in group))
        missing = properties(schema.root()["$defs"][type_]) - common - seen
        if type_ in ("mesh.provider_state_changed", "mesh.alert_raised", "mesh.alert_cleared"):
            missing -= plain
        assert not missing, f"{type_}: no wrong example of {sorted(missing)}"


def test_a_type_of_ours_that_is_not_in_the_schema_is_refused():
    with pytest.raises(schema.SchemaError, match="no such type"):
        schema.validate("aider.session_dreamed", SESSION)


def test_a_type_of_another_family_needs_the_common_members_only():
    schema.validate("acme.deployed", {**COMMON, "version": 3})
    with pytest.raises(schema.SchemaError, match="correlation_id"):
        schema.validate("acme.deployed", changed(COMMON, "correlation_id", ABSENT))


def test_the_whole_schema_checks_type_and_payload_together():
    import jsonschema
    whole = jsonschema.Draft202012Validator(schema.root())
    for type_, payloads in RIGHT.items():
        assert whole.is_valid({"type": type_, "data": payloads[0]}), type_
        assert not whole.is_valid({"type": type_, "data": {"nothing": 1}}), type_
    assert not whole.is_valid({"type": "aider.session_dreamed", "data": SESSION})
    assert not whole.is_valid({"data": SESSION})


def test_every_type_that_a_program_names_is_in_the_schema():
    named, prefixes = set(), set()
    for folder in SOURCES:
        for path in sorted((ROOT / folder).glob("*.c")):
            text = re.sub(r"^#include.*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
            named |= set(re.findall(r'"((?:aider|mesh|stream)\.[a-z_]*[a-z])"', text))
            prefixes |= set(re.findall(r'"((?:aider|mesh|stream)\.[a-z_]+_)"', text))
    assert len(named) >= 10, "the sources name more types than that: is the pattern wrong?"
    assert named <= set(schema.types()), sorted(named - set(schema.types()))
    for prefix in prefixes:
        assert any(name.startswith(prefix) for name in schema.types()), prefix


def test_closed_lists_are_those_of_the_documentation():
    text = (ROOT / "docs" / "AIDER.md").read_text(encoding="utf-8")

    def listed(title):
        section = text.split(title, 1)[1].split("\n## ", 1)[0].split("\n### ", 1)[0]
        return re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE)

    defs = schema.root()["$defs"]
    assert sorted(defs["aider.error_occurred"]["properties"]["error_type"]["enum"]) == \
        sorted(listed("### 9.1 `error_type`"))
    assert sorted(defs["aider.session_progress"]["properties"]["stage"]["enum"]) == \
        sorted(listed("### 9.2 `stage`"))


def test_every_member_says_what_it_means_or_is_plain():
    """What a client developer reads is the schema: each type has its sentence."""
    defs = schema.root()["$defs"]
    for type_ in schema.types():
        assert defs[type_]["description"].endswith("."), type_
    assert json.dumps(schema.root()).count('"description"') > 100
