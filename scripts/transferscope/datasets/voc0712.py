"""Pascal VOC detection: train and val of 2007 and 2012, test of 2007 (Everingham et al. 2010)."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from transferscope.datasets.base import required_file
from transferscope.datasets.boxes import Boxes
from transferscope.datasets.tables import read_lines
from transferscope.datasets.voc2007 import CLASSES
from transferscope.errors import InputError

LISTS = [
    *(("VOC2007", "train"), ("VOC2007", "val"), ("VOC2007", "test")),
    *(("VOC2012", "train"), ("VOC2012", "val")),
]


def load_detection(root: Path) -> Boxes:
    """Read the official lists of both years and each picture's annotation.

    Corners in the annotations are 1-based and inclusive.

    Raises:
        InputError: a list, annotation or image is missing, or an annotation is malformed.
    """
    names, sizes, splits, objects = [], [], [], []
    for year, split in LISTS:
        folder = root / "VOCdevkit" / year
        for number in read_lines(folder / f"ImageSets/Main/{split}.txt", _number, "the name of a picture"):
            size, found = _annotation(required_file(folder, f"Annotations/{number}.xml"))
            objects += [(len(names), *item) for item in found]
            names.append(f"VOCdevkit/{year}/JPEGImages/{number}.jpg")
            sizes.append(size)
            splits.append(split)
    if not objects:
        raise InputError(f"no annotation in {root} has an object; fetch the dataset again")
    pictures, boxes, labels, difficult = zip(*objects, strict=True)
    return Boxes(
        root=root,
        names=names,
        sizes=np.array(sizes),
        splits=np.array(splits),
        pictures=np.array(pictures),
        boxes=np.array(boxes),
        labels=np.array(labels),
        difficult=np.array(difficult),
        class_names=CLASSES,
    )


def _number(line: str) -> str:
    (number,) = line.split()
    return number


def _annotation(path: Path) -> tuple[tuple[int, int], list[tuple]]:
    """Image size (width, height), and box, label and difficult flag of each object."""
    try:
        picture = ElementTree.parse(path)
        width, height = (np.int64(picture.findtext(f"size/{side}")) for side in ("width", "height"))
        return (width, height), [_object(element) for element in picture.iterfind("object")]
    except (ElementTree.ParseError, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{path} is not a Pascal VOC annotation ({error}); fetch the dataset again"
        ) from error


def _object(element: ElementTree.Element) -> tuple[list[float], int, bool]:
    x0, y0, x1, y1 = (
        float(element.findtext(f"bndbox/{corner}")) for corner in ("xmin", "ymin", "xmax", "ymax")
    )
    return (
        [x0 - 1, y0 - 1, x1, y1],
        CLASSES.index(element.findtext("name")),
        element.findtext("difficult") == "1",
    )
