"""Crops of one photograph compared to the authors' generator: `python benchmarks/crops.py`.

Crops a second of a processor's own time on one thread, the fastest of some rounds, both in one run. The
generator is that of Asano, Rupprecht and Vedaldi (ICLR 2020; their make_dataset_single.py) in its order of
steps, by torchvision, with its draws and without the JPEG files that it writes.
"""

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time

import numpy as np
import torch
from page import Row, report
from PIL import Image
from threadpoolctl import threadpool_limits
from torchvision import transforms

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from transferscope.datasets.cropped import geometry
from transferscope.datasets.cropped.crop_set import BLOCK, Settings
from transferscope.sources import pictures

ROUNDS = 5
CROPS = {32: 2048, 64: 1024, 224: 256}
"""How many a round makes of each size."""


class UntilItFits(transforms.RandomResizedCrop):
    """A crop of an area drawn until it fits, where torchvision takes the centre after ten tries."""

    @staticmethod
    def get_params(img: Image.Image, scale: tuple, ratio: tuple) -> tuple[int, int, int, int]:
        width, height = img.size
        low, high = torch.log(torch.tensor(ratio))
        while True:
            area = width * height * torch.empty(1).uniform_(*scale).item()
            aspect = torch.exp(torch.empty(1).uniform_(low, high)).item()
            w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if 0 < w <= width and 0 < h <= height:
                top = torch.randint(0, height - h + 1, (1,)).item()
                left = torch.randint(0, width - w + 1, (1,)).item()
                return top, left, h, w


def authors(picture: Image.Image, size: int) -> transforms.Compose:
    """Their steps, up to the crop's pixels."""
    modes = transforms.InterpolationMode
    return transforms.Compose(
        [
            transforms.RandomCrop(int(0.5 * min(picture.size))),
            UntilItFits(int(math.sqrt(2) * size), scale=(1 / 500, 1), interpolation=modes.BICUBIC),
            transforms.RandomAffine(30, shear=30, interpolation=modes.BILINEAR),
            transforms.CenterCrop(size),
            transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)], 0.5),
            np.asarray,
        ]
    )


def a_second(make: Callable[[int], object], count: int) -> float:
    """Crops a second of a function that makes so many."""
    started = process_time()
    make(count)
    return count / (process_time() - started)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--picture", default="china", choices=sorted(pictures.PICTURES))
    parser.add_argument("--preset", default="released", choices=geometry.PRESETS)
    arguments = parser.parse_args()
    picture = Image.open(pictures.locate(arguments.picture)).convert("RGB")
    for size, count in CROPS.items():
        theirs = authors(picture, size)
        settings = Settings(arguments.preset, geometry.AUGMENTATIONS, size, seed=0)

        def by_authors(count: int, theirs: transforms.Compose = theirs) -> None:
            for _ in range(count):
                theirs(picture)

        def ours(count: int, settings: Settings = settings) -> None:
            for start in range(0, count, BLOCK):
                settings.crops(picture, np.arange(start, start + BLOCK))

        rates = [(a_second(by_authors, count), a_second(ours, count)) for _ in range(ROUNDS)]
        before, after = (max(column) for column in zip(*rates, strict=True))
        report(
            Row(
                f"a crop of one photograph, {size} pixels",
                "the authors' steps, by torchvision",
                f"{after / before:.1f} times faster",
                (1 / after, 1 / before),
            )
        )


if __name__ == "__main__":
    with threadpool_limits(1):
        torch.set_num_threads(1)
        main()
