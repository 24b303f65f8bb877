#!/usr/bin/env python3
"""schema - the schema of events is a schema.

SPDX-License-Identifier: MPL-2.0

usage: tests/checks/schema.py SCHEMA
"""

import json
import pathlib
import sys

import jsonschema


def main():
    schema = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    kind = jsonschema.validators.validator_for(schema, default=None)
    if kind is None:
        print("the schema does not say which draft it is written in ($schema)")
        return 1
    kind.check_schema(schema)
    print(f"schema: {kind.__name__}, {len(schema.get('$defs', {}))} definitions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
