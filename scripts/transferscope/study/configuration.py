"""The configuration, checked against its schema and the tables.

The Snakefile imports this module, so it imports nothing heavier than pandas.
"""

import difflib
from pathlib import Path

import pandas as pd

from transferscope.errors import InputError
from transferscope.study.runs import listed
from transferscope.validation import first_error, read_schema, sentence


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


def check_episodes(runs: pd.DataFrame, datasets: pd.DataFrame, protocols: pd.DataFrame, ways: int) -> None:
    """Check that episodes of ``ways`` classes can be drawn wherever a run needs shots.

    Raises:
        InputError: a dataset with fewer classes.
    """
    episodic = protocols.index[["shots" in needs for needs in protocols["needs"]]]
    for name in runs.loc[runs["protocol"].isin(episodic), "dataset"].unique():
        if datasets.at[name, "classes"] < ways:
            raise InputError(
                f"the dataset {name} has {datasets.at[name, 'classes']} classes and few-shot episodes need "
                f"{ways}; lower `fewshot.ways`, or empty the column `shots` of its row"
            )


def check_perceptual(models: pd.DataFrame, perceptual: list[str]) -> None:
    """Check the model that measures perceptual distances, which the study itself need not have.

    Raises:
        InputError: it is not in the table of ``models``.
    """
    _check_ids(models, perceptual, "reconstruction.perceptual", "models")


def check_protocols(config: dict, protocols: pd.DataFrame) -> None:
    """Check the names of protocols, and of their groups, in ``protocols`` and ``exclude``.

    Raises:
        InputError: a name that the table of protocols lacks.
    """
    names = pd.DataFrame(index=pd.Index([*protocols.index, *protocols["target"].unique()]).unique())
    _check_ids(names, config["protocols"], "protocols", "protocols")
    for exclusion in config["exclude"]:
        _check_ids(names, listed(exclusion.get("protocol", [])), "exclude", "protocols")


def check_exclusions(exclude: list[dict], models: pd.DataFrame, datasets: pd.DataFrame) -> None:
    """Check the configuration's ``exclude`` against the whole tables; of the runs it may match none.

    Raises:
        InputError: a model or dataset that its table lacks.
    """
    for exclusion in exclude:
        _check_ids(models, listed(exclusion.get("model", [])), "exclude", "models")
        _check_ids(datasets, listed(exclusion.get("dataset", [])), "exclude", "datasets")


def check_switched_off(datasets: pd.DataFrame, protocols: pd.DataFrame) -> None:
    """Check the column ``without`` of the datasets table.

    Raises:
        InputError: it names no protocol and no group of them.
    """
    known = {*protocols.index, *protocols["target"]}
    for dataset, names in datasets["without"].items():
        for name in set(names) - known:
            raise InputError(
                f"the dataset {dataset}, column 'without': {name!r} is no protocol; name one of "
                f"{', '.join(protocols.index)}"
            )


def _check_ids(table: pd.DataFrame, ids: list[str], key: str, kind: str) -> None:
    for name in ids:
        if name not in table.index:
            close = difflib.get_close_matches(name, table.index, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise InputError(f"configuration, key {key}: {name!r} is no id of the table of {kind}{hint}")
