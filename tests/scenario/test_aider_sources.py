"""test_aider_sources - sources that are shared, missing or refused cost what they alone knew.

SPDX-License-Identifier: MPL-2.0

A small program called aider writes what aider writes; what it says is the test's choice.
"""

import subprocess
import sys

import pytest
from mesh import PATIENCE_S, START_LIMIT_S, wait_until
from wrapped import bridge_words

LIMIT = "litellm.RateLimitError: RateLimitError: OpenAIException - {} is refused"
AIDER = f"""#!{sys.executable}
import pathlib, sys, time
name, place = sys.argv[1], pathlib.Path(sys.argv[2])
def say(text):
    with open(".aider.chat.history.md", "a") as history:
        history.write("> " + text + "  \\n")
    print(text, flush=True)
print("Model: openai/" + name + " with whole edit format\\n", flush=True)
(place / ("ready." + name)).touch()
while not (place / "go").exists():
    time.sleep(0.02)
with open(".aider.chat.history.md", "a") as history:
    history.write("\\n#### do it  \\n")
for line in sys.argv[3:]:
    say(line)
"""


@pytest.fixture
def project(mesh):
    """A repository with a program called aider beside it."""
    made = mesh.folder / "project"
    (made / ".git").mkdir(parents=True)
    (made / ".aider.chat.history.md").touch()
    program = mesh.folder / "aider"
    program.write_text(AIDER)
    program.chmod(0o755)
    return made


def start(mesh, project, name, *lines, bridge=()):
    return mesh.start_bridge(*bridge, "--", str(mesh.folder / "aider"), name, str(mesh.folder),
                             *lines, cwd=project)


def go(mesh, *programs):
    """Let those who wait speak, once all of them wait and are watched, and see them end."""
    watched = len([p for p in mesh.programs if p.name == "aidermesh-stdio-bridge"])
    mesh.events.wait("mesh.transport_joined", START_LIMIT_S, count=watched,
                     where=lambda data: data.get("transport_type") == "stdio")
    wait_until(lambda: len(list(mesh.folder.glob("ready.*"))) == len(programs), START_LIMIT_S,
               "aider that waits")
    (mesh.folder / "go").touch()
    for program in programs:
        assert program.wait(PATIENCE_S) == 0


def sessions(mesh, count):
    """The events of each session, by the name of its model."""
    done = mesh.events.wait("aider.session_completed", 30, count=count)
    return {frame.data["model_used"]: mesh.events.all("aider.*", session=frame.data["session_id"])
            for frame in done}


def lost(frames):
    return [(frame.data["stage"], frame.data["progress_data"]["source"]) for frame in frames
            if frame.data.get("stage", "").startswith("source_")]


def test_two_sessions_with_one_history_report_their_own_and_say_that_it_is_shared(mesh, project):
    mesh.start()
    programs = [start(mesh, project, name, LIMIT.format(name), "Retrying in 0.2 seconds...")
                for name in ("one", "two")]
    go(mesh, *programs)
    told = sessions(mesh, 2)
    assert set(told) == {"openai/one", "openai/two"}
    for name in ("one", "two"):
        frames = told[f"openai/{name}"]
        limits = [f.data for f in frames if f.type == "aider.rate_limit_detected"]
        assert [limit["error_message"] for limit in limits] == [LIMIT.format(name)]
        assert lost(frames) == [("source_shared", "chat_history")]


def test_a_session_that_follows_another_has_the_history_for_itself(mesh, project):
    mesh.start()
    for name in ("one", "two"):
        go(mesh, start(mesh, project, name, "Retrying in 0.2 seconds..."))
        mesh.events.wait("aider.session_completed", 30, count=1 if name == "one" else 2)
        for made in (*mesh.folder.glob("ready.*"), mesh.folder / "go"):
            made.unlink()
    assert [lost(frames) for frames in sessions(mesh, 2).values()] == [[], []]


@pytest.mark.parametrize("before", ["#### of yesterday  \n> Tokens: 1 sent, 1 received.  \n", None])
def test_what_aider_writes_before_anybody_reads_it_is_its_own(mesh, project, before):
    mesh.start()
    (mesh.folder / "aider").write_text(f"""#!/bin/sh
printf '#### do it  \\n> {LIMIT.format("one")}  \\n' >>.aider.chat.history.md
""")
    history = project / ".aider.chat.history.md"
    history.unlink()
    if before:
        history.write_text(before)
    program = start(mesh, project, "one")
    assert program.wait(PATIENCE_S) == 0
    done = mesh.events.wait("aider.session_completed", 30)
    frames = mesh.events.all("aider.*", session=done[0].data["session_id"])
    prompts = [f.data["prompt"] for f in frames if f.type == "aider.request_started"]
    assert prompts == ["do it"]
    assert len([f for f in frames if f.type == "aider.rate_limit_detected"]) == 1


def test_an_analytics_log_without_a_folder_is_said_and_the_rest_goes_on(mesh, project):
    mesh.start()
    mesh.env["AIDER_ANALYTICS_LOG"] = str(mesh.folder / "nowhere" / "log.jsonl")
    go(mesh, start(mesh, project, "one", LIMIT.format("one"), "Retrying in 0.2 seconds..."))
    frames, = sessions(mesh, 1).values()
    assert lost(frames) == [("source_failed", "analytics_log")]
    assert len([f for f in frames if f.type == "aider.rate_limit_detected"]) == 1


PATTERNS = """
queue
    match = "queue is full, come back in (?<retry_after>[0-9]+ minutes)"
    error_type = overloaded
    provider = lab
    retryable = true
"""


def test_a_users_pattern_makes_an_error_of_a_line_that_is_nothing_else(mesh, project):
    mesh.start()
    patterns = mesh.folder / "patterns.cfg"
    patterns.write_text(PATTERNS)
    go(mesh, start(mesh, project, "one", "The queue is full, come back in 2 minutes",
                   "Retrying in 0.5 seconds...",
                   bridge=("--set", f"bridge/patterns={patterns}")))
    frames, = sessions(mesh, 1).values()
    error, = [frame.data for frame in frames if frame.type == "aider.error_occurred"]
    assert error["error_type"] == "overloaded" and error["provider"] == "lab"
    assert error["retry_after"] == 120 and error["attempt"] == 2
    assert error["will_retry"] is True and error["fatal"] is False


BAD_PATTERN = 'line 2: pattern "queue": missing closing parenthesis at offset 57'


def run_with_a_bad_pattern(mesh, *words):
    patterns = mesh.folder / "patterns.cfg"
    patterns.write_text(PATTERNS.replace("minutes)", "minutes"))
    run = subprocess.run([*bridge_words(mesh)[:-1], "--set", f"bridge/patterns={patterns}", *words],
                         env=mesh.env, capture_output=True, text=True, timeout=PATIENCE_S,
                         check=False)
    assert BAD_PATTERN in run.stderr
    return run


def test_a_check_refuses_a_bad_pattern_by_its_name_and_offset(mesh):
    assert run_with_a_bad_pattern(mesh, "--check-config").returncode == 125


def test_a_command_runs_in_spite_of_a_bad_pattern_and_the_log_says_it(mesh):
    run = run_with_a_bad_pattern(mesh, "--log-level", "info", "--set", "bridge/linger=1s",
                                 "--", "sh", "-c", "echo ran; exit 3")
    assert (run.returncode, run.stdout) == (3, "ran\n")
    assert "patterns-not-read" in run.stderr


def test_a_secret_in_what_the_bridge_itself_logs_is_taken_out(mesh):
    secret = "ghp_" + "0123456789abcdefABCDEF0123456789abcd"
    (mesh.folder / "file").touch()
    place = mesh.folder / "file" / secret
    run = subprocess.run([*bridge_words(mesh)[:-1], "--set", f"bridge/patterns={place}",
                          "--set", f"spool/dir={place}", "--log-level", "info",
                          "--set", "bridge/linger=1s", "--", "true"],
                         env=mesh.env, capture_output=True, text=True, timeout=PATIENCE_S,
                         check=True)
    for event in ("patterns-not-read", "spool-refused"):
        line, = [line for line in run.stderr.splitlines() if f" {event} " in line]
        assert secret not in line and "[redacted:" in line, line
