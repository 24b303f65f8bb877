"""aider_tool - runs aider in this process, as the tool of an MCP server does, and claims success.

SPDX-License-Identifier: MPL-2.0
"""

import pathlib
import subprocess


def run_aider(place, default_model, arguments):
    from aider.coders import Coder    # so late, since it takes seconds
    from aider.io import InputOutput
    from aider.models import Model
    files = [str(place / name) for name in arguments["relative_editable_files"]]
    coder = Coder.create(
        main_model=Model(arguments.get("model") or default_model),
        io=InputOutput(yes=True, chat_history_file=str(place / ".aider.chat.history.md")),
        fnames=files, auto_commits=False, suggest_shell_commands=False, detect_urls=False,
        use_git=True)
    coder.run(arguments["ai_coding_prompt"])
    diff = subprocess.run(["git", "-C", str(place), "diff", *files], capture_output=True,
                          text=True, check=True).stdout
    lines = max(len(pathlib.Path(file).read_text().splitlines()) for file in files)
    return {"success": lines > 1, "diff": diff}
