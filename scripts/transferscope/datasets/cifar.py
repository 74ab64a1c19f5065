"""CIFAR-10 and CIFAR-100: 60,000 images of 32 x 32 pixels (Krizhevsky 2009), distinguished by folder name.

Reads the official binary archives; the others contain pickles, which could execute code.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transferscope.datasets.base import Samples, required_file, required_folder
from transferscope.datasets.pictures import Arrays
from transferscope.datasets.tables import read_lines
from transferscope.errors import InputError

SIDE = 32


@dataclass(frozen=True)
class Layout:
    """Files of one archive, and the number of label bytes before each image."""

    folder: str
    train: tuple[str, ...]
    test: str
    class_names: str
    label_bytes: int


LAYOUTS = {
    layout.folder: layout
    for layout in (
        Layout(
            folder="cifar-10-batches-bin",
            train=tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
            test="test_batch.bin",
            class_names="batches.meta.txt",
            label_bytes=1,
        ),
        Layout(
            folder="cifar-100-binary",
            train=("train.bin",),
            test="test.bin",
            class_names="fine_label_names.txt",
            label_bytes=2,  # coarse label (of 20), then fine label (of 100)
        ),
    )
}


def load(root: Path) -> Samples:
    """Read the binary archive; a record is the label bytes, then the red, green and blue planes.

    Raises:
        InputError: a file is missing or truncated, or a label is out of range.
    """
    folder = required_folder(root, *LAYOUTS)
    layout = LAYOUTS[folder.name]
    pixels, labels, ids, splits = [], [], [], []
    for split, names in (("train", layout.train), ("test", (layout.test,))):
        records = np.concatenate([_read_records(folder, name, layout.label_bytes) for name in names])
        pixels.append(records[:, layout.label_bytes :])
        labels.append(records[:, layout.label_bytes - 1])
        ids += [f"{split}/{number:05d}" for number in range(len(records))]
        splits += [split] * len(records)
    planes = np.concatenate(pixels).reshape(-1, 3, SIDE, SIDE)
    return Samples(
        ids=ids,
        labels=np.concatenate(labels).astype(np.int64),
        splits=np.array(splits),
        read=Arrays(planes.transpose(0, 2, 3, 1)),
        class_names=read_lines(folder / layout.class_names, str, "a class"),
    )


def _read_records(folder: Path, name: str, label_bytes: int) -> np.ndarray:
    """Records of a file, uint8 [N, label_bytes + 3072]."""
    path = required_file(folder, name)
    content = np.fromfile(path, dtype=np.uint8)
    length = label_bytes + 3 * SIDE * SIDE
    if content.size % length:
        raise InputError(
            f"{path} has {content.size} bytes, not a multiple of the record length {length}; "
            "fetch the dataset again"
        )
    return content.reshape(-1, length)
