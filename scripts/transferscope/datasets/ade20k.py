"""ADE20K scene parsing: indoor and outdoor scenes, 150 classes (Zhou et al. 2017)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transferscope.datasets.base import required_folder
from transferscope.datasets.dense import DenseSamples
from transferscope.datasets.pictures import READ_ERRORS, Files, read_indices
from transferscope.errors import InputError, SampleError

FOLDER = "ADEChallengeData2016"
SPLITS = {"training": "train", "validation": "test"}  # the official test labels are not public
OTHER = 0  # value in the files for pixels of none of the 150 classes


def load_segmentation(root: Path) -> DenseSamples:
    """Read ``images/{training,validation}/*.jpg`` with ``annotations/.../*.png``, and ``objectInfo150.txt``.

    Raises:
        InputError: a folder or file is missing, or an image has no annotation.
    """
    base = required_folder(root, FOLDER)
    names, splits = [], []
    for folder, split in SPLITS.items():
        pictures = sorted(path.stem for path in required_folder(base, f"images/{folder}").glob("[!.]*.jpg"))
        labelled = {path.stem for path in required_folder(base, f"annotations/{folder}").glob("[!.]*.png")}
        unannotated = [name for name in pictures if name not in labelled]
        if unannotated:
            raise InputError(f"{unannotated[0]} has no annotation in {base}; fetch the dataset again")
        names += [f"{folder}/{name}" for name in pictures]
        splits += [split] * len(pictures)
    return DenseSamples(
        ids=names,
        splits=np.array(splits),
        read=Files(base / "images", [f"{name}.jpg" for name in names]),
        target=_Classes(base / "annotations", names),
        class_names=_class_names(base / "objectInfo150.txt"),
    )


@dataclass(frozen=True)
class _Classes:
    folder: Path
    names: list[str]

    def __call__(self, index: int) -> np.ndarray:
        path = self.folder / f"{self.names[index]}.png"
        try:
            classes = read_indices(path)
        except READ_ERRORS as error:
            remedy = "fetch the dataset again"
            raise SampleError("the labels", [str(path)], f"cannot be read ({error})", remedy) from error
        if classes.dtype != np.uint8:
            raise SampleError(
                "the labels", [str(path)], f"are {classes.dtype} and no 8-bit numbers", "store them as such"
            )
        # 1..150 -> 0..149; 0 wraps around to 255, the ignore label.
        return classes - np.uint8(OTHER + 1)


def _class_names(path: Path) -> list[str]:
    """Class names: the first of the comma-separated synonyms in the last column."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()[1:]
    except OSError as error:
        raise InputError(f"there is no {path}; fetch the dataset again") from error
    return [line.split("\t")[-1].split(",")[0].strip() for line in lines if line.strip()]
