"""The prediction file: logits, labels and ids per split, for calibration."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from transferscope import files
from transferscope.errors import InputError

VERSION = 1


@dataclass(frozen=True)
class Predictions:
    """Logits float32 [N, C], labels int64 [N] or uint8 [N, C], and sample ids [N] of one split."""

    logits: np.ndarray
    labels: np.ndarray
    ids: np.ndarray


def write(path: str | Path, splits: dict[str, Predictions], attributes: dict[str, str]) -> None:
    """Write the predictions per split; ``attributes`` name the model, dataset and protocol."""
    with files.atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update(attributes | {"version": VERSION})
        for name, split in splits.items():
            group = file.create_group(name)
            group["logits"] = split.logits.astype(np.float32)
            group["labels"] = split.labels
            group.create_dataset("ids", data=split.ids, dtype=h5py.string_dtype())


def read(path: str | Path) -> tuple[dict[str, Predictions], dict[str, str]]:
    """Read the splits and attributes of a prediction file.

    Raises:
        InputError: not a prediction file, truncated, or of another format version.
    """
    try:
        with h5py.File(path) as file:
            if file.attrs.get("version") != VERSION:
                raise InputError(f"{path} is not a prediction file of version {VERSION}; remove it and rerun")
            splits = {
                name: Predictions(group["logits"][:], group["labels"][:], group["ids"].asstr()[:])
                for name, group in file.items()
            }
            return splits, {key: value for key, value in file.attrs.items() if key != "version"}
    except OSError as error:
        raise InputError(f"{path} is not a whole HDF5 file ({error}); remove it and rerun") from error
