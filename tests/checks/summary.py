#!/usr/bin/env python3
"""summary - the time each part of the tests took, from ctest's JUnit file.

SPDX-License-Identifier: MPL-2.0

A part is what stands before the first dot of a test's name. A test that ctest did not run, for
whatever reason, is named and makes the exit status 1: nothing is skipped in silence.
"""

import sys
import xml.etree.ElementTree

SLOWEST = 5


def main():
    root = xml.etree.ElementTree.parse(sys.argv[1]).getroot()
    parts = {}
    cases = []
    not_run = []
    for case in root.iter("testcase"):
        name, seconds = case.get("name"), float(case.get("time"))
        count, total = parts.get(name.split(".")[0], (0, 0.0))
        parts[name.split(".")[0]] = (count + 1, total + seconds)
        cases.append((seconds, name))
        if case.get("status") in ("notrun", "disabled"):
            not_run.append(name)
    for part, (count, seconds) in sorted(parts.items()):
        print(f"{seconds:8.0f}    {part} ({count} tests)")
    print("   slowest: " + ", ".join(f"{name} {seconds:.0f} s"
                                     for seconds, name in sorted(cases)[:-SLOWEST - 1:-1]))
    for name in not_run:
        print(f"   NOT RUN: {name}")
    return 1 if not_run else 0


if __name__ == "__main__":
    sys.exit(main())
