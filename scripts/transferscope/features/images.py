"""Image preprocessing for networks."""

import numpy as np
import torch
from PIL import Image

INTERPOLATIONS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}

# A panorama's long side may be thousands of its short one: this many resized pixels take 270 MB.
_MOST_RESIZED = 2**26


def resize_and_crop(
    image: Image.Image,
    resolution: int,
    *,
    shorter_side: int | None = None,
    squash: bool = False,
    interpolation: str = "bicubic",
) -> Image.Image:
    """Resize the shorter side to ``resolution`` (bicubic), then crop the centre square.

    Ericsson et al. 2021, Appendix A.2; to the pixel what torchvision's ``Resize`` and ``CenterCrop`` give, as
    in the authors' code: the long side is truncated, the crop's offset rounded (half to even). No
    augmentation.

    Args:
        shorter_side: in pixels, after resizing; at least ``resolution``, which it is if not given.
        squash: make both sides as long as the shorter one.
        interpolation: one of ``INTERPOLATIONS``.
    """
    shorter_side = shorter_side or resolution
    short, long = sorted(image.size)
    longer_side = shorter_side if squash else int(shorter_side * long / short)
    size = (longer_side, shorter_side) if image.width > image.height else (shorter_side, longer_side)
    left, top = (round((side - resolution) / 2) for side in size)
    box = (left, top, left + resolution, top + resolution)
    method = INTERPOLATIONS[interpolation]
    if longer_side * shorter_side > _MOST_RESIZED:
        scale = short / shorter_side
        return image.resize((resolution, resolution), method, box=tuple(scale * edge for edge in box))
    return image.resize(size, method).crop(box)


def to_uint8(image: Image.Image) -> torch.Tensor:
    """Convert an RGB image to uint8 [3, H, W]: a quarter of float32's size for inter-process transfer."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def normalise(batch: torch.Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> torch.Tensor:
    """Normalise uint8 [B, 3, H, W] to float32 ``(x / 255 - mean) / std`` on the batch's device."""
    mean_, std_ = (torch.tensor(values, device=batch.device).view(1, 3, 1, 1) for values in (mean, std))
    return (batch.float() / 255 - mean_) / std_
