"""Few-shot recognition: nearest-class-mean classification in random episodes."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from transferscope.errors import InputError
from transferscope.features.store import Features
from transferscope.results.run import Evaluation, measurement


@dataclass(frozen=True)
class Episodes:
    """Samples of E episodes, as row indices of the feature matrix."""

    support: np.ndarray  # int64 [E, ways, shots]
    query: np.ndarray  # int64 [E, ways, queries]
    classes: int  # number of classes with enough samples to be drawn


@dataclass(frozen=True)
class FewShotResult:
    """Accuracy per episode, float64 [E] in 0..1, with its mean and confidence interval."""

    accuracies: np.ndarray
    classes: int  # number of classes with enough samples to be drawn

    @property
    def accuracy(self) -> float:
        """Mean over the episodes, in 0..1."""
        return float(self.accuracies.mean())

    @property
    def ci95(self) -> float:
        """Half-width of the mean's 95% interval, 1.96 standard errors, in 0..1."""
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
    """Classify by the nearest class mean (squared Euclidean distance, raw features) for each number of shots.

    Protocol of Ericsson et al. (2021, few-shot recognition): a prototypical network (Snell et al. 2017)
    without training. ``features`` is float32 [N, D], all splits pooled; ``labels`` integers [N]. Episodes are
    drawn by ``draw_episodes``, so they are the same for every backbone. Raises InputError if features and
    labels are inconsistent, or the dataset is too small for a number of shots.
    """
    if features.ndim != 2 or labels.shape != (len(features),):
        raise InputError(
            f"features {features.shape} and labels {labels.shape} do not fit: give [N, D] and [N]"
        )
    if not np.isfinite(features).all():
        raise InputError("features hold NaN or infinity; check the checkpoint that they come from")
    # Draw first, so that a too small dataset fails before any evaluation.
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
    """Draw ``ways`` classes and, from each, ``shots`` support and ``queries`` query samples per episode.

    Draws are uniform without replacement; episodes are independent. They depend only on the ordered labels
    and the arguments. Each number of shots has its own random stream, seeded by ``[seed, shots]``, so adding
    a number does not change the others. Classes with fewer than ``shots + queries`` samples are excluded.

    Raises InputError if fewer than ``ways`` classes are left.
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
    """Accuracy of each episode, float64 [E] in 0..1: fraction of queries nearest to their class's mean.

    Ties count for the class drawn first. ``features`` is float32 [N, D].
    """
    truth = np.arange(episodes.query.shape[1])[:, None]
    accuracies = np.empty(len(episodes.query))
    for number, (support, query) in enumerate(zip(episodes.support, episodes.query, strict=True)):
        means = features[support].mean(axis=1)
        # With c the centre of the means m and d = m - c, the nearest mean to x maximises
        # x·d - |m|²/2 + |c|²/2 = (x - (m + c)/2)·d, which has smaller float32 rounding errors than |m|² and
        # x·m, since d is small if the means are close. vecdot, since BLAS would wake all its threads for each
        # of these small matrix products, and on busy cores wait for them.
        centre = means.mean(axis=0)
        offsets = means - centre
        closeness = np.vecdot(features[query][:, :, None], offsets) - np.vecdot(means + centre, offsets) / 2
        accuracies[number] = np.mean(closeness.argmax(axis=2) == truth)
    return accuracies
