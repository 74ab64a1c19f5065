"""Few-shot evaluation compared to a plain NumPy loop: `python benchmarks/fewshot.py`.

600 episodes at 5, 20 and 50 shots on 10,000 x 2,048 float32 features of 100 classes, a typical size of cached
features. The baseline is the straightforward loop: gather the samples of an episode, average the support of
each class, compute all query-to-mean differences, square, sum, argmin. Both use the same episodes and must
agree on every accuracy; times are medians of five alternating runs.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from page import Row, report

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from transferscope.protocols.probes.fewshot import Episodes, draw_episodes, episode_accuracies, fewshot_probe

SHOTS = (5, 20, 50)
EPISODES = {"ways": 5, "queries": 15, "episodes": 600, "seed": 0}


def plain_loop(features: np.ndarray, episodes: Episodes) -> np.ndarray:
    """Baseline: accuracy of each episode, float64 [E]."""
    accuracies = []
    for support, query in zip(episodes.support, episodes.query, strict=True):
        means = features[support].mean(axis=1)
        differences = features[query][:, :, None, :] - means
        distances = (differences**2).sum(axis=-1)
        predictions = distances.argmin(axis=-1)
        accuracies.append(np.mean(predictions == np.arange(len(means))[:, None]))
    return np.array(accuracies)


def seconds(function: Callable, *arguments) -> float:
    """Wall-clock time of one call."""
    start = perf_counter()
    function(*arguments)
    return perf_counter() - start


def main() -> None:
    """Check that both agree, then print the times and their ratio."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(100), 100)
    centres = rng.normal(size=(100, 2048)).astype(np.float32)
    features = np.maximum(rng.normal(size=(10_000, 2048), scale=12).astype(np.float32) + centres[labels], 0)

    start = perf_counter()
    fewshot_probe(features, labels, shots=SHOTS, **EPISODES)
    print(f"fewshot_probe, drawing included, first call: {perf_counter() - start:.2f} s")

    drawn = [draw_episodes(labels, shots, **EPISODES) for shots in SHOTS]
    for shots, episodes in zip(SHOTS, drawn, strict=True):
        ours, plain = episode_accuracies(features, episodes), plain_loop(features, episodes)
        np.testing.assert_array_equal(ours, plain)
        print(f"{shots:3d} shots: mean accuracy {ours.mean():.4f}, equal in all {len(ours)} episodes")

    times = [
        sum(seconds(evaluate, features, episodes) for episodes in drawn)
        for _ in range(5)
        for evaluate in (episode_accuracies, plain_loop)
    ]
    ours, plain = median(times[::2]), median(times[1::2])
    report(
        Row(
            "few-shot, 600 episodes at three numbers of shots, 10,000 x 2,048",
            "a plain NumPy loop",
            f"{plain / ours:.1f} times faster",
            (ours, plain),
            "every episode's accuracy the same",
        )
    )


if __name__ == "__main__":
    main()
