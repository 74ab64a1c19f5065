"""What a run is about: the configuration, checked, and the runs that it and the tables span.

The Snakefile imports this module, so it imports nothing heavier than pandas.
"""

import difflib
from pathlib import Path

import pandas as pd

from transferscope.errors import InputError
from transferscope.validation import first_error, read_schema, sentence

CALIBRATED = ("linear", "finetune")  # protocols that leave predictions
ON_FEATURES = ("linear", "knn", "fewshot")  # protocols on the features of a whole dataset


def check_config(config: dict, schema: str | Path) -> None:
    """Check the configuration against its JSON schema.

    Raises:
        InputError: names the key.
    """
    error = first_error(config, read_schema(schema))
    if error:
        key = ".".join(map(str, error.absolute_path)) or "(top level)"
        raise InputError(f"configuration, key {key}: {sentence(error)}")


def published_names(folder: str | Path) -> list[str]:
    """The published results there are: the names, without suffix, of the folder's CSV files."""
    return sorted(path.stem for path in Path(folder).glob("*.csv"))


def check_published(config: dict, published: list[str]) -> None:
    """Check the two keys that may name published results, of which there are ``published``.

    Raises:
        InputError: names the key, and what it may be.
    """
    for key, otherwise in (("results_from", "measured"), ("compare", "none")):
        allowed = [otherwise, *published]
        if config[key] not in allowed:
            raise InputError(
                f"configuration, key {key}: {config[key]!r} is not one of {', '.join(allowed)}; "
                "published results are the files in config/published/"
            )


def choose(table: pd.DataFrame, ids: list[str], key: str) -> pd.DataFrame:
    """The rows that the configuration's ``key`` lists, in its order; all rows where the list is empty.

    Raises:
        InputError: an id that the table lacks.
    """
    _check_ids(table, ids, key, key)
    return table.loc[ids] if ids else table


def check_episodes(datasets: pd.DataFrame, ways: int) -> None:
    """Check that few-shot episodes of ``ways`` classes can be drawn where a row asks for them.

    Raises:
        InputError: a dataset with fewer classes, or without a number of shots.
    """
    for name, row in datasets.iterrows():
        if "fewshot" not in row["protocols"]:
            continue
        if row["classes"] < ways or not row["shots"]:
            raise InputError(
                f"the dataset {name} has {row['classes']} classes and {len(row['shots'])} numbers of "
                f"`shots`; few-shot episodes need {ways} classes and at least one number: complete its row, "
                "or take fewshot out of its protocols"
            )


def check_perceptual(models: pd.DataFrame, perceptual: list[str]) -> None:
    """Check the model that measures perceptual distances, which the study itself need not have.

    Raises:
        InputError: it is not in the table of ``models``.
    """
    _check_ids(models, perceptual, "reconstruction.perceptual", "models")


def check_exclusions(exclude: list[dict], models: pd.DataFrame, datasets: pd.DataFrame) -> None:
    """Check the configuration's ``exclude`` against the whole tables; of the runs it may match none.

    Raises:
        InputError: a model or dataset that its table lacks.
    """
    for exclusion in exclude:
        _check_ids(models, _listed(exclusion.get("model", [])), "exclude", "models")
        _check_ids(datasets, _listed(exclusion.get("dataset", [])), "exclude", "datasets")


def _check_ids(table: pd.DataFrame, ids: list[str], key: str, kind: str) -> None:
    for name in ids:
        if name not in table.index:
            close = difflib.get_close_matches(name, table.index, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise InputError(f"configuration, key {key}: {name!r} is no id of the table of {kind}{hint}")


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def plan_runs(
    models: pd.DataFrame, datasets: pd.DataFrame, protocols: list[str], exclude: list[dict]
) -> pd.DataFrame:
    """Every run: ``model``, ``dataset``, ``protocol``, where the dataset's row admits the protocol.

    ``calibration`` is a run for each protocol whose predictions the study has: ``calibration_linear``,
    ``calibration_finetune``. Without either, the linear probe's are made for it.

    Args:
        exclude: declared exclusions; each a dict with some of ``model``, ``dataset``, ``protocol``, of which
            each is one name or a list, and a ``reason``. A run that agrees with all of these is left out.
    """
    runs = pd.DataFrame(
        [
            (model, dataset, protocol)
            for dataset, facts in datasets.iterrows()
            for protocol in protocols
            if protocol in facts["protocols"]
            for model in models.index
        ],
        columns=["model", "dataset", "protocol"],
    )
    for exclusion in exclude:
        hit = pd.Series(True, index=runs.index)
        for key in runs.columns.intersection(exclusion):
            hit &= runs[key].isin(_listed(exclusion[key]))
        runs = runs[~hit]
    planned = set(runs.itertuples(index=False, name=None))

    def calibrated(run: tuple[str, str, str]) -> list[str]:
        if run[2] != "calibration":
            return [run[2]]
        heads = [head for head in CALIBRATED if (*run[:2], head) in planned] or CALIBRATED[:1]
        return [f"calibration_{head}" for head in heads]

    runs["protocol"] = [calibrated(run) for run in runs.itertuples(index=False, name=None)]
    return runs.explode("protocol", ignore_index=True)
