"""Render scenes with factors in buckets of disjoint models, and join these into one file.

``pixels.h5``, for N pictures of S x S pixels in shuffled order, train before val before test:

- ``rgb`` uint8 [N, S, S, 3]; ``bucket`` uint8 [N]: 0 to 9 are train, 10 is val, 11 is test.
- of the object, or [N, 4, ...] of the four objects: ``label`` uint8, the class; ``pose`` uint8, one of
  ``rows.POSES``; ``model`` int32; ``euler`` float32 [3] and ``rotation`` float32 [3, 3], see ``factors``.
- ``light`` float32 [N]: its angle in radians.
- of several objects: ``class_mask`` uint8 [N, S, S], 0 the background, else 1 + class; ``instance_mask``, 1 +
  object; ``depth``, hundredths of a metre along the camera's axis, rounded down, 255 from 2.55 m on.
- attributes: the settings ``variant layout images size seed``, ``version``, ``class_names``,
  ``class_colours`` [C, 3] (hue, saturation and value, where colours tell the class), and ``lab_mean`` and
  ``lab_std`` [3] of the first MEASURED pictures.

Newell and Deng, CVPR 2020; their code, render.py, util.py and datasets/syn.py. Of each held-out bucket only
what they use is rendered. A class changes every 10 pictures and not every 40, so that a bucket of 100 has
all.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np

from transferscope import hdf5
from transferscope.datasets.rendered import factors, lab
from transferscope.datasets.rendered.dataset import MIN_VISIBLE
from transferscope.datasets.rendered.render import depth_and_instances, picture
from transferscope.datasets.rendered.rows import FILE, TEST, TRAIN, VAL
from transferscope.datasets.rendered.shapes import Mesh
from transferscope.datasets.rendered.stock import BUCKETS, Families, Patterns, Pictures, Shapes
from transferscope.errors import InputError
from transferscope.files import atomic_path

VERSION = 1
KIND = "bucket of rendered scenes"
OBJECTS = {"single": 1, "multi": 4}
REUSE = {"single": 10, "multi": 20}
"""Pictures in a row that show the same models."""
HELD_OUT = 5000  # pictures of val, and of test, at most
TRIES = 1000  # layouts, until each object is to be seen
MEASURED = 1000
CHUNK = 1 << 18  # bytes that are compressed together
ROWS = 4096  # that are joined at a time
SETTINGS = ("variant", "layout", "images", "size", "seed")
ATTRIBUTES = (*SETTINGS, "version", "class_names", "class_colours")
"""What files say of the dataset."""


@dataclass(frozen=True)
class Plan:
    """Settings of a dataset, which determine every picture.

    Args:
        variant: TCVL, see ``factors``.
        layout: ``single``, one object, or ``multi``, four.
        images: as many as there were if the held-out buckets were as large as the others; a multiple of 12.
        size: pixels, width and height.
        seed: of all that is drawn.
        models: parametric models of a class and bucket; None where there are ``shapes``.
        shapes, textures: folders of models and of pictures, as ``stock`` reads them, or None.

    Raises:
        InputError: a setting is out of range, or a folder holds too little.
    """

    variant: str
    layout: str
    images: int
    size: int
    seed: int
    models: int | None = None
    shapes: Path | None = None
    textures: Path | None = None

    def __post_init__(self) -> None:
        if len(self.variant) != len(factors.FACTORS) or set(self.variant) - set("01"):
            raise InputError(f"variant: {self.variant!r} has to be four digits 0 or 1, for {factors.FACTORS}")
        if self.layout not in OBJECTS:
            raise InputError(f"layout: {self.layout!r} is not one of {', '.join(OBJECTS)}")
        if self.size < 32:
            raise InputError(f"size: {self.size} is too small for a picture; use at least 32 pixels")
        if bool(self.models) == bool(self.shapes):
            raise InputError("give either models, how many of each class and bucket, or shapes, their folder")
        fewest = BUCKETS * len(self.stock.class_names)
        if self.images % BUCKETS or self.images < fewest:
            raise InputError(
                f"images: {self.images} has to be a multiple of {BUCKETS}, the number of buckets, and at "
                f"least {fewest}, so that each has every class"
            )
        if self.patterns.count < 1 + OBJECTS[self.layout]:
            raise InputError(
                f"{self.textures} has {self.patterns.count} pictures; put at least "
                f"{1 + OBJECTS[self.layout]} there, one for each object and the backdrop"
            )

    @cached_property
    def stock(self) -> Families | Shapes:
        return Shapes(Path(self.shapes)) if self.shapes else Families(self.models, self.seed)

    @cached_property
    def patterns(self) -> Patterns | Pictures:
        return Pictures(Path(self.textures)) if self.textures else Patterns()

    @cached_property
    def class_colours(self) -> np.ndarray:
        return factors.class_colours(self.seed, len(self.stock.class_names))

    def attributes(self) -> dict:
        """What files say of the dataset, see ATTRIBUTES."""
        settings = {name: getattr(self, name) for name in SETTINGS}
        names = list(self.stock.class_names)
        return settings | {"version": VERSION, "class_names": names, "class_colours": self.class_colours}

    def count(self, bucket: int) -> int:
        """How many pictures a bucket has."""
        share = self.images // BUCKETS
        return share if bucket in TRAIN else min(share, HELD_OUT)

    def blocks(self, bucket: int) -> Iterator[tuple[range, list[int], list[int]]]:
        """Pictures of a bucket, by their place in it, that show the same models.

        Yields:
            the places, the classes of the objects, and the numbers of their models in the stock.
        """
        count, stock = self.count(bucket), self.stock
        classes, objects = len(stock.class_names), OBJECTS[self.layout]
        reuse = min(REUSE[self.layout], max(1, count // classes))
        for block, start in enumerate(range(0, count, reuse)):
            rng = factors.generator(self.seed, factors.MODELS, bucket, block)
            labels = [block % classes] if objects == 1 else rng.integers(classes, size=objects).tolist()
            numbers = [
                bucket * stock.in_bucket(label) + int(rng.integers(stock.in_bucket(label)))
                for label in labels
            ]
            yield range(start, min(start + reuse, count)), labels, numbers

    def fields(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """The type and shape of a row of each field, see the module."""
        objects = () if self.layout == "single" else (OBJECTS[self.layout],)
        square = (self.size, self.size)
        maps = () if self.layout == "single" else ("class_mask", "instance_mask", "depth")
        return {
            "rgb": ("u1", (*square, 3)),
            "bucket": ("u1", ()),
            "light": ("f4", ()),
            "label": ("u1", objects),
            "pose": ("u1", objects),
            "model": ("i4", objects),
            "euler": ("f4", (*objects, 3)),
            "rotation": ("f4", (*objects, 3, 3)),
            **{name: ("u1", square) for name in maps},
        }


def draw_picture(plan: Plan, bucket: int, place: int, labels: list[int], meshes: list[Mesh]) -> dict:
    """Render a picture of the given models: what belongs to its row, by field; see ``Plan.blocks``.

    Raises:
        InputError: an object cannot be seen wherever it lies.
    """
    index = bucket * (plan.images // BUCKETS) + place
    drawn = factors.draw(plan.variant, plan.seed, index, labels, plan.class_colours, plan.patterns)
    row = {"bucket": bucket, "light": drawn.light}
    if plan.layout == "single":
        scene = _scene(plan, meshes, drawn, np.zeros((1, 3)))
    else:
        scene, depth, instances = _seen(plan, index, meshes, drawn)
        shown = np.where(instances < len(labels), instances + 1, 0)
        row["class_mask"] = np.array([0, *(label + 1 for label in labels)])[shown]
        row["instance_mask"] = shown
        row["depth"] = quantised(depth)
    rotations = np.stack([factors.rotation(euler) for euler in drawn.euler])
    row |= {"euler": drawn.euler, "rotation": rotations, "pose": factors.pose(rotations)}
    row["rgb"] = picture(scene, factors.CAMERA, factors.light(drawn.light), plan.size)
    return row


def _scene(plan: Plan, meshes: list[Mesh], drawn: factors.Drawn, at: np.ndarray):
    return factors.scene(meshes, drawn, at, plan.patterns, two_sided=plan.stock.two_sided)


def _seen(plan: Plan, index: int, meshes: list[Mesh], drawn: factors.Drawn) -> tuple:
    """The scene, its depth and its instances, in the first layout that hides no object.

    So where a rotation hides one, and there alone, variants that differ in V may differ in the layout.
    """
    rng = factors.generator(plan.seed, factors.LAYOUT, index)
    for _ in range(TRIES):
        scene = _scene(plan, meshes, drawn, factors.places(rng, len(meshes)))
        depth, instances = depth_and_instances(scene, factors.CAMERA, plan.size)
        pixels = np.bincount(instances.ravel(), minlength=len(meshes))[: len(meshes)]
        if pixels.min() >= MIN_VISIBLE * instances.size:
            return scene, depth, instances
    raise InputError(f"an object of picture {index} cannot be seen in {TRIES} layouts; remove thin models")


def quantised(depth: np.ndarray) -> np.ndarray:
    """Metres along the axis to hundredths, rounded down, uint8, 255 from 2.55 on (their code, util.py)."""
    # As a product, 100 times 2.55 is less than 255.
    hundredths = np.floor(100 * depth.astype(float))
    return np.where(depth >= 2.55, 255, np.minimum(hundredths, 254)).astype(np.uint8)


def render_bucket(plan: Plan, bucket: int, output: str | Path) -> None:
    """Write a bucket: the fields of ``pixels.h5`` in the order of rendering; equal plans give equal bytes.

    Raises:
        InputError: as ``draw_picture``, or a model or texture cannot be read.
    """
    fields, classes = plan.fields(), len(plan.stock.class_names)
    with hdf5.create(output) as file:
        file.attrs.update(plan.attributes())
        for name, (kind, shape) in fields.items():
            file.create_dataset(name, (plan.count(bucket), *shape), kind)
        for places, labels, numbers in plan.blocks(bucket):
            meshes = [plan.stock.mesh(*one) for one in zip(labels, numbers, strict=True)]
            models = [number * classes + label for label, number in zip(labels, numbers, strict=True)]
            rows = [
                draw_picture(plan, bucket, place, labels, meshes) | {"label": labels, "model": models}
                for place in places
            ]
            for name, (kind, shape) in fields.items():
                values = np.array([row[name] for row in rows], dtype=kind)
                file[name][places.start : places.stop] = values.reshape(len(rows), *shape)


def join_buckets(buckets: list[str | Path], output: str | Path) -> None:
    """Write the folder ``output`` with ``pixels.h5``: the buckets' rows, shuffled within each split.

    Args:
        buckets: the files of ``render_bucket``, in order.

    Raises:
        InputError: a bucket is damaged, or out of order.
    """
    counts = []
    for number, path in enumerate(buckets):
        with hdf5.opened(path, KIND, VERSION) as file:
            found = file["bucket"][:]
            if (found != number).any():
                raise InputError(
                    f"{path} is not bucket {number} of {len(buckets)}; name the buckets in order"
                )
            counts.append(len(found))
    with atomic_path(output) as folder, ExitStack() as stack:
        folder.mkdir(parents=True)
        parts = [stack.enter_context(h5py.File(path)) for path in buckets]
        source, row = _order(parts[0].attrs["seed"], counts)
        with hdf5.writing(folder / FILE) as file:
            for name in parts[0]:
                _join(file, [part[name] for part in parts], source, row)
            mean, std = lab.moments(file["rgb"][: min(MEASURED, sum(counts[bucket] for bucket in TRAIN))])
            described = {name: parts[0].attrs[name] for name in ATTRIBUTES}
            # The last digits of the moments depend on the machine.
            file.attrs.update(described, lab_mean=np.round(mean, 3), lab_std=np.round(std, 3))


def _order(seed: int, counts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """For each row of ``pixels.h5`` the bucket that it comes from, and its row there."""
    source, row = [], []
    for split, members in enumerate((list(TRAIN), [VAL], [TEST])):
        sizes = [counts[bucket] for bucket in members]
        order = factors.generator(seed, factors.ORDER, split).permutation(sum(sizes))
        source.append(np.repeat(members, sizes)[order])
        row.append(np.concatenate([np.arange(size) for size in sizes])[order])
    return np.concatenate(source), np.concatenate(row)


def _join(file: h5py.File, parts: list[h5py.Dataset], source: np.ndarray, row: np.ndarray) -> None:
    """Gather a field from the buckets; what is compressed has a checksum."""
    first = parts[0]
    chunk = min(len(source), max(1, CHUNK * len(first) // first.nbytes))
    joined = file.create_dataset(
        first.name,
        (len(source), *first.shape[1:]),
        first.dtype,
        chunks=(chunk, *first.shape[1:]),
        compression="gzip",
        compression_opts=1,
    )
    for start in range(0, len(source), ROWS):
        some = slice(start, start + ROWS)
        values = np.empty((len(source[some]), *first.shape[1:]), first.dtype)
        for bucket in np.unique(source[some]):
            here = np.flatnonzero(source[some] == bucket)
            here = here[np.argsort(row[some][here])]  # HDF5 reads rows in order
            values[here] = parts[bucket][row[some][here]]
        joined[some] = values
