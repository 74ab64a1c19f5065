"""Image preprocessing for networks."""

import numpy as np
import torch
from PIL import Image


def resize_and_crop(image: Image.Image, resolution: int) -> Image.Image:
    """Resize the shorter side to ``resolution`` (bicubic), then crop the centre square.

    Ericsson et al. 2021, Appendix A.2. No augmentation.
    """
    width, height = image.size
    scale = resolution / min(width, height)
    width, height = max(resolution, round(width * scale)), max(resolution, round(height * scale))
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - resolution) // 2, (height - resolution) // 2
    return image.crop((left, top, left + resolution, top + resolution))


def to_uint8(image: Image.Image) -> torch.Tensor:
    """Convert an RGB image to uint8 [3, H, W]: a quarter of float32's size for inter-process transfer."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def normalise(batch: torch.Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> torch.Tensor:
    """Normalise uint8 [B, 3, H, W] to float32 ``(x / 255 - mean) / std`` on the batch's device."""
    mean_, std_ = (torch.tensor(values, device=batch.device).view(1, 3, 1, 1) for values in (mean, std))
    return (batch.float() / 255 - mean_) / std_
