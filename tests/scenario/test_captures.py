"""test_captures - what is kept of real AIDER runs is whole, clean, and what docs/AIDER.md says.

SPDX-License-Identifier: MPL-2.0
"""

import json
import pathlib
import re
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from capture_aider import CASES, MAX_FILE_BYTES, NO_USER, Sanitiser  # noqa: E402

CAPTURES = ROOT / "tests" / "fixtures" / "captures"
FILES = {"analytics.jsonl", "chat.history.md", "cmd.txt", "rc", "requests.jsonl", "script.json",
         "stderr.txt", "stdout.timeline.jsonl", "stdout.txt"}
DOC = (ROOT / "docs" / "AIDER.md").read_text(encoding="utf-8")
LADDER = ["0.2", "0.5", "1.0", "2.0", "4.0", "8.0", "16.0", "32.0"]


def text_of(case, file):
    # newline="": CR LF is part of what a terminal showed.
    with open(CAPTURES / case / file, encoding="utf-8", newline="") as opened:
        return opened.read()


def lines_of(case, file):
    return [json.loads(line) for line in text_of(case, file).splitlines()]


def test_there_is_a_capture_of_each_case_and_the_events_of_it():
    assert set(CASES) <= {path.name for path in CAPTURES.iterdir() if path.is_dir()}
    assert set(CASES) <= {path.stem for path in (CAPTURES.parent / "aider-events").iterdir()}


@pytest.mark.parametrize("case", CASES)
def test_a_capture_is_whole_small_and_says_nothing_of_the_machine(case):
    folder = CAPTURES / case
    assert {path.name for path in folder.iterdir()} == FILES
    for file in FILES:
        text = text_of(case, file)
        assert len(text.encode()) <= MAX_FILE_BYTES
        # aider names its temporary folders and its interpreter in full; ours are replaced.
        assert not re.search(r"/(tmp|work|root|build)/|127\.0\.0\.1:\d|/home/(?!user/)", text)
    assert all(event["user_id"] == NO_USER for event in lines_of(case, "analytics.jsonl"))
    timeline = lines_of(case, "stdout.timeline.jsonl")
    assert "".join(entry["data"] for entry in timeline) == text_of(case, "stdout.txt")
    assert [entry["t"] for entry in timeline] == sorted(entry["t"] for entry in timeline)


def test_each_source_tells_the_same_ladder_of_nine_attempts():
    for file in ("stdout.txt", "chat.history.md"):
        text = text_of("429_exhausted", file)
        assert re.findall(r"Retrying in ([0-9.]+) seconds\.\.\.", text) == LADDER
        assert len(re.findall(r"litellm\.RateLimitError:", text)) == 9
    assert len(lines_of("429_exhausted", "requests.jsonl")) == 9
    assert text_of("429_exhausted", "rc") == "0\n"


def test_each_case_the_document_names_exists_and_each_line_it_quotes_of_them_is_real():
    named = {word for group in re.findall(r"\[([0-9a-z][0-9a-z_, ]+)\]", DOC)
             for word in group.split(", ") if "_" in word}
    assert named <= set(CASES)
    console = {case: text_of(case, "stdout.txt") for case in CASES}
    rows = re.findall(r"^\| [^|]*\[([0-9a-z_, ]+)\][^|]* \| `(litellm\.[^`]*)` \|", DOC, re.M)
    assert len(rows) >= 15
    for cases, quoted in rows:
        # <message> and … stand for anything on the line.
        pattern = re.sub(r"<message>|…", ".*", re.escape(quoted))
        for case in cases.split(", "):
            assert re.search(pattern, console[case]), f"{case} does not say {quoted}"


def table(heading):
    """The first column of the table below a heading of the document."""
    section = DOC.split(heading, 1)[1].split("\n## ")[0].split("\n### ")[0]
    return set(re.findall(r"^\| `([a-z_]+)` \|", section, re.M))


def sources(pattern, modules="aider_*.c"):
    """All that a pattern captures in the modules that read AIDER, or in others."""
    return {found for path in sorted((ROOT / "stdio-bridge").glob(modules))
            for found in re.findall(pattern, path.read_text(encoding="utf-8"))}


def test_the_document_lists_the_error_types_the_bridge_gives():
    header = (ROOT / "stdio-bridge" / "aider_table.h").read_text(encoding="utf-8")
    listed = set(re.findall(r"^//   ([a-z_]+)  ", header, re.M))
    assert table("### 9.1 `error_type`") == listed
    # What the table of texts gives is compared by unit.aider_table.
    given = sources(r'\{AIDER_FACT_[A-Z_]+, "([a-z_]+)",')
    assert len(given) >= 4
    assert given <= listed


def test_the_document_lists_the_stages_the_bridge_gives():
    stages = (sources(r'progress\(self, "([a-z_]+)"') |
              sources(r'shared \? "([a-z_]+)"') | sources(r'shared \? "[a-z_]+" : "([a-z_]+)"') |
              sources(r'report_stage\(self, "([a-z_]+)"', "mcp_*.c"))
    assert len(stages) > 5
    assert stages == table("### 9.2 `stage`")


class Prepared:
    aider = pathlib.Path("/opt/venv/bin/aider")
    repo = pathlib.Path("/tmp/aider-x1/project")
    home = pathlib.Path("/tmp/aider-x1/home")


def test_the_sanitiser_mends_a_path_split_between_two_reads():
    sanitiser = Sanitiser(pathlib.Path("/tmp/aider-x1"), Prepared, 4321)
    timeline = [{"t": 0.1, "data": "at /tmp/aid"}, {"t": 0.2, "data": "er-x1/project/a.py "},
                {"t": 0.3, "data": "http://127.0.0.1:4321/v1"}, {"t": 0.4, "data": "end"}]
    clean = sanitiser.timeline(timeline)
    assert "".join(entry["data"] for entry in clean) == \
        "at /home/user/project/a.py http://127.0.0.1:PORT/v1end"
    with pytest.raises(ValueError):
        sanitiser.refuse_leftovers("stdout.txt", "in /tmp/aider-x1/other")
