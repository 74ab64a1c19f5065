"""Where a file lies that is named by a relative path: in the working folder, else in the workflow's own."""

from pathlib import Path

WORKFLOW = Path(__file__).parents[2]
"""The workflow's own folder, with its tables, schemas and profiles; it is only read."""


def placed(path: str | Path) -> str:
    """The path as it is, unless nothing is there and the workflow has a file of that name."""
    shipped = WORKFLOW / path
    return str(path if Path(path).exists() or not shipped.exists() else shipped)
