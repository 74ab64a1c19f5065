"""Read pictures lazily and as RGB, whatever they were stored as."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from transferscope.datasets.base import Samples, required_file
from transferscope.errors import InputError

# What Pillow raises on a damaged file; SyntaxError is its word for a broken PNG.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)


@dataclass(frozen=True)
class Files:
    """Reads the picture files ``names`` [N], paths relative to ``root``, by index.

    Raises:
        InputError: on reading a file that is absent or damaged.
    """

    root: Path
    names: list[str]

    def __call__(self, index: int) -> Image.Image:
        name = self.names[index]
        try:
            with Image.open(self.root / name) as image:
                return to_rgb(image)
        except _DAMAGE as error:
            raise InputError(
                f"the picture {name} of the dataset in {self.root} cannot be read ({error}); "
                "replace the file, or fetch the dataset again"
            ) from error


@dataclass(frozen=True, eq=False)
class Arrays:
    """Reads grey or RGB pictures, uint8 [N, H, W] or [N, H, W, 3], from memory, by index."""

    pixels: np.ndarray

    def __call__(self, index: int) -> Image.Image:
        return Image.fromarray(self.pixels[index]).convert("RGB")


def samples_of_files(
    root: Path, rows: Sequence[tuple[str, int | np.ndarray, str]], class_names: list[str]
) -> Samples:
    """Samples whose pictures are files, in the order of ``rows``.

    Args:
        root: the folder that the pictures' names are relative to.
        rows: of each sample the name of its picture, which becomes its id, its label (an index, or uint8 [C]
            multi-hot) and its split.
        class_names: [C].

    Raises:
        InputError: a picture is absent, or what ``Samples`` refuses.
    """
    names = [name for name, _, _ in rows]
    for name in names:
        required_file(root, name)
    return Samples(
        ids=names,
        labels=np.array([label for _, label, _ in rows]),
        splits=np.array([split for _, _, split in rows]),
        read=Files(root, names),
        class_names=class_names,
    )


def to_rgb(image: Image.Image) -> Image.Image:
    """Any picture as 8-bit RGB, transparent parts on white.

    Raises:
        ValueError: 32-bit brightness, whose range nothing tells.
    """
    if image.mode.startswith("I;16"):
        # Pillow would clip at 255.
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise ValueError(
            f"its mode {image.mode} has no known range of brightness; store it with 8 or 16 bits"
        )
    if image.has_transparency_data:
        # The colours under transparent pixels are arbitrary.
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")
