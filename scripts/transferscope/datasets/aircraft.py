"""FGVC-Aircraft: 10,000 images of 100 aircraft variants, such as Boeing 737-700 (Maji et al. 2013)."""

from pathlib import Path

from transferscope.datasets.base import Samples
from transferscope.datasets.pictures import samples_of_files
from transferscope.datasets.tables import read_lines, read_lists

FOLDER = "fgvc-aircraft-2013b/data"
LISTS = {split: f"images_variant_{split}.txt" for split in ("train", "val", "test")}


def load(root: Path) -> Samples:
    """Read the official lists at variant level; a line is an image and its variant.

    Raises:
        InputError: a list or image is missing, or a line is malformed.
    """
    data = root / FOLDER
    variants = read_lines(data / "variants.txt", str, "a variant")
    label_of = {variant: label for label, variant in enumerate(variants)}

    def parse(line: str) -> tuple[str, int]:
        picture, variant = line.split(" ", 1)
        return f"{picture}.jpg", label_of[variant]

    rows = read_lists(data, LISTS, parse, "a picture and a variant of variants.txt")
    return samples_of_files(data / "images", rows, variants)
