"""Real MCP clients and servers find nothing changed, and what a server hides is seen.

SPDX-License-Identifier: MPL-2.0
"""

import functools
import json
import re
import shlex
import subprocess
import sys

import anyio
import pytest
from fake_llm import FakeLLM
from mcp import ClientSession, StdioServerParameters, types
from mcp.client.stdio import stdio_client
from mesh import ROOT, SLOWNESS
from wrapped import prepare

WITHIN_S = 30 * SLOWNESS
NODE = ROOT / "build" / "node" / "node_modules"
EVERYTHING = ["node", str(NODE / "@modelcontextprotocol/server-everything/dist/index.js"), "stdio"]
INSPECTOR = ["node", str(NODE / ".bin/mcp-inspector"), "--cli"]
AIDER_SERVER = ROOT / "tests" / "support" / "aider_mcp_server.py"
TRACE = "0af7651916cd43dd8448eb211c80319c"

# What each tool of the reference server is called with. Those that need the network, or ask the
# client for what it does not offer here, are called so that they answer without.
ARGUMENTS = {
    "echo": {"message": "grüße \u2028 {\"jsonrpc\""},
    "get-annotated-message": {"messageType": "error", "includeImage": True},
    "get-resource-links": {"count": 2},
    "get-resource-reference": {"resourceType": "Text", "resourceId": 1},
    "get-structured-content": {"location": "Chicago"},
    "get-sum": {"a": 2, "b": 3},
    "gzip-file-as-resource": {"name": "a.gz", "data": "data:text/plain,hello",
                              "outputType": "resource"},
    "trigger-long-running-operation": {"duration": 1, "steps": 4},
    "simulate-research-query": {"topic": "x"},
}
# Tools that switch a timer on, and off again, and what comes of it at once and then every five
# seconds: how much comes, and of which level, is the server's affair.
TOGGLES = {"toggle-simulated-logging": "notifications/message",
           "toggle-subscriber-updates": "notifications/resources/updated"}
RESOURCE = "demo://resource/dynamic/text/1"


def bridged(mesh, words, *flags):
    return [*mesh.program("aidermesh-stdio-bridge"), "--mode", "mcp", *flags, "--", *words]


async def elicit(_context, _params):
    return types.ElicitResult(action="accept", content={"name": "Ada", "check": True})


async def sample(_context, params):
    return types.CreateMessageResult(role="assistant", model="none",
                                     content=types.TextContent(type="text", text="a sample"))


class Client:
    """Everything that a client gets to see of one server."""

    def __init__(self):
        self.seen = []
        self.notices = set()    # what they say, but for when and how often
        self.session = None

    async def note(self, message):
        progress = types.ProgressNotification    # comes by the call's own callback
        if (isinstance(message, types.ServerNotification) and
                not isinstance(message.root, progress)):
            said = message.root.model_dump(mode="json")["params"] or {}
            if "message" in str(said.get("data")):
                said = "of a random level"
            self.notices.add((message.root.method, json.dumps(said)))

    async def progress(self, progress, total, message):
        self.seen.append([progress, total, message])

    async def talk(self, words, env, conversation):
        server = StdioServerParameters(command=words[0], args=words[1:], env=env)
        try:
            async with (stdio_client(server) as streams,
                        ClientSession(*streams, elicitation_callback=elicit,
                                      sampling_callback=sample,
                                      message_handler=self.note) as session):
                self.session = session
                self.seen.append((await session.initialize()).model_dump(mode="json"))
                await conversation(self, session)
        except* anyio.BrokenResourceError:
            pass    # a message of the server's that comes while the client closes is too late
        return self.seen

    async def call(self, name, arguments, **how):
        result = await self.session.call_tool(name, arguments, progress_callback=self.progress,
                                              **how)
        self.seen.append(result.model_dump(mode="json"))
        return result


async def cancel_long_operation(client, session):
    """Ask for what takes a minute, and take it back once it has begun."""
    begun = anyio.Event()

    async def on_progress(progress, total, message):
        begun.set()

    async def run():
        with pytest.raises(Exception):    # noqa: B017, PT011 - the SDK's own has no name
            await session.call_tool("trigger-long-running-operation",
                                    {"duration": 60, "steps": 600}, progress_callback=on_progress)

    async with anyio.create_task_group() as group:
        number = session._request_id    # the id that the next request will have
        group.start_soon(run)
        await begun.wait()
        params = types.CancelledNotificationParams(requestId=number, reason="enough")
        await session.send_notification(types.ClientNotification(
            types.CancelledNotification(params=params)))
        group.cancel_scope.cancel()


async def switch_on_and_off(client, tool):
    await client.call(tool, {})
    with anyio.fail_after(WITHIN_S):
        while TOGGLES[tool] not in {method for method, _ in client.notices}:
            await anyio.sleep(0.02)
    await client.call(tool, {})


async def through_every_tool(client, session):
    tools = (await session.list_tools()).tools
    client.seen.append([tool.model_dump(mode="json") for tool in tools])
    await session.subscribe_resource(RESOURCE)
    for tool in sorted(tool.name for tool in tools):
        if tool in TOGGLES:
            await switch_on_and_off(client, tool)
        else:
            await client.call(tool, ARGUMENTS.get(tool, {}))
    await session.unsubscribe_resource(RESOURCE)
    for listing in (session.list_resources, session.list_prompts, session.list_resource_templates):
        client.seen.append((await listing()).model_dump(mode="json"))
    with pytest.raises(Exception):    # noqa: B017, PT011
        await session.get_prompt("no-such-prompt")
    await cancel_long_operation(client, session)
    await client.call("echo", {"message": "still there"})


def comparable(seen):
    """As text, without what differs from run to run: the time at which a resource was made."""
    return re.sub(r"created at [0-9:]+ ?[AP]M", "created", json.dumps(seen, indent=1)).splitlines()


def talk(words, env, conversation):
    client = Client()
    seen = anyio.run(functools.partial(client.talk, words, env, conversation))
    return seen, client.notices


def test_the_python_client_sees_the_same_through_every_tool_with_and_without_the_bridge(mesh):
    mesh.start()
    alone, notices = talk(EVERYTHING, mesh.env, through_every_tool)
    through, notices_through = talk(bridged(mesh, EVERYTHING), mesh.env, through_every_tool)
    assert notices_through == notices
    assert set(TOGGLES.values()) <= {method for method, _ in notices}
    assert comparable(through) == comparable(alone)
    progress = [entry for entry in alone if isinstance(entry, list) and len(entry) == 3 and
                entry[1] == 4]
    assert [entry[0] for entry in progress] == [1, 2, 3, 4]

    # And the mesh heard of every call, of the cancelled one as such.
    tools = [tool["name"] for tool in alone[1]]
    assert set(TOGGLES) <= set(tools)
    # The switches twice, a call that was taken back, and one after it.
    done = mesh.events.wait("aider.request_completed", WITHIN_S,
                            count=len(tools) + len(TOGGLES) + 2)
    outcomes = [frame.data["outcome"] for frame in done]
    assert outcomes.count("cancelled") == 1, outcomes
    assert {frame.data["tool"] for frame in done} == set(tools)


@pytest.mark.parametrize("asked", [
    ["--method", "tools/list"],
    ["--method", "tools/call", "--tool-name", "trigger-long-running-operation",
     "--tool-arg", "duration=1", "steps=3"],
], ids=["list", "long_operation"])
def test_the_inspectors_command_line_prints_the_same_with_and_without_the_bridge(mesh, asked):
    mesh.start_broker()
    script = mesh.folder / "server.sh"
    script.write_text(f"#!/bin/sh\nexec {shlex.join(bridged(mesh, EVERYTHING))}\n")
    script.chmod(0o755)

    def inspect(*words):
        done = subprocess.run([*INSPECTOR, *words, *asked], env=mesh.env, check=True,
                              stdout=subprocess.PIPE, timeout=WITHIN_S)
        return json.loads(done.stdout)

    assert inspect(str(script)) == inspect(*EVERYTHING)


def of(frames, type_):
    return [frame.data for frame in frames if frame.type == f"aider.{type_}"]


def test_what_a_server_that_runs_aider_hides_is_seen_and_told_to_its_caller(mesh):
    mesh.start()
    arguments = {"ai_coding_prompt": "say hello", "relative_editable_files": ["a.py"],
                 "model": "openai/fake"}

    async def two_calls(client, session):
        await client.call("aider_ai_code", arguments,
                          meta={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
        await client.call("aider_ai_code", arguments)

    with FakeLLM(["rate_limit", "rate_limit", "rate_limit", {"do": "ok", "text": "hello"},
                  "auth"]) as llm:
        prepared = prepare(mesh, llm, "server", files={"a.py": "x = 1\nprint(x)\n"})
        server = [sys.executable, str(AIDER_SERVER), "--current-working-dir", str(prepared.repo)]
        seen, _ = talk(bridged(mesh, server, "--progress"), prepared.env, two_calls)
    limited, refused = mesh.events.wait("aider.session_completed", WITHIN_S, count=2)

    # The answers say nothing of it, and the second is a lie.
    answers = [json.loads(entry["content"][0]["text"]) for entry in seen if "content" in entry]
    assert answers == [{"success": True, "diff": ""}] * 2

    frames = mesh.events.all("aider.*", session=limited.data["session_id"])
    assert {frame.data["correlation_id"] for frame in frames} == {TRACE}
    assert [limit["attempt"] for limit in of(frames, "rate_limit_detected")] == [1, 2, 3]
    assert of(frames, "session_started")[0]["prompt"] == "say hello"
    assert limited.data["success"] is True and limited.data["rate_limit_encountered"] is True

    frames = mesh.events.all("aider.*", session=refused.data["session_id"])
    assert (refused.data["success"], refused.data["outcome"]) == (False, "failed")
    assert [error["error_type"] for error in of(frames, "error_occurred")] == ["auth"]

    # The caller was told while it waited. One that comes beside a line of the server's is left out.
    told = [entry for entry in seen if isinstance(entry, list)]
    messages = [message for _, _, message in told]
    assert any(re.fullmatch(r"rate limited, attempt [123] of 8, next in [0-9.]+ s", message)
               for message in messages), messages
    end = next((n for n, message in enumerate(messages) if message.startswith("auth")), len(told))
    for figures in ([entry[0] for entry in told[:end]], [entry[0] for entry in told[end:]]):
        assert figures == sorted(set(figures))
