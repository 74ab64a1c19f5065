"""Read images lazily and convert them to RGB."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from transferscope.datasets.base import Samples, is_there
from transferscope.errors import SampleError

# Exceptions of Pillow for damaged files (SyntaxError: broken PNG).
READ_ERRORS = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)


@dataclass(frozen=True)
class Files:
    """Read the image files ``names`` [N], relative to ``root``, by index.

    Raises:
        SampleError: when called for a file that is missing or damaged.
    """

    root: Path
    names: list[str]

    def __call__(self, index: int) -> Image.Image:
        name = self.names[index]
        try:
            with Image.open(self.root / name) as image:
                return to_rgb(image)
        except READ_ERRORS as error:
            raise SampleError(
                "the picture",
                [name],
                f"of the dataset in {self.root} cannot be read ({error})",
                "replace the file, or fetch the dataset again",
            ) from error


@dataclass(frozen=True, eq=False)
class Arrays:
    """Read in-memory grey or RGB images, uint8 [N, H, W] or [N, H, W, 3], by index."""

    pixels: np.ndarray

    def __call__(self, index: int) -> Image.Image:
        return Image.fromarray(self.pixels[index]).convert("RGB")


def samples_of_files(
    root: Path, rows: Sequence[tuple[str, int | np.ndarray, str]], class_names: list[str]
) -> Samples:
    """Create samples from image files, in the order of ``rows``.

    Args:
        root: base folder of the image names.
        rows: (image name, label, split) per sample; the name becomes the id, the label is an index or
            multi-hot uint8 [C].
        class_names: [C].

    Raises:
        InputError: images are missing, all of which are named, or outside ``root``, or as ``Samples``.
    """
    names = [name for name, _, _ in rows]
    absent = [name for name in names if not is_there(root, name)]
    if absent:
        raise SampleError(f"the dataset in {root} has no file", absent, "", "fetch the dataset again")
    return Samples(
        ids=names,
        labels=np.array([label for _, label, _ in rows]),
        splits=np.array([split for _, _, split in rows]),
        read=Files(root, names),
        class_names=class_names,
    )


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert an image to 8-bit RGB; transparent pixels are composited onto white.

    Raises:
        ValueError: a 32-bit grey image, whose value range is unknown.
    """
    if image.mode.startswith("I;16"):
        # Pillow would clip 16-bit values at 255.
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise ValueError(
            f"its mode {image.mode} has no known range of brightness; store it with 8 or 16 bits"
        )
    if image.has_transparency_data:
        # The colours of transparent pixels are arbitrary.
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")
