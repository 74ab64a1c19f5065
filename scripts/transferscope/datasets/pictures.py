"""The one reader of picture files: every protocol gets the pixels that a file means, upright, as 8-bit RGB.

What that is for each kind of file is said in docs/your_data.md. Where a file does not say which number is
white, it is refused: a guess would make all pictures darker, or some.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageChops, TiffImagePlugin

from transferscope.datasets.base import Samples, is_there
from transferscope.errors import SampleError

READ_ERRORS = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, struct.error),
    Image.DecompressionBombError,
)
"""Exceptions of Pillow for damaged files (SyntaxError: broken PNG; TypeError: broken TIFF)."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture of an EXIF orientation upright."""

_WHITE_IS_ZERO = 0
_SIGNED = 2
_LEAST = 64
"""Of 255: what the highest number of a file of more than 8 bits has to reach, for its range to be that of its
bits. Files often have 10 or 12 bits in 16, and do not say so."""


class UnknownRange(ValueError):
    """A file does not say which of its numbers is white."""


def read(path: str | Path) -> Image.Image:
    """The picture in a file, 8-bit RGB, upright.

    Its ``info`` has nothing but ``orientation``, the EXIF number by which it was turned (1: not at all).

    Raises:
        UnknownRange: which number is white is not known.
        READ_ERRORS: the file is missing, damaged, or of a kind that is not read.
    """
    with Image.open(path) as image:
        return _upright(image, to_rgb)


def read_indices(path: str | Path) -> np.ndarray:
    """The numbers in a file that labels each pixel, [H, W], turned as a picture would be.

    Raises:
        READ_ERRORS: the file is missing, damaged, or of a kind that is not read.
    """
    with Image.open(path) as image:
        return np.asarray(_upright(image, Image.Image.copy))


def turned(picture: Image.Image) -> bool:
    """Whether width and height of a picture from ``read`` are the other way round in its file."""
    return picture.info.get("orientation", 1) >= 5


@dataclass(frozen=True)
class Files:
    """Read the image files ``names`` [N], relative to ``root``, by index, as ``read`` does.

    Raises:
        SampleError: when called for a file that is missing or damaged, or whose range is unknown.
    """

    root: Path
    names: list[str]

    def __call__(self, index: int) -> Image.Image:
        name = self.names[index]
        try:
            return read(self.root / name)
        except UnknownRange as error:
            raise SampleError(
                "the brightness of the picture",
                [name],
                f"of the dataset in {self.root} is not known ({error})",
                "store it with 8 bits, from the range that it has (docs/your_data.md says how)",
            ) from error
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
    """An image as opened, to 8-bit RGB, not turned; transparent parts lie on white.

    Raises:
        UnknownRange: which number is white is not known.
        ValueError: Pillow would misread it.
    """
    tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
    if _SIGNED in tags.get(TiffImagePlugin.SAMPLEFORMAT, ()):
        raise UnknownRange("its numbers have signs, and it does not say which is black")
    if image.mode == "CMYK" and image.format in ("JPEG", "MPO") and "adobe" not in image.info:
        raise UnknownRange("as CMYK without Adobe's mark it does not say whether 0 is ink or paper")
    bits = _bits(image, tags)
    if bits > 8:
        image = _upper_8_bits(image, bits, tags)
    if image.has_transparency_data:
        # The colours of transparent pixels are arbitrary.
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    if image.mode != "RGB":
        return image.convert("RGB")
    image.load()  # which is not copied: most pictures pass here
    return image


def _bits(image: Image.Image, tags: Mapping) -> int:
    """Of a number in the file; those of a PGM file Pillow scales, by the highest that the file names."""
    if image.mode in ("I", "F"):
        return 16 if image.format == "PPM" else 32
    if tags:
        return max(tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,)))
    return 16 if ";16" in image.mode + _raw_mode(image) else 8


def _upper_8_bits(image: Image.Image, bits: int, tags: Mapping) -> Image.Image:
    """An image of more than 8 bits with 8; numbers with a point, 0 to 1, are those of 0 to 255."""
    if "transparency" in image.info:
        raise UnknownRange("it has a colour of 16 bits as transparent, which is not read here")
    if image.mode[0] not in "IF" and ";16" not in _raw_mode(image):
        raise ValueError("its colours of 16 bits lie apart without compression, which Pillow misreads")
    white = 1 if image.mode == "F" else 2**bits - 1
    named = image.format == "PPM"
    if image.mode == "F":
        image = Image.fromarray(_of_floats(np.asarray(image)))
    elif bits == 32:
        raise UnknownRange("it does not say which of its numbers of 32 bits is white")
    elif image.mode[0] == "I":
        image = Image.fromarray((np.asarray(image) >> (bits - 8)).astype(np.uint8))
    # Pillow itself keeps the upper 8 bits of colours.
    highest = max(image.getchannel(band).getextrema()[1] for band in image.getbands() if band != "A")
    if highest < _LEAST and not named:
        raise UnknownRange(f"none of its numbers reaches a quarter of {white}, so that white may be less")
    if tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO:
        return ImageChops.invert(image)  # as Pillow does with 8 bits
    return image


def _of_floats(values: np.ndarray) -> np.ndarray:
    lowest, highest = values.min(), values.max()
    if not (lowest >= 0 and highest <= 1):  # nor if one is not a number
        raise UnknownRange(
            f"its numbers with a point are {lowest:.3g} to {highest:.3g}, where 0 is black and 1 is white"
        )
    return (255 * values).round().astype(np.uint8)


def _raw_mode(image: Image.Image) -> str:
    """How Pillow finds the pixels in a file that it has not read yet."""
    for tile in getattr(image, "tile", ()):
        return tile.args if isinstance(tile.args, str) else str(tile.args[0])
    return ""


def _upright(image: Image.Image, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    if isinstance(image, TiffImagePlugin.TiffImageFile):  # which Pillow turns itself
        orientation, converted = image.tag_v2.get(ExifTags.Base.Orientation), convert(image)
    else:
        converted = convert(image)
        orientation = _exif_orientation(image)
        if orientation in _TURNS:
            converted = converted.transpose(_TURNS[orientation])
    converted.info = {"orientation": orientation if orientation in _TURNS else 1}
    return converted


def _exif_orientation(image: Image.Image) -> object:
    """Of a loaded image, since a PNG file may have it behind the pixels; none where it is damaged."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation)
    except READ_ERRORS:
        return None
