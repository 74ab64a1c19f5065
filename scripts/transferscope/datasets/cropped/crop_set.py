"""All crops of a set, and the file that keeps them (Asano, Rupprecht and Vedaldi, ICLR 2020).

``crops.h5``, for d crops of S x S pixels of N pictures:

- ``images`` uint8 [d, S, S, 3], each a chunk of its own; or, where crops are made when they are read,
  ``pictures/0`` uint8 [H, W, 3], ``pictures/1``, ..., the pictures themselves.
- ``owners`` int32 [d]: of which picture each crop is.
- ``sources`` [N], what the pictures are called, and ``sha256`` [N], of their pixels.
- attributes: the settings ``preset augment size seed``, and ``version``.

Crop i depends on seed, preset and i, and on the picture, alone.
"""

import hashlib
import itertools
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from transferscope import hdf5
from transferscope.datasets.cropped import colour, draws, geometry
from transferscope.datasets.cropped.sources import Pictures
from transferscope.errors import InputError
from transferscope.files import atomic_path

VERSION = 1
FILE = "crops.h5"
KIND = "set of crops"
SHORTEST = 64
"""Pixels of a picture's shorter side: of less, crops would be a few pixels enlarged."""
BLOCK = 256  # crops that are made together


@dataclass(frozen=True)
class Settings:
    """What crops depend on beside their picture.

    Args:
        preset: one of ``geometry.PRESETS``.
        augment: some of ``geometry.AUGMENTATIONS``; with none, all crops of a picture are the same.
        size: pixels a side.
        seed: of all that is drawn.
    """

    preset: str
    augment: tuple[str, ...]
    size: int
    seed: int

    def crops(self, picture: Image.Image, indices: np.ndarray) -> np.ndarray:
        """The crops ``indices`` [n] of the set, of a picture that has them: uint8 [n, size, size, 3]."""
        preset = geometry.PRESETS[self.preset]
        images = np.empty((len(indices), self.size, self.size, 3), np.uint8)
        colours = np.empty((len(indices), colour.DRAWN))
        for place, index in enumerate(indices.tolist()):
            rng = draws.generator(self.seed, draws.CROP, index)
            colours[place] = rng.random(colour.DRAWN)
            cut = preset.draw(picture.size, self.augment, rng)
            images[place] = preset.cut(picture, cut, self.size)
        if "jitter" in self.augment:
            colour.jitter(images, colours)
        return images


def shares(count: int, sources: int, seed: int) -> np.ndarray:
    """Of which picture each of ``count`` crops is: int32 [count]; shares differ by 1 at most.

    With one picture more, each of the others gives up some of its crops, and keeps the rest as they are.

    Raises:
        InputError: there are more pictures than crops.
    """
    if sources > count:
        raise InputError(
            f"{count} crops cannot be of {sources} pictures; write a larger count or fewer images into the "
            "source"
        )
    owners = np.zeros(count, np.int32)
    order = draws.generator(seed, draws.SHARES).permutation(count)
    held = deque([order.tolist()])  # the most crops first
    for source in range(1, sources):
        taken = []
        for _ in range(count // (source + 1)):
            taken.append(held[0].pop())
            held.rotate(-1)
        owners[taken] = source
        held.append(taken)
    return owners


@dataclass(frozen=True)
class Computed:
    """Crops that are made when they are read, by index: of the pictures [N] by their ``owners`` int [d]."""

    settings: Settings
    pictures: list[Image.Image]
    owners: np.ndarray

    def __call__(self, index: int) -> Image.Image:
        return Image.fromarray(self.block(np.array([index]))[0])

    def block(self, indices: np.ndarray) -> np.ndarray:
        """Crops in any order: uint8 [n, size, size, 3]."""
        indices = np.asarray(indices)
        images = np.empty((len(indices), *[self.settings.size] * 2, 3), np.uint8)
        for source in np.unique(self.owners[indices]):
            places = np.flatnonzero(self.owners[indices] == source)
            images[places] = self.settings.crops(self.pictures[source], indices[places])
        return images


def write(
    output: str | Path,
    pictures: Pictures,
    settings: Settings,
    *,
    count: int,
    stored_bytes: float,
    threads: int,
) -> None:
    """Write the folder of a set, atomically.

    Args:
        pictures: of which there are ``count`` crops in all.
        stored_bytes: up to so many the crops are stored; beyond, the pictures are, and crops are made when
            they are read.

    Raises:
        InputError: a picture is too small or narrow, or cannot be read; or as ``shares``.
    """
    owners = shares(count, len(pictures.names), settings.seed)
    digests: list[str] = []
    with atomic_path(output) as folder:
        folder.mkdir()
        with hdf5.create(folder / FILE) as file:
            read = _checked(pictures, digests)
            if count * settings.size**2 * 3 <= stored_bytes:
                _store_crops(file, read, owners, settings, threads)
            else:
                for source, picture in enumerate(read):
                    file[f"pictures/{source}"] = np.asarray(picture)
            file["owners"] = owners
            file["sources"] = hdf5.texts(pictures.names)
            file["sha256"] = hdf5.texts(digests)
            file.attrs.update(
                version=VERSION,
                preset=settings.preset,
                augment=" ".join(settings.augment),
                size=settings.size,
                seed=settings.seed,
            )


def read_computed(file: h5py.File) -> Computed:
    """The crops of an open file that holds the pictures."""
    facts = file.attrs
    settings = Settings(
        facts["preset"], tuple(facts["augment"].split()), int(facts["size"]), int(facts["seed"])
    )
    pictures = [Image.fromarray(file[f"pictures/{source}"][()]) for source in range(len(file["sources"]))]
    return Computed(settings, pictures, file["owners"][:])


def _checked(pictures: Pictures, digests: list[str]) -> Iterator[Image.Image]:
    """Each picture once; the SHA-256 of its pixels goes into ``digests``."""
    for source, name in enumerate(pictures.names):
        picture = pictures.read(source)
        shorter, longer = sorted(picture.size)
        if shorter < SHORTEST or longer > geometry.LONGEST * shorter:
            raise InputError(
                f"the picture {name} has {picture.width} x {picture.height} pixels; its shorter side needs "
                f"{SHORTEST} at least for crops, and its longer one may have {geometry.LONGEST} times as many"
            )
        digests.append(hashlib.sha256(np.asarray(picture)).hexdigest())
        yield picture


def _store_crops(
    file: h5py.File, read: Iterator[Image.Image], owners: np.ndarray, settings: Settings, threads: int
) -> None:
    shape = (settings.size, settings.size, 3)
    images = file.create_dataset("images", (len(owners), *shape), "u1", chunks=(1, *shape))

    def work() -> Iterator[tuple[Image.Image, np.ndarray]]:
        order = np.argsort(owners, kind="stable")
        for picture, indices in zip(read, np.split(order, np.cumsum(np.bincount(owners))[:-1]), strict=True):
            for start in range(0, len(indices), BLOCK):
                yield picture, indices[start : start + BLOCK]

    jobs = work()
    with ThreadPoolExecutor(threads) as pool:
        # No more at a time than threads need, since each holds a picture and its crops.
        while some := list(itertools.islice(jobs, 2 * threads)):
            made = pool.map(settings.crops, *zip(*some, strict=True))
            for (_, indices), crops in zip(some, made, strict=True):
                for index, crop in zip(indices.tolist(), crops, strict=True):
                    images.id.write_direct_chunk((index, 0, 0, 0), crop.tobytes())
