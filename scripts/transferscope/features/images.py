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
    short = min(image.size)
    size, (left, top) = _placed(image.size, resolution, shorter_side, squash)
    box = (left, top, left + resolution, top + resolution)
    method = INTERPOLATIONS[interpolation]
    if size[0] * size[1] > _MOST_RESIZED:
        scale = short / shorter_side
        return image.resize((resolution, resolution), method, box=tuple(scale * edge for edge in box))
    return image.resize(size, method).crop(box)


def crop_labels(labels: np.ndarray, resolution: int) -> np.ndarray:
    """A label for every pixel [H, W] as ``resize_and_crop`` places the picture, each the nearest."""
    height, width = labels.shape
    (columns, rows), (left, top) = _placed((width, height), resolution, resolution, squash=False)
    place = np.arange(resolution) + 0.5
    row = ((top + place) * height / rows).astype(int)
    column = ((left + place) * width / columns).astype(int)
    return labels[row][:, column]


def _placed(
    size: tuple[int, int], resolution: int, shorter_side: int, squash: bool
) -> tuple[tuple[int, int], tuple[int, int]]:
    """The size to which a picture (width, height) is resized, and the left upper corner of its crop."""
    short, long = sorted(size)
    longer_side = shorter_side if squash else int(shorter_side * long / short)
    resized = (longer_side, shorter_side) if size[0] > size[1] else (shorter_side, longer_side)
    left, top = (round((side - resolution) / 2) for side in resized)
    return resized, (left, top)


def to_uint8(image: Image.Image) -> torch.Tensor:
    """Convert an RGB image to uint8 [3, H, W]: a quarter of float32's size for inter-process transfer."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def normalise(batch: torch.Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> torch.Tensor:
    """Normalise uint8 [B, 3, H, W] to float32 ``(x / 255 - mean) / std`` on the batch's device."""
    mean_, std_ = (torch.tensor(values, device=batch.device).view(1, 3, 1, 1) for values in (mean, std))
    return (batch.float() / 255 - mean_) / std_
