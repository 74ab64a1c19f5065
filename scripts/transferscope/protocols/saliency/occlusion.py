"""Occlusion saliency: how far the features move when an occluder covers a part of the picture.

Ericsson et al. (CVPR 2021, section 4.8 and Appendix A.3): a 10 x 10 occluder at every position of a 242 x 242
picture, 54,289 passes; a pixel's attention is the mean over the occluders that cover it. An occluder is the
normalised picture's zero.
"""

import math
from collections.abc import Iterable, Iterator
from itertools import product

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from transferscope.protocols.saliency.folding import fold_batch_norms
from transferscope.protocols.saliency.windows import Tape, Windowed

# Most pixels from a tile's first occluder to its last. The occluders of a tile share their windows, which
# widens these by about one cell of the deep layers: little more work, and a batch without any bookkeeping.
TILE = 16


class Occlusion:
    """A network, a picture, and an occluder that visits the picture's positions.

    Args:
        network: pictures [B, 3, R, R] to features [B, D], in eval mode.
        image: normalised, float32 [1, 3, R, R], on the network's device.
        occluder: its side in pixels.
        stride: pixels from a position to the next; 1 visits every one.
        batch_size: the most occluders in a pass.
    """

    def __init__(self, network: nn.Module, image: Tensor, *, occluder: int, stride: int, batch_size: int):
        self.network = network.to(memory_format=torch.channels_last)
        self.image = image.contiguous(memory_format=torch.channels_last)
        self.occluder = occluder
        self.batch_size = batch_size
        self.at = positions(image.shape[2], occluder, stride)
        side = min(math.isqrt(batch_size), 1 + TILE // stride)
        self.tiles = [self.at[start : start + side] for start in range(0, len(self.at), side)]
        self._folded = fold_batch_norms(self.network, self.image)
        with torch.inference_mode():
            self._clean = self._folded(self.image)
        self._tape = Tape()

    def bands(self, done: int = 0) -> Iterator[np.ndarray]:
        """The errors at all positions, a band of rows after the other, float64 [rows of the band, P].

        All bands make [P, P], where P is the length of ``at``. ``done`` bands are left out, since an earlier
        run has them.
        """
        for rows in self.tiles[done:]:
            yield np.concatenate([self.errors(rows, columns) for columns in self.tiles], axis=1)

    @torch.inference_mode()
    def errors(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """The error of the features (see ``error``) at every pair of neighbouring positions, float64 [r, c].

        Only what the occluders can change is computed (``windows``).
        """
        found = error(self._folded(self._occlude(rows, columns)), self._clean)
        return found.reshape(len(rows), len(columns)).cpu().numpy()

    @torch.inference_mode()
    def naive(self, corners: list[tuple[int, int]]) -> np.ndarray:
        """The reference: the errors, float64 [N], by a whole pass for the occluder at each (row, column)."""
        clean, found = self.network(self.image), []
        for start in range(0, len(corners), self.batch_size):
            part = corners[start : start + self.batch_size]
            batch = self.image.repeat(len(part), 1, 1, 1).contiguous(memory_format=torch.channels_last)
            self._cover(batch, part)
            found.append(error(self.network(batch), clean).cpu().numpy())
        return np.concatenate(found)

    def check(self) -> float:
        """The largest difference to whole passes, along the diagonal of the centre's tile.

        Raises:
            RuntimeError: rounding does not explain it; then a rule of ``windows`` is wrong for this network.
        """
        found = self.errors(self._middle, self._middle).diagonal()
        expected = self.naive([(place, place) for place in self._middle])
        if not np.allclose(found, expected, rtol=1e-3, atol=1e-5):
            raise RuntimeError(f"windows give the errors {found} where whole passes give {expected}")
        return float(np.abs(found - expected).max())

    @torch.inference_mode()
    def arithmetic(self) -> float:
        """The share of a naive loop's multiply-adds that is left, at the centre of the picture."""
        self.errors(self._middle, self._middle)  # after which the clean activations are on the tape
        with FlopCounterMode(display=False) as ours:
            self._folded(self._occlude(self._middle, self._middle))
        with FlopCounterMode(display=False) as whole:
            self._folded(self.image)
        return ours.get_total_flops() / (len(self._middle) ** 2 * whole.get_total_flops())

    @property
    def _middle(self) -> np.ndarray:
        return self.tiles[len(self.tiles) // 2]

    def _occlude(self, rows: np.ndarray, columns: np.ndarray) -> Windowed:
        """The picture with an occluder at every pair of ``rows`` and ``columns``, rows first."""
        top, left = int(rows[0]), int(columns[0])
        bottom, right = int(rows[-1]) + self.occluder, int(columns[-1]) + self.occluder
        window = self.image[:, :, top:bottom, left:right].repeat(len(rows) * len(columns), 1, 1, 1)
        self._cover(window, product(rows - top, columns - left))
        window = window.contiguous(memory_format=torch.channels_last)
        return Windowed(self.image, window, (top, bottom), (left, right), self._tape.rewind())

    def _cover(self, batch: Tensor, corners: Iterable[tuple[int, int]]) -> None:
        for picture, (row, column) in zip(batch, corners, strict=True):
            picture[:, row : row + self.occluder, column : column + self.occluder] = 0


def positions(resolution: int, occluder: int, stride: int) -> np.ndarray:
    """Where the occluder's first row (or column) may be put, ascending: every ``stride`` pixels, and last."""
    last = resolution - occluder
    return np.append(np.arange(0, last, stride), last)


def error(features: Tensor, clean: Tensor) -> Tensor:
    """Root relative squared error sqrt(sum (f - c)^2 / sum (c - mean c)^2), float64 [B].

    ``features`` f is [B, D], ``clean`` c [1, D].
    """
    features, clean = features.double(), clean.double()
    return ((features - clean).square().sum(1) / (clean - clean.mean()).square().sum()).sqrt()
