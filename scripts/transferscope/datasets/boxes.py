"""A detection dataset, as returned by its loader: images and the bounding boxes of their objects."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transferscope.datasets.base import required_file
from transferscope.datasets.pictures import Files
from transferscope.errors import InputError, refused


@dataclass(frozen=True, eq=False)
class Boxes:
    """N images with M objects of C classes.

    Attributes:
        root: base folder of ``names``.
        names: [N], unique image files relative to ``root``; also the image ids.
        sizes: int64 [N, 2], width and height in pixels.
        splits: str [N], each 'train', 'val' or 'test'.
        pictures: int64 [M], image index of each object.
        boxes: float64 [M, 4], x0 y0 x1 y1 in pixels from the upper left corner; x1 and y1 are exclusive.
        labels: int64 [M] in 0..C-1.
        difficult: bool [M], objects that the evaluation may ignore.
        class_names: [C].

    Raises:
        InputError: there is no box, an image is missing, or a box or label is invalid.
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
        if not len(self.boxes):
            raise InputError(f"the dataset in {self.root} has no box of an object; fetch the dataset again")
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
        invalid = (self.labels < 0) | (self.labels >= len(self.class_names))
        if invalid.any():
            raise InputError(
                f"the loader returned the label {self.labels[invalid][0]}, which is none of its "
                f"{len(self.class_names)} classes"
            )

    def check_pictures(self, *, threads: int) -> None:
        """Look at every picture: one that is damaged shows now, not after hours.

        Raises:
            InputError: names all of them.
        """
        error = refused(Files(self.root, self.names), range(len(self.names)), threads=threads)
        if error:
            raise error

    def annotations(self, *splits: str, ignore_difficult: bool) -> dict:
        """Images and objects of the given splits as the content of a COCO annotation file.

        Args:
            splits: names of the splits, in output order.
            ignore_difficult: mark difficult objects as crowds, which COCO's evaluation ignores; otherwise
                they count like other objects.
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
                    "id": 1 + index,  # COCO's evaluation treats 0 as no match
                    "image_id": int(self.pictures[index]),
                    "category_id": int(self.labels[index]),
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": int(ignore_difficult and self.difficult[index]),
                }
                for index, box in rows
            ],
        }
