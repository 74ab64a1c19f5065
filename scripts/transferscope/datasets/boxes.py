"""What a loader of a detection dataset returns: pictures, and the boxes of the objects in them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transferscope.datasets.base import required_file
from transferscope.errors import InputError


@dataclass(frozen=True, eq=False)
class Boxes:
    """N pictures with M objects of C classes.

    Attributes:
        root: the folder that pictures are named relative to.
        names: [N] files, unique; they are the pictures' ids too.
        sizes: int64 [N, 2], width and height in pixels.
        splits: str [N], each 'train', 'val' or 'test'.
        pictures: int64 [M], the index of each object's picture.
        boxes: float64 [M, 4], x0 y0 x1 y1 in pixels from the picture's left upper corner, right and lower
            edge exclusive.
        labels: int64 [M] in 0..C-1.
        difficult: bool [M], objects that a test neither asks for nor counts as wrong.
        class_names: [C].

    Raises:
        InputError: a picture is absent or without area, or an object's box or label is impossible.
    """

    root: Path
    names: list[str]
    sizes: np.ndarray
    splits: np.ndarray
    pictures: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    difficult: np.ndarray
    class_names: list[str]

    def __post_init__(self) -> None:
        for name in self.names:
            required_file(self.root, name)
        x0, y0, x1, y1 = self.boxes.T
        width, height = self.sizes[self.pictures].T
        outside = ~((x0 >= 0) & (x0 < x1) & (x1 <= width) & (y0 >= 0) & (y0 < y1) & (y1 <= height))
        if outside.any():
            box, picture = self.boxes[outside][0].tolist(), self.names[self.pictures[outside][0]]
            raise InputError(
                f"the box {box} of the picture {picture} in {self.root} is empty or not within the picture; "
                "fetch the dataset again"
            )
        strange = (self.labels < 0) | (self.labels >= len(self.class_names))
        if strange.any():
            raise InputError(
                f"the loader returned the label {self.labels[strange][0]}, which is none of its "
                f"{len(self.class_names)} classes"
            )

    def annotations(self, *splits: str, ignore_difficult: bool) -> dict:
        """The pictures of these splits and their objects as a COCO annotation file holds them.

        Args:
            splits: which, in their order.
            ignore_difficult: mark difficult objects as crowds, which is how COCO's evaluation is told to
                ignore them; without, they are objects like any other.
        """
        chosen = [index for split in splits for index in np.flatnonzero(self.splits == split).tolist()]
        objects = np.flatnonzero(np.isin(self.pictures, chosen))
        corners, extents = self.boxes[objects, :2], self.boxes[objects, 2:] - self.boxes[objects, :2]
        rows = zip(objects.tolist(), np.hstack([corners, extents]).tolist(), strict=True)
        return {
            "images": [
                {"id": index, "file_name": self.names[index], "width": int(width), "height": int(height)}
                for index, (width, height) in zip(chosen, self.sizes[chosen], strict=True)
            ],
            "categories": [{"id": label, "name": name} for label, name in enumerate(self.class_names)],
            "annotations": [
                {
                    "id": 1 + index,  # COCO's evaluation takes 0 for none
                    "image_id": int(self.pictures[index]),
                    "category_id": int(self.labels[index]),
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": int(ignore_difficult and self.difficult[index]),
                }
                for index, box in rows
            ],
        }
