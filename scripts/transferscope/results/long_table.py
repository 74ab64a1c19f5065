"""The long table: one row a setting, dataset, metric and model, measured or published."""

import json
import math
import re
from pathlib import Path

import pandas as pd

from transferscope.errors import InputError
from transferscope.files import atomic_path
from transferscope.results.metrics import METRICS
from transferscope.validation import first_error, read_schema, sentence

KEY = ["setting", "dataset", "metric", "model"]
COLUMNS = [*KEY, "value", "ci95", "protocol", "mode", "version", "seed", "n_test"]
_COUNTS = ["version", "seed", "n_test"]
_SCHEMA = Path(__file__).parents[3] / "config" / "schemas" / "result.schema.yaml"


def read_table(path: str | Path) -> pd.DataFrame:
    """The long table at ``path``: COLUMNS in order; value and ci95 float64, the counts Int64, the rest text.

    Raises:
        InputError: the columns are others, or a row breaks ``check_table``.
    """
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    if list(table.columns) != COLUMNS:
        raise InputError(
            f"{path} has the columns {', '.join(table.columns)}; a results table needs {', '.join(COLUMNS)}"
        )
    for column in ["value", "ci95", *_COUNTS]:
        numbers = pd.to_numeric(table[column].replace("", None), errors="coerce")
        wrong = table[column].ne("") & numbers.isna()
        if wrong.any():
            row = wrong.idxmax()
            raise InputError(
                f"{path}: {column} of {_row(table.loc[row])} is {table.loc[row, column]!r}; give a number"
            )
        table[column] = numbers
    table = _typed(table)
    check_table(table, path)
    return table


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
            metric's range, or two rows for one (setting, dataset, metric, model).
    """
    if table.empty:
        raise InputError(f"{where} has no results; configure at least one model and dataset")
    for _, row in table.iterrows():
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
        raise InputError(f"{where}: {key}: {sentence(error)}; delete the file and run its rule again")
    for measured in result["measurements"]:
        _check_value(measured["metric"], measured["value"], f"{where}: {measured['setting']}")


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
    """The long table of the results at ``paths``, which must be exactly the runs that were promised.

    ``expected`` has one ``{model, dataset, protocol}`` a run; its order is the order of the rows. Which run a
    file holds is read from the file. All models of a dataset and protocol must report the same settings and
    metrics.

    Raises:
        InputError: a run is missing, unexpected or there twice; a row is missing or there twice; a file
            breaks ``check_result``.
    """
    runs = {(run["model"], run["dataset"], run["protocol"]): None for run in expected}
    sources = {}
    for path in paths:
        result = read_result(path)
        run = (result["model"], result["dataset"], result["protocol"])
        if run not in runs:
            raise InputError(f"{path} holds {_run(run)}, which is not in the table of runs; remove it")
        if run in sources:
            raise InputError(f"{path} and {sources[run]} both hold {_run(run)}; remove one of them")
        runs[run], sources[run] = result, path
    missing = [run for run, result in runs.items() if result is None]
    if missing:
        raise InputError(f"no result holds {_run(missing[0])} ({len(missing)} missing in all); run it")

    table = _typed(pd.DataFrame([row for result in runs.values() for row in _rows(result)], columns=COLUMNS))
    _check_complete(table)
    check_table(table, "the results")
    order = {column: {name: rank for rank, name in enumerate(table[column].unique())} for column in KEY}
    return table.sort_values(KEY, key=lambda column: column.map(order[column.name]), ignore_index=True)


def published(path: str | Path, models: pd.DataFrame) -> pd.DataFrame:
    """The long table of a file in ``config/published``: mode ``published``; version, seed, n_test unknown.

    ``models`` is ``names.read_models``: a printed name in lower case must be one of its ids, and the file's
    ImageNet accuracies, which are no transfer results, must be those of its imagenet_top1.

    Raises:
        InputError: a model is not in the table of models or has another ImageNet accuracy there, or a row
            breaks ``check_table``.
    """
    table = pd.read_csv(path, dtype={"value": float, "ci95": float})
    table = table.rename(columns={"protocol": "setting", "model": "name"})
    table["model"] = [re.sub("[^a-z0-9]+", "-", name.lower()) for name in table["name"]]
    unknown = ~table["model"].isin(models.index)
    if unknown.any():
        row = table.loc[unknown.idxmax()]
        raise InputError(
            f"{path}: {row['name']} is model {row['model']}, which the table of models lacks; add it there"
        )

    reference = table["setting"] == "imagenet"
    for _, row in table[reference].iterrows():
        listed = models.loc[row["model"], "imagenet_top1"]
        if listed != row["value"]:
            raise InputError(
                f"{path}: ImageNet top-1 of {row['model']} is {row['value']}, but {listed} in the "
                "table of models; correct imagenet_top1 there"
            )

    table = table[~reference]
    table["protocol"] = table["setting"].str.split("_").str[0]
    # As listed, but 5 shots before 20: tables and figures keep the order of the rows.
    shots = table["setting"].str.extract(r"_\d+w(\d+)s", expand=False).fillna("0").astype(int)
    protocols = {protocol: rank for rank, protocol in enumerate(table["protocol"].unique())}
    order = table.assign(rank=table["protocol"].map(protocols), shots=shots)
    table = order.sort_values(["rank", "shots"], kind="stable", ignore_index=True)
    table = _typed(table.assign(mode="published", version=None, seed=None, n_test=None))
    check_table(table, path)
    return table


def _rows(result: dict) -> list[dict]:
    run = {column: result[column] for column in COLUMNS if column in result}
    return [run | measured for measured in result["measurements"]]


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    kinds = dict.fromkeys([*KEY, "protocol", "mode"], "str") | {"value": float, "ci95": float}
    return table[COLUMNS].astype(kinds | dict.fromkeys(_COUNTS, "Int64"))


def _check_value(metric: str, value: float, where: str) -> None:
    if metric not in METRICS:
        raise InputError(f"{where}: metric {metric!r} is unknown; use one of {', '.join(METRICS)}")
    if not math.isfinite(value):
        raise InputError(f"{where}: {metric} is {value}; measure it again")
    if METRICS[metric].bounded and not 0 <= value <= METRICS[metric].scale:
        raise InputError(f"{where}: {metric} is {value}, outside 0..{METRICS[metric].scale}; check its unit")


def _check_complete(table: pd.DataFrame) -> None:
    """Every model of a dataset and protocol has every setting and metric that one of them has."""
    for (protocol, dataset), rows in table.groupby(["protocol", "dataset"], sort=False):
        reported = rows.groupby("model", sort=False)[["setting", "metric"]].apply(
            lambda pairs: set(map(tuple, pairs.to_numpy()))
        )
        everything = set().union(*reported)
        for model, pairs in reported.items():
            if pairs != everything:
                setting, metric = min(everything - pairs)
                raise InputError(
                    f"the result of {_run((model, dataset, protocol))} lacks {metric} in setting "
                    f"{setting}, which other models report; run it again with the same settings"
                )


def _run(run: tuple[str, str, str]) -> str:
    return "model {}, dataset {}, protocol {}".format(*run)


def _row(row: pd.Series) -> str:
    return ", ".join(f"{column} {row[column]}" for column in KEY)
