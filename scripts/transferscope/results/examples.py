"""The example file: a few test images with ground truth and prediction, for figures."""

from pathlib import Path

import h5py
import numpy as np

from transferscope import files
from transferscope.errors import InputError

COUNT = 4

# Id, image uint8 [H, W, 3], ground truth and prediction of equal shape and type.
Example = tuple[str, np.ndarray, np.ndarray, np.ndarray]


def draw(tested: list[int], count: int) -> list[int]:
    """Choose up to ``count`` of the tested images with a fixed seed, in their order.

    Random, since evenly spaced images could all belong to one class if classes alternate.
    """
    chosen = np.random.default_rng(0).choice(len(tested), min(count, len(tested)), replace=False)
    return [tested[index] for index in sorted(chosen)]


def write(path: str | Path, examples: list[Example], attributes: dict[str, str]) -> None:
    """Write the examples; ``attributes`` name the model, dataset and protocol."""
    with files.atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update(attributes)
        for number, (name, picture, truth, predicted) in enumerate(examples):
            group = file.create_group(str(number))
            group.attrs["id"] = name
            for key, values in {"picture": picture, "truth": truth, "predicted": predicted}.items():
                group.create_dataset(key, data=values, compression="gzip")


def read(path: str | Path) -> tuple[list[Example], dict[str, str]]:
    """Read the examples and attributes.

    Raises:
        InputError: the file is truncated or not an example file.
    """
    try:
        with h5py.File(path) as file:
            groups = [file[name] for name in sorted(file, key=int)]
            rows = [
                (group.attrs["id"], group["picture"][:], group["truth"][:], group["predicted"][:])
                for group in groups
            ]
            return rows, dict(file.attrs)
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path} is not a complete example file ({error}); remove it and rerun") from error
