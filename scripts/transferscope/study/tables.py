"""A tab-separated table with one row an id, each row checked against a JSON schema."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from transferscope.errors import InputError
from transferscope.validation import first_error, read_schema, sentence


def read_table(path: str | Path, schema: str | Path) -> pd.DataFrame:
    """Read a tab-separated table with an ``id`` column, each row checked against a JSON schema.

    Returns:
        A frame of strings indexed by ``id``; an empty cell, or a column that the schema does not require and
        the table does not have, is an empty string.

    Raises:
        InputError: names the file, row and column.
    """
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, comment="#")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; `tables` in the configuration names it") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{path} is not a tab-separated table: {error}") from error
    if "id" not in table:
        raise InputError(f"{path} has no column 'id'; are its columns separated by tabs?")
    rules = read_schema(schema)
    absent = set(rules["properties"]) - set(rules["required"]) - set(table.columns)
    table = table.assign(**dict.fromkeys(absent, ""))
    for position, row in enumerate(table.to_dict("records"), start=2):
        error = first_error(row, rules)
        if error:
            column = error.absolute_path[0] if error.absolute_path else ""
            where = f", column {column!r}" if column else ""
            raise InputError(f"{path}, line {position} (id {row['id']!r}){where}: {sentence(error)}")
    repeated = table["id"][table["id"].duplicated()]
    if len(repeated):
        raise InputError(f"{path} has the id {repeated.iloc[0]!r} more than once; rename one of the rows")
    return table.set_index("id")


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
