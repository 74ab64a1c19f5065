"""Tileable grey textures with mipmaps: three photographs and procedural patterns.

Texture values 0..1 interpolate between a surface's dark and light colour. The photographs (brick, grass,
gravel; CC0) are part of the scikit-image package, so nothing is downloaded.
"""

from functools import cache

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage import data

TEXELS = 256  # side of a tile
LEVELS = 7  # 256, 128, ..., 4 texels
STARTS = np.cumsum([0] + [(TEXELS >> level) ** 2 for level in range(LEVELS - 1)])
"""Where each level of a pyramid begins."""


def _photograph(name: str) -> np.ndarray:
    """A photograph made tileable by mirroring, with grey levels stretched to 0..1."""
    photograph = getattr(data, name)().astype(float)
    quarter = photograph.reshape(TEXELS // 2, -1, TEXELS // 2, photograph.shape[1] // (TEXELS // 2)).mean(
        (1, 3)
    )
    low, high = np.percentile(quarter, [2, 98])
    grey = np.clip((quarter - low) / (high - low), 0.0, 1.0)
    half = np.concatenate([grey, grey[::-1]])
    return np.concatenate([half, half[:, ::-1]], axis=1)


def _noise(sigma: float, seed: int) -> np.ndarray:
    """Tileable smooth noise with uniformly distributed values in 0..1."""
    field = np.random.default_rng(seed).normal(size=(TEXELS, TEXELS))
    smooth = gaussian_filter(field, sigma, mode="wrap")
    ranks = smooth.ravel().argsort().argsort().reshape(smooth.shape)
    return ranks / (ranks.size - 1)


def _grid() -> tuple[np.ndarray, np.ndarray]:
    """Texel coordinates (u, v) in 0..1."""
    v, u = (np.mgrid[:TEXELS, :TEXELS] + 0.5) / TEXELS
    return u, v


def _checker() -> np.ndarray:
    u, v = _grid()
    return (np.floor(8 * u) + np.floor(8 * v)) % 2


def _stripes() -> np.ndarray:
    u, _ = _grid()
    return np.floor(12 * u) % 2


def _dots() -> np.ndarray:
    u, v = _grid()
    return (np.hypot((6 * u) % 1 - 0.5, (6 * v) % 1 - 0.5) > 0.3).astype(float)


def _wood() -> np.ndarray:
    """Wavy wood grain along u."""
    _, v = _grid()
    waver = gaussian_filter(np.random.default_rng(3).normal(size=(TEXELS, TEXELS)), (6, 40), mode="wrap")
    return 0.5 + 0.5 * np.sin(2 * np.pi * (10 * v + 1.2 * waver / np.abs(waver).max()))


def _clouds() -> np.ndarray:
    return (4 * _noise(24, 0) + 2 * _noise(10, 1) + _noise(4, 2)) / 7


TEXTURES = {
    "plain": lambda: np.ones((TEXELS, TEXELS)),
    "brick": lambda: _photograph("brick"),
    "grass": lambda: _photograph("grass"),
    "gravel": lambda: _photograph("gravel"),
    "checker": _checker,
    "stripes": _stripes,
    "dots": _dots,
    "wood": _wood,
    "clouds": _clouds,
    "speckle": lambda: _noise(1.5, 4),
}
NAMES = list(TEXTURES)


@cache
def pyramids() -> np.ndarray:
    """Mipmaps of all textures, uint8 [T, P], as in ``pyramid``."""
    return np.round(255 * np.stack([pyramid(draw()) for draw in TEXTURES.values()])).astype(np.uint8)


def pyramid(tile: np.ndarray) -> np.ndarray:
    """Mipmaps of a tile [TEXELS, TEXELS, ...]: [P, ...], its LEVELS one after the other, row by row.

    Each level averages 2 x 2 texels of the previous one.
    """
    levels = [tile]
    for _ in range(LEVELS - 1):
        side = len(levels[-1]) // 2
        levels.append(levels[-1].reshape(side, 2, side, 2, *tile.shape[2:]).mean(axis=(1, 3)))
    return np.concatenate([level.reshape(-1, *tile.shape[2:]) for level in levels])


def texels(uv: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Which texels of a ``pyramid`` lie at points, int [N].

    ``uv`` [N, 2] are unbounded coordinates in tiles; ``level`` [N] is the mipmap level, clipped and rounded
    down.
    """
    level = np.clip(level, 0, LEVELS - 1).astype(np.int32)
    side = TEXELS >> level
    column, row = ((uv - np.floor(uv)) * side[:, None]).astype(np.int32).T
    # A coordinate just below an integer may be rounded up to it.
    return STARTS[level] + np.minimum(row, side - 1) * side + np.minimum(column, side - 1)


def sample(texture: np.ndarray, uv: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Sample textures at points: values 0..1, float32 [N].

    ``texture`` [N] are indices into NAMES; ``uv`` and ``level`` are as for ``texels``.
    """
    return pyramids()[texture, texels(uv, level)] * np.float32(1 / 255)
