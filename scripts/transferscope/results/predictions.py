"""The prediction file: logits, labels and ids per split, for calibration."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transferscope import hdf5

VERSION = 1


@dataclass(frozen=True)
class Predictions:
    """Logits float32 [N, C], labels int64 [N] or uint8 [N, C], and sample ids [N] of one split."""

    logits: np.ndarray
    labels: np.ndarray
    ids: np.ndarray


def write(path: str | Path, splits: dict[str, Predictions], attributes: dict[str, str]) -> None:
    """Write the predictions per split; ``attributes`` name the model, dataset and protocol."""
    with hdf5.create(path) as file:
        file.attrs.update(attributes | {"version": VERSION})
        for name, split in splits.items():
            group = file.create_group(name)
            group["logits"] = split.logits.astype(np.float32)
            group["labels"] = split.labels
            group["ids"] = hdf5.texts(split.ids)


def read(path: str | Path) -> tuple[dict[str, Predictions], dict[str, str]]:
    """Read the splits and attributes of a prediction file.

    Raises:
        InputError: not a prediction file, damaged, or of another format version.
    """
    with hdf5.opened(path, "prediction file", VERSION) as file:
        splits = {
            name: Predictions(group["logits"][:], group["labels"][:], group["ids"].asstr()[:])
            for name, group in file.items()
        }
        known = ("version", hdf5.DIGEST)
        return splits, {key: value for key, value in file.attrs.items() if key not in known}
