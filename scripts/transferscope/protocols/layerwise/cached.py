"""A linear probe on one layer of a frozen backbone, from values in a file: converged, deterministic.

No augmentation and no ten crops, so its numbers are of another kind than those of ``online``. Values are
standardised as by the BatchNorm without scale and shift of Asano, Rupprecht and Vedaldi (ICLR 2020).
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from transferscope.features.layers import Layer
from transferscope.protocols.probes.linear import linear_probe
from transferscope.results.metrics import score
from transferscope.results.run import Evaluation, measure

MODE = "cached"
EPSILON = 1e-5  # added to variances, as PyTorch's BatchNorm does


@dataclass(frozen=True)
class Standardisation:
    """Of values [N, C x positions], channel by channel: ``mean`` and ``deviation`` float32 [C, 1]."""

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, channels: int) -> "Standardisation":
        """The statistics of values over samples and positions."""
        maps = values.reshape(len(values), channels, -1)
        mean = maps.mean(axis=(0, 2), dtype=np.float64)
        square = np.square(maps - mean[:, None].astype(maps.dtype)).mean(axis=(0, 2), dtype=np.float64)
        return cls(*(part[:, None].astype(np.float32) for part in (mean, np.sqrt(square + EPSILON))))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        maps = values.reshape(len(values), len(self.mean), -1)
        return ((maps - self.mean) / self.deviation).reshape(values.shape)


def evaluate(
    features: Layer, *, metric: str, classes: int, seed: int, device: str, strengths: list[float], **others
) -> Evaluation:
    """Fit at every strength on train, choose on val, refit on both.

    Args:
        features: of one layer.
        strengths: lambdas of ``probes.linear``, of the sum over the training pictures.
    """
    splits = features.read("train", "val", "test")
    standardise = Standardisation.of(splits["train"].features, features.facts["channels"])
    probe = linear_probe(
        *((standardise(split.features), split.labels) for split in splits.values()),
        metric=partial(score, metric),
        num_classes=classes,
        lambdas=strengths,
        device=device,
    )
    return Evaluation(
        mode=MODE,
        n_test=len(splits["test"].ids),
        measurements=[measure(metric, probe.test_logits, splits["test"].labels, seed=seed)],
        details={
            "lambda": float(probe.chosen_lambda),
            "lambdas": [float(value) for value in probe.lambdas],
            "val_scores": [float(value) for value in probe.val_scores],
        },
    )
