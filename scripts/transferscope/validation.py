"""Validate against JSON schemas stored as YAML; report the first error as a sentence."""

import math
from pathlib import Path

import jsonschema
import yaml

# JSON's numbers, but a whole number is written as one (1.0e+3 steps would fail later) and none is infinite.
_TYPES = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
    {
        "integer": lambda _, value: isinstance(value, int) and not isinstance(value, bool),
        "number": lambda _, value: (
            isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        ),
    }
)
_Validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=_TYPES)


def read_schema(path: str | Path) -> dict:
    """Read a schema file."""
    # The parser in C takes a tenth of the time, of which each start of Snakemake would spend half a second.
    return yaml.load(Path(path).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


def first_error(instance: dict, schema: dict) -> jsonschema.ValidationError | None:
    """The most relevant schema error, or None if the instance is valid."""
    return jsonschema.exceptions.best_match(_Validator(schema).iter_errors(instance))


def sentence(error: jsonschema.ValidationError) -> str:
    """Describe a schema error: a pattern by the schema's description, a number by how YAML wants it."""
    if error.validator == "pattern" and "description" in error.schema:
        return f"{error.instance!r} does not fit; expected: {error.schema['description']}"
    if error.validator == "type" and error.validator_value in ("integer", "number"):
        numeral = _numeral(error.instance, whole=error.validator_value == "integer")
        if numeral and numeral != error.instance:
            kind = "text" if isinstance(error.instance, str) else "no whole number"
            return f"{error.instance!r} is {kind} to YAML; write {numeral}"
        if numeral:
            return (
                f"{error.instance!r} is text; write {numeral} without quotation marks, and in a file, since "
                "--config takes what stands in braces for text"
            )
    return error.message


def _numeral(value: object, whole: bool) -> str:
    """How YAML wants the number written that ``value`` was meant to be; nothing where it is none."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return ""
    if isinstance(value, bool) or not math.isfinite(number) or (whole and not number.is_integer()):
        return ""
    if whole:
        return str(int(number))
    mantissa, _, exponent = str(value).lower().partition("e")
    if not exponent:
        return mantissa
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{int(exponent):+d}"
