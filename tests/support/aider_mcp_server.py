"""aider_mcp_server - an MCP server that runs aider in its own process, as such servers do.

SPDX-License-Identifier: MPL-2.0

usage: aider_mcp_server.py --current-working-dir DIR [--editor-model MODEL]

What makes such a server worth watching is kept: aider prints to the same stdout as the messages,
the call blocks until aider is done, and the answer says success when the file has something in
it, whatever became of the request.
"""

import argparse
import asyncio
import json
import pathlib

from aider_tool import run_aider
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

TEXTS = {"type": "array", "items": {"type": "string"}}
TOOL = types.Tool(
    name="aider_ai_code", description="Have aider change files.",
    inputSchema={"type": "object",
                 "properties": {"ai_coding_prompt": {"type": "string"},
                                "relative_editable_files": TEXTS,
                                "relative_readonly_files": TEXTS,
                                "model": {"type": "string"}},
                 "required": ["ai_coding_prompt", "relative_editable_files"]})


async def serve(place, default_model):
    server = Server("aider-mcp-server")

    @server.list_tools()
    async def list_tools():
        return [TOOL]

    @server.call_tool()
    async def call_tool(name, arguments):
        # Not in a thread: while aider runs, nothing is read.
        result = run_aider(place, default_model, arguments)
        return [types.TextContent(type="text", text=json.dumps(result))]

    async with stdio_server() as (reader, writer):
        await server.run(reader, writer, server.create_initialization_options())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--current-working-dir", type=pathlib.Path, required=True)
    parser.add_argument("--editor-model", default="openai/fake")
    options = parser.parse_args()
    asyncio.run(serve(options.current_working_dir.resolve(), options.editor_model))


if __name__ == "__main__":
    main()
