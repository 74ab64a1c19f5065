"""Utility: how many labels a pretrained network saves (Newell and Deng, CVPR 2020; their code, util/vis.py).

Where scratch, the same training from random weights, needs n_hat labels for the accuracy that a pretrained
network has with n, its utility is n_hat / n - 1: 0 saves nothing, 1 half of the labels. It can be measured
where scratch has been seen both below that accuracy and at it; elsewhere it is *censored*, and has a bound.

More is better throughout: errors come negated. The released code has five defects here, each of which
``tests/unit/test_utility.py`` names.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

NONE, LEFT, RIGHT, BOTH = "none", "left", "right", "both"
"""How a number is censored: not; it is at most its bound, since scratch is better with its fewest labels; it
is at least its bound, since scratch is nowhere as good; or nothing can be said."""

MEASURED, LOWER_BOUND, UPPER_BOUND, UNKNOWN = "measured", "lower_bound", "upper_bound", "unknown"
"""What a mean over repeats is, of which some may be censored."""

INSIDE, END, BEYOND = "inside", "end", "beyond"
"""Where a point of a curve of utility is: before its end, at it, or at a budget after it."""

QUANTILES = 0.025, 0.975


@dataclass(frozen=True)
class Reached:
    """With how many labels a curve first has an accuracy.

    From ``first`` to ``last``, which differ on a plateau. Where the curve begins above the accuracy (LEFT) it
    is somewhere from 0 to its fewest labels, where it never has it (RIGHT) beyond its most.
    """

    first: float
    last: float
    censored: str

    @property
    def bounds(self) -> tuple[float, float]:
        """The number of labels, as an interval: of no width where it is known."""
        return (self.first, self.first) if self.censored == NONE else (self.first, self.last)


@dataclass(frozen=True)
class Curve:
    """Accuracy ``a`` [m] with ``n`` [m] labels, a mean over repeats; ``n`` is positive and increases."""

    n: np.ndarray
    a: np.ndarray

    def __post_init__(self):
        if len(self.n) == 0 or len(self.n) != len(self.a) or self.n[0] <= 0 or np.any(np.diff(self.n) <= 0):
            raise ValueError("a curve has an accuracy for each of some increasing numbers of labels above 0")

    @property
    def best(self) -> float:
        """The highest accuracy, A*."""
        return float(self.a.max())

    @property
    def first_best(self) -> float:
        """The fewest labels with the highest accuracy, N*."""
        return float(self.n[self.a.argmax()])

    def reached(self, y: float, interpolation: str) -> Reached:
        """The labels of the curve's first crossing of the accuracy ``y``.

        Between two budgets the accuracy is a straight line in the labels (``linear``, the paper's) or in
        their logarithm (``log``).
        """
        if y < self.a[0]:
            return Reached(0.0, float(self.n[0]), LEFT)
        if y > self.best:
            return Reached(float(self.n[-1]), np.inf, RIGHT)
        k = int(np.argmax(self.a >= y))
        if self.a[k] > y:
            at = _where(self.n[k - 1 : k + 1], self.a[k - 1 : k + 1], y, interpolation)
            return Reached(at, at, NONE)
        last = k
        while last + 1 < len(self.a) and self.a[last + 1] == y:
            last += 1
        return Reached(float(self.n[k]), float(self.n[last]), NONE)


@dataclass(frozen=True)
class Utility:
    """The utility of one accuracy: ``value`` and ``n_hat``, or where it is censored ``bound``; else NaN."""

    value: float
    censored: str
    bound: float
    n_hat: float

    @property
    def bounds(self) -> tuple[float, float]:
        """The utility, as an interval: of no width where it is known."""
        return {
            NONE: (self.value, self.value),
            LEFT: (-1.0, self.bound),
            RIGHT: (self.bound, np.inf),
        }[self.censored]


@dataclass(frozen=True)
class OverRepeats:
    """Mean and population standard deviation of repeats' utilities; ``mean_is`` says what the mean is."""

    mean: float
    std: float
    mean_is: str


@dataclass(frozen=True)
class Point:
    """A curve of utility at ``n`` labels.

    Attributes:
        y: the mean accuracy.
        of_mean: the utility of the mean accuracy.
        over_repeats: of the repeats' own utilities; None at the END, which is no budget.
        limit: the most that can be measured here, the utility of scratch's best accuracy.
        place: INSIDE, END or BEYOND.
    """

    n: float
    y: float
    of_mean: Utility
    over_repeats: OverRepeats | None
    limit: float
    place: str


@dataclass(frozen=True)
class Saved:
    """The labels that a model saves at a target accuracy.

    ``difference`` is those that scratch needs less those of the model, ``factor`` their ratio. Where they are
    censored both are NaN, and ``difference_bound`` and ``factor_bound`` take their place.
    """

    scratch: Reached
    model: Reached
    difference: float
    factor: float
    censored: str
    difference_bound: float
    factor_bound: float

    @property
    def bounds(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The difference and the factor, each as an interval: of no width where it is known."""
        (s0, s1), (m0, m1) = self.scratch.bounds, self.model.bounds
        return (s0 - m1, s1 - m0), (s0 / m1, s1 / m0 if m0 else np.inf)


def isotonic(a: np.ndarray) -> np.ndarray:
    """The non-decreasing accuracies [m] nearest to ``a`` [m] (pool adjacent violators)."""
    from sklearn.isotonic import isotonic_regression  # takes longer to import than all else needs

    return isotonic_regression(a)


def utility(scratch: Curve, y: float, n: float, interpolation: str) -> Utility:
    """The utility of the accuracy ``y`` with ``n`` labels.

    On a plateau of scratch n_hat is the number of labels nearest to ``n``, so that nothing is saved where
    both are on it.
    """
    reached = scratch.reached(y, interpolation)
    if reached.censored == NONE:
        n_hat = min(max(n, reached.first), reached.last)
        return Utility(n_hat / n - 1, NONE, np.nan, n_hat)
    bound = reached.last if reached.censored == LEFT else reached.first
    return Utility(np.nan, reached.censored, bound / n - 1, np.nan)


def over_repeats(found: list[Utility]) -> OverRepeats:
    """Mean and deviation of the utilities of repeats, where a censored one counts with its bound.

    With censored repeats there is no deviation, with both kinds of them no mean either; one repeat has no
    deviation.
    """
    kinds = {one.censored for one in found} - {NONE}
    if len(kinds) > 1:
        return OverRepeats(np.nan, np.nan, UNKNOWN)
    values = [one.value if one.censored == NONE else one.bound for one in found]
    if kinds:
        return OverRepeats(float(np.mean(values)), np.nan, LOWER_BOUND if RIGHT in kinds else UPPER_BOUND)
    return OverRepeats(float(np.mean(values)), _deviation(values), MEASURED)


def utility_curve(scratch: Curve, n: np.ndarray, repeats: np.ndarray, interpolation: str) -> list[Point]:
    """The utility at every budget ``n`` [m] of a network with the accuracies ``repeats`` [r, m].

    Where the mean accuracy first exceeds scratch's best, the curve of utility ends. Its END is where the line
    from the budget before meets that accuracy; a curve that begins beyond it has none.
    """
    mean = repeats.mean(axis=0)
    above = np.flatnonzero(mean > scratch.best)
    end = int(above[0]) if len(above) else len(n)
    points = [
        Point(
            float(at),
            float(y),
            utility(scratch, y, at, interpolation),
            over_repeats([utility(scratch, one, at, interpolation) for one in column]),
            scratch.first_best / at - 1,
            INSIDE if k < end else BEYOND,
        )
        for k, (at, y, column) in enumerate(zip(n, mean, repeats.T, strict=True))
    ]
    # A budget with exactly that accuracy is an end of its own.
    if 0 < end < len(n) and mean[end - 1] < scratch.best:
        at = _where(n[end - 1 : end + 1], mean[end - 1 : end + 1], scratch.best, interpolation)
        limit = scratch.first_best / at - 1
        reached = Utility(limit, NONE, np.nan, scratch.first_best)
        points.insert(end, Point(at, scratch.best, reached, None, limit, END))
    return points


def saved(scratch: Curve, model: Curve, target: float, interpolation: str) -> Saved:
    """The labels that ``model`` saves at the accuracy ``target``: at each curve's first crossing of it."""
    readings = scratch.reached(target, interpolation), model.reached(target, interpolation)
    (s0, s1), (m0, m1) = (reading.bounds for reading in readings)
    kinds = tuple(reading.censored for reading in readings)
    if kinds == (NONE, NONE):
        return Saved(*readings, s0 - m0, s0 / m0, NONE, np.nan, np.nan)
    if kinds[0] != LEFT and kinds[1] != RIGHT:
        return Saved(*readings, np.nan, np.nan, RIGHT, s0 - m1, s0 / m1)
    if kinds[0] != RIGHT and kinds[1] != LEFT:
        return Saved(*readings, np.nan, np.nan, LEFT, s1 - m0, s1 / m0)
    return Saved(*readings, np.nan, np.nan, BOTH, np.nan, np.nan)


def targets(scratch: Curve, shares: tuple[float, ...] = (0.5, 0.75, 0.9)) -> list[float]:
    """Accuracies so far on the way from scratch's lowest to its best."""
    lowest = float(scratch.a.min())
    return [lowest + share * (scratch.best - lowest) for share in shares]


def resampled(
    scratch: np.ndarray,
    other: np.ndarray,
    bounds: Callable[[np.ndarray, np.ndarray], list[tuple[float, float]]],
    *,
    resamples: int,
    seed: int,
) -> np.ndarray:
    """95% intervals [k, 2] of what follows from the mean curves of two networks, over both's repeats.

    A repeat, a whole curve, is drawn with replacement. What is censored in a resample counts with its bounds
    as an interval, so the ends of the result may be infinite. NaN where either network has a single repeat.

    Args:
        scratch, other: accuracies [r, m] of the repeats.
        bounds: from both mean curves [m] to k numbers, each as an interval.
        resamples: how many are drawn.
        seed: of the drawing.
    """
    if min(len(scratch), len(other)) < 2:
        return np.full((len(bounds(scratch.mean(axis=0), other.mean(axis=0))), 2), np.nan)
    rng = np.random.default_rng(seed)
    # In whatever order the repeats are drawn, their mean is the same: few resamples are distinct.
    drawn = [np.sort(rng.integers(len(one), size=(resamples, len(one))), axis=1) for one in (scratch, other)]
    distinct, counts = np.unique(np.hstack(drawn), axis=0, return_counts=True)
    means = (
        (scratch[draw[: len(scratch)]].mean(axis=0), other[draw[len(scratch) :]].mean(axis=0))
        for draw in distinct
    )
    found = np.repeat([bounds(*pair) for pair in means], counts, axis=0)
    # Order statistics, since infinite ones cannot be interpolated.
    low = np.quantile(found[..., 0], QUANTILES[0], axis=0, method="lower")
    high = np.quantile(found[..., 1], QUANTILES[1], axis=0, method="higher")
    return np.stack([low, high], axis=1)


def _where(n: np.ndarray, a: np.ndarray, y: float, interpolation: str) -> float:
    """The labels at which the line through two points, ``n`` [2] and ``a`` [2], has the accuracy ``y``."""
    share = (y - a[0]) / (a[1] - a[0])
    if interpolation == "log":
        return float(n[0] * (n[1] / n[0]) ** share)
    return float(n[0] + share * (n[1] - n[0]))


def _deviation(values: list[float]) -> float:
    return float(np.std(values)) if len(values) > 1 else np.nan
