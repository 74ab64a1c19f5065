"""Occlusion saliency: change of the features when a part of the image is covered.

Ericsson et al. (CVPR 2021, section 4.8 and Appendix A.3): a 10 x 10 occluder at every position of a 242 x 242
image, i.e. 54,289 passes; a pixel's attention is the mean over the occluders that cover it. Occluded pixels
are zero in the normalised image.
"""

import math
from collections.abc import Iterable, Iterator
from itertools import product

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from transferscope.protocols.folding import fold_batch_norms
from transferscope.protocols.saliency.windows import Tape, Windowed

# Maximum distance in pixels between the first and last occluder of a tile. Occluders of a tile share their
# windows, which widens them by about one cell of the deep layers: little extra work for a simple batch.
TILE = 16


class Occlusion:
    """Occlusion errors of a network for one image.

    Args:
        network: maps images [B, 3, R, R] to features [B, D], in eval mode.
        image: normalised, float32 [1, 3, R, R], on the network's device.
        occluder: side of the occluder in pixels.
        stride: distance of neighbouring positions in pixels.
        batch_size: maximum number of occluders per pass.
    """

    def __init__(self, network: nn.Module, image: Tensor, *, occluder: int, stride: int, batch_size: int):
        self.network = network.to(memory_format=torch.channels_last)
        self.image = image.contiguous(memory_format=torch.channels_last)
        self.occluder = occluder
        self.batch_size = batch_size
        self.positions = occluder_positions(image.shape[2], occluder, stride)
        side = min(math.isqrt(batch_size), 1 + TILE // stride)
        self.tiles = [self.positions[start : start + side] for start in range(0, len(self.positions), side)]
        self._folded = fold_batch_norms(self.network, self.image)
        with torch.inference_mode():
            self._clean = self._folded(self.image)
        self._tape = Tape()

    def bands(self, done: int = 0) -> Iterator[np.ndarray]:
        """Yield the errors at all positions in bands of rows, float64 [rows of the band, P].

        Concatenated bands are [P, P], where P is the number of ``positions``. The first ``done`` bands, known
        from an earlier run, are skipped.
        """
        for rows in self.tiles[done:]:
            yield np.concatenate([self.errors(rows, columns) for columns in self.tiles], axis=1)

    @torch.inference_mode()
    def errors(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Feature errors at all pairs of neighbouring ``rows`` and ``columns``, float64 [r, c].

        Computes only the activations that the occluders can change, see ``windows``.
        """
        found = feature_error(self._folded(self._occlude(rows, columns)), self._clean)
        return found.reshape(len(rows), len(columns)).cpu().numpy()

    @torch.inference_mode()
    def naive(self, corners: list[tuple[int, int]]) -> np.ndarray:
        """Reference: errors float64 [N] by full passes with an occluder at each (row, column)."""
        clean, found = self.network(self.image), []
        for start in range(0, len(corners), self.batch_size):
            part = corners[start : start + self.batch_size]
            batch = self.image.repeat(len(part), 1, 1, 1).contiguous(memory_format=torch.channels_last)
            self._cover(batch, part)
            found.append(feature_error(self.network(batch), clean).cpu().numpy())
        return np.concatenate(found)

    def check(self) -> float:
        """Maximum difference to full passes, along the diagonal of the central tile.

        Raises:
            RuntimeError: the difference exceeds rounding errors, so a rule of ``windows`` is wrong.
        """
        found = self.errors(self._central_tile, self._central_tile).diagonal()
        expected = self.naive([(position, position) for position in self._central_tile])
        if not np.allclose(found, expected, rtol=1e-3, atol=1e-5):
            raise RuntimeError(f"windows give the errors {found} where whole passes give {expected}")
        return float(np.abs(found - expected).max())

    @torch.inference_mode()
    def flop_fraction(self) -> float:
        """Fraction of the naive loop's multiply-adds that is computed, at the centre of the image."""
        self.errors(self._central_tile, self._central_tile)  # records the clean activations on the tape
        with FlopCounterMode(display=False) as ours:
            self._folded(self._occlude(self._central_tile, self._central_tile))
        with FlopCounterMode(display=False) as whole:
            self._folded(self.image)
        return ours.get_total_flops() / (len(self._central_tile) ** 2 * whole.get_total_flops())

    @property
    def _central_tile(self) -> np.ndarray:
        return self.tiles[len(self.tiles) // 2]

    def _occlude(self, rows: np.ndarray, columns: np.ndarray) -> Windowed:
        """Images with an occluder at every pair of ``rows`` and ``columns``, row-major."""
        top, left = int(rows[0]), int(columns[0])
        bottom, right = int(rows[-1]) + self.occluder, int(columns[-1]) + self.occluder
        window = self.image[:, :, top:bottom, left:right].repeat(len(rows) * len(columns), 1, 1, 1)
        self._cover(window, product(rows - top, columns - left))
        window = window.contiguous(memory_format=torch.channels_last)
        return Windowed(self.image, window, (top, bottom), (left, right), self._tape.rewind())

    def _cover(self, batch: Tensor, corners: Iterable[tuple[int, int]]) -> None:
        for picture, (row, column) in zip(batch, corners, strict=True):
            picture[:, row : row + self.occluder, column : column + self.occluder] = 0


def occluder_positions(resolution: int, occluder: int, stride: int) -> np.ndarray:
    """Ascending positions of the occluder's first row (or column): every ``stride`` pixels, and the last."""
    last = resolution - occluder
    return np.append(np.arange(0, last, stride), last)


def feature_error(features: Tensor, clean: Tensor) -> Tensor:
    """Root relative squared error sqrt(sum (f - c)^2 / sum (c - mean c)^2), float64 [B].

    ``features`` f is [B, D], ``clean`` c is [1, D].
    """
    features, clean = features.double(), clean.double()
    return ((features - clean).square().sum(1) / (clean - clean.mean()).square().sum()).sqrt()
