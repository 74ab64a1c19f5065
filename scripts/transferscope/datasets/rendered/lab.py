"""Mean and spread of pictures in LAB (D65), by which networks of Newell and Deng normalise their input."""

import numpy as np
from skimage.color import rgb2lab

BLOCK = 100  # pictures at a time, to bound memory


def moments(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation [3] of L, a and b over all pixels of sRGB pictures, uint8 [N, H, W, 3].

    Newell and Deng, CVPR 2020; their code, render/preprocess_data.py.
    """
    total, squares = np.zeros(3), np.zeros(3)
    for start in range(0, len(rgb), BLOCK):
        pixels = rgb2lab(rgb[start : start + BLOCK]).reshape(-1, 3)
        total += pixels.sum(axis=0)
        squares += (pixels**2).sum(axis=0)
    mean = total / (rgb.size / 3)
    return mean, np.sqrt(squares / (rgb.size / 3) - mean**2)
