"""Pictures that come inside packages which this workflow needs anyway: the names to take them by.

They are read where the package is installed; nothing is downloaded. The Snakefile imports this module.
"""

from importlib import resources
from pathlib import Path
from typing import NamedTuple

from transferscope.errors import InputError


class Picture(NamedTuple):
    """A file below an installed package, and its licence, as far as that package states it."""

    package: str
    file: str
    licence: str


PICTURES = {
    "astronaut": Picture("skimage", "data/astronaut.png", "public domain (NASA)"),
    "camera": Picture("skimage", "data/camera.png", "CC0 (Lav Varshney)"),
    "chelsea": Picture("skimage", "data/chelsea.png", "CC0 (Stefan van der Walt)"),
    "china": Picture("sklearn", "datasets/images/china.jpg", "CC BY 2.0 (danielbuechele on Flickr)"),
    "coffee": Picture("skimage", "data/coffee.png", "CC0 (Rachel Michetti)"),
    "coins": Picture("skimage", "data/coins.png", "no known restrictions (Brooklyn Museum)"),
    "flower": Picture("sklearn", "datasets/images/flower.jpg", "CC BY 2.0 (vultilion on Flickr)"),
    "grace-hopper": Picture(
        "matplotlib", "mpl-data/sample_data/grace_hopper.jpg", "not stated (from Wikimedia Commons)"
    ),
    "hubble": Picture("skimage", "data/hubble_deep_field.jpg", "public domain (NASA)"),
    "ihc": Picture("skimage", "data/ihc.png", "no known restrictions (CMMI)"),
    "motorcycle": Picture("skimage", "data/motorcycle_left.png", "not stated (Middlebury stereo, 2014)"),
    "retina": Picture("skimage", "data/retina.jpg", "CC0 (Mikael Häggström)"),
    "rocket": Picture("skimage", "data/rocket.jpg", "public domain (SpaceX)"),
}
NOISE = "noise"
"""A picture without a file, see ``datasets.cropped.sources``."""
SETS = {
    "deka-wheels": (
        *("china", "flower", "astronaut", "chelsea", "coffee", "rocket", "motorcycle"),
        *("hubble", "retina", "ihc"),
    ),
    "deka-upright": (
        *("china", "flower", "astronaut", "chelsea", "coffee", "rocket", "motorcycle"),
        *("camera", "coins", "grace-hopper"),
    ),
}
"""Several pictures by one name. The last three of the first have no side that is up."""


def named(name: str) -> tuple[str, ...]:
    """The names of pictures that a name stands for; none where there is no such name."""
    return SETS.get(name) or ((name,) if name in (NOISE, *PICTURES) else ())


def locate(name: str) -> Path:
    """Where the file of a picture lies.

    Raises:
        InputError: its package lacks it.
    """
    picture = PICTURES[name]
    try:
        path = Path(str(resources.files(picture.package).joinpath(picture.file)))
    except ModuleNotFoundError:
        path = Path(picture.package, picture.file)
    if not path.is_file():
        raise InputError(
            f"the picture {name} should lie in the package {picture.package}, and {path} is not there; "
            "install the version in envs/main.yaml, or name another picture"
        )
    return path
