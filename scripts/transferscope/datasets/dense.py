"""A dataset with per-pixel labels, as returned by its loader; images and labels are read lazily."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from transferscope.datasets.pictures import turned
from transferscope.errors import InputError, SampleError, refused

IGNORED = 255
"""The class of a pixel without a label."""
UNIT = 0.01
"""How far from 1 the length of a normal may be."""


@dataclass(frozen=True, eq=False)
class DenseSamples:
    """N images with per-pixel labels.

    Attributes:
        ids: [N], unique and stable.
        splits: str [N], each 'train', 'val' or 'test'.
        read: index to RGB picture.
        target: index to the labels of that picture's size, upright as it is: unit normals float32 [H, W, 3]
            in the camera's axes, NaN where there is none; or classes uint8 [H, W], IGNORED where unlabelled.
        class_names: [C], empty for normals.
        codebook: reads the published directions of normals, unit vectors float32 [codes, 3], where the
            dataset comes with some.

    ``read`` and ``target`` must be picklable for DataLoader workers.

    Raises:
        InputError: no samples, duplicate ids, or different numbers of ids and splits.
    """

    ids: list[str]
    splits: np.ndarray
    read: Callable[[int], Image.Image]
    target: Callable[[int], np.ndarray]
    class_names: list[str]
    codebook: Callable[[], np.ndarray] | None = None

    def __post_init__(self) -> None:
        if not self.ids:
            raise InputError("the dataset has no samples; check that its folder holds the pictures")
        if len(self.ids) != len(self.splits) or len(set(self.ids)) != len(self.ids):
            raise InputError("the loader returned duplicate ids, or different numbers of ids and splits")
        if len(self.class_names) > IGNORED:
            raise InputError(
                f"the loader returned {len(self.class_names)} class names; pixels take {IGNORED} at most"
            )


def check_labels(samples: DenseSamples, task: str, *, threads: int) -> None:
    """Look at every picture of train and test with its labels: what is wrong shows now, not after hours.

    Args:
        samples: whose ``class_names`` say which classes there may be; without any, and for the task
            ``normals``, the labels are unit normals; those of other tasks are only held against the size.
        task: what the labels are for.
        threads: that read.

    Raises:
        InputError: pictures or labels that cannot be read, or labels of another size, type or range; all
            samples of the first kind of mistake are named. Or no pixel of a split has a label.
    """
    labelled = np.zeros(len(samples.ids), dtype=bool)

    def look_at(index: int) -> None:
        picture, target = samples.read(index), samples.target(index)
        wrong = _wrong(target, picture.size[::-1], len(samples.class_names), task)
        if wrong:
            remedy = "correct them, or what the loader makes of them"
            if turned(picture) and target.shape[:2] == picture.size != picture.size[::-1]:
                wrong += ", turned by the orientation (EXIF) in its file"
                remedy = "turn the labels too, or remove the orientation from the file"
            raise SampleError("the labels of", [samples.ids[index]], f"are {wrong}", remedy)
        labelled[index] = (target != IGNORED if samples.class_names else np.isfinite(target)).any()

    for split in ("train", "test"):
        indices = np.flatnonzero(samples.splits == split)
        error = refused(look_at, indices.tolist(), threads=threads)
        if error:
            raise error
        if not labelled[indices].any():
            raise InputError(
                f"no pixel of the split {split!r} has a label for {task}; check which value the loader takes "
                f"for pixels without one ({IGNORED}, of normals NaN)"
            )


def _wrong(target: np.ndarray, size: tuple[int, int], classes: int, task: str) -> str:
    """What is wrong with one picture's labels; nothing where they are right."""
    found = f"{target.dtype} of {' x '.join(map(str, target.shape))}"
    if classes:
        if target.dtype != np.uint8 or target.shape != size:
            return f"{found}, where the picture asks for uint8 of {size[0]} x {size[1]}, a class a pixel"
        strange = target[(target >= classes) & (target != IGNORED)]
        if strange.size:
            return (
                f"of a class {strange[0]}, where the dataset has 0 to {classes - 1}, and {IGNORED} for none"
            )
    elif task == "normals":
        if target.dtype != np.float32 or target.shape != (*size, 3):
            return f"{found}, where the picture asks for float32 of {size[0]} x {size[1]} x 3"
        length = np.linalg.norm(target, axis=-1)
        if (np.abs(length - 1) > UNIT).any():
            return f"no unit vectors (one has a length of {length[np.abs(length - 1) > UNIT][0]:.3g})"
    elif target.shape[:2] != size:
        return f"{found}, where the picture has {size[0]} x {size[1]} pixels"
    return ""
