"""Pascal VOC 2007: multi-label classification with 20 object classes (Everingham et al. 2010)."""

from pathlib import Path

import numpy as np

from transferscope.datasets.base import Samples
from transferscope.datasets.pictures import samples_of_files
from transferscope.datasets.tables import read_lines
from transferscope.errors import InputError

FOLDER = "VOCdevkit/VOC2007"
CLASSES = [
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train"),
    "tvmonitor",
]
POSITIVE = {"1": 1, "0": 0, "-1": 0}


def load(root: Path) -> Samples:
    """Read the official list of each class and split; a line is an image and 1, 0 or -1.

    0 marks images where all objects of the class are difficult. As in Ericsson et al. (2021) they count as
    negatives; the official evaluation ignores these images for the class.

    Raises:
        InputError: a list or image is missing, a line is malformed, or the lists of a split differ.
    """
    lists = root / FOLDER / "ImageSets/Main"
    rows = []
    for split in ("train", "val", "test"):
        columns = {
            name: read_lines(lists / f"{name}_{split}.txt", _parse, "a picture and 1, 0 or -1")
            for name in CLASSES
        }
        pictures = [picture for picture, _ in columns[CLASSES[0]]]
        for name, column in columns.items():
            if [picture for picture, _ in column] != pictures:
                raise InputError(
                    f"{lists / name}_{split}.txt lists other pictures than {CLASSES[0]}_{split}.txt; "
                    "fetch the dataset again"
                )
        positive = [[mark for _, mark in column] for column in columns.values()]
        labels = np.array(positive, dtype=np.uint8).T
        rows += [(f"{picture}.jpg", label, split) for picture, label in zip(pictures, labels, strict=True)]
    return samples_of_files(root / FOLDER / "JPEGImages", rows, CLASSES)


def _parse(line: str) -> tuple[str, int]:
    picture, mark = line.split()
    return picture, POSITIVE[mark]
