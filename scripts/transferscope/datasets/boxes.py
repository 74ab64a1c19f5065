"""A detection dataset, as returned by its loader: images and the bounding boxes of their objects."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from transferscope.datasets.base import required_file
from transferscope.datasets.pictures import Files, turned
from transferscope.errors import InputError, SampleError, refused


@dataclass(frozen=True, eq=False)
class Boxes:
    """N images with M objects of C classes.

    Attributes:
        root: base folder of ``names``.
        names: [N], unique image files relative to ``root``; also the image ids.
        sizes: int64 [N, 2], width and height in pixels, of the pictures as they are shown, upright.
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

    @property
    def ids(self) -> list[str]:
        """The names, by which other kinds of samples are called too."""
        return self.names

    @property
    def read(self) -> Files:
        """Index to RGB picture."""
        return Files(self.root, self.names)

    def check_pictures(self, *, longest: int, threads: int) -> None:
        """Look at every picture: what is wrong shows now, not after hours.

        Args:
            longest: what a detector makes of a longer side, in pixels, at most.
            threads: that read.

        Raises:
            InputError: pictures that cannot be read, whose boxes are of another size, or of which too little
                is left; all with the first kind of mistake are named.
        """
        read = self.read

        def look_at(index: int) -> None:
            picture, name = read(index), self.names[index]
            wrong = _contradiction(picture, tuple(self.sizes[index].tolist()))
            if wrong:
                remedy = "correct the boxes and the size, or remove the orientation from the file"
                raise SampleError("the boxes of the picture", [name], wrong, remedy)
            if min(picture.size) * longest < max(picture.size):
                reason = (
                    f"is {picture.width} x {picture.height} pixels, too narrow for a longer side of {longest}"
                )
                raise SampleError(
                    "the size of the picture", [name], reason, "crop it, or take it out of the dataset"
                )

        error = refused(look_at, range(len(self.names)), threads=threads)
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


def _contradiction(picture: Image.Image, size: tuple[int, int]) -> str:
    """How a picture as it is shown contradicts the size that its annotation names; nothing if it does not."""
    if picture.size == size:
        return ""
    wrong = f"are of {size[0]} x {size[1]} pixels, where it has {picture.width} x {picture.height}"
    if turned(picture) and picture.size == size[::-1]:
        wrong += " as it is shown, turned by the orientation (EXIF) in its file"
    return wrong
