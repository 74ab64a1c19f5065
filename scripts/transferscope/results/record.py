"""A run's result as a protocol writes it; ``results`` reads it and checks it against its schema."""

from pathlib import Path

import numpy as np

from transferscope import files
from transferscope.results import metrics


def measure(setting: str, metric: str, scores: np.ndarray, labels: np.ndarray, *, seed: int) -> dict:
    """One measurement of a recognition metric with its bootstrap interval, in the metric's printed unit.

    ``scores`` is [N, C]; ``labels`` int64 [N] or uint8 [N, C].
    """
    scale = metrics.METRICS[metric].scale
    return {
        "setting": setting,
        "metric": metric,
        "value": scale * metrics.score(metric, scores, labels),
        "ci95": scale * metrics.ci95(metric, scores, labels, seed=seed),
    }


def measurements(setting: str, values: dict[str, float]) -> list[dict]:
    """Measurements without an interval: of each metric its value, in the metric's printed unit."""
    return [
        {"setting": setting, "metric": metric, "value": value, "ci95": None}
        for metric, value in values.items()
    ]


def write_result(
    path: str | Path,
    *,
    model: str,
    dataset: str,
    protocol: str,
    version: int,
    mode: str,
    seed: int,
    n_test: int,
    measurements: list[dict],
    took: dict,
    details: dict,
) -> None:
    """Write one result, whole or not at all.

    Args:
        measurements: dicts of ``setting``, ``metric``, ``value`` and ``ci95`` (half-width, or None).
        took: ``seconds``, ``device`` and ``threads``.
        details: whatever else the protocol has to tell.
    """
    result = {
        "model": model,
        "dataset": dataset,
        "protocol": protocol,
        "version": version,
        "mode": mode,
        "seed": seed,
        "n_test": n_test,
        "measurements": measurements,
        "took": took,
        "details": details,
    }
    files.write_json(path, result)
