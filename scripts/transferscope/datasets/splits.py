"""Divide a dataset's samples into training, validation and test samples.

Rules, the values of the column ``split_rule``:

- ``official``: as the authors divide them.
- ``val20``: official training and test samples; validation is 20 % of the training samples.
- ``draw30``: 30 of each class to train and the others to test; then as ``val20``.
- ``stratified``: 60 / 20 / 20 % of each class, for datasets without an official test split.
- ``pooled``: all samples together, for few-shot episodes alone.
"""

import numpy as np

from transferscope.errors import InputError

RULES = ("official", "val20", "draw30", "stratified", "pooled")
DRAWN = 30  # training samples of each class under draw30
SMALLEST_CLASS = 5  # of which 20 % is one sample


def apply_split_rule(splits: np.ndarray, labels: np.ndarray, rule: str, seed: int) -> np.ndarray:
    """The splits of the samples under a rule; the arguments stay as they are.

    Args:
        splits: str [N], as the loader gives them.
        labels: int64 [N], or uint8 [N, C] multi-hot.
        rule: one of ``RULES``.
        seed: of the drawing.

    Returns:
        str [N]: 'train', 'val', 'test' or 'all'.

    Raises:
        InputError: an unknown rule, or one that does not suit these samples.
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
    # Ericsson et al. (2021) took the first fifth of a permutation by NumPy's legacy generator, with seed 0.
    # Its numbers never change: where a loader keeps the order that theirs had, val holds the same pictures.
    order = np.random.RandomState(seed).permutation(len(train))
    divided = splits.copy()
    divided[train[order[: len(train) // 5]]] = "val"
    return divided


def _draw30(labels: np.ndarray, seed: int) -> np.ndarray:
    if labels.ndim != 1:
        raise InputError("the split rule draw30 needs one class for each sample; use official or val20")
    rng = np.random.RandomState(seed)
    divided = np.full(len(labels), "test", dtype="<U5")
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) <= DRAWN:
            raise InputError(
                f"class {label} has {len(members)} samples, and the split rule draw30 needs more than "
                f"{DRAWN} of each; add samples or use stratified"
            )
        divided[rng.choice(members, DRAWN, replace=False)] = "train"
    return _val20(divided, seed)


def _stratified(labels: np.ndarray, seed: int) -> np.ndarray:
    if labels.ndim != 1:
        raise InputError("the split rule stratified needs one class for each sample; use official or val20")
    rng = np.random.default_rng(seed)
    divided = np.full(len(labels), "train", dtype="<U5")
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        if len(members) < SMALLEST_CLASS:
            raise InputError(
                f"class {label} has {len(members)} samples, and the split rule stratified needs at least "
                f"{SMALLEST_CLASS} of each; add samples, remove the class or use pooled"
            )
        fifth = len(members) // 5
        divided[members[:fifth]] = "val"
        divided[members[fifth : 2 * fifth]] = "test"
    return divided
