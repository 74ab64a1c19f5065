"""Split a dataset into training, validation and test samples.

Rules (values of the column ``split_rule``):

- ``official``: the authors' splits.
- ``val20``: official training and test splits; 20 % of the training samples become validation.
- ``draw30``: 30 random samples per class for training, the rest for test; then as ``val20``.
- ``stratified``: 60 / 20 / 20 % of each class, for datasets without an official test split.
- ``pooled``: a single split ``all``, for few-shot episodes only.
"""

import numpy as np

from transferscope.errors import InputError

RULES = ("official", "val20", "draw30", "stratified", "pooled")
TRAIN_PER_CLASS = 30  # training samples per class under draw30
MIN_CLASS_SIZE = 5  # 20 % of it is one sample


def apply_split_rule(splits: np.ndarray, labels: np.ndarray, rule: str, seed: int) -> np.ndarray:
    """Apply a split rule and return the new splits.

    Args:
        splits: str [N], from the loader.
        labels: int64 [N], or uint8 [N, C] multi-hot.
        rule: one of ``RULES``.
        seed: seed of random splits.

    Returns:
        str [N]: 'train', 'val', 'test' or 'all'.

    Raises:
        InputError: unknown rule, or a rule that is not applicable to these samples.
    """
    if rule == "official":
        return splits.copy()
    if rule == "val20":
        return _val20(splits, seed)
    if rule == "draw30":
        return _draw30(labels, seed)
    if rule == "stratified":
        return _stratified(labels, seed)
    if rule == "pooled":
        return np.full(len(splits), "all")
    raise InputError(f"there is no split rule {rule!r}; write one of {', '.join(RULES)}")


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


def _draw30(labels: np.ndarray, seed: int) -> np.ndarray:
    if labels.ndim != 1:
        raise InputError("the split rule draw30 needs one class for each sample; use official or val20")
    rng = np.random.RandomState(seed)
    new_splits = np.full(len(labels), "test", dtype="<U5")
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) <= TRAIN_PER_CLASS:
            raise InputError(
                f"class {label} has {len(members)} samples, and the split rule draw30 needs more than "
                f"{TRAIN_PER_CLASS} of each; add samples or use stratified"
            )
        new_splits[rng.choice(members, TRAIN_PER_CLASS, replace=False)] = "train"
    return _val20(new_splits, seed)


def _stratified(labels: np.ndarray, seed: int) -> np.ndarray:
    if labels.ndim != 1:
        raise InputError("the split rule stratified needs one class for each sample; use official or val20")
    rng = np.random.default_rng(seed)
    new_splits = np.full(len(labels), "train", dtype="<U5")
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        if len(members) < MIN_CLASS_SIZE:
            raise InputError(
                f"class {label} has {len(members)} samples, and the split rule stratified needs at least "
                f"{MIN_CLASS_SIZE} of each; add samples, remove the class or use pooled"
            )
        fifth = len(members) // 5
        new_splits[members[:fifth]] = "val"
        new_splits[members[fifth : 2 * fifth]] = "test"
    return new_splits
