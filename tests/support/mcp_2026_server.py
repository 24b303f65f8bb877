"""mcp_2026_server - an MCP server of the revision 2026-07-28, with a tool for each of its ways.

SPDX-License-Identifier: MPL-2.0

usage: mcp_2026_server.py PACKAGES [DIR]      with the Python of build/mcp-venv

Its SDK sends to stderr what a tool prints. aider_ai_code runs aider on DIR in this process, from
PACKAGES, a site-packages folder: where both have a package, the SDK's own is taken.
"""

import json
import pathlib
import sys

import aider_tool
import anyio
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

OBJECT = {"type": "object"}
NAMES = ("aider_ai_code", "deploy", "echo", "fail", "later", "raise", "steps", "wait")
QUESTION = types.ElicitRequest(params=types.ElicitRequestFormParams(
    message="Where to?", requested_schema={"type": "object",
                                           "properties": {"place": {"type": "string"}}}))


def text(value, **members):
    return types.CallToolResult(content=[types.TextContent(text=value)], **members)


def run_aider(arguments):
    sys.path.append(sys.argv[1])
    return aider_tool.run_aider(pathlib.Path(sys.argv[2]), "openai/fake", arguments)


async def steps(context):
    for number in range(1, 5):
        await context.session.report_progress(number, 4, f"step {number}")
    return text("done", structured_content={"steps": 4})


def deploy(params):
    """Asks before it goes on, and has the client remember that it has."""
    if params.request_state is None:
        return types.InputRequiredResult(input_requests={"where": QUESTION}, request_state="asked")
    return text(params.input_responses["where"].content["place"])


def later(params):
    """Has the client come back three times, with nothing but what it was given."""
    number = int(params.request_state or "0")
    return types.InputRequiredResult(request_state=str(number + 1)) if number < 3 else text("now")


async def call_tool(context, params):
    arguments = params.arguments or {}
    match params.name:
        case "aider_ai_code":
            # Not in a thread: while aider runs, nothing is read.
            return text(json.dumps(run_aider(arguments)))
        case "deploy":
            return deploy(params)
        case "echo":
            print("a line that is no message", flush=True)
            return text(arguments["message"], structured_content=arguments)
        case "fail":
            return text("it broke", is_error=True)
        case "later":
            return later(params)
        case "steps":
            return await steps(context)
        case "wait":
            await context.session.report_progress(1)
            await anyio.sleep_forever()
    raise RuntimeError("nothing to do")


async def list_tools(context, params):
    return types.ListToolsResult(tools=[types.Tool(name=name, input_schema=OBJECT)
                                        for name in NAMES])


async def serve():
    server = Server("modern", on_list_tools=list_tools, on_call_tool=call_tool)
    async with stdio_server() as (reader, writer):
        await server.run(reader, writer, server.create_initialization_options())


if __name__ == "__main__":
    anyio.run(serve)
