"""Input type of the probes and its validation."""

import numpy as np

from transferscope.errors import InputError

Split = tuple[
    np.ndarray, np.ndarray
]  # features float32 [N, D]; labels int [N] in 0..C-1, or [N, C] of 0 and 1


def check(splits: dict[str, Split], num_classes: int) -> None:
    """Raise InputError unless the named splits are consistent; the first one determines the shapes."""
    (first, (first_features, first_labels)), *_ = splits.items()
    if first_labels.shape[1:] not in ((), (num_classes,)):
        raise InputError(
            f"{first} has labels of shape {first_labels.shape} for {num_classes} classes; "
            "give them as [N], or as [N, C] where a sample has several"
        )
    highest = num_classes - 1 if first_labels.ndim == 1 else 1
    for name, (features, labels) in splits.items():
        if features.ndim != 2 or features.shape[1:] != first_features.shape[1:]:
            raise InputError(
                f"{name} has features of shape {features.shape} but {first} {first_features.shape}; "
                "extract both with one backbone"
            )
        if labels.shape != (len(features), *first_labels.shape[1:]) or len(features) == 0:
            raise InputError(
                f"{name} has features of shape {features.shape} and labels of shape {labels.shape}; "
                f"give one label a sample as in {first}, and at least one sample"
            )
        if labels.min() < 0 or labels.max() > highest:
            raise InputError(
                f"{name} has labels from {labels.min()} to {labels.max()}; they must be in 0..{highest}"
            )
        unfit = np.flatnonzero(~np.isfinite(features).all(1))
        if len(unfit):
            raise InputError(
                f"{name} has features that are NaN or infinite, first in row {unfit[0]}; "
                "check the checkpoint behind them"
            )
