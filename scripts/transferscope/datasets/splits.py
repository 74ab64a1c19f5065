"""Split a dataset into training, validation and test samples.

Rules (values of the column ``split_rule``):

- ``official``: the authors' splits.
- ``val20``: official training and test splits; 20 % of the training samples become validation.
- ``draw30``: 30 random samples per class for training, the rest for test; then as ``val20``.
- ``stratified``: 60 / 20 / 20 % of each class, for datasets without an official test split.
- ``pooled``: a single split ``all``, for few-shot episodes only.
"""

import logging
from collections.abc import Sequence

import numpy as np

from transferscope.datasets.base import Samples
from transferscope.errors import InputError
from transferscope.folders import check_class_sizes

log = logging.getLogger(__name__)

RULES = ("official", "val20", "draw30", "stratified", "pooled")
TRAIN_PER_CLASS = 30  # training samples per class under draw30


def apply_split_rule(
    splits: np.ndarray, labels: np.ndarray, rule: str, seed: int, class_names: Sequence[str] = ()
) -> np.ndarray:
    """Apply a split rule and return the new splits.

    Args:
        splits: str [N], from the loader.
        labels: int64 [N], or uint8 [N, C] multi-hot.
        rule: one of ``RULES``.
        seed: seed of random splits.
        class_names: [C], for messages, which take the labels without them.

    Returns:
        str [N]: 'train', 'val', 'test' or 'all'.

    Raises:
        InputError: unknown rule, a rule that is not applicable to these samples, or classes with too few
            samples for it.
    """
    if rule == "official":
        return splits.copy()
    if rule == "val20":
        return _val20(splits, seed)
    if rule == "draw30":
        return _draw30(labels, seed, class_names)
    if rule == "stratified":
        return _stratified(labels, seed, class_names)
    if rule == "pooled":
        return np.full(len(splits), "all")
    raise InputError(f"there is no split rule {rule!r}; write one of {', '.join(RULES)}")


def check_classes(samples: Samples) -> None:
    """Check that each class can be learned: `val20` draws without a look at the classes, as the authors did.

    A class without a sample in val or test only does not count there, which is said in the log.

    Raises:
        InputError: names the classes without a training sample.
    """
    for split in ("train", "val", "test"):
        here = samples.splits == split
        if not here.any():
            continue  # pooled, or refused when the dataset was loaded
        without = [
            name for name, count in _named(samples.labels[here], samples.class_names).items() if not count
        ]
        if without and split == "train":
            raise InputError(
                f"no training sample is left of class {', '.join(without)}; add some, or divide the dataset "
                "yourself (the split rule `official`), since `val20` may draw the only one for val"
            )
        if without:
            log.warning(
                "the split %s has no sample of class %s, so the class does not count there",
                split,
                ", ".join(without),
            )


def _named(labels: np.ndarray, class_names: Sequence[str]) -> dict[str, int]:
    """How many samples each class has, int64 [N] or uint8 [N, C], by its name or label."""
    counts = labels.sum(axis=0) if labels.ndim == 2 else np.bincount(labels, minlength=len(class_names))
    names = [repr(name) for name in class_names] or [str(label) for label in range(len(counts))]
    return dict(zip(names, counts.tolist(), strict=True))


def _val20(splits: np.ndarray, seed: int) -> np.ndarray:
    train = np.flatnonzero(splits == "train")
    if len(train) == 0:
        raise InputError("the split rule val20 needs official training samples; use stratified or pooled")
    if np.any(splits == "val"):
        raise InputError(
            "the split rule val20 would mix drawn with official validation samples; use official"
        )
    # As Ericsson et al. (2021): the first fifth of a permutation by NumPy's legacy generator with seed 0. Its
    # stream is frozen, so loaders that keep the authors' order of samples reproduce their val split.
    order = np.random.RandomState(seed).permutation(len(train))
    new_splits = splits.copy()
    new_splits[train[order[: len(train) // 5]]] = "val"
    return new_splits


def _draw30(labels: np.ndarray, seed: int, class_names: Sequence[str]) -> np.ndarray:
    if labels.ndim != 1:
        raise InputError("the split rule draw30 needs one class for each sample; use official or val20")
    check_class_sizes(_named(labels, class_names), "draw30")
    rng = np.random.RandomState(seed)
    new_splits = np.full(len(labels), "test", dtype="<U5")
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        new_splits[rng.choice(members, TRAIN_PER_CLASS, replace=False)] = "train"
    return _val20(new_splits, seed)


def _stratified(labels: np.ndarray, seed: int, class_names: Sequence[str]) -> np.ndarray:
    if labels.ndim != 1:
        raise InputError("the split rule stratified needs one class for each sample; use official or val20")
    check_class_sizes(_named(labels, class_names), "stratified")
    rng = np.random.default_rng(seed)
    new_splits = np.full(len(labels), "train", dtype="<U5")
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        fifth = len(members) // 5
        new_splits[members[:fifth]] = "val"
        new_splits[members[fifth : 2 * fifth]] = "test"
    return new_splits
