"""FGVC-Aircraft: 10,000 aircraft of 100 variants, such as Boeing 737-700 (Maji et al. 2013)."""

from pathlib import Path

from transferscope.datasets.base import Samples
from transferscope.datasets.pictures import samples_of_files
from transferscope.datasets.tables import read_lines, read_lists

FOLDER = "fgvc-aircraft-2013b/data"
LISTS = {split: f"images_variant_{split}.txt" for split in ("train", "val", "test")}


def load(root: Path) -> Samples:
    """Read the official lists at the level of the variant, a picture and its variant a line.

    Raises:
        InputError: a list or picture is absent, or a line is not as described.
    """
    data = root / FOLDER
    variants = read_lines(data / "variants.txt", str, "a variant")
    label_of = {variant: label for label, variant in enumerate(variants)}

    def parse(line: str) -> tuple[str, int]:
        picture, variant = line.split(" ", 1)
        return f"{picture}.jpg", label_of[variant]

    rows = read_lists(data, LISTS, parse, "a picture and a variant of variants.txt")
    return samples_of_files(data / "images", rows, variants)
