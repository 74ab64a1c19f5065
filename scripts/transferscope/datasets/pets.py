"""Oxford-IIIT Pets: 37 breeds of cats and dogs (Parkhi et al. 2012)."""

from pathlib import Path

from transferscope.datasets.base import Samples
from transferscope.datasets.pictures import samples_of_files
from transferscope.datasets.tables import read_lists

LISTS = {"train": "trainval.txt", "test": "test.txt"}


def load(root: Path) -> Samples:
    """Read the official lists; a line is the image ``Breed_number``, its 1-based class and two more numbers.

    Raises:
        InputError: a list or image is missing, or a line is malformed.
    """
    number_of: dict[str, int] = {}

    def parse(line: str) -> tuple[str, int]:
        picture, number, _, _ = line.split()
        breed = picture.rpartition("_")[0]
        if number_of.setdefault(breed, int(number)) != int(number):
            raise ValueError(f"{breed} had the number {number_of[breed]} before")
        return f"{picture}.jpg", int(number) - 1

    expected = "a picture, the number of its breed as in the lines before, its species and its number there"
    rows = read_lists(root / "annotations", LISTS, parse, expected)
    return samples_of_files(root / "images", rows, sorted(number_of, key=number_of.get))
