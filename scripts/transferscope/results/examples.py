"""The example file: a few test pictures with the truth and a network's prediction, for a figure."""

from pathlib import Path

import numpy as np

from transferscope import hdf5
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


def write(path: str | Path, examples: list[Example], attributes: dict[str, str | list[str]]) -> None:
    """Write the examples.

    ``attributes`` are the run's identity, ``kind``, how they are shown (``figures.dense.KINDS``), and
    ``class_names``, which may be empty.
    """
    with hdf5.create(path) as file:
        file.attrs.update(attributes)
        for number, (name, picture, truth, predicted) in enumerate(examples):
            group = file.create_group(str(number))
            group.attrs["id"] = name
            for key, values in {"picture": picture, "truth": truth, "predicted": predicted}.items():
                group.create_dataset(key, data=values, compression="gzip")


def read(path: str | Path) -> tuple[list[Example], dict[str, str | list[str]]]:
    """The examples, as written, and the attributes.

    Raises:
        InputError: the file is damaged, or of another or an older layout.
    """
    with hdf5.opened(path, "example file") as file:
        groups = [file[name] for name in sorted(file, key=int)]
        rows = [
            (group.attrs["id"], group["picture"][:], group["truth"][:], group["predicted"][:])
            for group in groups
        ]
        attributes = {key: value for key, value in file.attrs.items() if key != hdf5.DIGEST}
    if "kind" not in attributes:
        raise InputError(
            f"{path} does not say how its examples are shown, since an older version wrote it; remove it and "
            "rerun"
        )
    return rows, attributes | {"class_names": list(attributes.get("class_names", []))}
