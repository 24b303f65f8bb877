"""check_metrics - what Prometheus would say of a page of metrics, which is read from stdin.

SPDX-License-Identifier: MPL-2.0

usage: check_metrics.py <metrics.txt      with the Python of build/api-venv

Parses the page as Prometheus' own client does, then holds it against its rules for names, which
`promtool check metrics` asks for too. Prints what is wrong; exits with 1 when something is.
"""

import collections
import re
import sys

from prometheus_client.parser import text_string_to_metric_families

NAME = re.compile(r"(aider|process)_[a-z0-9]+(_[a-z0-9]+)*")
# Base units only.
NO_UNITS = {"milliseconds", "ms", "minutes", "kilobytes", "megabytes", "kib", "mib", "percent"}
LABEL_VALUES_MOST = 64


def complaints(text):
    helped = collections.Counter(re.findall(r"^# HELP (\S+) \S", text, re.MULTILINE))
    typed = collections.Counter(re.findall(r"^# TYPE (\S+) \S", text, re.MULTILINE))
    if not text.endswith("\n"):
        yield "the last line does not end"
    for family in text_string_to_metric_families(text):
        names = {sample.name for sample in family.samples}
        written = names.pop() if len(names) == 1 else family.name
        if names:
            yield f"{family.name}: samples of several names: {names}"
        if family.type not in ("counter", "gauge"):
            yield f"{written}: it is a {family.type}"
        if (family.type == "counter") != written.endswith("_total"):
            yield f"{written}: counters, and nothing else, end in _total"
        if not NAME.fullmatch(written) or NO_UNITS & set(written.split("_")):
            yield f"{written}: not a name of ours in base units"
        if helped[written] != 1 or typed[written] != 1:
            yield f"{written}: {helped[written]} x HELP, {typed[written]} x TYPE"
        seen = collections.Counter(tuple(sorted(sample.labels.items()))
                                   for sample in family.samples)
        if not seen:
            yield f"{written}: no samples"
        if seen and max(seen.values()) > 1:
            yield f"{written}: labels come twice: {seen.most_common(1)}"
        if len(seen) > LABEL_VALUES_MOST:
            yield f"{written}: {len(seen)} different labels"


found = list(complaints(sys.stdin.read()))
print("\n".join(found))
sys.exit(1 if found else 0)
