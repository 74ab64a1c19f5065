"""Arguments in a cell of a table, written as in a URL: ``frozen_stages=3&mode=fast``."""

import ast
from urllib.parse import parse_qsl


def parse(text: str) -> dict[str, object]:
    """Names to values: a number or a truth value as Python writes it, any other text as it is."""
    return {name: _literal(value) for name, value in parse_qsl(text)}


def _literal(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
