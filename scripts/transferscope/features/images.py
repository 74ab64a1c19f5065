"""Image preprocessing for networks."""

import numpy as np
import torch
from PIL import Image

# A panorama's long side may be thousands of its short one: this many resized pixels take 200 MB.
_MOST_RESIZED = 2**26


def resize_and_crop(image: Image.Image, resolution: int) -> Image.Image:
    """Resize the shorter side to ``resolution`` (bicubic), then crop the centre square.

    Ericsson et al. 2021, Appendix A.2; to the pixel what torchvision's ``Resize`` and ``CenterCrop`` give, as
    in the authors' code: the long side is truncated, the crop's offset rounded (half to even). No
    augmentation.
    """
    short, long = sorted(image.size)
    long_resized = int(resolution * long / short)
    size = (long_resized, resolution) if image.width > image.height else (resolution, long_resized)
    left, top = (round((side - resolution) / 2) for side in size)
    box = (left, top, left + resolution, top + resolution)
    if long_resized * resolution > _MOST_RESIZED:
        scale = short / resolution
        return image.resize(
            (resolution, resolution), Image.Resampling.BICUBIC, box=tuple(scale * edge for edge in box)
        )
    return image.resize(size, Image.Resampling.BICUBIC).crop(box)


def to_uint8(image: Image.Image) -> torch.Tensor:
    """Convert an RGB image to uint8 [3, H, W]: a quarter of float32's size for inter-process transfer."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def normalise(batch: torch.Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> torch.Tensor:
    """Normalise uint8 [B, 3, H, W] to float32 ``(x / 255 - mean) / std`` on the batch's device."""
    mean_, std_ = (torch.tensor(values, device=batch.device).view(1, 3, 1, 1) for values in (mean, std))
    return (batch.float() / 255 - mean_) / std_
