"""api_values - keeps schemathesis to values that a schema has no words for.

SPDX-License-Identifier: MPL-2.0

Loaded by schemathesis (SCHEMATHESIS_HOOKS). What it makes up beyond a schema stays as it is.
"""

import schemathesis

# Of a list of values only some are known; a session or host has at most so many bytes.
KNOWN = {"types": "aider.*,!aider.session_progress", "severity": "low,high", "since": "10m"}
SHORT = ("session", "request", "host", "provider", "model", "label", "type")
BYTES_MOST = 60


@schemathesis.hook
def before_call(context, case, kwargs):
    query = case.query or {}
    for name, value in query.items():
        if name in KNOWN and value:
            query[name] = KNOWN[name]
        elif name in SHORT and isinstance(value, str):
            query[name] = value.encode()[:BYTES_MOST].decode(errors="ignore")
        elif name == "cursor" and value:
            query[name] = "0"
    # One position at a time; and what is waited for does not come.
    if "since" in query:
        query.pop("last", None)
    if "wait" in query:
        query["wait"] = 0
