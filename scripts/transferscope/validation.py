"""Validate against JSON schemas stored as YAML; report the first error as a sentence."""

from pathlib import Path

import jsonschema
import yaml


def read_schema(path: str | Path) -> dict:
    """Read a schema file."""
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


def first_error(instance: dict, schema: dict) -> jsonschema.ValidationError | None:
    """The most relevant schema error, or None if the instance is valid."""
    return jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(instance))


def sentence(error: jsonschema.ValidationError) -> str:
    """Describe a schema error; for a pattern, use the schema's description."""
    if error.validator == "pattern" and "description" in error.schema:
        return f"{error.instance!r} does not fit; expected: {error.schema['description']}"
    return error.message
