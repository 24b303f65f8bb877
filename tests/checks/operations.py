#!/usr/bin/env python3
"""operations - docs/OPERATIONS.md has every setting of the code's table and every event of its log.

SPDX-License-Identifier: MPL-2.0

usage: tests/checks/operations.py [--write]     --write puts the table of settings in place
"""

import ast
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/OPERATIONS.md"
BEGIN, END = "<!-- settings: from mesh/settings_table.c -->\n", "<!-- end of settings -->\n"
ROW = re.compile(r"^    (TEXT|SECRET|LIST|CHOICE|FLAG|NUMBER|DURATION|SIZE)\((.*?)\),\n", re.M | re.S)
STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*')
EVENT = re.compile(r'mesh_log(?:_debug|_info|_warning|_error)?\(\s*(?:[A-Za-z_]+(?: \? [A-Z_]+ : [A-Z_]+)?,\s*)?'
                   r'"([a-z0-9_-]+)"')
PROGRAMS = ("mesh", "broker", "stdio-bridge", "sse-bridge", "monitor", "cli")


def settings():
    """(key, kind, default, allowed, meaning) of each row of the table."""
    text = (ROOT / "mesh/settings_table.c").read_text(encoding="utf-8")
    table = text[text.index("mesh_settings_table[] = {"):]
    for kind, arguments in ROW.findall(table):
        strings = ["".join(ast.literal_eval(part) for part in re.findall(r'"(?:[^"\\]|\\.)*"', found))
                   for found in STRINGS.findall(arguments)]
        key, meaning = strings[0], strings[-1]
        default = "" if kind == "SECRET" else strings[1]
        allowed = strings[2].replace("|", ", ") if kind == "CHOICE" else ""
        yield key, kind, default, allowed, meaning


def settings_table():
    lines = ["| setting | environment | default | meaning |", "| --- | --- | --- | --- |"]
    for key, kind, default, allowed, meaning in settings():
        variable = "AIDERMESH_" + key.replace("/", "_").upper()
        if kind == "SECRET":
            variable += "`, `" + variable + "_FILE"
        shown = f"`{default}`" if default else ""
        lines.append(f"| `{key}` | `{variable}` | {shown} | {meaning}"
                     + (f" ({allowed})" if allowed else "") + " |")
    return "\n".join(lines) + "\n"


def logged_events():
    for program in PROGRAMS:
        for source in sorted((ROOT / program).glob("*.c")):
            for event in EVENT.findall(source.read_text(encoding="utf-8")):
                yield event, source.relative_to(ROOT)


def main(arguments):
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    old, after = rest.split(END)
    new = "\n" + settings_table() + "\n"
    if arguments == ["--write"]:
        PAGE.write_text(before + BEGIN + new + END + after, encoding="utf-8")
        return 0
    wrong = 0
    if old != new:
        print("docs/OPERATIONS.md: the settings differ from the code's; run tests/checks/operations.py --write")
        wrong += 1
    named = set(re.findall(r"^\| `([a-z0-9-]+)` \|", page, re.M))
    logged = dict(logged_events())
    for event, source in sorted(logged.items()):
        if event not in named:
            print(f"docs/OPERATIONS.md: the log event {event} of {source} is not there")
            wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
