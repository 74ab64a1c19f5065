"""Few-shot recognition: episodes of five classes, each sample assigned to the nearest class mean."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from transferscope.errors import InputError
from transferscope.features.store import Features
from transferscope.results.run import Evaluation, measurement


@dataclass(frozen=True)
class Episodes:
    """Which samples each of E episodes is made of, as rows of the feature matrix."""

    support: np.ndarray  # int64 [E, ways, shots]
    query: np.ndarray  # int64 [E, ways, queries]
    classes: int  # large enough to be drawn from


@dataclass(frozen=True)
class FewShotResult:
    """The accuracy of each episode, float64 [E] in 0..1, and what is reported of them."""

    accuracies: np.ndarray
    classes: int  # that the episodes were drawn from

    @property
    def accuracy(self) -> float:
        """Mean over the episodes, in 0..1."""
        return float(self.accuracies.mean())

    @property
    def ci95(self) -> float:
        """Half-width of the mean's 95% interval, 1.96 standard deviations over the root of E, in 0..1."""
        return float(1.96 * self.accuracies.std() / sqrt(len(self.accuracies)))


def fewshot_probe(
    features: np.ndarray,
    labels: np.ndarray,
    *,
    shots: tuple[int, ...],
    ways: int,
    queries: int,
    episodes: int,
    seed: int,
) -> dict[int, FewShotResult]:
    """Nearest class mean by squared Euclidean distance on raw features, for each number of shots.

    The protocol of Ericsson et al. (2021, few-shot recognition): a prototypical network (Snell et al. 2017)
    with nothing trained. ``features`` is float32 [N, D], all splits pooled; ``labels`` integers [N]. The
    episodes are those of ``draw_episodes``, so every backbone meets the same ones. Raises InputError where
    features and labels do not fit together, or the dataset is too small for a number of shots.
    """
    if features.ndim != 2 or labels.shape != (len(features),):
        raise InputError(
            f"features {features.shape} and labels {labels.shape} do not fit: give [N, D] and [N]"
        )
    if not np.isfinite(features).all():
        raise InputError("features hold NaN or infinity; check the checkpoint that they come from")
    # All draws first: a dataset too small for one of the shots fails before any episode is evaluated.
    drawn = {
        shot: draw_episodes(labels, shot, ways=ways, queries=queries, episodes=episodes, seed=seed)
        for shot in shots
    }
    return {
        shot: FewShotResult(episode_accuracies(features, episodes), episodes.classes)
        for shot, episodes in drawn.items()
    }


def evaluate(
    features: Features, *, shots: list[int], ways: int, queries: int, episodes: int, seed: int, **others
) -> Evaluation:
    """Evaluate by ``episodes`` of all samples together, at each number of shots that the dataset admits."""
    splits = features.read().values()
    outcomes = fewshot_probe(
        np.concatenate([split.features for split in splits]),
        np.concatenate([split.labels for split in splits]),
        shots=tuple(shots),
        ways=ways,
        queries=queries,
        episodes=episodes,
        seed=seed,
    )
    return Evaluation(
        mode="nearest-mean",
        n_test=episodes * ways * queries,
        measurements=[
            measurement("accuracy", 100 * outcome.accuracy, 100 * outcome.ci95, ways=ways, shots=shot)
            for shot, outcome in outcomes.items()
        ],
        details={
            "episodes": episodes,
            "classes": {shot: outcome.classes for shot, outcome in outcomes.items()},
        },
    )


def draw_episodes(
    labels: np.ndarray, shots: int, *, ways: int, queries: int, episodes: int, seed: int
) -> Episodes:
    """Draw classes and, from each, ``shots`` support and ``queries`` query samples; all without replacement.

    Every choice is uniform, and episodes are independent of each other. The draw depends on the labels, their
    order and the arguments alone. Each number of shots has its own random stream, seeded by
    ``[seed, shots]``, so that one more of them leaves the others as they were. A class with fewer samples
    than ``shots + queries`` is never drawn.

    Raises InputError where fewer classes than ``ways`` are left.
    """
    counts = np.unique(labels, return_counts=True)[1]
    members = np.split(np.argsort(labels, kind="stable"), np.cumsum(counts)[:-1])
    needed = shots + queries
    members = [rows for rows in members if len(rows) >= needed]
    if len(members) < ways:
        raise InputError(
            f"{len(members)} of {len(counts)} classes have the {needed} images that {shots}-shot episodes "
            f"with {queries} queries need, but an episode has {ways} classes; leave {shots} out of the "
            "dataset's `shots` column"
        )
    rng = np.random.default_rng([seed, shots])
    rows = np.empty((episodes, ways, needed), dtype=np.int64)
    for episode in rows:
        for way, chosen in enumerate(rng.choice(len(members), ways, replace=False)):
            episode[way] = rng.choice(members[chosen], needed, replace=False)
    return Episodes(support=rows[:, :, :shots], query=rows[:, :, shots:], classes=len(members))


def episode_accuracies(features: np.ndarray, episodes: Episodes) -> np.ndarray:
    """Share of the queries nearest to their own class's mean in each episode: float64 [E] in 0..1.

    A query as near to two means counts for the class drawn first. ``features`` is float32 [N, D].
    """
    truth = np.arange(episodes.query.shape[1])[:, None]
    accuracies = np.empty(len(episodes.query))
    for number, (support, query) in enumerate(zip(episodes.support, episodes.query, strict=True)):
        means = features[support].mean(axis=1)
        # With c the centre of the means m and d = m - c, the nearest mean to x is the one with the greatest
        # x·d - |m|²/2 + |c|²/2 = (x - (m + c)/2)·d, which loses less to float32 rounding than |m|² and x·m
        # would, since d is small where the means are close. Dot products and not a matrix product: BLAS would
        # wake all its threads for each of these small ones, and on busy cores wait for them far longer.
        centre = means.mean(axis=0)
        offsets = means - centre
        closeness = np.vecdot(features[query][:, :, None], offsets) - np.vecdot(means + centre, offsets) / 2
        accuracies[number] = np.mean(closeness.argmax(axis=2) == truth)
    return accuracies
