"""The long table: one row a run, metric and place on the axes, measured or published."""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from transferscope import made_from
from transferscope.errors import InputError
from transferscope.files import atomic_path
from transferscope.study.axes import AXES
from transferscope.study.metrics import METRICS
from transferscope.study.runs import DEFAULT, RUN_KEY, sentence
from transferscope.study.tables import read_cells
from transferscope.validation import first_error, read_schema
from transferscope.validation import sentence as error_sentence

SETTING = ["protocol", *AXES]
"""What makes a column group of the tables: a protocol at a place on the axes."""
KEY = [*RUN_KEY, "metric", *AXES]
COLUMNS = ["protocol", "dataset", "metric", "model", "variant", "seed", *AXES]
COLUMNS += ["value", "ci95", "mode", "version", "n_test"]
_COUNTS = ["seed", "version", "n_test"]
_TEXT = [*KEY, "mode"]
_PUBLISHED = {"protocol": "[a-z][a-z0-9_]*", "dataset": "[a-z0-9][a-z0-9-]*"} | dict.fromkeys(
    AXES, "[A-Za-z0-9.-]*"
)
"""What cells of published results look like that become parts of file names."""
_SHOWN = 3
_SCHEMA = Path(__file__).parents[3] / "config" / "schemas" / "result.schema.yaml"


def read_table(path: str | Path) -> pd.DataFrame:
    """The long table at ``path``: COLUMNS in order; value and ci95 float64, the counts Int64, the rest text.

    Raises:
        InputError: the columns are others, or a row breaks ``check_table``.
    """
    table = read_cells(path)
    if list(table.columns) != COLUMNS:
        raise InputError(
            f"{path} has the columns {', '.join(table.columns)}; a results table needs {', '.join(COLUMNS)}"
        )
    table = _typed(with_numbers(table, ["value", "ci95", *_COUNTS], path).reset_index(drop=True))
    check_table(table, path)
    return table


def with_numbers(table: pd.DataFrame, columns: list[str], path: str | Path) -> pd.DataFrame:
    """A table of ``study.tables.read_cells`` with these columns as float64, NaN where a cell is empty.

    Raises:
        InputError: a cell is no number, of a count no whole one; names the line.
    """
    for column in columns:
        form = r"\d{0,15}" if column in _COUNTS else r"([+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,2})?)?"
        wrong = ~table[column].str.fullmatch(form, flags=re.ASCII | re.IGNORECASE)
        if wrong.any():
            line = wrong.idxmax()
            raise InputError(
                f"{path}, line {line}: {column} of {_row(table.loc[line])} is {table.at[line, column]!r}; "
                "give a number"
            )
    return table.assign(**{column: pd.to_numeric(table[column].replace("", None)) for column in columns})


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write the long table, tab separated, with empty fields for what is not known.

    Raises:
        InputError: a row breaks ``check_table``.
    """
    check_table(table, path)
    with atomic_path(path) as temporary:
        table[COLUMNS].to_csv(temporary, sep="\t", index=False, lineterminator="\n")


def check_table(table: pd.DataFrame, where: str | Path) -> None:
    """Refuse a table that no analysis should see; ``where`` names it in the sentence.

    Raises:
        InputError: no rows, an unknown metric, a value that is missing, infinite or outside a bounded
            metric's range, or two rows for one KEY.
    """
    if table.empty:
        raise InputError(f"{where} has no results; configure at least one model and dataset")
    for row in table.to_dict("records"):
        _check_value(row["metric"], row["value"], f"{where}: {_row(row)}")
    repeated = table.duplicated(KEY)
    if repeated.any():
        raise InputError(f"{where} has two rows for {_row(table.loc[repeated.idxmax()])}; remove one")


def check_result(result: dict, where: str | Path) -> None:
    """Refuse a result that breaks ``config/schemas/result.schema.yaml`` or measures the impossible.

    Raises:
        InputError: names ``where`` (the result's file) and the offending key.
    """
    error = first_error(result, read_schema(_SCHEMA))
    if error is not None:
        key = error.json_path.removeprefix("$").lstrip(".") or "the whole"
        raise InputError(f"{where}: {key}: {error_sentence(error)}; delete the file and run its rule again")
    rest = {name: value for name, value in result.items() if name != made_from.DIGEST}
    if made_from.DIGEST in result and result[made_from.DIGEST] != made_from.digest(rest):
        raise InputError(f"{where} was changed after it was written; delete the file and run its rule again")
    for measured in result["measurements"]:
        _check_value(measured["metric"], measured["value"], str(where))


def read_result(path: str | Path) -> dict:
    """One result JSON, checked.

    Raises:
        InputError: the file is not JSON, or breaks ``check_result``.
    """
    try:
        result = json.loads(Path(path).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise InputError(f"{path} is not JSON ({error}); delete it and run its rule again") from error
    check_result(result, path)
    return result


def collect(paths: list[str | Path], expected: list[dict]) -> pd.DataFrame:
    """The long table of the results at ``paths``, which must be exactly the runs that were planned.

    ``expected`` has one dict a run, in the order of the rows: RUN_KEY, and what else the run's result has to
    say of itself (``_other``). Which run a file holds is read from the file. All models of a dataset,
    protocol and variant must report the same metrics at the same places on the axes; which variants a model
    has is for the plan to say.

    Raises:
        InputError: a run is missing, unexpected or there twice; a row is missing or there twice; a file
            breaks ``check_result``, or is of another seed, version or setting.
    """
    runs = {_key(run): None for run in expected}
    wanted = {_key(run): run for run in expected}
    sources, stale = {}, {}
    for path in paths:
        result = read_result(path)
        run = _key(result)
        if run not in runs:
            raise InputError(f"{path} holds {sentence(result)}, which is not in the table of runs; remove it")
        if run in sources:
            raise InputError(f"{path} and {sources[run]} both hold {sentence(result)}; remove one of them")
        runs[run], sources[run] = result, path
        if other := _other(result, wanted[run]):
            stale[path] = other
    if stale:
        listed = "; ".join(f"{path} has {other}" for path, other in list(stale.items())[:_SHOWN])
        more = f"; and {len(stale) - _SHOWN} more" if len(stale) > _SHOWN else ""
        raise InputError(
            f"results that are not what the study asks for: {listed}{more}; remove them and run again: "
            f"rm {' '.join(map(str, stale))}"
        )
    missing = [run for run, result in runs.items() if result is None]
    if missing:
        name = sentence(dict(zip(RUN_KEY, missing[0], strict=True)))
        raise InputError(f"no result holds {name} ({len(missing)} missing in all); run it")

    rows = [row for result in runs.values() for row in _rows(result)]
    table = _typed(pd.DataFrame(rows, columns=COLUMNS))
    _check_complete(table)
    check_table(table, "the results")
    by = [*SETTING, "dataset", "metric", "model", "variant"]
    order = {column: {name: rank for rank, name in enumerate(table[column].unique())} for column in by}
    return table.sort_values(by, key=lambda column: column.map(order[column.name]), ignore_index=True)


def published(path: str | Path, models: pd.DataFrame) -> pd.DataFrame:
    """The long table of a file in ``config/published``: mode ``published``; version, seed, n_test unknown.

    The columns AXES and ``ci95`` may be left out. A printed name in lower case must be an id of ``models``
    (``study.catalogue``), and the file's ImageNet accuracies, which are no transfer results, must be those of
    its imagenet_top1.

    Raises:
        InputError: as ``study.tables.read_cells``; a column is missing or unknown; a cell breaks _PUBLISHED;
            a model is not in the table of models or has another ImageNet accuracy there; or a row breaks
            ``check_table``.
    """
    table = read_cells(path, ",")
    needed, optional = ["protocol", "dataset", "metric", "model", "value"], [*AXES, "ci95"]
    if not set(needed) <= set(table.columns) <= {*needed, *optional}:
        raise InputError(
            f"{path} has the columns {', '.join(table.columns)}; published results need {', '.join(needed)} "
            f"and may have {', '.join(optional)}"
        )
    table = table.assign(**dict.fromkeys(set(optional) - set(table.columns), ""))
    for column, form in _PUBLISHED.items():
        wrong = ~table[column].str.fullmatch(form)
        if wrong.any():
            line = wrong.idxmax()
            raise InputError(
                f"{path}, line {line}, column {column!r}: {table.at[line, column]!r} does not fit; "
                "config/published/README.md says what stands there"
            )
    table = with_numbers(table, ["value", "ci95"], path)
    for line, name in table["model"].items():
        table.at[line, "model"] = re.sub("[^a-z0-9]+", "-", name.lower())
        if table.at[line, "model"] not in models.index:
            raise InputError(
                f"{path}, line {line}: {name} is model {table.at[line, 'model']}, which the table of models "
                "lacks; add it there, or leave its rows out here"
            )

    reference = table["protocol"] == "imagenet"
    for line, row in table[reference].iterrows():
        listed = models.loc[row["model"], "imagenet_top1"]
        if listed != row["value"]:
            raise InputError(
                f"{path}, line {line}: ImageNet top-1 of {row['model']} is {row['value']}, but {listed} in "
                "the table of models, which correlations take; correct imagenet_top1 there, or leave the row "
                "out here"
            )

    unknown = {"variant": DEFAULT, "mode": "published", "seed": None, "version": None, "n_test": None}
    table = _typed(table[~reference].assign(**unknown).reset_index(drop=True))
    check_table(table, path)
    return table


def _key(run: dict) -> tuple[str, ...]:
    return tuple(run[column] for column in RUN_KEY)


def _other(result: dict, expected: dict) -> str:
    """What a result says of itself that is not as expected; nothing where all is.

    It is held against ``expected`` in what it says itself and in the params that it was made with: in
    ``settings`` by their ``made_from.digest``. A result from before results said that has no params.
    """
    params = result.get(made_from.NAME, {}).get("params", {})
    said = params.get("run", {}) | result
    for name, value in expected.items():
        if name in said and said[name] != value:
            return f"{name} {said[name]} and not {value}"
    if "settings" in params and made_from.digest(params["settings"]) != expected.get("settings"):
        return f"other settings than those of {result['protocol']} in the configuration"
    return ""


def _rows(result: dict) -> list[dict]:
    run = dict.fromkeys(AXES, "") | {column: result[column] for column in COLUMNS if column in result}
    return [run | measured for measured in result["measurements"]]


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    table = table.reindex(columns=COLUMNS)
    table = table.assign(**table[list(AXES)].astype("object").fillna(""))
    kinds = dict.fromkeys(_TEXT, "str") | {"value": float, "ci95": float}
    return table.astype(kinds | dict.fromkeys(_COUNTS, "Int64"))


def _check_value(metric: str, value: float, where: str) -> None:
    if metric not in METRICS:
        raise InputError(f"{where}: metric {metric!r} is unknown; use one of {', '.join(METRICS)}")
    if not math.isfinite(value):
        raise InputError(f"{where}: {metric} is {value}; measure it again")
    if METRICS[metric].bounded and not 0 <= value <= METRICS[metric].scale:
        raise InputError(f"{where}: {metric} is {value}, outside 0..{METRICS[metric].scale}; check its unit")


def _check_complete(table: pd.DataFrame) -> None:
    """Every model of a dataset, protocol and variant has every row that one of them has.

    How many layers it has is its own.
    """
    axes = [axis for axis in AXES if axis != "layer"]
    reports = ["metric", *axes]
    for (protocol, dataset, variant), rows in table.groupby(["protocol", "dataset", "variant"], sort=False):
        reported = rows.groupby("model", sort=False)[reports].apply(
            lambda part: set(map(tuple, part.to_numpy()))
        )
        everything = set().union(*reported)
        for model, found in reported.items():
            if found != everything:
                metric, *places = min(everything - found)
                at = ", ".join(f"{axis} {place}" for axis, place in zip(axes, places, strict=True) if place)
                run = {"model": model, "dataset": dataset, "protocol": protocol, "variant": variant}
                raise InputError(
                    f"the result of {sentence(run)} lacks {metric}{' at ' if at else ''}{at}, which other "
                    "models report; run it again with the same settings"
                )


def _row(row: Mapping[str, str] | pd.Series) -> str:
    return ", ".join(f"{column} {row[column]}" for column in KEY if row.get(column))
