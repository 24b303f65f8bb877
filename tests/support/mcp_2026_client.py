"""mcp_2026_client - a client of the revision 2026-07-28 goes through all that a server has.

SPDX-License-Identifier: MPL-2.0

usage: mcp_2026_client.py every|PROMPT COMMAND...      with the Python of build/mcp-venv

Prints as JSON all it gets to see. "every" calls each tool of mcp_2026_server.py but AIDER's; a
prompt is given to that one, with a trace, and progress asked for.
"""

import json
import os
import sys

import anyio
import mcp_types as types
from mcp import Client, MCPError, StdioServerParameters

REVISION = "2026-07-28"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
MESSAGE = 'grüße \u2028 {"jsonrpc"'

seen = []


def note(result):
    seen.append(result.model_dump(mode="json", by_alias=True))


async def on_progress(progress, total, message):
    seen.append([progress, total, message])


async def on_question(_context, params):
    seen.append(params.message)
    return types.ElicitResult(action="accept", content={"place": "Ulm"})


async def call(client, name, arguments=None, **how):
    try:
        note(await client.call_tool(name, arguments or {}, progress_callback=on_progress, **how))
    except MCPError as error:
        seen.append(["error", error.code, str(error)])


async def cancel(client):
    """Ask for what never ends, and take it back once it has begun."""
    with anyio.CancelScope() as scope:
        async def on_begun(progress, total, message):
            scope.cancel()
        await client.call_tool("wait", {}, progress_callback=on_begun)
    seen.append(["cancelled", scope.cancelled_caught])


async def every(client):
    note(await client.list_tools())
    for name in ("deploy", "fail", "later", "raise", "steps"):
        await call(client, name)
    await cancel(client)
    await call(client, "echo", {"message": MESSAGE})


async def talk(what, command):
    server = StdioServerParameters(command=command[0], args=command[1:], env=dict(os.environ))
    async with Client(server, elicitation_callback=on_question) as client:
        seen.append([client.protocol_version, client.server_info.name])
        if client.protocol_version != REVISION:
            sys.exit(f"mcp_2026_client: they speak {client.protocol_version}")
        if what == "every":
            await every(client)
        else:
            await call(client, "aider_ai_code", {
                "ai_coding_prompt": what, "relative_editable_files": ["a.py"]},
                meta={"traceparent": TRACE})


if __name__ == "__main__":
    anyio.run(talk, sys.argv[1], sys.argv[2:])
    json.dump(seen, sys.stdout)
