"""The stdio-bridge's modes, seen by who watches the mesh: cli, mcp and ndjson.

SPDX-License-Identifier: MPL-2.0
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest
import schema
import test_schema
from mesh import ROOT, SLOWNESS, wait_until

WITHIN_S = 15 * SLOWNESS
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CAPTURES = ROOT / "tests" / "fixtures" / "captures"

# Plays a recorded MCP server: says what the recording says, and reads a line where it had read.
SERVER = """
import json, sys
for line in open(sys.argv[1]):
    entry = json.loads(line)
    if entry["stream"] == "client-to-server":
        sys.stdin.readline()
    else:
        out = sys.stdout if entry["stream"] == "server-stdout" else sys.stderr
        print(entry["line"], file=out, flush=True)
"""


def run(mesh, words, data=b"", env=None, cwd=None):
    return subprocess.run([*mesh.program("aidermesh-stdio-bridge"), *words], input=data, cwd=cwd,
                          env={**mesh.env, **(env or {})}, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60 * SLOWNESS, check=False)


def lines(*events):
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


# ---- ndjson ----

def test_lines_of_json_become_events_and_bad_ones_are_told_by_number(mesh):
    mesh.start()
    done = run(mesh, ["--mode", "ndjson"], lines(
        {"type": "aider.session_progress", "data": {"stage": "streaming", "session_id": "mine"}},
        {"event": "rate_limit_detected",
         "data": {"provider": "openai", "current_model": "openai/x", "attempt": 1,
                  "max_retries": 8, "will_retry": True, "estimated_delay": 0.25, "session_id": "mine",
                  "request_id": "turn", "error_message": "slow down"}},
    ) + b"nonsense\n\n[]\n" + lines(
        {"type": "aider.session_progress", "data": {"stage": "tokens", "session_id": "mine"}})[:-1])
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"line 3: " in done.stderr and b"line 5: " in done.stderr
    assert b"line 4: " not in done.stderr
    mesh.events.wait("aider.session_progress", WITHIN_S, count=2, session="mine")
    frames = mesh.events.all("aider.*", session="mine")
    assert [frame.type for frame in frames] == [
        "aider.session_progress", "aider.rate_limit_detected", "aider.session_progress"]
    assert [frame.data["seq"] for frame in frames] == [1, 2, 3]
    assert frames[1].data["request_id"] == "turn"


# What the door gives an event by itself, whatever the line said.
GIVEN = ("host", "source", "seq")


def published(payload):
    """The payload as the door would publish it, were it right."""
    given = {member: test_schema.COMMON[member] for member in GIVEN}
    data = {name: value for name, value in payload.items() if name not in (*GIVEN, "late")}
    return {"timestamp": 1.0, "session_id": "s", "correlation_id": "c", **data, **given}


def test_the_door_refuses_what_the_schema_refuses_and_nothing_else(mesh):
    examples = [(type_, {**payload, "of_somebody_else": {"deep": [1, "two", False]}}, "")
                for type_, payloads in test_schema.RIGHT.items() for payload in payloads]
    examples += [(type_, test_schema.changed(test_schema.RIGHT[type_][which], member, value), named)
                 for type_, which, member, value, named in test_schema.WRONG]
    examples = [example for example in examples if example[0].startswith("aider.")]
    wrong = {number for number, (type_, payload, _) in enumerate(examples, 1)
             if schema.errors(type_, published(payload))}
    right = len(examples) - len(wrong)
    assert len(wrong) > 80 and right > 15

    mesh.start()
    done = run(mesh, ["--mode", "ndjson"], lines(
        *({"type": type_, "data": payload} for type_, payload, _ in examples),
        {"type": "ci.last", "data": {}}))
    assert done.returncode == 0
    told = dict(re.findall(r"^aidermesh-stdio-bridge: line (\d+): (.*)$", done.stderr.decode(),
                           re.MULTILINE))
    assert {int(number) for number in told} == set(sorted(wrong)[:100])
    assert f": {len(wrong)} of {len(examples) + 1} lines were no events\n" in done.stderr.decode()
    for number, sentence in told.items():
        named = examples[int(number) - 1][2]
        assert f'{named}"' in sentence, (examples[int(number) - 1], sentence)
    # Every one that a client reads is validated as it comes.
    (last,) = mesh.events.wait("ci.last", WITHIN_S)
    read = [frame for frame in mesh.events.all("aider.*")
            if frame.data["source"] == last.data["source"]]
    assert len(read) == right


def test_a_files_oddities_cost_a_line_at_most(mesh):
    """A byte order mark, CRLF, empty lines, no newline at the end; and lines that are no text."""
    mesh.start()
    event = lines({"type": "ci.step", "data": {"session_id": "odd"}})
    deep = b'{"type": "ci.deep", "data": {"a": ' + b"[" * 40 + b"]" * 40 + b"}}\n"
    done = run(mesh, ["--mode", "ndjson", "--set", "bridge/line_limit=4KiB"], b"".join([
        b"\xef\xbb\xbf" + event, event[:-1] + b"\r\n", b"\r\n", b"\n", b"x" * 5000 + b"\n",
        b'{"type": "ci.step", "data": {"a": "\xc3\x28"}}\n', b"\0\n", deep,
        b'{"type": "ci.step", "data": {"a": 1e999}}\n',
        b'{"type": "ci.step", "data": {"key": null}}\n', event[:-1]]))
    assert done.returncode == 0
    told = dict(re.findall(r"^aidermesh-stdio-bridge: line (\d+): (.*)$", done.stderr.decode(),
                           re.MULTILINE))
    assert told == {
        "5": "it is too long, allowed: 4096 bytes (bridge/line_limit)",
        "6": "it is not UTF-8",
        "7": "it is not JSON",
        "8": '"a" is nested too deep, allowed: 32 levels with the data itself',
        "9": "a number in it is too large, allowed: 64 bits, or a double",
        "10": '"key" is null, allowed: to leave it out',
    }
    assert b": 6 of 11 lines were no events\n" in done.stderr
    mesh.events.wait("ci.step", WITHIN_S, count=3, session="odd")


def test_without_a_broker_the_number_of_lost_events_is_told(mesh):
    done = run(mesh, ["--mode", "ndjson", "--set", "bridge/linger=100ms"], lines(
        *[{"type": "aider.session_progress", "data": {"stage": "tool"}}] * 7))
    assert done.returncode == 1 and b" 7 " in done.stderr


def test_ndjson_runs_no_command_and_ends_on_sigterm(mesh):
    assert run(mesh, ["--mode", "ndjson", "--", "true"]).returncode == 125
    mesh.start_broker()
    process = mesh.start_bridge("--mode", "ndjson", stdin=subprocess.PIPE)
    mesh.wait_for_handlers(process)
    process.stop(signal.SIGTERM)
    process.process.stdin.close()


# ---- mcp ----

def test_an_mcp_servers_hidden_rate_limits_are_seen_under_the_callers_trace(mesh):
    mesh.start()
    capture = CAPTURES / "mcp_disler_429x2_then_ok" / "timeline.jsonl"
    entries = [json.loads(line) for line in capture.read_text().splitlines()]
    asked = "".join(entry["line"] + "\n" for entry in entries
                    if entry["stream"] == "client-to-server")
    traced = asked.replace('"progressToken": 7',
                           f'"traceparent": "00-{TRACE}-00f067aa0ba902b7-01"')
    assert traced != asked
    server = [sys.executable, "-c", SERVER, str(capture)]
    bare = subprocess.run(server, input=traced.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=True)
    done = run(mesh, ["--mode", "mcp", "--", *server], traced.encode())
    assert (done.returncode, bare.returncode) == (0, 0)
    # What is no message is on stderr, and nothing else is elsewhere than it was.
    messages = [line for line in bare.stdout.splitlines(True) if line.startswith(b'{"jsonrpc"')]
    noise = [line for line in bare.stdout.splitlines(True) if not line.startswith(b'{"jsonrpc"')]
    assert len(messages) == 3 and len(noise) > 10
    assert done.stdout.splitlines(True) == messages
    assert sorted(done.stderr.splitlines(True)) == sorted(noise + bare.stderr.splitlines(True))

    (completed,) = mesh.events.wait("aider.session_completed", WITHIN_S)
    session = completed.data["session_id"]
    frames = mesh.events.all("aider.*", session=session)
    assert {frame.data["correlation_id"] for frame in frames} == {TRACE}
    assert [frame.data["attempt"] for frame in frames
            if frame.type == "aider.rate_limit_detected"] == [1, 2]
    assert frames[0].type == "aider.session_started" and frames[0].data["mode"] == "mcp"
    assert completed.data["success"] is True and completed.data["rate_limit_encountered"] is True


# A server that gets a call, and then does what comes behind this.
CALLED = "import os, sys\nwhile 'tools/call' not in sys.stdin.readline(): pass\n"


@pytest.mark.parametrize("does, outcome, told", [
    ("os.kill(os.getpid(), 9)", "killed", ["was ended by signal 9 before it answered"]),
    ("sys.exit(3)", "failed", ["ended with status 3 before it answered"]),
    ("sys.stdin.read()", "cancelled", []),
], ids=["killed", "ended", "client_gone"])
def test_a_call_that_gets_no_answer_ends_as_what_befell_it(mesh, does, outcome, told):
    mesh.start()
    words = [*mesh.program("aidermesh-stdio-bridge"), "--mode", "mcp", "--", sys.executable, "-c",
             CALLED + does]
    with subprocess.Popen(words, env=mesh.env, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        process.stdin.write(lines({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "aider_ai_code", "arguments": {"ai_coding_prompt": "set x"}}}))
        process.stdin.flush()
        mesh.events.wait("aider.request_started", WITHIN_S)
        if outcome == "cancelled":
            process.stdin.close()
        assert process.stdout.read() == b""
        process.wait(WITHIN_S)
    (completed,) = mesh.events.wait("aider.session_completed", WITHIN_S)
    assert (completed.data["outcome"], completed.data["success"]) == (outcome, False)
    assert completed.data.get("signal") == (9 if outcome == "killed" else None)
    frames = mesh.events.all("aider.*", session=completed.data["session_id"])
    errors = [frame.data for frame in frames if frame.type == "aider.error_occurred"]
    assert [error["error_message"].removeprefix("the MCP server ") for error in errors] == told
    assert all(error["error_type"] == "crash" for error in errors)


def test_noise_stays_on_stdout_where_that_is_asked_for_or_a_person_reads_it(mesh):
    mesh.start_broker()
    server = [sys.executable, "-c",
              "print('one {\"jsonrpc\":\"2.0\"}\\ntwo', flush=True)"]
    bare = subprocess.run(server, stdout=subprocess.PIPE, check=True).stdout
    kept = run(mesh, ["--mode", "mcp", "--keep-noise", "--", *server])
    assert (kept.stdout, kept.stderr) == (bare, b"")
    apart = run(mesh, ["--mode", "mcp", "--", *server])
    assert (apart.stdout, apart.stderr) == (b'{"jsonrpc":"2.0"}\n', b"one \ntwo\n")
    # stdout and stderr are one: there is no other place.
    joined = subprocess.run(
        [*mesh.program("aidermesh-stdio-bridge"), "--mode", "mcp", "--", *server],
        env=mesh.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True).stdout
    assert joined == bare


# ---- cli ----

def test_a_session_says_who_where_and_what(mesh):
    mesh.start()
    place = mesh.folder / "project"
    (place / ".git").mkdir(parents=True)
    (place / ".git" / "HEAD").write_text("ref: refs/heads/topic\n")
    done = run(mesh, ["--name", "nightly", "--label", "team=blue", "--label", "job=7",
                      "--", "sh", "-c", "echo hi; exit 3"], cwd=place)
    assert (done.returncode, done.stdout) == (3, b"hi\n")
    (started,) = mesh.events.wait("aider.session_started", WITHIN_S)
    said = {key: started.data.get(key) for key in
            ("mode", "name", "labels", "repo", "branch", "working_dir", "host")}
    assert said == {"mode": "cli", "name": "nightly", "labels": {"team": "blue", "job": "7"},
                    "repo": "project", "branch": "topic", "working_dir": str(place),
                    "host": "test-host"}
    (completed,) = mesh.events.wait("aider.session_completed", WITHIN_S)
    assert completed.data["exit_code"] == 3 and completed.data["success"] is False
    assert 0 <= completed.data["duration"] < 30


SECRET = "sk-ant-api03-9aB8cD7eF6gH5iJ4kL3mN2oP1qR0"
PROMPT = f"use {SECRET} " + "and so on " * 20
AIDER_SAYS = f"""Aider v0.86.2
Model: openai/gpt-4o with whole edit format

litellm.RateLimitError: RateLimitError: OpenAIException - {SECRET}: Please try again in 5.3s.
The API provider has rate limited you. Try again later or check your quotas.
Retrying in 0.2 seconds...
hello
Tokens: 10 sent, 2 received.
"""


@pytest.mark.parametrize("prompt, characters", [("none", 0), ("preview", 101), ("full", None)])
def test_settings_say_what_is_shown_of_a_prompt_and_which_model_is_next(mesh, prompt, characters):
    mesh.start()
    aider = mesh.folder / "aider"
    aider.write_text(f"#!/bin/sh\ncat <<'END'\n{AIDER_SAYS}END\n")
    aider.chmod(0o755)
    done = run(mesh, ["--set", f"bridge/prompt={prompt}", "--set",
                      "bridge/fallback_models=openai=openai/gpt-4o-mini,other/model", "--",
                      str(aider), "--model", "openai/gpt-4o", "-m", PROMPT], cwd=mesh.folder)
    assert (done.returncode, done.stdout.decode()) == (0, AIDER_SAYS)
    (completed,) = mesh.events.wait("aider.session_completed", WITHIN_S)
    frames = mesh.events.all("aider.*", session=completed.data["session_id"])
    shown = next(frame.data for frame in frames if frame.type == "aider.session_started")
    clean = PROMPT.replace(SECRET, "[redacted:anthropic]")
    if characters:
        clean = clean[:characters - 1] + "…"
    assert shown.get("prompt", "") == ("" if characters == 0 else clean)
    (limited,) = [frame.data for frame in frames if frame.type == "aider.rate_limit_detected"]
    assert (limited["fallback_model"], limited["retry_after"]) == ("openai/gpt-4o-mini", 5.3)
    # Nobody else is told; how often it was taken out, is.
    assert SECRET not in json.dumps([frame.data for frame in frames])
    assert completed.data["redactions"]["anthropic"] >= 1


def test_a_killed_bridge_ends_its_session_as_killed(mesh):
    mesh.start()
    process = mesh.start_bridge("--", "sleep", "60")
    (started,) = mesh.events.wait("aider.session_started", WITHIN_S)
    process.kill()
    (completed,) = mesh.events.wait("aider.session_completed", WITHIN_S,
                                    session=started.data["session_id"])
    assert completed.data["outcome"] == "killed" and completed.data["signal"] == signal.SIGKILL


def test_events_of_a_session_before_the_broker_arrive_when_it_comes(mesh):
    done = run(mesh, ["--set", "bridge/linger=60s", "--", "echo", "early"])
    assert (done.returncode, done.stdout) == (0, b"early\n")
    mesh.start()
    mesh.events.wait("aider.session_completed", WITHIN_S)


def test_aider_is_asked_for_an_analytics_log_that_is_gone_afterwards(mesh):
    mesh.start()
    told = mesh.folder / "told"
    fake = mesh.folder / "aider"
    record = json.dumps({"event": "exit", "properties": {"reason": "x"}, "time": 1, "user_id": "u"})
    fake.write_text("#!/bin/sh\n"
                    f'echo "$AIDER_ANALYTICS_LOG $(stat -c %a "$AIDER_ANALYTICS_LOG")" > {told}\n'
                    f"echo '{record}' >> \"$AIDER_ANALYTICS_LOG\"\n")
    fake.chmod(0o755)
    place = mesh.folder / "place"
    place.mkdir()
    assert run(mesh, ["--", str(fake)], cwd=place).returncode == 0
    path, mode = told.read_text().split()
    assert mode == "600" and pathlib.Path(path).parent == mesh.dir
    wait_until(lambda: not os.path.exists(path), WITHIN_S, "removed analytics log")
    # The user's own is left alone, wherever it is set.
    mine = mesh.folder / "mine.jsonl"
    mine.touch(mode=0o600)
    run(mesh, ["--", str(fake)], cwd=place, env={"AIDER_ANALYTICS_LOG": str(mine)})
    assert told.read_text().split()[0] == str(mine) and mine.read_text()
    # And no other command is told.
    other = run(mesh, ["--", "env"], cwd=place)
    assert b"AIDER_ANALYTICS_LOG" not in other.stdout
    mesh.events.wait("aider.session_completed", WITHIN_S, count=3)
