"""CropDiseases: healthy and diseased plant leaves from PlantVillage (Mohanty et al. 2016)."""

from pathlib import Path

from transferscope.datasets import image_folder
from transferscope.datasets.base import Samples, required_folder


def load(root: Path) -> Samples:
    """Read the class folders of the training set, the part used in the benchmark of Guo et al. (2020).

    Raises:
        InputError: as ``image_folder.load``.
    """
    return image_folder.load(required_folder(root, "dataset/train", "train"))
