"""Sources of what this workflow makes itself: rendered scenes, sets of crops, backbones drawn or pretrained.

The Snakefile imports this module, so it imports nothing heavier than pandas.
"""

import re
from pathlib import Path
from urllib.parse import parse_qsl

from transferscope import arguments
from transferscope.errors import InputError
from transferscope.sources import pictures

RENDER_SETTINGS = {"images", "objects", "size", "seed"}
ALL_CLASSES = {"classes": 10}
"""Of scenes whose source does not say fewer."""
FACTOR_SETTINGS = {
    "variant": "[01]{4}",
    "layout": "single|multi",
    **dict.fromkeys(("images", "size", "models"), "[1-9][0-9]{0,8}"),
    "seed": "[0-9]{1,9}",
    **dict.fromkeys(("shapes", "textures"), ".+"),
}
"""The settings of scenes with factors, and what each may be."""
STAND_INS = ("shapes", "textures")
"""Those that are folders on this machine."""
CROP_SETTINGS = {
    "picture": ".+",
    "images": "all|[1-9][0-9]{0,8}",
    "count": "[1-9][0-9]{0,8}",
    "size": "[1-9][0-9]{1,3}",
    "preset": "released|paper",
    "augment": "none|(scale|rotation|jitter)( (scale|rotation|jitter))*",
    "seed": "[0-9]{1,9}",
}
"""The settings of a set of crops, and what each may be; a plus in a source is read as a blank."""
PRETRAIN_SETTINGS = {"method", "dataset", "profile", "seed"}
RANDOM_WEIGHTS = {"random:weights=drawn": False, "random:weights=rescaled": True}
"""Sources of random weights, and whether these are rescaled; of ``random`` BatchNorm's statistics are."""
METHODS = Path(__file__).parents[1] / "pretraining"


def origin_of_scenes(source: str) -> str:
    """Of a source that begins with ``render:``: ``factors`` where the scenes have a variant, else ``render``.

    Raises:
        InputError: as ``factor_settings`` and ``render_settings``.
    """
    if "variant=" in source:
        factor_settings(source)
        return "factors"
    render_settings(source)
    return "render"


def origin_of_random(source: str) -> str:
    """Of a source that begins with ``random:``: ``drawn``.

    Raises:
        InputError: it is none of RANDOM_WEIGHTS.
    """
    if source not in RANDOM_WEIGHTS:
        raise InputError(f"the source {source!r} has to be random, or {' or '.join(RANDOM_WEIGHTS)}")
    return "drawn"


def origin_of_crops(source: str) -> str:
    """Of a source that begins with ``crops:``; errors as of ``crop_settings``."""
    crop_settings(source)
    return "crops"


def origin_of_backbone(source: str) -> str:
    """Of a source that begins with ``pretrain:``; errors as of ``pretrain_settings``."""
    pretrain_settings(source)
    return "pretrain"


def render_settings(source: str) -> dict[str, int]:
    """The settings in ``render:images=2000&objects=1&size=128&seed=0``: what the pictures depend on.

    ``classes=4`` may follow: the first so many classes, else all.

    Raises:
        InputError: a setting that is missing, unknown or no integer.
    """
    settings = ALL_CLASSES | arguments.parse(source.partition(":")[2])
    if (
        set(settings) != RENDER_SETTINGS | set(ALL_CLASSES)
        or not all(type(value) is int and 0 <= value < 1e9 for value in settings.values())
        or not settings["images"] * settings["objects"] * settings["size"]
        or not 2 <= settings["classes"] <= ALL_CLASSES["classes"]
    ):
        raise InputError(
            f"the source {source!r} has to be render: with integers for {sorted(RENDER_SETTINGS)}, from 1 on "
            "(the seed from 0 on), and classes=2 to 9 if not all ten are wanted"
        )
    return settings


def methods() -> set[str]:
    """The pretraining methods: the modules of ``pretraining/``, but for those of the stage itself."""
    return {source.stem for source in METHODS.glob("*.py")} - {"__init__", "method", "training"}


def labelled_methods() -> set[str]:
    """Those that are trained with labels, read from their sources: importing them takes seconds."""
    told = re.compile("^    labelled: bool = True$", re.MULTILINE)
    return {name for name in methods() if told.search((METHODS / f"{name}.py").read_text(encoding="utf-8"))}


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


def factor_settings(source: str) -> dict[str, str | int]:
    """The settings in ``render:variant=1111&layout=single&images=7200&size=32&models=40&seed=0``.

    ``shapes`` and ``textures`` are paths of folders, with %20 for a blank.

    Raises:
        InputError: a setting that is missing, unknown, there twice or of another form.
    """
    pairs = parse_qsl(source.partition(":")[2], keep_blank_values=True)
    settings = dict(pairs)
    needed = set(FACTOR_SETTINGS) - {*STAND_INS, "models"} | {"shapes" if "shapes" in settings else "models"}
    if (
        len(pairs) != len(settings)
        or not needed <= set(settings) <= needed | {"textures"}
        or not all(re.fullmatch(FACTOR_SETTINGS[name], value) for name, value in settings.items())
    ):
        raise InputError(
            f"the source {source!r} has to be render: with variant=TCVL (four digits 0 or 1), layout=single "
            "or multi, and integers for images, size, models (from 1 on) and seed; shapes=FOLDER may take "
            "the place of models, and textures=FOLDER be added"
        )
    return {
        name: int(value) if name in ("images", "size", "models", "seed") else value
        for name, value in settings.items()
    }


def stand_ins(source: str) -> dict[str, str]:
    """The folders on this machine that scenes with factors take models or textures from, by STAND_INS."""
    settings = factor_settings(source)
    return {name: str(Path(settings[name]).expanduser()) for name in STAND_INS if name in settings}


def crop_settings(source: str) -> dict:
    """The settings in ``crops:picture=china&images=1&count=9&size=32&preset=paper&augment=none&seed=0``.

    ``picture`` is a name of ``sources.pictures``, a path of a picture or folder (with a slash; %20 for a
    blank, %2B for a plus), or the id of a dataset, of whose training pictures ``images`` are drawn.
    ``augment`` becomes a list, empty for ``none``; ``images`` None for ``all``, the others integers.

    Raises:
        InputError: a setting that is missing, unknown, there twice or of another form; or there are not so
            many pictures of that name.
    """
    pairs = parse_qsl(source.partition(":")[2], keep_blank_values=True)
    settings = dict(pairs)
    if (
        len(pairs) != len(settings)
        or set(settings) != set(CROP_SETTINGS)
        or not all(re.fullmatch(CROP_SETTINGS[name], value) for name, value in settings.items())
    ):
        raise InputError(
            f"the source {source!r} has to be crops: with picture (a name, a path with a slash or a "
            "dataset), images=N or all, count and size (two to four digits) of the crops, preset=released or "
            "paper, augment=none or some of scale+rotation+jitter, and seed"
        )
    numbers = {name: int(settings[name]) for name in ("count", "size", "seed")}
    images = None if settings["images"] == "all" else int(settings["images"])
    known = len(pictures.named(settings["picture"]))
    if known and (images or 0) > known:
        raise InputError(
            f"the source {source!r} asks for images={images}, and {settings['picture']} is {known}; write "
            f"images={known}"
        )
    if (images or known) > numbers["count"]:
        raise InputError(
            f"the source {source!r} asks for fewer crops than pictures; write a larger count, or fewer images"
        )
    augment = [] if settings["augment"] == "none" else sorted(set(settings["augment"].split()))
    return settings | numbers | {"images": images, "augment": augment}


def cropped_path(source: str) -> str:
    """The path on this machine of what crops are made of; empty where it is none."""
    picture = crop_settings(source)["picture"]
    return str(Path(picture).expanduser()) if "/" in picture else ""


def cropped_dataset(source: str) -> str:
    """The id of the dataset that crops are made of; empty where it is none."""
    picture = crop_settings(source)["picture"]
    return "" if "/" in picture or pictures.named(picture) else picture
