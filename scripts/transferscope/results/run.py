"""One run as its job knows it: identity, what its numbers depend on, and how its result is written."""

import time
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from transferscope import files
from transferscope.results import metrics
from transferscope.results.predictions import Predictions
from transferscope.study.metrics import METRICS
from transferscope.study.runs import stated

LIBRARIES = ("numpy", "scipy", "torch", "torchvision", "timm", "mmcv", "mmdet", "mmsegmentation")


@dataclass(frozen=True)
class Evaluation:
    """What a protocol found.

    Attributes:
        mode: variant of the protocol's procedure, such as ``converged``.
        n_test: test samples (few-shot: queries; saliency: pixels) behind each value.
        measurements: of ``measure`` or ``values``.
        details: JSON, for the curious and for the protocol's own figures.
        predictions: logits, labels and ids per split, where the protocol leaves them.
    """

    mode: str
    n_test: int
    measurements: list[dict]
    details: dict = field(default_factory=dict)
    predictions: dict[str, Predictions] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Run:
    """A run (model, dataset, protocol, variant) in its job.

    Attributes:
        version: of the protocol.
        seed, labels, layer, freeze: the variant's facts (``study.runs``).
        dataset_version: of the dataset's row.
        device, threads: what the job was given.
        started: ``time.monotonic`` when the run began.
    """

    model: str
    dataset: str
    protocol: str
    variant: str
    version: int
    seed: int
    labels: int | str = ""
    layer: int | str = ""
    freeze: int | str = ""
    dataset_version: str = ""
    device: str = "cpu"
    threads: int = 1
    started: float = field(default_factory=time.monotonic)

    @property
    def identity(self) -> dict[str, str]:
        """What every file of the run says of itself."""
        return {name: getattr(self, name) for name in ("model", "dataset", "protocol", "variant")}

    @property
    def facts(self) -> dict[str, int | str]:
        """The variant's facts, as the result names them."""
        return stated(vars(self))

    def fingerprint(self, **inputs) -> dict:
        """What a saved state depends on: the run, its device, the libraries, and ``inputs``, all as JSON."""
        return {
            **self.identity,
            **self.facts,
            "version": self.version,
            "dataset_version": self.dataset_version,
            "device": self.device,
            "libraries": library_versions(),
            **inputs,
        }

    def write(self, path: str | Path, evaluation: Evaluation, *, seconds: float | None = None) -> None:
        """Write the result (``config/schemas/result.schema.yaml``), whole or not at all.

        ``seconds`` is how long the evaluation took, where that is not the time since ``started``.
        """
        result = {
            **self.identity,
            **self.facts,
            "version": self.version,
            "mode": evaluation.mode,
            "n_test": evaluation.n_test,
            "measurements": evaluation.measurements,
            "took": {
                "seconds": time.monotonic() - self.started if seconds is None else seconds,
                "device": self.device,
                "threads": self.threads,
            },
            "details": evaluation.details,
        }
        files.write_json(path, result)


def state_file(output: str | Path) -> Path:
    """Where the job that writes ``output`` keeps the state from which it resumes."""
    return Path(f"{output}.resume")


def library_versions() -> dict[str, str]:
    """Versions of the installed libraries that decide what a network computes."""
    found = {}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def measure(
    metric: str, scores: np.ndarray, labels: np.ndarray, *, seed: int, computed: str = "", **axes
) -> dict:
    """A measurement of a metric of recognition with its bootstrap interval, in the metric's printed unit.

    ``scores`` is [N, C]; ``labels`` int64 [N] or uint8 [N, C]; ``axes`` as for ``measurement``. ``computed``
    is the name in ``metrics.SCORERS`` by which it is computed, where that is not the metric's own.
    """
    scale, computed = METRICS[metric].scale, computed or metric
    value = scale * metrics.score(computed, scores, labels)
    return measurement(metric, value, scale * metrics.ci95(computed, scores, labels, seed=seed), **axes)


def measurement(metric: str, value: float, ci95: float | None = None, **axes) -> dict:
    """A measurement: its value and the half-width of its 95% interval, in the metric's printed unit.

    ``axes`` are its places on the axes that vary within a run, such as ``shots=5``.
    """
    return {"metric": metric, "value": value, "ci95": ci95, **axes}


def measurements(values: dict[str, float]) -> list[dict]:
    """Measurements without an interval: of each metric its value, in the metric's printed unit."""
    return [measurement(metric, value) for metric, value in values.items()]
