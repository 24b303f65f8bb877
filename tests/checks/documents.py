#!/usr/bin/env python3
"""documents - JSON parses, Markdown is whole, and the documents name no file that is not there.

SPDX-License-Identifier: MPL-2.0

usage: tests/checks/documents.py [FILE...]      without files: all
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"^\.?/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+/?$")
FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
MADE_BY_BUILDING = "build"
SETTINGS = ROOT / "mesh" / "settings_table.c"


def all_files():
    listed = subprocess.run([ROOT / "tests/checks/files.sh", "*.md", "*.json"], check=True,
                            capture_output=True, text=True).stdout
    return listed.splitlines()


def check_json(path):
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        yield f"not JSON: {error}"


def anchors_of(text):
    """The anchors that a reader of rendered Markdown can be sent to."""
    for line in text.splitlines():
        heading = re.match(r"#{1,6}\s+(.*)", line)
        if heading:
            words = re.sub(r"[^\w\- ]", "", heading.group(1).lower())
            yield words.strip().replace(" ", "-")


def is_there(word):
    """Whether a word that looks like a path is one, a module (without .c), or a setting's key."""
    path = ROOT / word
    return path.exists() or path.with_name(path.name + ".c").exists() \
        or f'"{word}"' in SETTINGS.read_text(encoding="utf-8")


def check_markdown(path):
    text = path.read_text(encoding="utf-8")
    fence = None
    prose = []
    for number, line in enumerate(text.splitlines(), 1):
        mark = FENCE.match(line)
        if mark and fence is None:
            fence = (mark.group(1), number)
        elif mark and line.strip().startswith(fence[0]) and not line.strip().strip(fence[0][0]):
            fence = None
        elif fence is None:
            prose.append((number, line))
    if fence:
        yield f"line {fence[1]}: this code block is never closed"
    top = {entry.name for entry in ROOT.iterdir() if entry.is_dir()} - {MADE_BY_BUILDING}
    for number, line in prose:
        for target in LINK.findall(CODE.sub("", line)):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            file = (path.parent / name).resolve() if name else path
            if not file.exists():
                yield f"line {number}: links to {target}, which is not there"
            elif anchor and file.suffix == ".md":
                if anchor not in anchors_of(file.read_text(encoding="utf-8")):
                    yield f"line {number}: links to {target}, which has no such heading"
        for word in CODE.findall(line):
            if PATH.match(word) and word.removeprefix("./").split("/")[0] in top:
                if not is_there(word):
                    yield f"line {number}: names {word}, which is not there"


def main():
    names = sys.argv[1:] or all_files()
    bad = 0
    for name in names:
        path = (ROOT / name).resolve()
        check = check_json if path.suffix == ".json" else check_markdown
        for complaint in check(path):
            bad += 1
            print(f"{name}: {complaint}")
    print(f"documents: {len(names)} files, {bad} complaints")
    return 1 if bad or not names else 0


if __name__ == "__main__":
    sys.exit(main())
