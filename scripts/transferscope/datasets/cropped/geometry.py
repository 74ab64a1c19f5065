"""Where a crop lies in its picture and how it is turned, for each preset; and how it is cut out.

``released`` is the generator that the authors published (their code, make_dataset_single.py, "slightly
modified since the publication"), ``paper`` what is known of the one behind the paper (Asano, Rupprecht and
Vedaldi, ICLR 2020): no more than its angle and its flip are certain.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from PIL import Image

AUGMENTATIONS = ("scale", "rotation", "jitter")
"""What an ablation leaves out: where and how large a crop is, how it is turned, its colours."""
DRAWN = 5  # numbers for a place, an angle, a shear and a flip
LOG_ASPECT = math.log(4 / 3)
MARGIN = math.sqrt(2)
"""So much larger a crop is than what is kept of it, lest turning leave the corners empty."""
LONGEST = 100
"""How many times its shorter side a picture's longer one may be, lest hardly any crop that is drawn fits."""

Rectangle = tuple[int, int, int, int]
"""Left, upper, right and lower edge in pixels of the picture, the last two exclusive."""


@dataclass(frozen=True)
class Cut:
    """Where a crop comes from.

    Attributes:
        within: where it might have lain.
        box: what of the picture is read.
        sides: width and height in pixels of what is cut out of it, at an angle or not.
        angle, shear: degrees.
        flipped: left to right.
    """

    within: Rectangle
    box: Rectangle
    sides: tuple[int, int]
    angle: float = 0.0
    shear: float = 0.0
    flipped: bool = False


class Released:
    """A crop of a random square of half the picture's shorter side, enlarged, turned and sheared."""

    least_area, degrees, shear = 1 / 500, 30.0, 30.0

    def draw(self, size: tuple[int, int], augment: Collection[str], rng: np.random.Generator) -> Cut:
        """Where a crop of a picture of this width and height comes from.

        What is drawn for one augmentation does not depend on the others.
        """
        numbers = rng.random(DRAWN)
        angle, shear = (2 * numbers[2:4] - 1) * (self.degrees, self.shear) * ("rotation" in augment)
        if "scale" not in augment:
            side = min(size)
            box = _placed(size, (side, side), (0.5, 0.5))
            return Cut(box, box, (side, side), angle, shear)
        side = math.floor(0.5 * min(size))
        square = _placed(size, (side, side), numbers[:2])
        while True:
            sides = _sides(rng, self.least_area * side**2, side**2)
            if min(sides) > 0 and max(sides) <= side:
                break
        left, top, right, bottom = _placed((side, side), sides, rng.random(2))
        x, y = square[:2]
        return Cut(square, (x + left, y + top, x + right, y + bottom), sides, angle, shear)

    def cut(self, picture: Image.Image, cut: Cut, size: int) -> Image.Image:
        """The crop, ``size`` pixels a side; black where turning has left nothing."""
        side = int(MARGIN * size)
        first = round((side - size) / 2)
        enlarged = picture.crop(cut.box).resize((side, side), Image.Resampling.BICUBIC)
        if not (cut.angle or cut.shear):
            return enlarged.crop((first, first, first + size, first + size))
        turn = _inverse(cut.angle, cut.shear)
        return _transformed(enlarged, turn, (size, size), (first + size / 2 - side / 2,) * 2)


class Paper:
    """A crop at an angle, which lies within the picture, and is flipped half of the time."""

    least_area, degrees = 1e-3, 35.0

    def draw(self, size: tuple[int, int], augment: Collection[str], rng: np.random.Generator) -> Cut:
        """As of ``Released``; the flip belongs to ``scale``."""
        numbers = rng.random(DRAWN)
        angle = (2 * numbers[2] - 1) * self.degrees * ("rotation" in augment)
        picture, area = (0, 0, *size), size[0] * size[1]
        if "scale" not in augment:
            side = math.floor(min(size) / sum(_directions(angle)))
            return Cut(picture, _placed(size, _extent((side, side), angle), (0.5, 0.5)), (side, side), angle)
        # No larger one fits, so this leaves the distribution of those that do as it is.
        largest = min(area, math.exp(LOG_ASPECT) * min(size) ** 2)
        while True:
            sides = _sides(rng, self.least_area * area, largest)
            extent = _extent(sides, angle)
            if min(sides) > 0 and extent[0] <= size[0] and extent[1] <= size[1]:
                break
        box = _placed(size, extent, numbers[:2])
        return Cut(picture, box, sides, angle, flipped=bool(numbers[4] < 0.5))

    def cut(self, picture: Image.Image, cut: Cut, size: int) -> Image.Image:
        """The crop, ``size`` pixels a side."""
        part = picture.crop(cut.box)
        if cut.angle:
            part = _transformed(part, _inverse(cut.angle, 0), cut.sides, (0, 0))
        crop = part.resize((size, size), Image.Resampling.BICUBIC)
        return crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if cut.flipped else crop


PRESETS = {"released": Released(), "paper": Paper()}


def _sides(rng: np.random.Generator, least: float, largest: float) -> tuple[int, int]:
    """Width and height of a crop of uniform area; the logarithm of the aspect is uniform."""
    area, log_aspect = rng.random(2) * (largest - least, 2 * LOG_ASPECT) + (least, -LOG_ASPECT)
    aspect = math.exp(log_aspect)
    return round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))


def _placed(size: tuple[int, int], sides: tuple[int, int], at: Collection[float]) -> Rectangle:
    """A rectangle with these sides within ``size``; ``at`` in 0..1 across and down."""
    left, top = (
        math.floor(share * (room - side + 1)) for room, side, share in zip(size, sides, at, strict=True)
    )
    return left, top, left + sides[0], top + sides[1]


def _directions(angle: float) -> tuple[float, float]:
    return abs(math.cos(math.radians(angle))), abs(math.sin(math.radians(angle)))


def _extent(sides: tuple[int, int], angle: float) -> tuple[int, int]:
    """Width and height of the upright rectangle around one at an angle."""
    along, across = _directions(angle)
    width, height = sides
    return math.ceil(width * along + height * across), math.ceil(width * across + height * along)


def _inverse(angle: float, shear: float) -> tuple[float, float, float, float]:
    """From a turned and sheared picture back to the picture: rows of a matrix [2, 2]."""
    turn, slant = math.radians(angle), math.tan(math.radians(shear))
    cosine, sine = math.cos(turn), math.sin(turn)
    return cosine - sine * slant, cosine * slant + sine, -sine, cosine


def _transformed(
    picture: Image.Image,
    inverse: tuple[float, float, float, float],
    size: tuple[int, int],
    offset: tuple[float, float],
) -> Image.Image:
    """What ``size`` pixels show of a picture that is transformed about its centre.

    Args:
        offset: of their centre from the picture's.
    """
    a, b, c, d = inverse
    x, y = offset[0] - size[0] / 2, offset[1] - size[1] / 2
    centre = picture.width / 2, picture.height / 2
    matrix = (a, b, centre[0] + a * x + b * y, c, d, centre[1] + c * x + d * y)
    return picture.transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
