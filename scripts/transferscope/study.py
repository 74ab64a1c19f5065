"""What a run is about: the tables, checked, and the runs that they and the configuration span.

The Snakefile imports this module, so it imports nothing heavier than pandas.
"""

import difflib
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl

import jsonschema
import pandas as pd
import yaml

from transferscope.archives import SUFFIXES
from transferscope.errors import InputError
from transferscope.sources import check_source, check_sources

RENDER_SETTINGS = {"images", "objects", "size", "seed"}
CALIBRATED = ("linear", "finetune")  # protocols that leave predictions
ON_FEATURES = ("linear", "knn", "fewshot")  # protocols on the features of a whole dataset
TASKS = {  # of protocols; every other is of recognition
    "detection_frozen": "detection",
    "detection_finetune": "detection",
    "normals": "normals",
    "segmentation": "segmentation",
}
COUNTS = ("train", "val", "test", "all")


def check_config(config: dict, schema: str | Path) -> None:
    """Check the configuration against its JSON schema.

    Raises:
        InputError: names the key.
    """
    error = _first_error(config, _rules(schema))
    if error:
        key = ".".join(map(str, error.absolute_path)) or "(top level)"
        raise InputError(f"configuration, key {key}: {_sentence(error)}")


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
    rules = _rules(schema)
    absent = set(rules["properties"]) - set(rules["required"]) - set(table.columns)
    table = table.assign(**dict.fromkeys(absent, ""))
    for position, row in enumerate(table.to_dict("records"), start=2):
        error = _first_error(row, rules)
        if error:
            column = error.absolute_path[0] if error.absolute_path else ""
            where = f", column {column!r}" if column else ""
            raise InputError(f"{path}, line {position} (id {row['id']!r}){where}: {_sentence(error)}")
    repeated = table["id"][table["id"].duplicated()]
    if len(repeated):
        raise InputError(f"{path} has the id {repeated.iloc[0]!r} more than once; rename one of the rows")
    return table.set_index("id")


def _rules(schema: str | Path) -> dict:
    return yaml.safe_load(Path(schema).read_text(encoding="utf-8"))


def _first_error(instance: dict, rules: dict) -> jsonschema.ValidationError | None:
    return jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(rules).iter_errors(instance))


def _sentence(error: jsonschema.ValidationError) -> str:
    # A pattern says little to a person; the schema's own description says what belongs there.
    if error.validator == "pattern" and "description" in error.schema:
        return f"{error.instance!r} does not fit; expected: {error.schema['description']}"
    return error.message


def read_models(paths: str | list[str], schemas: str | Path) -> pd.DataFrame:
    """The models table; ``imagenet_top1`` becomes float (NaN where unknown), ``kind`` as for datasets.

    Args:
        paths: one file, or several whose rows follow each other.
        schemas: the folder of the JSON schemas.

    Raises:
        InputError: names the file, row and column; an architecture that timm does not know is found here.
    """
    return _concatenate(paths, lambda path: _models_of(path, schemas))


def _concatenate(paths: str | list[str], read: Callable[[str], pd.DataFrame]) -> pd.DataFrame:
    home, tables = {}, []
    for path in [paths] if isinstance(paths, str | Path) else paths:
        tables.append(read(path))
        for name in tables[-1].index:
            if name in home:
                raise InputError(f"the id {name!r} is in {home[name]} and in {path}; rename one of the rows")
            home[name] = path
    return pd.concat(tables)


def _models_of(path: str | Path, schemas: str | Path) -> pd.DataFrame:
    models = read_table(path, Path(schemas) / "models.schema.yaml")
    known = architectures()
    for model, arch in models["arch"].items():
        name = arch.partition("?")[0]
        if known and name not in known:
            close = difflib.get_close_matches(name, known, n=3)
            hint = f"; did you mean {' or '.join(close)}?" if close else "; `timm.list_models()` lists them"
            raise InputError(f"{path}, row {model!r}: timm has no architecture {name!r}{hint}")
    models["kind"] = _kinds(path, models["source"].str.split(), models["sha256"].str.split())
    models["imagenet_top1"] = pd.to_numeric(models["imagenet_top1"].replace("", None))
    return models


def architectures() -> set[str]:
    """The names timm registers, read from its sources: importing it takes seconds. Empty without timm."""
    timm = importlib.util.find_spec("timm")
    if timm is None:
        return set()
    sources = (Path(timm.origin).parent / "models").glob("*.py")
    return {
        name
        for source in sources
        for name in re.findall(
            r"^@register_model\s+def (\w+)\(", source.read_text(encoding="utf-8"), re.MULTILINE
        )
    }


def read_datasets(paths: str | list[str], schemas: str | Path) -> pd.DataFrame:
    """The datasets table; counts and classes become integers (a count is -1 where the row leaves it open).

    ``kind`` says how the files come to be, as in ``_kinds``; where a local source is no folder but is to be
    unpacked, it is ``archive``. ``images`` counts all splits, as far as known.

    Args:
        paths: one file, or several whose rows follow each other.
        schemas: the folder of the JSON schemas.

    Raises:
        InputError: names the file, row and column.
    """
    return _concatenate(paths, lambda path: _datasets_of(path, schemas))


def _datasets_of(path: str | Path, schemas: str | Path) -> pd.DataFrame:
    datasets = read_table(path, Path(schemas) / "datasets.schema.yaml")
    for column in COUNTS:
        datasets[column] = datasets[column].replace("", "-1").astype(int)
    datasets["classes"] = datasets["classes"].astype(int)
    for column in ("task", "protocols", "shots", "source", "sha256"):
        datasets[column] = datasets[column].str.split()
    for dataset, row in datasets.iterrows():
        for protocol in row["protocols"]:
            task = TASKS.get(protocol, "recognition")
            if task not in row["task"]:
                raise InputError(
                    f"{path}, row {dataset!r}: the protocol {protocol} is of the task {task}, which the row "
                    "does not name; take the protocol out, or name the task"
                )
    datasets["kind"] = _kinds(path, datasets["source"], datasets["sha256"])
    first = datasets["source"].str[0].str.lower()
    packed = first.str.endswith(SUFFIXES) | (datasets["source"].str.len() > 1)
    datasets["kind"] = datasets["kind"].mask(packed & (datasets["kind"] == "local"), "archive")
    datasets["images"] = datasets[list(COUNTS)].clip(lower=0).sum(axis=1)
    return datasets


def _kinds(path: str | Path, sources: pd.Series, sha256s: pd.Series) -> list[str]:
    """How files come to be: ``url``, ``pypi``, ``local``, ``random``, ``render`` or, by hand, ``manual``."""
    kinds = []
    for name in sources.index:
        source = sources[name][0]
        try:
            if source in ("random", "manual"):
                kinds.append(source)
            elif source.startswith("render:"):
                render_settings(source)
                kinds.append("render")
            else:
                check_sources(sources[name], sha256s[name])
                kinds.append(check_source(source))
        except InputError as error:
            raise InputError(f"{path}, row {name!r}: {error}") from error
    return kinds


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


def render_settings(source: str) -> dict[str, int]:
    """The settings in ``render:images=2000&objects=1&size=128&seed=0``: what the pictures depend on.

    Raises:
        InputError: a setting that is missing, unknown or no integer.
    """
    settings = dict(parse_qsl(source.partition(":")[2]))
    if set(settings) != RENDER_SETTINGS or not all(value.isdecimal() for value in settings.values()):
        raise InputError(
            f"the source {source!r} has to be render: with integers for {sorted(RENDER_SETTINGS)}"
        )
    return {key: int(value) for key, value in settings.items()}
