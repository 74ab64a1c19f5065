"""Random changes of batches of normalised images, each image by draws of its own.

Of Newell and Deng (CVPR 2020; their code, util/augment.py), in which 0 is the mean colour, so that what is
padded or cut out has it. They deal a shuffled block of images into at most 500 groups with the same draws;
the draws here are independent, with the same marginals. Beside theirs stand a resized crop and a blur, for
methods on views that differ more.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

JITTERED, GREY, SPREAD = 0.8, 0.25, 0.25
MARGIN = 8  # the side over what a crop may be shifted by
HOLE = 4  # the side over that of what is cut out
AREA, ASPECT = (0.2, 1.0), (3 / 4, 4 / 3)  # of a resized crop
BLURRED, SIGMA = 0.5, (0.1, 2.0)


@dataclass(frozen=True)
class Augmentation:
    """What is changed in a batch.

    Attributes:
        jitter: each channel of 80 % of the images times 2 ** (0.25 g) and plus 0.25 g', with normal g and g'.
        greyscale: all channels of 25 % of the images become their mean.
        flip: left and right of half of the images exchanged.
        crop: shifted by up to an eighth of the side; one draw in five is no shift.
        cutout: a square of a quarter of the side set to 0.
        resized_crop: a rectangle of a share of the ``area`` and of 3:4 to 4:3 enlarged to the whole (He et
            al., CVPR 2020, their code); both sides at most the image's.
        blur: half of the images blurred by a Gaussian of 0.1 to 2 pixels, cut off at a twentieth of the side
            (Chen et al., ICML 2020, appendix A).
        area: the least and the greatest share.
    """

    jitter: bool = True
    greyscale: bool = True
    flip: bool = True
    crop: bool = True
    cutout: bool = True
    resized_crop: bool = False
    blur: bool = False
    area: tuple[float, float] = AREA

    def __call__(
        self, images: Tensor, generator: torch.Generator, target: Tensor | None = None, *, views: int = 1
    ) -> tuple[Tensor, Tensor | None, Tensor]:
        """Change a batch, and a label for every pixel along with it.

        Args:
            images: float [N, C, S, S], normalised.
            generator: on the images' device.
            target: [N, S, S]; moved with its image, and 0 beside it.
            views: of each image, which share the flip and nothing else.

        Returns:
            Images [views x N, C, S, S], view by view; targets likewise, or None; and whether each was
            flipped, bool [views x N].
        """
        draw = _Draw(len(images), images.device, generator)
        flipped = draw.chance(0.5) if self.flip else draw.never()
        images = torch.where(flipped[:, None, None, None], images.flip(-1), images).repeat(views, 1, 1, 1)
        if target is not None:
            target = torch.where(flipped[:, None, None], target.flip(-1), target).repeat(views, 1, 1)
        draw = _Draw(len(images), images.device, generator)
        if self.resized_crop:
            grid = _rectangles(images.shape[-1], self.area, draw)
            images = nn.functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
            if target is not None:
                target = _nearest(target, grid)
        if self.jitter:
            images = _jitter(images, draw)
        if self.greyscale:
            images = torch.where(draw.chance(GREY)[:, None, None, None], images.mean(1, keepdim=True), images)
        if self.blur:
            images = torch.where(draw.chance(BLURRED)[:, None, None, None], _blurred(images, draw), images)
        if self.crop:
            rows, columns = _shifts(images.shape[-1] // MARGIN, draw)
            images = _shifted(images, rows, columns)
            if target is not None:
                target = _shifted(target[:, None], rows, columns)[:, 0]
        if self.cutout:
            images = _cut_out(images, draw)
        return images, target, flipped.repeat(views)


NONE = Augmentation(jitter=False, greyscale=False, flip=False, crop=False, cutout=False)
"""Nothing is changed."""


class _Draw:
    """Draws for each of some images."""

    def __init__(self, count: int, device: torch.device, generator: torch.Generator):
        self.count, self.of = count, {"device": device, "generator": generator}

    def chance(self, share: float) -> Tensor:
        return torch.rand(self.count, **self.of) < share

    def never(self) -> Tensor:
        return torch.zeros(self.count, dtype=torch.bool, device=self.of["device"])

    def below(self, count: int) -> Tensor:
        return torch.randint(count, (self.count,), **self.of)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(self.count, *shape, **self.of)

    def between(self, low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(self.count, **self.of)


def _rectangles(side: int, shares: tuple[float, float], draw: _Draw) -> Tensor:
    """Where the pixels [N, S, S, 2] of resized crops lie in their images, as ``grid_sample`` takes it."""
    area, aspect = draw.between(*shares), draw.between(*map(math.log, ASPECT)).exp()
    width, height = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)
    column, row = (1 - width) * draw.between(-1, 1), (1 - height) * draw.between(-1, 1)
    none = torch.zeros_like(area)
    corners = torch.stack([width, none, column, none, height, row], 1).view(-1, 2, 3)
    return nn.functional.affine_grid(corners, [len(area), 1, side, side], align_corners=False)


def _nearest(target: Tensor, grid: Tensor) -> Tensor:
    moved = nn.functional.grid_sample(
        target[:, None].double(), grid.double(), mode="nearest", align_corners=False
    )
    return moved[:, 0].to(target.dtype)


def _jitter(images: Tensor, draw: _Draw) -> Tensor:
    shape = (images.shape[1], 1, 1)
    factor, summand = 2 ** (SPREAD * draw.normal(*shape)), SPREAD * draw.normal(*shape)
    jittered = draw.chance(JITTERED)[:, None, None, None]
    return images * torch.where(jittered, factor, 1) + jittered * summand


def _shifts(margin: int, draw: _Draw) -> tuple[Tensor, Tensor]:
    """Shifts from 0 to twice the margin, which itself is none; a fifth of the choices are no shift."""
    side = 2 * margin + 1
    choice = draw.below(side**2 + side**2 // 4)
    still = choice >= side**2
    return torch.where(still, margin, choice // side), torch.where(still, margin, choice % side)


def _shifted(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Images [N, C, S, S] cut out of themselves with a margin of zeros."""
    side = images.shape[-1]
    padded = nn.functional.pad(images, [side // MARGIN] * 4)
    windows = padded.unfold(2, side, 1).unfold(3, side, 1)
    return windows[torch.arange(len(images), device=images.device), :, rows, columns]


def _cut_out(images: Tensor, draw: _Draw) -> Tensor:
    side = images.shape[-1]
    hole = side // HOLE
    place = torch.arange(side, device=images.device)
    within = [
        (place >= start[:, None]) & (place < start[:, None] + hole)
        for start in (draw.below(side - hole + 1), draw.below(side - hole + 1))
    ]
    return images.masked_fill((within[0][:, :, None] & within[1][:, None, :])[:, None], 0)


def _blurred(images: Tensor, draw: _Draw) -> Tensor:
    side, radius = images.shape[-1], max(1, images.shape[-1] // 20)
    offset = torch.arange(-radius, radius + 1, device=images.device)
    weights = (-((offset / draw.between(*SIGMA)[:, None]) ** 2) / 2).softmax(1)[:, :, None, None, None]
    padded = nn.functional.pad(images, [radius] * 4, mode="reflect")
    rows = sum(weights[:, place] * padded[:, :, place : place + side] for place in range(len(offset)))
    return sum(weights[:, place] * rows[..., place : place + side] for place in range(len(offset)))
