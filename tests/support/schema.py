"""schema - whether an event is as docs/events.schema.json says.

SPDX-License-Identifier: MPL-2.0

    validate("aider.request_started", payload)    # SchemaError says what is wrong, and where
"""

from __future__ import annotations

import functools
import json
import pathlib

import jsonschema

PATH = pathlib.Path(__file__).resolve().parents[2] / "docs" / "events.schema.json"
FAMILIES = ("aider.", "mesh.", "stream.")


class SchemaError(AssertionError):
    """An event is not as the schema says. An AssertionError, so that a test fails by it."""


@functools.cache
def root():
    schema = json.loads(PATH.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


def types():
    """The types the schema has, in its order."""
    return list(root()["properties"]["type"]["enum"])


@functools.cache
def _validator(definition):
    schema = {name: root()[name] for name in ("$schema", "$id", "$defs")}
    return jsonschema.Draft202012Validator({**schema, "$ref": f"#/$defs/{definition}"})


def errors(type_, payload):
    """What is wrong with the payload of an event of this type: sentences, none when it is right.

    A type of a family that is not ours needs the common members only.
    """
    if type_ in types():
        definition = type_
    elif type_.startswith(FAMILIES):
        return [f"{type_}: the schema has no such type"]
    else:
        definition = "common"
    return [f"{type_}: {_sentence(error)}"
            for error in sorted(_validator(definition).iter_errors(payload), key=_where)]


def validate(type_, payload):
    found = errors(type_, payload)
    if found:
        raise SchemaError("\n".join(found) + f"\nin {json.dumps(payload, ensure_ascii=False)}")


def _where(error):
    return error.json_path


def _sentence(error):
    # A branch of oneOf or anyOf says more than "is not valid under any of the given schemas".
    deepest = jsonschema.exceptions.best_match([error])
    if deepest.validator == "not" and "required" in deepest.validator_value:
        return f"{deepest.json_path}: {' with '.join(deepest.validator_value['required'])}" \
               " must not be there"
    return f"{deepest.json_path}: {deepest.message}"
