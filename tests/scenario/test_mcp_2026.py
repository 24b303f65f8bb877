"""Client and server of the protocol's revision 2026-07-28: nothing changed, all of it seen.

SPDX-License-Identifier: MPL-2.0
"""

import json
import subprocess
import sysconfig

from fake_llm import FakeLLM
from mesh import ROOT, SLOWNESS
from wrapped import prepare

WITHIN_S = 30 * SLOWNESS
PYTHON = str(ROOT / "build" / "mcp-venv" / "bin" / "python")
SUPPORT = ROOT / "tests" / "support"
SERVER = [PYTHON, str(SUPPORT / "mcp_2026_server.py"), sysconfig.get_path("purelib")]
TRACE = "0af7651916cd43dd8448eb211c80319c"


def bridged(mesh, words, *flags):
    return [*mesh.program("aidermesh-stdio-bridge"), "--mode", "mcp", *flags, "--", *words]


def talk(what, words, env):
    """What the client saw, and what came on stderr."""
    done = subprocess.run([PYTHON, SUPPORT / "mcp_2026_client.py", what, *words], env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=2 * WITHIN_S,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def of(frames, type_):
    return [frame.data for frame in frames if frame.type == f"aider.{type_}"]


def test_a_client_of_the_newest_revision_sees_the_same_with_and_without_the_bridge(mesh):
    mesh.start()
    alone, noise = talk("every", SERVER, mesh.env)
    through, noise_through = talk("every", bridged(mesh, SERVER), mesh.env)
    assert through == alone
    assert noise_through == noise and "a line that is no message\n" in noise
    assert alone[0] == ["2026-07-28", "modern"]
    assert "Where to?" in alone and ["cancelled", True] in alone
    assert [entry[0] for entry in alone if isinstance(entry, list) and entry[1:2] == [4]] == \
        [1, 2, 3, 4]

    # Each call is one request, however often its client came back with it.
    wanted = {"deploy": "ok", "fail": "failed", "later": "ok", "raise": "failed", "steps": "ok",
              "wait": "cancelled", "echo": "ok"}
    done = mesh.events.wait("aider.request_completed", WITHIN_S, count=len(wanted))
    assert {frame.data["tool"]: frame.data["outcome"] for frame in done} == wanted
    frames = mesh.events.all("aider.*", session=done[0].data["session_id"])
    assert len(of(frames, "request_started")) == len(of(frames, "request_completed")) == len(wanted)
    (waiting,) = of(frames, "waiting_for_input")
    assert (waiting["question"], waiting["kind"]) == ("Where to?", "confirmation")
    told = [frame for frame in frames if frame.data.get("request_id") == waiting["request_id"]]
    assert [frame.type.removeprefix("aider.") for frame in told] == [
        "request_started", "waiting_for_input", "session_progress", "request_completed"]


def test_what_aider_prints_in_such_a_server_is_seen_on_its_stderr_and_told_to_its_caller(mesh):
    mesh.start()
    with FakeLLM(["rate_limit", "rate_limit", "rate_limit", "auth"]) as llm:
        prepared = prepare(mesh, llm, "server", files={"a.py": "x = 1\nprint(x)\n"})
        server = [*SERVER, str(prepared.repo)]
        seen, noise = talk("say hello", bridged(mesh, server, "--progress"), prepared.env)
    assert "litellm.RateLimitError" in noise
    # The answer is a lie.
    assert json.loads(seen[-1]["content"][0]["text"]) == {"success": True, "diff": ""}
    messages = [entry[2] for entry in seen[1:-1]]
    assert "rate limited, attempt 3 of 8, next in 1.0 s" in messages

    (completed,) = mesh.events.wait("aider.session_completed", WITHIN_S)
    assert (completed.data["success"], completed.data["outcome"]) == (False, "failed")
    frames = mesh.events.all("aider.*", session=completed.data["session_id"])
    assert {frame.data["correlation_id"] for frame in frames} == {TRACE}
    assert [limit["attempt"] for limit in of(frames, "rate_limit_detected")] == [1, 2, 3]
    assert [error["error_type"] for error in of(frames, "error_occurred")] == ["auth"]
