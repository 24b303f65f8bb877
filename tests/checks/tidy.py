#!/usr/bin/env python3
"""tidy - clang-tidy finds nothing in any C file of a build; unchanged files are not read again.

SPDX-License-Identifier: MPL-2.0

usage: tests/checks/tidy.py BUILD_DIRECTORY [JOBS]

A file was clean when nothing it was judged by has changed since: its text and compile command,
all headers of the project, the .clang-tidy files, and clang-tidy itself.
"""

import concurrent.futures
import hashlib
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "tidy-cache"
TOOL = "clang-tidy-14"
KEPT = 2000    # clean marks; the oldest go first


def common_hash():
    sha = hashlib.sha256()
    sha.update(subprocess.run([TOOL, "--version"], check=True, capture_output=True).stdout)
    for settings in (".clang-tidy", "tests/.clang-tidy"):
        sha.update((ROOT / settings).read_bytes())
    headers = subprocess.run([ROOT / "tests/checks/files.sh", "*.h"], check=True,
                             capture_output=True, text=True).stdout.splitlines()
    for header in sorted(headers):
        sha.update(header.encode() + b"\0" + (ROOT / header).read_bytes())
    return sha


def check(build, entry, common):
    """Returns (file, cached, complaint); complaint is "" when clean."""
    path = pathlib.Path(entry["directory"], entry["file"]).resolve()
    sha = common.copy()
    sha.update(entry["command"].encode() + b"\0" + path.read_bytes())
    mark = CACHE / sha.hexdigest()
    name = path.relative_to(ROOT)
    if mark.exists():
        mark.touch()
        return name, True, ""
    run = subprocess.run([TOOL, "--quiet", "-p", build, path], capture_output=True, text=True)
    if run.returncode != 0:
        return name, False, run.stdout + run.stderr
    mark.touch()
    return name, False, ""


def forget_oldest():
    marks = sorted(CACHE.iterdir(), key=lambda mark: mark.stat().st_mtime, reverse=True)
    for mark in marks[KEPT:]:
        mark.unlink()


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    jobs = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    CACHE.mkdir(parents=True, exist_ok=True)
    entries = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        if ROOT in pathlib.Path(entry["directory"], entry["file"]).resolve().parents:
            entries[entry["file"]] = entry
    common = common_hash()
    bad = cached = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for name, was_cached, complaint in pool.map(
                lambda entry: check(build, entry, common), entries.values()):
            cached += was_cached
            if complaint:
                bad += 1
                print(f"== {name}\n{complaint}", flush=True)
    forget_oldest()
    print(f"tidy: {len(entries)} files, {cached} known to be clean, {bad} with findings")
    return 1 if bad or not entries else 0


if __name__ == "__main__":
    sys.exit(main())
