"""The tables of models and of datasets, every row checked.

The Snakefile imports this module, so it imports nothing heavier than pandas.
"""

import difflib
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl

import pandas as pd

from transferscope.errors import InputError
from transferscope.sources.archives import SUFFIXES
from transferscope.sources.forms import check_source, check_sources
from transferscope.validation import first_error, read_schema, sentence

RENDER_SETTINGS = {"images", "objects", "size", "seed"}
TASKS = {  # of protocols; every other is of recognition
    "detection_frozen": "detection",
    "detection_finetune": "detection",
    "normals": "normals",
    "segmentation": "segmentation",
}
COUNTS = ("train", "val", "test", "all")


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
