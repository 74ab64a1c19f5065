"""Parts of surface normals: a codebook of directions, predictions, angular errors in bounded memory.

Normals are unit vectors [..., 3]; NaN where a pixel has none. Ericsson et al. (CVPR 2021, section 4.4) follow
Wang et al. (CVPR 2015) and Goyal et al. (ICCV 2019): each pixel is classified among 40 directions, and the
prediction is their mean weighted by the probabilities.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.cluster import KMeans
from torch import Tensor

from transferscope.datasets.dense import IGNORED, DenseSamples

CODES = 40
SAMPLE = 200_000  # pixels that the codebook is fitted to
BINS = 1 << 20  # of angular error in 0..180 degrees


def fit_codebook(maps: Iterable[np.ndarray], count: int, *, seed: int, codes: int = CODES) -> np.ndarray:
    """Directions [codes, 3] that stand for the normals of ``count`` maps [H, W, 3], by k-means.

    As many pixels are drawn from each map, so that the work does not grow with the number of maps.
    """
    rng = np.random.default_rng(seed)
    drawn = []
    for normals in maps:
        pixels = normals[np.isfinite(normals).all(axis=-1)]
        size = min(len(pixels), -(-SAMPLE // count))
        drawn.append(rng.choice(pixels, size, replace=False) if size else pixels)
    centres = KMeans(codes, n_init=1, random_state=seed).fit(np.concatenate(drawn)).cluster_centers_
    return (centres / np.linalg.norm(centres, axis=1, keepdims=True)).astype(np.float32)


def encode(normals: np.ndarray, codebook: np.ndarray) -> np.ndarray:
    """The nearest direction of each pixel: uint8 [H, W], IGNORED where there is no normal."""
    nearest = (normals @ codebook.T).argmax(axis=-1).astype(np.uint8)
    nearest[~np.isfinite(normals).all(axis=-1)] = IGNORED
    return nearest


@dataclass(frozen=True, eq=False)
class Encoded:
    """A sample's index to the nearest direction of each pixel, uint8 [H, W], in ``codebook`` [codes, 3]."""

    samples: DenseSamples
    codebook: np.ndarray

    def __call__(self, index: int) -> np.ndarray:
        return encode(self.samples.target(index), self.codebook)


@dataclass(frozen=True)
class Decode:
    """Unit normals [H, W, 3] from logits [1, codes, H, W]: the mean direction under the mean probability."""

    codebook: Tensor

    def __call__(self, outputs: Iterable[Tensor]) -> Tensor:
        probability = sum(logits[0].softmax(0) for logits in outputs)
        directions = torch.einsum("chw,cd->hwd", probability, self.codebook.to(probability.device))
        return torch.nn.functional.normalize(directions, dim=-1)


def unit(outputs: Iterable[Tensor]) -> Tensor:
    """Unit normals [H, W, 3] from directions [1, 3, H, W], which are added."""
    return torch.nn.functional.normalize(sum(outputs)[0].permute(1, 2, 0), dim=-1)


def mean_direction(maps: Iterable[np.ndarray]) -> np.ndarray:
    """The direction [3] of the mean of all normals: the constant baseline prediction."""
    total = sum(np.nansum(normals.reshape(-1, 3), axis=0, dtype=np.float64) for normals in maps)
    return (total / np.linalg.norm(total)).astype(np.float32)


def angles(predicted: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Angular errors in degrees [P], of the pixels that have a normal; both are [..., 3], unit vectors."""
    valid = np.isfinite(normals).all(axis=-1)
    cosine = np.einsum("pd,pd->p", predicted[valid].astype(np.float64), normals[valid].astype(np.float64))
    return np.degrees(np.arccos(cosine.clip(-1, 1)))


class AngularErrors:
    """Statistics of any number of angular errors, in 8 MB.

    Means and shares are exact. The median comes from a histogram of 2^20 bins, so it is off by at most
    0.0001 degrees.
    """

    thresholds = (11.25, 22.5, 30.0)

    def __init__(self):
        self.histogram = np.zeros(BINS, dtype=np.int64)
        self.total = 0.0
        self.within = np.zeros(len(self.thresholds), dtype=np.int64)

    def add(self, errors: np.ndarray) -> None:
        """Count errors in degrees [P]."""
        bins = np.minimum((errors * (BINS / 180)).astype(np.int64), BINS - 1)
        # Not bincount, whose result is as long as all bins for however few errors.
        np.add.at(self.histogram, bins, 1)
        self.total += errors.sum(dtype=np.float64)
        self.within += [np.count_nonzero(errors < threshold) for threshold in self.thresholds]

    def metrics(self) -> dict[str, float]:
        """``mean_angle_deg``, ``median_angle_deg``, and ``within_11.25`` ... in percent."""
        count = int(self.histogram.sum())
        # The mean of the two middle errors, as numpy.median has it.
        middle = np.searchsorted(self.histogram.cumsum(), [(count - 1) // 2, count // 2], side="right")
        found = {
            "mean_angle_deg": self.total / count,
            "median_angle_deg": float((middle.mean() + 0.5) * 180 / BINS),
        }
        for threshold, within in zip(self.thresholds, self.within, strict=True):
            found[f"within_{threshold:g}"] = 100 * int(within) / count
        return found


class NormalsScore:
    """Angular errors of predicted normals float32 [H, W, 3]."""

    def __init__(self):
        self.errors = AngularErrors()

    def add(self, predicted: np.ndarray, truth: np.ndarray) -> None:
        self.errors.add(angles(predicted, truth))

    def metrics(self) -> dict[str, float]:
        """See ``AngularErrors.metrics``."""
        return self.errors.metrics()
