"""Dataset loaders: one module per dataset with ``load(root) -> Samples``, checked against the datasets table.

To add a dataset, write its module and register it in ``LOADERS``. For detection, write
``load_boxes(root) -> Boxes`` and register it in ``BOX_LOADERS``.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from transferscope.datasets import (
    ade20k,
    aircraft,
    caltech101,
    cars,
    chestx,
    cifar,
    cropdiseases,
    digits,
    dtd,
    elpv,
    flowers,
    food101,
    image_folder,
    isic,
    mnist5k,
    nyuv2,
    pets,
    scenes,
    sun397,
    voc0712,
    voc2007,
)
from transferscope.datasets.base import Samples
from transferscope.datasets.boxes import Boxes
from transferscope.datasets.dense import DenseSamples
from transferscope.datasets.splits import apply_split_rule
from transferscope.errors import InputError

# Column `loader` -> function that reads the dataset's folder.
LOADERS: dict[str, Callable[[Path], Samples]] = {
    "aircraft": aircraft.load,
    "caltech101": caltech101.load,
    "cars": cars.load,
    "chestx": chestx.load,
    "cifar": cifar.load,
    "cropdiseases": cropdiseases.load,
    "digits": digits.load,
    "dtd": dtd.load,
    "elpv": elpv.load,
    "flowers": flowers.load,
    "food101": food101.load,
    "image_folder": image_folder.load,
    "isic": isic.load,
    "mnist5k": mnist5k.load,
    "pets": pets.load,
    "scenes": scenes.load,
    "sun397": sun397.load,
    "voc2007": voc2007.load,
}
BOX_LOADERS: dict[str, Callable[[Path], Boxes]] = {"scenes": scenes.load_boxes, "voc0712": voc0712.load_boxes}


# Loaders of per-pixel labels, by protocol.
DENSE_LOADERS: dict[str, dict[str, Callable[[Path], DenseSamples]]] = {
    "normals": {"nyuv2": nyuv2.load, "scenes": scenes.load_normals},
    "segmentation": {"ade20k": ade20k.load, "scenes": scenes.load_classes},
}
VOCABULARIES: dict[str, Callable[[Path], np.ndarray]] = {"nyuv2": nyuv2.vocabulary}


def load_dataset(
    dataset: str,
    root: str | Path,
    *,
    loader: str,
    split_rule: str,
    seed: int,
    classes: int,
    counts: Mapping[str, int],
) -> Samples:
    """Load and split a dataset, and check it against its row of the datasets table.

    Args:
        dataset: id for error messages.
        root: folder of the dataset.
        loader: a key of ``LOADERS``.
        split_rule: see ``datasets.splits``.
        seed: seed of a random split.
        classes: expected number of classes.
        counts: split -> expected number of samples; may be incomplete.

    Raises:
        InputError: unknown loader or split rule, damaged folder, empty split, or unexpected numbers of
            classes or samples.
    """
    if loader not in LOADERS:
        raise InputError(
            f"{dataset}: there is no loader {loader!r}; write one of {', '.join(sorted(LOADERS))}"
        )
    root = Path(root)
    try:
        samples = LOADERS[loader](root)
        splits = apply_split_rule(samples.splits, samples.labels, split_rule, seed)
    except InputError as error:
        raise InputError(f"{dataset}: {error}") from error
    samples = replace(samples, splits=splits)
    _check_splits(dataset, root, samples.splits, split_rule, counts)
    _check_classes(dataset, root, samples, classes)
    return samples


def load_boxes(
    dataset: str,
    root: str | Path,
    *,
    loader: str,
    split_rule: str,
    classes: int,
    counts: Mapping[str, int],
) -> Boxes:
    """Load a detection dataset and check it against its row of the datasets table.

    Args:
        dataset, root, classes, counts: as for ``load_dataset``.
        loader: a key of ``BOX_LOADERS``.
        split_rule: must be ``official``.

    Raises:
        InputError: a loader without boxes, another split rule, damaged folder, or unexpected numbers of
            classes or samples.
    """
    if loader not in BOX_LOADERS:
        raise InputError(
            f"{dataset}: the loader {loader!r} knows no boxes, as {', '.join(sorted(BOX_LOADERS))} do; take "
            "detection out of the protocols of this row"
        )
    if split_rule != "official":
        raise InputError(f"{dataset}: detection takes the split rule 'official' and not {split_rule!r}")
    root = Path(root)
    try:
        boxes = BOX_LOADERS[loader](root)
    except InputError as error:
        raise InputError(f"{dataset}: {error}") from error
    _check_splits(dataset, root, boxes.splits, split_rule, counts)
    present = np.bincount(boxes.labels, minlength=len(boxes.class_names)) > 0
    _check_class_names(dataset, root, boxes.class_names, classes, present)
    return boxes


def load_dense(
    protocol: str, root: str | Path, *, dataset: str, loader: str, counts: Mapping[str, int]
) -> DenseSamples:
    """Load a dataset's per-pixel labels for a protocol and check the counts against the datasets table.

    Raises:
        InputError: a loader without such labels, damaged folder, or unexpected numbers of samples.
    """
    loaders = DENSE_LOADERS[protocol]
    if loader not in loaders:
        raise InputError(
            f"{dataset}: the loader {loader!r} has no labels for {protocol}; {', '.join(sorted(loaders))} "
            f"have: take {protocol} out of its protocols"
        )
    try:
        samples = loaders[loader](Path(root))
    except InputError as error:
        raise InputError(f"{dataset}: {error}") from error
    for split in ("train", "test"):
        found = np.count_nonzero(samples.splits == split)
        if found == 0 or counts.get(split, found) != found:
            raise InputError(
                f"{dataset} has {found} samples in its split {split!r} in {root}, expected "
                f"{counts.get(split, 'some')}; fetch the dataset again, or correct the count in its row"
            )
    return samples


def load_vocabulary(root: str | Path, *, dataset: str, loader: str, **facts) -> np.ndarray:
    """Load a dataset's codebook of surface normals, float32 [codes, 3].

    Raises:
        InputError: the loader has no codebook.
    """
    if loader not in VOCABULARIES:
        raise InputError(
            f"{dataset}: the loader {loader!r} has no published codebook of normals; "
            "set `normals.codebook` to kmeans"
        )
    return VOCABULARIES[loader](Path(root))


def _check_splits(
    dataset: str, root: Path, splits: np.ndarray, split_rule: str, counts: Mapping[str, int]
) -> None:
    for split in ("all",) if split_rule == "pooled" else ("train", "val", "test"):
        found = np.count_nonzero(splits == split)
        if found == 0:
            raise InputError(
                f"{dataset} has no samples in its split {split!r} under the rule {split_rule!r} in {root}; "
                "use a split rule that fills it (see `split_rule` in config/README.md), or add the pictures"
            )
        if counts.get(split, found) != found:
            raise InputError(
                f"{dataset} has {found} samples in its split {split!r} in {root}, expected {counts[split]}; "
                "fetch the dataset again, or correct the count in its row"
            )


def _check_classes(dataset: str, root: Path, samples: Samples, classes: int) -> None:
    if samples.multilabel:
        present = samples.labels.any(axis=0)
    else:
        present = np.bincount(samples.labels, minlength=len(samples.class_names)) > 0
    _check_class_names(dataset, root, samples.class_names, classes, present)


def _check_class_names(
    dataset: str, root: Path, class_names: list[str], classes: int, present: np.ndarray
) -> None:
    if len(class_names) != classes:
        raise InputError(
            f"{dataset} has {len(class_names)} classes in {root}, expected {classes}; "
            "fetch the dataset again, or correct the number in its row"
        )
    if not present.all():
        name = class_names[int(np.argmin(present))]
        raise InputError(f"{dataset} has no sample of its class {name!r} in {root}; fetch the dataset again")
