"""The tables of models and of datasets, every row checked.

The Snakefile imports this module, so it imports nothing heavier than pandas.
"""

import difflib
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from transferscope import arguments
from transferscope.errors import InputError
from transferscope.sources import pictures
from transferscope.sources.archives import SUFFIXES
from transferscope.sources.forms import check_source, check_sources, split_sources
from transferscope.study import own_sources
from transferscope.study.metrics import OF_DATASETS
from transferscope.study.tables import concatenate, place, read_table

RECOGNITION = "recognition"
PRETRAINING = "pretraining"
"""The task of pictures without labels: models can be pretrained on them, and nothing be evaluated."""
DRAWN = ("val20", "draw30", "stratified")
"""The split rules that draw samples by the seed."""
LOADERS = Path(__file__).parents[1] / "datasets"
NETWORKS = Path(__file__).parents[1] / "models"
COUNTS = ("train", "val", "test", "all")
UNKNOWN_IMAGES = 50_000
"""With as many images a dataset is planned of which nobody says how many it has."""


def read_models(paths: str | list[str], schemas: str | Path) -> pd.DataFrame:
    """The models table; ``imagenet_top1`` becomes float (NaN where unknown), ``input`` a dict.

    ``origin`` says where the weights come from, as for datasets; ``supervision`` how they were learned:
    ``supervised``, ``random`` or ``self-supervised``. Where a model is pretrained here, ``pretrained_on`` is
    the dataset, ``unlabelled`` how many of its pictures were seen, 0 for all, and ``profile`` how; else they
    are empty and 0. ``repeats`` is the first model that differs from it in nothing but its seed, itself if
    there is no other.

    Args:
        paths: one file, or several whose rows follow each other.
        schemas: the folder of the JSON schemas.

    Raises:
        InputError: names the file, row and column; an architecture that timm does not know is found here.
    """
    models = concatenate(paths, lambda path: _models_of(path, schemas))
    for model, baseline in models["baseline"].items():
        if baseline and models["supervision"].get(baseline) != "random":
            raise InputError(
                f"the model {model}, column 'baseline': {baseline!r} is no random model of the tables; name "
                "one whose source is random, or leave the cell empty"
            )
    return models.assign(repeats=_repeats(models))


def _repeats(models: pd.DataFrame) -> list[str]:
    """Of each model the first one whose weights were made in the same way, by another seed or not."""
    made = models["origin"].isin(["random", "drawn", "pretrain"])
    ways = models["source"].str.replace(r"\bseed=\d+", "", regex=True).where(made, models.index.to_series())
    keys = list(zip(ways, models["arch"], models["normalisation"], models["method"], strict=True))
    first: dict[tuple, str] = {}
    return [first.setdefault(key, model) for key, model in zip(keys, models.index, strict=True)]


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
    models["origin"] = _origins(
        path, models, {"pretrain": own_sources.origin_of_backbone, "random": own_sources.origin_of_random}
    )
    models["source"] = models["source"].str.join(" ")
    pretrained = {
        model: own_sources.pretrain_settings(source)
        for model, source in models.loc[models["origin"] == "pretrain", "source"].items()
    }
    for model, settings in pretrained.items():
        if models.at[model, "method"] != settings["method"]:
            raise InputError(
                f"{place(path, models, model)}, column 'method': {models.at[model, 'method']!r} is not the "
                f"{settings['method']!r} of its source; write the same into both"
            )
    found = [pretrained.get(model, {}) for model in models.index]
    models["pretrained_on"] = [settings.get("dataset", "") for settings in found]
    models["unlabelled"] = [settings.get("images", 0) for settings in found]
    models["profile"] = [settings.get("profile", "") for settings in found]
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
    be unpacked, it is ``archive``. What sets of crops are made of is said by the columns of ``_crops``.

    Args:
        paths: one file, or several whose rows follow each other.
        schemas: the folder of the JSON schemas.

    Raises:
        InputError: names the file, row and column; or crops are to be made of a dataset that there is not, or
            that has no such pictures.
    """
    datasets = concatenate(paths, lambda path: _datasets_of(path, schemas))
    for dataset, named in cropped(datasets).items():
        _check_cropped(f"the dataset {dataset}, column 'source'", datasets, dataset, named)
    return datasets.join(_crops(datasets))


def _crops(datasets: pd.DataFrame) -> pd.DataFrame:
    """What sets of crops are made of, in columns that are empty, or 0, of other datasets.

    ``picture`` as the source has it; how many ``pictures``, 0 where nobody knows; ``augment``; and ``crops``,
    all else but the seed.
    """
    rows = {dataset: {"picture": "", "pictures": 0, "augment": "", "crops": ""} for dataset in datasets.index}
    for dataset, source in datasets.loc[datasets["origin"] == "crops", "source"].str[0].items():
        settings = own_sources.crop_settings(source)
        picture, images = settings["picture"], settings["images"]
        known = len(pictures.named(picture)) or max(0, datasets["train"].get(picture, 0))
        rows[dataset] = {
            "picture": picture,
            "pictures": known if images is None else images,
            "augment": "+".join(settings["augment"]) or "none",
            "crops": "&".join(f"{name}={settings[name]}" for name in ("count", "size", "preset")),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def cropped(datasets: pd.DataFrame) -> dict[str, str]:
    """Of the sets of crops those that are made of a dataset, with its id."""
    sources = datasets.loc[datasets["origin"] == "crops", "source"].str[0]
    named = sources.map(own_sources.cropped_dataset)
    return named[named != ""].to_dict()


def _check_cropped(where: str, datasets: pd.DataFrame, dataset: str, named: str) -> None:
    if named not in datasets.index:
        names = [pictures.NOISE, *pictures.PICTURES, *pictures.SETS]
        close = difflib.get_close_matches(named, [*names, *datasets.index], n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise InputError(
            f"{where}: {named!r} is no dataset of the tables, no path (it has no slash), and none of the "
            f"pictures {', '.join(names)}{hint}"
        )
    row, images = datasets.loc[named], own_sources.crop_settings(datasets.at[dataset, "source"][0])["images"]
    if row["origin"] == "crops" or row["split_rule"] == "pooled":
        reason = "is itself a set of crops" if row["origin"] == "crops" else "has no split train"
        raise InputError(f"{where}: the dataset {named} {reason}; name another")
    if 0 <= row["train"] < (images or 0):
        raise InputError(
            f"{where}: the dataset {named} has {row['train']} pictures to train on, fewer than "
            f"images={images}; write a smaller number, or all"
        )


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
    own = {"render": own_sources.origin_of_scenes, "crops": own_sources.origin_of_crops}
    datasets["origin"] = _origins(path, datasets, own)
    datasets["sha256"] = datasets["sha256"].str.split()
    first = datasets["source"].str[0].str.lower()
    packed = first.str.endswith(SUFFIXES) | (datasets["source"].str.len() > 1)
    datasets["origin"] = datasets["origin"].mask(packed & (datasets["origin"] == "local"), "archive")
    return datasets


def with_images(datasets: pd.DataFrame, found: Callable[[str], int]) -> pd.DataFrame:
    """The datasets with the column ``images``, of all splits together, and ``assumed`` where it is a guess.

    Where a row leaves its counts open, a dataset that is made here has the images of its source, a folder on
    this machine the pictures that are ``found`` by the dataset's id, and any other UNKNOWN_IMAGES: unknown is
    not zero.
    """
    images, assumed = [], []
    for dataset, row in datasets.iterrows():
        needed = ("all",) if row["split_rule"] == "pooled" else ("train", "test")
        count = sum(max(0, row[split]) for split in COUNTS)
        if any(row[split] < 0 for split in needed):
            if row["origin"] == "render":
                count = own_sources.render_settings(row["source"][0])["images"]
            elif row["origin"] == "factors":
                count = own_sources.factor_settings(row["source"][0])["images"]
            elif row["origin"] == "crops":
                count = own_sources.crop_settings(row["source"][0])["count"]
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


def _origins(path: str | Path, table: pd.DataFrame, own: dict[str, Callable[[str], str]]) -> list[str]:
    """Where files come from: ``url``, ``pypi``, ``local``, ``random`` or, by hand, ``manual``.

    What this workflow makes itself has a source that begins with a name in ``own`` and a colon; the function
    there checks the source and returns its origin.
    """
    origins = []
    for name, sources in table["source"].items():
        source = sources[0]
        scheme = source.partition(":")[0]
        try:
            if source in ("random", "manual"):
                origins.append(source)
            elif scheme in own:
                origins.append(own[scheme](source))
            else:
                check_sources(sources, table.at[name, "sha256"].split())
                origins.append(check_source(source))
        except InputError as error:
            raise InputError(f"{place(path, table, name)}: {error}") from error
    return origins
