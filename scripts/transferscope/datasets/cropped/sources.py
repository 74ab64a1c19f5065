"""The pictures that crops are made of: files, a picture of noise, or what a dataset trains on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from transferscope.datasets.cropped import draws
from transferscope.datasets.pictures import Files
from transferscope.errors import InputError
from transferscope.folders import SUFFIXES, is_clutter

NOISE_SIZE = 640, 427
"""As wide and high as the photographs with which the picture of noise is compared."""


@dataclass(frozen=True)
class Pictures:
    """N pictures: their names [N], and what reads one by its index."""

    names: list[str]
    read: Callable[[int], Image.Image]

    def draw(self, count: int | None, seed: int) -> "Pictures":
        """``count`` of them, without replacement, or all; fewer with one seed are the first of more.

        Raises:
            InputError: there are fewer.
        """
        if count and count > len(self.names):
            raise InputError(
                f"there are {len(self.names)} pictures to make crops of ({self.names[0]}, ...), and the "
                f"source asks for images={count}; write a smaller number there, or all"
            )
        order = draws.generator(seed, draws.PICTURES).permutation(len(self.names))[:count].tolist()
        return Pictures([self.names[index] for index in order], _Chosen(self.read, order))


@dataclass(frozen=True)
class _Chosen:
    read: Callable[[int], Image.Image]
    indices: list[int]

    def __call__(self, place: int) -> Image.Image:
        return self.read(self.indices[place])


@dataclass(frozen=True)
class _Files:
    paths: list[Path]

    def __call__(self, index: int) -> Image.Image:
        path = self.paths[index]
        return Files(path.parent, [path.name])(0)


def of_files(paths: dict[str, Path]) -> Pictures:
    """Files, by the names that they are to have."""
    return Pictures(list(paths), _Files(list(paths.values())))


def of_path(path: Path) -> Pictures:
    """A picture, or those in a folder, at any depth and in the order of their names.

    Raises:
        InputError: the folder has none.
    """
    if not path.is_dir():
        return of_files({path.name: path})
    found = {
        str(file.relative_to(path)): file
        for file in sorted(path.rglob("*"))
        if file.suffix.lower() in SUFFIXES and not any(map(is_clutter, file.relative_to(path).parts))
    }
    if not found:
        raise InputError(f"{path} has no pictures to make crops of; put some there, or name another folder")
    return of_files(found)


def of_noise(seed: int) -> Pictures:
    """A picture each of whose numbers is uniform on its own: what is learned without any structure."""
    width, height = NOISE_SIZE
    pixels = draws.generator(seed, draws.NOISE).integers(256, size=(height, width, 3), dtype=np.uint8)
    return Pictures(["noise"], lambda _: Image.fromarray(pixels))


def of_dataset(samples) -> Pictures:
    """What a dataset (``datasets.load_for``) trains on."""
    train = np.flatnonzero(samples.splits == "train").tolist()
    return Pictures([samples.ids[index] for index in train], _Chosen(samples.read, train))
