"""The datasets: one module each, and the facts of the datasets table that all of them are checked against.

A loader is a module here with a function ``load(root: Path) -> Samples`` for recognition, and for another
task ``load_<task>(root: Path)``: ``load_detection`` returns ``Boxes``, one with a label for every pixel
``DenseSamples``, and ``load_pretraining`` pictures without labels, ``Unlabelled``. ``datasets.rendered`` and
``datasets.cropped`` make a dataset.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from transferscope.datasets.base import Samples, Unlabelled
from transferscope.datasets.boxes import Boxes
from transferscope.datasets.dense import DenseSamples
from transferscope.datasets.splits import apply_split_rule
from transferscope.errors import InputError


def reader(dataset: str, loader: str, task: str = "") -> Callable[[Path], Any]:
    """A loader's function for a task; without one, for recognition.

    Raises:
        InputError: there is no such loader, or it has no labels for the task.
    """
    name = f"load_{task}" if task else "load"
    try:
        return getattr(import_module(f"transferscope.datasets.{loader}"), name)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"{dataset}: the loader {loader!r} has no function {name}(root) ({error}); correct the columns "
            "`loader` and `task` of its row"
        ) from error


def load_dataset(
    dataset: str,
    root: str | Path,
    *,
    loader: str,
    split_rule: str,
    seed: int,
    classes: int,
    counts: Mapping[str, int],
    version: str = "",
    contents: str = "",
) -> Samples:
    """Load and split a dataset, and check it against its row of the datasets table.

    Args:
        dataset: id for error messages.
        root: folder of the dataset.
        loader: a module of this package.
        split_rule: see ``datasets.splits``.
        seed: seed of a random split.
        classes: expected number of classes.
        counts: split -> expected number of samples; may be incomplete.
        version, contents: of the row, and of what lies here (``sources.index``); not used here, but part of
            the facts that rules and saved states depend on.

    Raises:
        InputError: unknown loader or split rule, damaged folder, empty split, or unexpected numbers of
            classes or samples.
    """
    root, load = Path(root), reader(dataset, loader)
    try:
        samples = load(root)
        splits = apply_split_rule(samples.splits, samples.labels, split_rule, seed, samples.class_names)
    except InputError as error:
        raise InputError(f"{dataset}: {error}") from error
    samples = replace(samples, splits=splits)
    _check_splits(dataset, root, samples.splits, split_rule, counts)
    _check_classes(dataset, root, samples, classes)
    return samples


def load_task(
    task: str,
    root: str | Path,
    *,
    dataset: str,
    loader: str,
    split_rule: str,
    counts: Mapping[str, int],
    **facts,
) -> Samples | Boxes:
    """Load one dataset's labels for another task than recognition, and check its splits.

    Args:
        task: for which the loader has a function ``load_<task>``; its classes are its own.
        dataset, root, counts: as for ``load_dataset``, of which ``facts`` are the others.
        split_rule: ``official``, since such labels are never divided here.

    Raises:
        InputError: a loader without such labels, another split rule, damaged folder, or unexpected numbers of
            samples.
    """
    if split_rule != "official":
        raise InputError(f"{dataset}: {task} takes the split rule 'official' and not {split_rule!r}")
    root, load = Path(root), reader(dataset, loader, task)
    try:
        samples = load(root)
    except InputError as error:
        raise InputError(f"{dataset}: {error}") from error
    _check_splits(dataset, root, samples.splits, split_rule, counts)
    return samples


def load_boxes(
    dataset: str,
    root: str | Path,
    *,
    loader: str,
    split_rule: str,
    classes: int,
    counts: Mapping[str, int],
    version: str = "",
    contents: str = "",
) -> Boxes:
    """Load a detection dataset and check it against its row of the datasets table.

    Args:
        dataset, root, classes, counts, version, contents: as for ``load_dataset``.
        loader: as for ``load_dataset``, with a function ``load_detection``.
        split_rule: ``official``, since boxes are never divided here.

    Raises:
        InputError: a loader without boxes, another split rule, damaged folder, or unexpected numbers of
            classes or samples.
    """
    facts = {"dataset": dataset, "loader": loader, "split_rule": split_rule, "counts": counts}
    boxes = load_task("detection", root, **facts)
    for split in ("train", "test"):
        if not (boxes.splits[boxes.pictures] == split).any():
            raise InputError(
                f"{dataset} has no object in its split {split!r} in {root}; fetch the dataset again"
            )
    present = np.bincount(boxes.labels, minlength=len(boxes.class_names)) > 0
    _check_class_names(dataset, root, boxes.class_names, classes, present)
    return boxes


def load_dense(
    task: str,
    root: str | Path,
    *,
    dataset: str,
    loader: str,
    counts: Mapping[str, int],
    classes: int = 0,
    **facts,
) -> DenseSamples:
    """Load one dataset's dense labels for a task, and check them against its row of the table.

    A class of its own for the background is not counted among ``classes``. ``facts`` are the others of
    ``load_dataset``, since official splits are taken as they are. ``dense.check_labels`` looks at the labels
    themselves.

    Raises:
        InputError: a loader without such labels, damaged folder, or unexpected numbers of samples or classes.
    """
    load = reader(dataset, loader, task)
    try:
        samples = load(Path(root))
    except InputError as error:
        raise InputError(f"{dataset}: {error}") from error
    for split in ("train", "test"):
        found = np.count_nonzero(samples.splits == split)
        if found == 0 or counts.get(split, found) != found:
            raise InputError(
                f"{dataset} has {found} samples in its split {split!r} in {root}, expected "
                f"{counts.get(split, 'some')}; fetch the dataset again, or correct the count in its row"
            )
    named = len(samples.class_names)
    if named and classes and named not in (classes, classes + 1):
        raise InputError(
            f"{dataset} has {named} classes of pixels in {root}, expected {classes}, or one more with the "
            "background; correct the number in its row, or what the loader returns"
        )
    return samples


def load_unlabelled(
    root: str | Path, *, dataset: str, loader: str, counts: Mapping[str, int], **facts
) -> Unlabelled:
    """Load pictures without labels, and check their number; arguments as for ``load_dataset``.

    Raises:
        InputError: damaged folder, or an unexpected number of pictures.
    """
    try:
        pictures = reader(dataset, loader, "pretraining")(Path(root))
    except InputError as error:
        raise InputError(f"{dataset}: {error}") from error
    found = np.count_nonzero(pictures.splits == "train")
    if counts.get("train", found) != found:
        raise InputError(
            f"{dataset} has {found} pictures to train on in {root}, expected {counts['train']}; correct the "
            "count in its row"
        )
    return pictures


def load_for(
    task: str, root: str | Path, *, seed: int, **facts
) -> Samples | Boxes | DenseSamples | Unlabelled:
    """A dataset with its labels for a task; ``seed`` is that of a split that is drawn.

    Raises:
        InputError: as ``load_dataset``, ``load_boxes``, ``load_unlabelled`` or ``load_dense``.
    """
    if task == "recognition":
        return load_dataset(root=root, seed=seed, **facts)
    if task == "detection":
        return load_boxes(root=root, **facts)
    if task == "pretraining":
        return load_unlabelled(root, **facts)
    return load_dense(task, root, **facts)


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
