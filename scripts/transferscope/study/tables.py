"""The one reader of tables that people write, and of those with one row an id, checked by a JSON schema."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from transferscope.errors import InputError
from transferscope.validation import first_error, read_schema, sentence

LINE = "line"
"""The index of what ``read_cells`` returns, and a column of what ``read_table`` does: for messages."""


def read_cells(path: str | Path, separator: str = "\t") -> pd.DataFrame:
    """The cells of a table as text, without the blanks around them, indexed by their LINE in the file.

    A line that begins with ``#`` is a comment; blank lines are passed over. Between tabs a cell is what is
    written there, quotation marks included; between commas it may be quoted.

    Raises:
        InputError: the file is missing, no text in UTF-8, has no row, or a row of more or fewer cells than
            the header; names the file and the line.
    """
    rows = {}
    for line, text in enumerate(_lines(path), start=1):
        if text.strip() and not text.startswith("#"):
            rows[line] = _cells(text, separator, f"{path}, line {line}")
    if not rows:
        raise InputError(f"{path} is empty; write a line with the names of its columns, and rows below it")
    (first, header), *rest = rows.items()
    for column in header:
        if not column or header.count(column) > 1:
            raise InputError(
                f"{path}, line {first}: the column {column!r} is there {header.count(column)} times; "
                "give each column a name of its own"
            )
    kind = "tab" if separator == "\t" else "comma"
    for line, cells in rest:
        if len(cells) != len(header):
            raise InputError(
                f"{path}, line {line} ({cells[0]}) has {len(cells)} cells and the header {len(header)}; "
                f"write exactly one {kind} between two cells, also where one is empty"
            )
    lines = pd.Index([line for line, _ in rest], name=LINE)
    return pd.DataFrame([cells for _, cells in rest], index=lines, columns=header, dtype=str)


def _lines(path: str | Path) -> list[str]:
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; correct its name in the configuration") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); name a file that can") from error
    try:
        text, wrong = content.decode("utf-8-sig"), content.find(b"\0")
    except UnicodeDecodeError as error:
        text, wrong = "", error.start
    if wrong >= 0:  # a zero: UTF-16 without its mark
        line = 1 + content.count(b"\n", 0, wrong)
        raise InputError(
            f"{path}, line {line}, is no text in UTF-8; save the table as text in "
            "UTF-8 (a spreadsheet offers it among the encodings of a text file)"
        )
    return io.StringIO(text, newline=None).read().split("\n")


def _cells(text: str, separator: str, where: str) -> list[str]:
    if separator == "\t":
        cells = text.split(separator)
    else:
        try:
            (cells,) = csv.reader([text], delimiter=separator, strict=True)
        except csv.Error as error:
            raise InputError(f"{where}: {error}; close each quotation mark in its own line") from error
    return [cell.strip() for cell in cells]


def read_table(path: str | Path, schema: str | Path) -> pd.DataFrame:
    """Read a tab-separated table with an ``id`` column, each row checked against a JSON schema.

    Returns:
        A frame of strings indexed by ``id``; an empty cell, or a column that the schema does not require and
        the table does not have, is an empty string. The further column LINE is the row's in the file.

    Raises:
        InputError: as ``read_cells``; or names the file, row and column.
    """
    table = read_cells(path)
    if "id" not in table:
        raise InputError(f"{path} has no column 'id'; are its columns separated by tabs?")
    if table.empty:
        raise InputError(f"{path} has no row below its header; add one")
    rules = read_schema(schema)
    absent = set(rules["properties"]) - set(rules["required"]) - set(table.columns)
    table = table.assign(**dict.fromkeys(absent, ""))
    for line, row in table.to_dict("index").items():
        error = first_error(row, rules)
        if error:
            column = error.absolute_path[0] if error.absolute_path else ""
            where = f", column {column!r}" if column else ""
            raise InputError(f"{path}, line {line} (id {row['id']!r}){where}: {sentence(error)}")
    repeated = table["id"][table["id"].duplicated()]
    if len(repeated):
        raise InputError(
            f"{path}, line {repeated.index[0]}, has the id {repeated.iloc[0]!r} more than once; rename one "
            "of the rows"
        )
    return table.reset_index(names=LINE).set_index("id")


def place(path: str | Path, table: pd.DataFrame, name: str) -> str:
    """Where a row of ``read_table`` stands, in an error message."""
    return f"{path}, line {table.at[name, LINE]}, row {name!r}"


def concatenate(paths: str | list[str], read: Callable[[str], pd.DataFrame]) -> pd.DataFrame:
    """The tables at one path or several, one after the other.

    Raises:
        InputError: an id occurs in two of them.
    """
    home, tables = {}, []
    for path in [paths] if isinstance(paths, str | Path) else paths:
        tables.append(read(path))
        for name in tables[-1].index:
            if name in home:
                raise InputError(f"the id {name!r} is in {home[name]} and in {path}; rename one of the rows")
            home[name] = path
    return pd.concat(tables)
