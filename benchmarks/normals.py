"""Memory of the streamed normals metric versus storing all errors: `python benchmarks/normals.py`.

Random errors for as many pixels as NYUv2's test split. Each method runs in its own process; its peak memory
is relative to that for a single image.
"""

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from page import Row, report

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from transferscope.protocols.dense.directions import AngularErrors

MB_OF_KB = 1e-3


def errors(pictures: int) -> Iterator[np.ndarray]:
    """Angular errors of each image in degrees, float32, mostly small."""
    rng = np.random.default_rng(0)
    for _ in range(pictures):
        yield (180 * rng.beta(1.2, 6, 480 * 640)).astype(np.float32)


def streamed(pictures: int) -> dict[str, float]:
    statistics = AngularErrors()
    for image_errors in errors(pictures):
        statistics.add(image_errors)
    return statistics.metrics()


def stored(pictures: int) -> dict[str, float]:
    everything = np.concatenate(list(errors(pictures)))
    return {
        "mean_angle_deg": everything.mean(dtype=np.float64),
        "median_angle_deg": np.median(everything),
    } | {f"within_{t:g}": 100 * (everything < t).mean() for t in AngularErrors.thresholds}


def measure(method: Callable[[int], dict], pictures: int) -> tuple[dict, float, float]:
    """Metrics, peak memory in MB and seconds of a method."""
    method(1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    metrics = method(pictures)
    seconds = time.perf_counter() - started
    return metrics, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * MB_OF_KB, seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=654)
    pictures = parser.parse_args().pictures
    outcomes = {}
    for method in (streamed, stored):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            outcomes[method.__name__] = pool.apply(measure, (method, pictures))
    (ours, our_mb, our_seconds), (theirs, their_mb, their_seconds) = outcomes.values()
    print(f"metric of surface normals, {pictures} pictures of 480 x 640 pixels")
    print(f"  all errors in memory  {their_mb:8.1f} MB  {their_seconds:6.1f} s")
    print(f"  streamed              {our_mb:8.1f} MB  {our_seconds:6.1f} s")
    print(f"  ratio                 {our_mb / their_mb:8.4f} of the memory")
    off = {name: abs(ours[name] - value) for name, value in theirs.items()}
    print("  off by " + ", ".join(f"{value:.1g} ({name})" for name, value in off.items()))
    report(
        Row(
            f"metric of surface normals, {pictures} pictures of 480 x 640",
            "all errors in memory",
            f"{our_mb / their_mb:.3f} of the memory",
            (our_seconds, their_seconds),
            f"{our_mb:.0f} against {their_mb:,.0f} MB, "
            f"the median off by {off['median_angle_deg']:.1g} degrees",
        )
    )


if __name__ == "__main__":
    main()
