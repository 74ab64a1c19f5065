"""JSON schemas, kept as YAML: what breaks one first, and how to say it."""

from pathlib import Path

import jsonschema
import yaml


def read_schema(path: str | Path) -> dict:
    """The schema in a file."""
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


def first_error(instance: dict, schema: dict) -> jsonschema.ValidationError | None:
    """The error that says most of what is wrong; None where the instance fits."""
    return jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(instance))


def sentence(error: jsonschema.ValidationError) -> str:
    """What is wrong, for a person: of a pattern that does not fit, the schema's own description."""
    if error.validator == "pattern" and "description" in error.schema:
        return f"{error.instance!r} does not fit; expected: {error.schema['description']}"
    return error.message
