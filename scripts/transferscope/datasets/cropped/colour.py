"""Changes of brightness, contrast, saturation and hue, of many crops at a time, as Pillow makes them."""

import itertools
from collections.abc import Callable

import numpy as np
from PIL import Image

DRAWN = 6  # numbers an image
SHARE = 0.5  # of the images that are changed
LOWEST = np.array([0.6, 0.6, 0.6, -0.1])
HIGHEST = np.array([1.4, 1.4, 1.4, 0.1])
"""Factors of the first three, and the shift of the hue in turns (their code, make_dataset_single.py)."""
ORDERS = np.array(list(itertools.permutations(range(4))))


def jitter(images: np.ndarray, numbers: np.ndarray) -> None:
    """Change the colours of images uint8 [n, S, S, 3] in place, each by its numbers [n, DRAWN] in 0..1.

    As ``torchvision.transforms.ColorJitter`` does with pictures of Pillow, to the last bit.
    """
    changed = numbers[:, 0] < SHARE
    order = ORDERS[(numbers[:, 1] * len(ORDERS)).astype(int)]
    strength = (LOWEST + numbers[:, 2:] * (HIGHEST - LOWEST)).astype(np.float32)
    for turn, (which, change) in itertools.product(range(4), enumerate(CHANGES)):
        chosen = np.flatnonzero(changed & (order[:, turn] == which))
        if len(chosen):
            images[chosen] = change(images[chosen], strength[chosen, which])


def brightness(images: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Away from black, or towards it; arguments as for each change: uint8 [n, S, S, 3] and float32 [n]."""
    return _blend(np.float32(0), images, factors)


def contrast(images: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Away from the mean grey of each image, or towards it."""
    mean = np.floor(_grey(images).mean(axis=(1, 2)) + 0.5)
    return _blend(mean.astype(np.float32)[:, None, None, None], images, factors)


def saturation(images: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Away from the grey of each pixel, or towards it."""
    return _blend(_grey(images).astype(np.float32)[..., None], images, factors)


def hue(images: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Turn the hue by ``shifts``, in turns."""
    together = _together(images)
    colours = np.array(together.convert("HSV")).reshape(images.shape)
    steps = np.trunc(shifts.astype(np.float64) * 255).astype(np.int64).astype(np.uint8)
    colours[..., 0] += steps[:, None, None]
    turned = Image.frombytes("HSV", together.size, colours.tobytes()).convert("RGB")
    return np.asarray(turned).reshape(images.shape)


CHANGES: tuple[Callable[[np.ndarray, np.ndarray], np.ndarray], ...] = (brightness, contrast, saturation, hue)


def _together(images: np.ndarray) -> Image.Image:
    """All images, one below the other."""
    return Image.fromarray(images.reshape(-1, *images.shape[2:]))


def _grey(images: np.ndarray) -> np.ndarray:
    """The luma of each pixel, uint8 [n, S, S]."""
    return np.asarray(_together(images).convert("L")).reshape(images.shape[:3])


def _blend(far: np.ndarray, images: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """``factors`` [n] of the way from ``far`` to the images, cut off at 0 and 255, rounded down."""
    values = images.astype(np.float32)
    values -= far
    values *= factors[:, None, None, None]
    values += far
    return np.clip(values, 0, 255, out=values).astype(np.uint8)
