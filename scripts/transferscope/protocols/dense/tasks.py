"""What differs between dense protocols."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor, nn
from torch.optim import SGD
from torch.optim.lr_scheduler import PolynomialLR

from transferscope.datasets.dense import DenseSamples
from transferscope.protocols.dense.resizing import ResizedPictures


class Score(Protocol):
    """Sums over test pictures, from which metrics follow."""

    def add(self, predicted: np.ndarray, truth: np.ndarray) -> None:
        """Count one picture: its prediction, and its label as ``DenseSamples.target`` gives it."""

    def metrics(self) -> dict[str, float]:
        """Names of ``study.metrics`` to values in their printed unit."""


@dataclass(frozen=True)
class Sgd:
    """SGD with momentum; the learning rate falls to zero as a power of the share of steps that are left."""

    steps: int
    batch_size: int
    learning_rate: float
    power: float
    momentum: float
    weight_decay: float

    def optimiser(self, weights: Iterable[nn.Parameter]) -> SGD:
        """Biases, and what BatchNorm scales and shifts by, do not decay, as in the authors' code."""
        matrices, vectors = [], []
        for weight in weights:
            (matrices if weight.ndim > 1 else vectors).append(weight)
        groups = [{"params": matrices, "weight_decay": self.weight_decay}, {"params": vectors}]
        return SGD(groups, self.learning_rate, momentum=self.momentum, weight_decay=0)

    def schedule(self, optimiser: SGD) -> PolynomialLR:
        return PolynomialLR(optimiser, total_iters=self.steps, power=self.power)


@dataclass(frozen=True, eq=False)
class DenseTask:
    """A task with a label for every pixel.

    Attributes:
        samples: pictures and labels; where the task derives its labels from the dataset's, the derived ones.
        network: a segmentor (``openmmlab.segmentors``).
        pictures: what the network is shown, in training and tests.
        decode: the network's outputs [1, outputs, H, W] at each size that a test picture is shown at, to a
            prediction of the labels' shape.
        score: makes an empty score.
        baseline: the constant baseline prediction, which all pixels of all pictures share.
        optimisation: steps, batch size, optimiser and learning rate.
        mode: variant of the procedure, for the result.
        kind: how examples are shown, one of ``figures.dense.KINDS``.
    """

    samples: DenseSamples
    network: nn.Module
    pictures: ResizedPictures
    decode: Callable[[Iterable[Tensor]], Tensor]
    score: Callable[[], Score]
    baseline: np.ndarray
    optimisation: Sgd
    mode: str
    kind: str
