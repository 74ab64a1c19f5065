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

from transferscope import arguments
from transferscope.errors import InputError
from transferscope.sources.archives import SUFFIXES
from transferscope.sources.forms import check_source, check_sources, split_sources
from transferscope.study.metrics import OF_DATASETS
from transferscope.study.tables import concatenate, place, read_table

RENDER_SETTINGS = {"images", "objects", "size", "seed"}
PRETRAIN_SETTINGS = {"method", "dataset", "profile", "seed"}
RECOGNITION = "recognition"
DRAWN = ("val20", "draw30", "stratified")
"""The split rules that draw samples by the seed."""
LOADERS = Path(__file__).parents[1] / "datasets"
NETWORKS = Path(__file__).parents[1] / "models"
METHODS = Path(__file__).parents[1] / "pretraining"
COUNTS = ("train", "val", "test", "all")
UNKNOWN_IMAGES = 50_000
"""With as many images a dataset is planned of which nobody says how many it has."""


def read_models(paths: str | list[str], schemas: str | Path) -> pd.DataFrame:
    """The models table; ``imagenet_top1`` becomes float (NaN where unknown), ``input`` a dict.

    ``origin`` says where the weights come from, as for datasets; ``supervision`` how they were learned:
    ``supervised``, ``random`` or ``self-supervised``.

    Args:
        paths: one file, or several whose rows follow each other.
        schemas: the folder of the JSON schemas.

    Raises:
        InputError: names the file, row and column; an architecture that timm does not know is found here.
    """
    return concatenate(paths, lambda path: _models_of(path, schemas))


def _models_of(path: str | Path, schemas: str | Path) -> pd.DataFrame:
    models = read_table(path, Path(schemas) / "models.schema.yaml")
    known = architectures()
    for model, arch in models["arch"].items():
        name = arch.partition("?")[0]
        if known and name not in known:
            close = difflib.get_close_matches(name, known, n=3)
            hint = f"; did you mean {' or '.join(close)}?" if close else "; `timm.list_models()` lists them"
            raise InputError(f"{place(path, models, model)}: timm has no architecture {name!r}{hint}")
    models["source"] = models["source"].map(split_sources)
    models["origin"] = _origins(path, models, {"pretrain": pretrain_settings})
    models["source"] = models["source"].str.join(" ")
    for model, source in models.loc[models["origin"] == "pretrain", "source"].items():
        method = pretrain_settings(source)["method"]
        if models.at[model, "method"] != method:
            raise InputError(
                f"{place(path, models, model)}, column 'method': {models.at[model, 'method']!r} is not the "
                f"{method!r} of its source; write the same into both"
            )
    learned = {"supervised": "supervised", "none": "random"}
    models["supervision"] = models["method"].map(learned).fillna("self-supervised")
    models["input"] = models["input"].map(arguments.parse)
    models["imagenet_top1"] = pd.to_numeric(models["imagenet_top1"].replace("", None))
    return models


def architectures() -> set[str]:
    """The names timm and ``models/`` register, read from their sources: importing timm takes seconds.

    Empty without timm.
    """
    timm = importlib.util.find_spec("timm")
    if timm is None:
        return set()
    sources = [*(Path(timm.origin).parent / "models").glob("*.py"), *NETWORKS.glob("*.py")]
    return {
        name
        for source in sources
        for name in re.findall(
            r"^@register_model\s+def (\w+)\(", source.read_text(encoding="utf-8"), re.MULTILINE
        )
    }


def loaders() -> dict[str, set[str]]:
    """Each loader with the tasks that it has labels for, read from its source: importing it takes a second.

    A module of ``datasets/`` is a loader by its functions: ``load`` for recognition, else ``load_<task>``.
    """
    found = {}
    for source in sorted(LOADERS.glob("*.py")):
        functions = re.findall(
            r"^def load(?:_(\w+))?\(root: Path\)", source.read_text(encoding="utf-8"), re.MULTILINE
        )
        if functions:
            found[source.stem] = {task or RECOGNITION for task in functions}
    return found


def read_datasets(paths: str | list[str], schemas: str | Path) -> pd.DataFrame:
    """The datasets table; counts and classes become integers (a count is -1 where the row leaves it open).

    ``origin`` says where the files come from, as in ``_origins``; where a local source is no folder but is to
    be unpacked, it is ``archive``.

    Args:
        paths: one file, or several whose rows follow each other.
        schemas: the folder of the JSON schemas.

    Raises:
        InputError: names the file, row and column.
    """
    return concatenate(paths, lambda path: _datasets_of(path, schemas))


def _datasets_of(path: str | Path, schemas: str | Path) -> pd.DataFrame:
    datasets = read_table(path, Path(schemas) / "datasets.schema.yaml")
    for column in COUNTS:
        datasets[column] = datasets[column].replace("", "-1").astype(int)
    datasets["classes"] = datasets["classes"].replace("", "0").astype(int)
    datasets["source"] = datasets["source"].map(split_sources)
    for column in ("task", "without", "shots"):
        datasets[column] = datasets[column].str.split()
    known = loaders()
    for dataset, row in datasets.iterrows():
        _check_tasks(place(path, datasets, dataset), row, known)
    datasets["origin"] = _origins(path, datasets, {"render": render_settings})
    datasets["sha256"] = datasets["sha256"].str.split()
    first = datasets["source"].str[0].str.lower()
    packed = first.str.endswith(SUFFIXES) | (datasets["source"].str.len() > 1)
    datasets["origin"] = datasets["origin"].mask(packed & (datasets["origin"] == "local"), "archive")
    return datasets


def with_images(datasets: pd.DataFrame, found: Callable[[str], int]) -> pd.DataFrame:
    """The datasets with the column ``images``, of all splits together, and ``assumed`` where it is a guess.

    Where a row leaves its counts open, a rendered dataset has the images of its source, a folder on this
    machine the pictures that are ``found`` by the dataset's id, and any other UNKNOWN_IMAGES: unknown is not
    zero.
    """
    images, assumed = [], []
    for dataset, row in datasets.iterrows():
        needed = ("all",) if row["split_rule"] == "pooled" else ("train", "test")
        count = sum(max(0, row[split]) for split in COUNTS)
        if any(row[split] < 0 for split in needed):
            if row["origin"] == "render":
                count = render_settings(row["source"][0])["images"]
            else:
                count = found(dataset) if row["origin"] == "local" else 0
        images.append(count or UNKNOWN_IMAGES)
        assumed.append(not count)
    return datasets.assign(images=images, assumed=assumed)


def _check_tasks(where: str, row: pd.Series, known: dict[str, set[str]]) -> None:
    if row["loader"] not in known:
        raise InputError(
            f"{where}, column 'loader': {row['loader']!r} is not one of {', '.join(known)}, the modules of "
            "scripts/transferscope/datasets/ with a function load(root: Path)"
        )
    labelled = known[row["loader"]]
    for task in row["task"]:
        if task not in labelled:
            raise InputError(
                f"{where}: the loader {row['loader']} has labels for {', '.join(sorted(labelled))} "
                f"and none for {task}; correct the column 'task', or write its load_{task}(root: Path)"
            )
    if RECOGNITION in row["task"]:
        if row["metric"] not in OF_DATASETS:
            raise InputError(
                f"{where}, column 'metric': {row['metric']!r} is not one of {', '.join(OF_DATASETS)}"
            )
        if not row["classes"]:
            raise InputError(f"{where}, column 'classes': recognition needs the number of classes")
    elif row["metric"]:
        raise InputError(
            f"{where}, column 'metric': {row['metric']!r} is of recognition, which is no task here; empty it"
        )


def _origins(path: str | Path, table: pd.DataFrame, made: dict[str, Callable[[str], dict]]) -> list[str]:
    """Where files come from: ``url``, ``pypi``, ``local``, ``random`` or, by hand, ``manual``.

    What is ``made`` here has a source that begins with the origin's name and a colon, and is checked by the
    function beside it.
    """
    origins = []
    for name, sources in table["source"].items():
        source = sources[0]
        scheme = source.partition(":")[0]
        try:
            if source in ("random", "manual"):
                origins.append(source)
            elif scheme in made:
                made[scheme](source)
                origins.append(scheme)
            else:
                check_sources(sources, table.at[name, "sha256"].split())
                origins.append(check_source(source))
        except InputError as error:
            raise InputError(f"{place(path, table, name)}: {error}") from error
    return origins


def render_settings(source: str) -> dict[str, int]:
    """The settings in ``render:images=2000&objects=1&size=128&seed=0``: what the pictures depend on.

    Raises:
        InputError: a setting that is missing, unknown or no integer.
    """
    settings = arguments.parse(source.partition(":")[2])
    if (
        set(settings) != RENDER_SETTINGS
        or not all(type(value) is int and 0 <= value < 1e9 for value in settings.values())
        or not settings["images"] * settings["objects"] * settings["size"]
    ):
        raise InputError(
            f"the source {source!r} has to be render: with integers for {sorted(RENDER_SETTINGS)}, from 1 on "
            "(the seed from 0 on)"
        )
    return settings


def methods() -> set[str]:
    """The pretraining methods: the modules of ``pretraining/``, but for those of the stage itself."""
    return {source.stem for source in METHODS.glob("*.py")} - {"__init__", "method", "training"}


def pretrain_settings(source: str) -> dict[str, str | int]:
    """The settings in ``pretrain:method=rotation&dataset=digits&profile=small&seed=0``.

    ``images=1000`` may follow: the first so many training images are trained on, else all.

    Raises:
        InputError: a setting that is missing, unknown or no whole number; or there is no such method.
    """
    settings = dict(parse_qsl(source.partition(":")[2]))
    numbers = [settings.get("seed", ""), settings.get("images", "1")]
    if (
        set(settings) - {"images"} != PRETRAIN_SETTINGS
        or not all(re.fullmatch("[0-9]{1,9}", number) for number in numbers)
        or not int(numbers[1])
    ):
        raise InputError(
            f"the source {source!r} has to be pretrain: with {', '.join(sorted(PRETRAIN_SETTINGS))} and, if "
            "need be, images, the last two whole numbers, as in "
            "pretrain:method=rotation&dataset=digits&profile=small&seed=0"
        )
    known = methods()
    if settings["method"] not in known:
        raise InputError(
            f"the source {source!r} names the method {settings['method']!r}, which is not one of "
            f"{', '.join(sorted(known))}, the modules of scripts/transferscope/pretraining/"
        )
    return settings | {key: int(settings[key]) for key in ("seed", "images") if key in settings}
