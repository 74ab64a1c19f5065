"""Render a dataset: images, labels for all tasks, and the sampled scene parameters.

The folder holds ``images/00000.png`` ... and ``labels.h5``. In ``labels.h5``, for N images of S x S pixels:

- ``split`` utf-8 [N]: train, val or test.
- ``depth`` float16 [N, S, S]: metres along the camera's z axis.
- ``normals`` int8 [N, S, S, 3]: 127 times the unit normal in camera axes (x right, y down, z forward), facing
  the camera; normalise after reading.
- ``class_mask`` uint8 [N, S, S]: 0 is background, 1 + k is class k.
- ``instance_mask`` uint8 [N, S, S]: 0 is background, 1 + k is the image's k-th object.
- ``pictures`` [N] and ``objects`` [M]: tables of the sampled parameters, see ``draw.py``. Further columns of
  ``objects``: ``picture`` (image index), ``instance`` (value in the instance mask), ``label`` (class index),
  ``model``, ``pixels`` (number visible), ``x0 y0 x1 y1`` (box of the visible pixels, x1 and y1 exclusive),
  ``centre_x centre_y centre_z`` (centre of the 3D bounding box in camera axes, metres).
- attributes ``class_names``, ``textures`` (names of the texture indices), ``focal`` (in image widths), and
  the settings ``objects size seed version``.

A model (one shape of a family) appears in several images, all of the same split. Scenes in which an object
covers less than MIN_VISIBLE of the image are rejected, so every object in the table is visible.
"""

import math
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from transferscope import hdf5
from transferscope.datasets.rendered import draw, textures
from transferscope.datasets.rendered.families import FAMILIES, build
from transferscope.datasets.rendered.render import Rendering, Scene, render
from transferscope.errors import InputError
from transferscope.files import atomic_path

VERSION = 1
CLASSES = list(FAMILIES)
VIEWS_PER_MODEL = 4  # maximum number of images with a given model as first object
HELD_OUT = 5  # one fifth of the images each for validation and test
MIN_VISIBLE = 0.003  # minimum fraction of the image that each object covers
BLOCK = 16  # images in flight per process, to bound memory

OBJECT_FIELDS = [
    ("picture", "i4"),
    ("instance", "u1"),
    ("label", "u1"),
    ("model", "i4"),
    ("pixels", "i4"),
    *((name, "i4") for name in ("x0", "y0", "x1", "y1")),
    *((name, "f4") for name in ("centre_x", "centre_y", "centre_z")),
    *draw.OBJECT_FIELDS,
]


@dataclass(frozen=True)
class Plan:
    """Settings of a rendered dataset, which determine the content of every image.

    Raises:
        InputError: a setting is out of range.
    """

    images: int
    objects: int
    size: int
    seed: int
    classes: int = len(CLASSES)

    def __post_init__(self) -> None:
        if not 2 <= self.classes <= len(CLASSES):
            raise InputError(f"classes: {self.classes} must be 2 to {len(CLASSES)}")
        minimum = HELD_OUT * self.classes
        if self.images < minimum:
            raise InputError(
                f"images: {self.images} is too few; at least {minimum} put every class into every split"
            )
        if not 1 <= self.objects <= 10:
            raise InputError(f"objects: {self.objects} must be 1 to 10")
        if self.size < 32:
            raise InputError(f"size: {self.size} is too small for a picture; use at least 32 pixels")

    @property
    def counts(self) -> dict[str, int]:
        """Number of images per split, in image order."""
        held_out = self.images // HELD_OUT
        return {"train": self.images - 2 * held_out, "val": held_out, "test": held_out}

    @property
    def splits(self) -> list[str]:
        """Split of each image."""
        return [split for split, count in self.counts.items() for _ in range(count)]

    def models(self, index: int, rng: np.random.Generator) -> list[int]:
        """Models of an image, all from its split's pool; model m has class m % C.

        The first model cycles through the classes to balance them; the others are random.
        """
        place, start = index, 0
        for count in self.counts.values():
            stop = start + self.classes * math.ceil(count / (VIEWS_PER_MODEL * self.classes))
            if place < count:
                break
            place -= count
            start = stop
        first = start + self.classes * (place // (VIEWS_PER_MODEL * self.classes)) + place % self.classes
        others = rng.integers(start, stop, size=rng.integers(self.objects))
        return [first, *others.tolist()]


@dataclass(frozen=True)
class Labels:
    """Labels of one image: arrays and table rows as in ``labels.h5``."""

    depth: np.ndarray
    normals: np.ndarray
    class_mask: np.ndarray
    instance_mask: np.ndarray
    picture: tuple
    objects: list[tuple]


def _visible_extent(instance_mask: np.ndarray, instance: int) -> dict[str, int]:
    """Pixel count and bounding box of an instance."""
    mask = instance_mask == instance
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = {"x0": columns[0], "y0": rows[0], "x1": columns[-1] + 1, "y1": rows[-1] + 1}
    return {"pixels": mask.sum(), **box}


def _all_visible(rendering: Rendering, count: int) -> bool:
    """Whether each of ``count`` objects covers at least MIN_VISIBLE of the image."""
    pixels = np.bincount(rendering.instances.ravel(), minlength=count)[:count]
    return bool(pixels.min() >= MIN_VISIBLE * rendering.instances.size)


def draw_picture(plan: Plan, index: int) -> tuple[np.ndarray, Labels]:
    """Render an image, uint8 [S, S, 3], and its labels; deterministic given plan and index."""
    rng = np.random.default_rng([plan.seed, 0, index])
    models = plan.models(index, rng)
    classes = [model % plan.classes for model in models]
    meshes = [
        build(CLASSES[label], np.random.SeedSequence([plan.seed, 1, model]))
        for label, model in zip(classes, models, strict=True)
    ]
    while True:  # until no object is hidden or outside the image
        bodies, camera, light, picture, rows = draw.draw_scene(rng, meshes)
        rendering = render(Scene(bodies), camera, light, plan.size)
        if _all_visible(rendering, len(meshes)):
            break

    # Bodies are the objects, followed by ground and backdrop, which fill the rest of the image.
    instance_mask = np.where(rendering.instances < len(meshes), rendering.instances + 1, 0).astype(np.uint8)
    to_class = np.array([0, *(label + 1 for label in classes)], dtype=np.uint8)
    objects = []
    for k, (body, row) in enumerate(zip(bodies, rows, strict=False)):
        centre = camera.to_camera(body.placed().vertices)
        centre = (centre.min(axis=0) + centre.max(axis=0)) / 2
        row.update(picture=index, instance=k + 1, label=classes[k], model=models[k])
        row.update(_visible_extent(instance_mask, k + 1))
        row.update(zip(("centre_x", "centre_y", "centre_z"), centre, strict=True))
        objects.append(tuple(row[name] for name, _ in OBJECT_FIELDS))
    labels = Labels(
        rendering.depth.astype(np.float16),
        np.round(127 * rendering.normals).astype(np.int8),
        to_class[instance_mask],
        instance_mask,
        tuple(picture[name] for name, _ in draw.PICTURE_FIELDS),
        objects,
    )
    return rendering.rgb, labels


def _write_picture(index: int, plan: Plan, folder: Path) -> Labels:
    rgb, labels = draw_picture(plan, index)
    Image.fromarray(rgb).save(folder / f"{index:05d}.png")
    return labels


def _write_labels(file: h5py.File, plan: Plan, labels: Iterator[Labels]) -> None:
    """Write all labels; arrays are streamed."""
    shape = (plan.size, plan.size)
    kinds = {
        "depth": ("f2", shape),
        "normals": ("i1", (*shape, 3)),
        "class_mask": ("u1", shape),
        "instance_mask": ("u1", shape),
    }
    for name, (kind, shape) in kinds.items():
        file.create_dataset(
            name, (plan.images, *shape), kind, chunks=(1, *shape), compression="gzip", shuffle=True
        )
    pictures, objects = [], []
    for index, label in enumerate(labels):
        for name in kinds:
            file[name][index] = getattr(label, name)
        pictures.append(label.picture)
        objects += label.objects
    tables = {
        "pictures": np.array(pictures, dtype=draw.PICTURE_FIELDS),
        "objects": np.array(objects, dtype=OBJECT_FIELDS),
        "split": hdf5.texts(plan.splits),
    }
    for name, table in tables.items():
        # What is compressed has a checksum, unless it is a text of any length.
        file.create_dataset(name, data=table, compression="gzip")
    file.attrs.update(
        class_names=CLASSES[: plan.classes],
        textures=textures.NAMES,
        focal=draw.FOCAL,
        objects=plan.objects,
        size=plan.size,
        seed=plan.seed,
        version=VERSION,
    )


def render_dataset(
    output: str | Path,
    *,
    images: int,
    objects: int,
    size: int,
    seed: int,
    threads: int,
    classes: int = len(CLASSES),
) -> None:
    """Render a dataset into the folder ``output``; equal settings give equal bytes.

    Args:
        output: the folder, written atomically.
        images: total number of images (60 / 20 / 20 % train, val, test), class-balanced by the first object.
        objects: maximum number of objects per image. 1 gives a single-label dataset, more a multi-label one
            with 1 to ``objects`` objects per image.
        size: image width and height in pixels.
        seed: seed of all random parameters.
        threads: number of processes.
        classes: the first so many of CLASSES.

    Raises:
        InputError: a setting is out of range.
    """
    plan = Plan(images, objects, size, seed, classes)
    # Not forked: Embree may wait for ever in the fork of a process that has threads, as that of a lock.
    processes = multiprocessing.get_context("spawn")
    with atomic_path(output) as folder, ProcessPoolExecutor(threads, processes) as pool:
        (folder / "images").mkdir(parents=True)
        work = partial(_write_picture, plan=plan, folder=folder / "images")
        block = BLOCK * threads
        blocks = (range(start, min(start + block, images)) for start in range(0, images, block))
        labels = (label for block in blocks for label in pool.map(work, block))
        with hdf5.writing(folder / "labels.h5") as file:
            _write_labels(file, plan, labels)
