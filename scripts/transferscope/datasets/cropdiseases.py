"""CropDiseases: leaves of plants, healthy and diseased, from PlantVillage (Mohanty et al. 2016)."""

from pathlib import Path

from transferscope.datasets import image_folder
from transferscope.datasets.base import Samples, required_folder


def load(root: Path) -> Samples:
    """Read the class folders of the training part: the few-shot benchmark of Guo et al. (2020) uses it alone.

    Raises:
        InputError: as ``image_folder.load``.
    """
    return image_folder.load(required_folder(root, "dataset/train", "train"))
