"""A rendered data set: pictures with every label, and all that was drawn for them.

The folder holds ``images/00000.png`` ... and ``labels.h5``. In ``labels.h5``, for N pictures of S x S pixels:

- ``split`` utf-8 [N]: train, val or test.
- ``depth`` float16 [N, S, S]: metres along the camera's z axis.
- ``normals`` int8 [N, S, S, 3]: 127 times the unit normal in camera axes (x right, y down, z forward), facing
  the camera; divide by the length to have it back.
- ``class_mask`` uint8 [N, S, S]: 0 is background, 1 + k is class k.
- ``instance_mask`` uint8 [N, S, S]: 0 is background, 1 + k is the picture's k-th object.
- ``pictures`` [N] and ``objects`` [M], tables of what was drawn, see ``draw.py``. An object has besides:
  ``picture``, ``instance`` (its value in the instance mask), ``label`` (its class), ``model``, ``pixels``
  (the visible ones), ``x0 y0 x1 y1`` (the box of these, right and lower edge exclusive), and ``centre_x
  centre_y centre_z`` (of its bounding box in the camera's axes, metres).
- attributes ``class_names``, ``textures`` (what the indices in the tables mean), ``focal`` (in image widths),
  and the settings ``objects size seed version``.

A model (one shape of a family) is seen in several pictures, all of one split. A scene in which an object
covers less than MIN_VISIBLE of the picture is drawn again, so every object in the table is to be seen.
"""

import math
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from transferscope.datasets.rendered import draw, textures
from transferscope.datasets.rendered.families import FAMILIES, build
from transferscope.datasets.rendered.render import Rendering, Scene, render
from transferscope.errors import InputError
from transferscope.files import atomic_path

VERSION = 1
CLASSES = list(FAMILIES)
VIEWS = 4  # pictures of a model, at most, as the first object
HELD_OUT = 5  # one picture in five is for validation, one for the test
MIN_VISIBLE = 0.003  # part of the picture that an object must cover, or the scene is drawn again
BLOCK = 16  # pictures a process in flight, which bounds the memory

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
    """What ``render_dataset`` was asked for; from it follows what each picture shows.

    Raises:
        InputError: a setting is out of range.
    """

    images: int
    objects: int
    size: int
    seed: int

    def __post_init__(self) -> None:
        least = HELD_OUT * len(CLASSES)
        if self.images < least:
            raise InputError(
                f"images: {self.images} is too few; at least {least} put every class into every split"
            )
        if not 1 <= self.objects <= 10:
            raise InputError(f"objects: {self.objects} must be 1 to 10")
        if self.size < 32:
            raise InputError(f"size: {self.size} is too small for a picture; use at least 32 pixels")

    @property
    def counts(self) -> dict[str, int]:
        """Pictures in each split, in the order of the pictures."""
        held_out = self.images // HELD_OUT
        return {"train": self.images - 2 * held_out, "val": held_out, "test": held_out}

    @property
    def splits(self) -> list[str]:
        """Each picture's split."""
        return [split for split, count in self.counts.items() for _ in range(count)]

    def models(self, index: int, rng: np.random.Generator) -> list[int]:
        """The models in a picture, all of its split's; model m is of class m % C.

        The first goes round the classes, which balances them; the others are drawn.
        """
        place, start = index, 0
        for count in self.counts.values():
            stop = start + len(CLASSES) * math.ceil(count / (VIEWS * len(CLASSES)))
            if place < count:
                break
            place -= count
            start = stop
        first = start + len(CLASSES) * (place // (VIEWS * len(CLASSES))) + place % len(CLASSES)
        others = rng.integers(start, stop, size=rng.integers(self.objects))
        return [first, *others.tolist()]


@dataclass(frozen=True)
class Labels:
    """All about one picture but the picture: arrays and rows as they are in ``labels.h5``."""

    depth: np.ndarray
    normals: np.ndarray
    class_mask: np.ndarray
    instance_mask: np.ndarray
    picture: tuple
    objects: list[tuple]


def _visible(instance_mask: np.ndarray, instance: int) -> dict[str, int]:
    """How many pixels an instance has, and the box around them."""
    mask = instance_mask == instance
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = {"x0": columns[0], "y0": rows[0], "x1": columns[-1] + 1, "y1": rows[-1] + 1}
    return {"pixels": mask.sum(), **box}


def _seen(rendering: Rendering, count: int) -> bool:
    """Whether each of ``count`` objects covers MIN_VISIBLE of the picture."""
    pixels = np.bincount(rendering.instances.ravel(), minlength=count)[:count]
    return bool(pixels.min() >= MIN_VISIBLE * rendering.instances.size)


def draw_picture(plan: Plan, index: int) -> tuple[np.ndarray, Labels]:
    """The picture, uint8 [S, S, 3], and its labels; they follow from the plan and the index alone."""
    rng = np.random.default_rng([plan.seed, 0, index])
    models = plan.models(index, rng)
    classes = [model % len(CLASSES) for model in models]
    meshes = [
        build(CLASSES[label], np.random.SeedSequence([plan.seed, 1, model]))
        for label, model in zip(classes, models, strict=True)
    ]
    while True:  # as long as an object is hidden or outside
        bodies, camera, light, picture, rows = draw.draw(rng, meshes)
        rendering = render(Scene(bodies), camera, light, plan.size)
        if _seen(rendering, len(meshes)):
            break

    # Bodies are the objects, then the surroundings, which fill the rest of the picture.
    instance_mask = np.where(rendering.instances < len(meshes), rendering.instances + 1, 0).astype(np.uint8)
    to_class = np.array([0, *(label + 1 for label in classes)], dtype=np.uint8)
    objects = []
    for k, (body, row) in enumerate(zip(bodies, rows, strict=False)):
        centre = camera.to_camera(body.placed().vertices)
        centre = (centre.min(axis=0) + centre.max(axis=0)) / 2
        row.update(picture=index, instance=k + 1, label=classes[k], model=models[k])
        row.update(_visible(instance_mask, k + 1))
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
    """Write all labels, the arrays as they come."""
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
    file["pictures"] = np.array(pictures, dtype=draw.PICTURE_FIELDS)
    file["objects"] = np.array(objects, dtype=OBJECT_FIELDS)
    file.create_dataset("split", data=plan.splits, dtype=h5py.string_dtype())
    file.attrs.update(
        class_names=CLASSES,
        textures=textures.NAMES,
        focal=draw.FOCAL,
        objects=plan.objects,
        size=plan.size,
        seed=plan.seed,
        version=VERSION,
    )


def render_dataset(
    output: str | Path, *, images: int, objects: int, size: int, seed: int, threads: int
) -> None:
    """Render a data set into the folder ``output``; the same settings give the same bytes.

    Args:
        output: a folder, written whole or not at all.
        images: in all three splits together (60, 20, 20 percent), classes balanced by the first object.
        objects: at most in a picture. With 1 the set has a single label; with more, a picture shows 1 to
            ``objects`` of them, and is labelled with each class that occurs.
        size: of a picture, width and height in pixels.
        seed: of everything drawn.
        threads: processes.

    Raises:
        InputError: a setting is out of range.
    """
    plan = Plan(images, objects, size, seed)
    with atomic_path(output) as folder, ProcessPoolExecutor(threads) as pool:
        (folder / "images").mkdir(parents=True)
        work = partial(_write_picture, plan=plan, folder=folder / "images")
        block = BLOCK * threads
        blocks = (range(start, min(start + block, images)) for start in range(0, images, block))
        labels = (label for block in blocks for label in pool.map(work, block))
        with h5py.File(folder / "labels.h5", "w") as file:
            _write_labels(file, plan, labels)
