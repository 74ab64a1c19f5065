"""Utility: its definition, its golden values, the defects of the released code (their util/vis.py)."""

import numpy as np
import pytest

from transferscope.results.utility import (
    BEYOND,
    BOTH,
    END,
    INSIDE,
    LEFT,
    LOWER_BOUND,
    MEASURED,
    NONE,
    RIGHT,
    UNKNOWN,
    UPPER_BOUND,
    Curve,
    isotonic,
    over_repeats,
    resampled,
    saved,
    targets,
    utility,
    utility_curve,
)

N = np.array([100, 200, 400, 800, 1600])
A = np.array([20.0, 35, 50, 60, 65])
SCRATCH = Curve(N, A)
INTERPOLATIONS = ["linear", "log"]
both = pytest.mark.parametrize("interpolation", INTERPOLATIONS)


def repeats_at(n: int, *accuracies: float):
    return over_repeats([utility(SCRATCH, y, n, "linear") for y in accuracies])


def curve(*accuracies: float, n: np.ndarray = N, scratch: Curve = SCRATCH, interpolation: str = "linear"):
    return utility_curve(scratch, n[: len(accuracies)], np.array([accuracies]), interpolation)


def values(points) -> list[float]:
    return [point.of_mean.value for point in points]


@both
@pytest.mark.parametrize(
    "a",
    [
        A,  # defect 3: equality with the best gave -1.0006 at n = 1600
        np.array([20.0, 35, 35, 35, 65]),  # defect 5: the right end of a plateau gave 1 and 3 there
        np.array([20.0, 20, 50, 50, 50]),
        np.array([20.0, 20, 20, 20, 20]),
    ],
)
def test_a_curve_against_itself_saves_nothing_at_any_budget(a, interpolation):
    points = utility_curve(Curve(N, a), N, a[None], interpolation)
    assert values(points) == [0] * len(N)
    assert {point.of_mean.censored for point in points} == {NONE}
    assert {point.place for point in points} == {INSIDE}


@both
def test_twice_as_fast_has_utility_one_up_to_the_best(interpolation):
    # Released code: 1, 1, 1, -1.001.
    assert values(curve(35, 50, 60, 65, interpolation=interpolation)) == pytest.approx([1, 1, 1, 1])


def test_between_two_budgets_the_line_is_in_labels_or_in_their_logarithm():
    assert utility(SCRATCH, 42.5, 100, "linear").n_hat == pytest.approx(300)
    assert utility(SCRATCH, 42.5, 100, "log").n_hat == pytest.approx(200 * 2**0.5)


def test_the_pilot_of_the_specification():
    n, a = np.array([200, 800, 3000, 6000]), np.array([16.8, 36.0, 57.3, 59.5])
    linear, log = (
        curve(29.5, 53.5, 58.8, 61.8, n=n, scratch=Curve(n, a), interpolation=i) for i in INTERPOLATIONS
    )
    assert values(linear)[:3] == pytest.approx([1.98, 2.26, 0.68], abs=0.005)
    assert values(log)[:3] == pytest.approx([1.50, 1.96, 0.60], abs=0.005)
    end, beyond = linear[3:]
    assert (end.place, beyond.place) == (END, BEYOND)
    assert end.n == pytest.approx(3700)
    assert end.of_mean.value == pytest.approx(0.62, abs=0.005)
    assert (beyond.of_mean.censored, beyond.of_mean.bound) == (RIGHT, 0)


def test_a_repeat_beyond_scratch_makes_the_mean_a_lower_bound():
    # Defect 2; released code: -0.334 +- 0.473.
    found = [utility(SCRATCH, y, 400, "linear") for y in (50, 66, 50)]
    assert [one.censored for one in found] == [NONE, RIGHT, NONE]
    assert [found[0].value, found[1].bound, found[2].value] == [0, 3, 0]
    assert np.isnan(found[1].value) and np.isnan(found[1].n_hat) and np.isnan(found[0].bound)
    mean = over_repeats(found)
    assert (mean.mean, mean.mean_is) == (1, LOWER_BOUND)
    assert np.isnan(mean.std)


def test_below_the_grid_of_scratch_is_censored_to_the_left():
    # Defect 4: -1, as if measured.
    found = utility(SCRATCH, 10, 100, "linear")
    assert (found.censored, found.bound) == (LEFT, 0)
    assert np.isnan(found.value)
    assert repeats_at(400, 10, 20).mean_is == UPPER_BOUND
    assert repeats_at(400, 10, 20).mean == pytest.approx(100 / 400 - 1)


def test_repeats_that_are_censored_both_ways_have_no_mean():
    found = repeats_at(400, 10, 66)
    assert found.mean_is == UNKNOWN
    assert np.isnan(found.mean) and np.isnan(found.std)


def test_mean_and_population_deviation_of_repeats():
    found = repeats_at(100, 35, 50)
    assert (found.mean, found.std, found.mean_is) == (2, 1, MEASURED)
    assert np.isnan(repeats_at(100, 35).std)


def test_no_censored_value_is_minus_one_and_raising_a_repeat_never_lowers_the_mean():
    for n in N:
        found = [utility(SCRATCH, y, n, "linear") for y in np.linspace(5, 80, 301)]
        counted = np.array([one.value if one.censored == NONE else one.bound for one in found])
        assert np.all(np.diff(counted) >= -1e-12)
        assert counted.min() > -1


def test_where_the_mean_passes_the_best_the_curve_ends_on_the_limit():
    # Defect 1: the end and the limit lacked the -1.
    points = curve(35, 60, 70, 80)
    assert [point.place for point in points] == [INSIDE, INSIDE, END, BEYOND, BEYOND]
    end = points[2]
    assert end.n == pytest.approx(300)
    assert end.y == 65
    assert end.of_mean.value == pytest.approx(1600 / 300 - 1) == end.limit
    assert end.over_repeats is None
    assert [point.limit for point in points] == pytest.approx([15, 7, 1600 / 300 - 1, 3, 1])
    assert [point.of_mean.bound for point in points[3:]] == [3, 1]
    assert curve(35, 60, 70, interpolation="log")[2].n == pytest.approx(200 * 2**0.5)


def test_a_curve_that_begins_beyond_the_best_has_no_end():
    points = curve(66, 60, 70)
    assert [point.place for point in points] == [BEYOND] * 3


def test_a_curve_that_reaches_exactly_the_best_ends_there():
    points = curve(35, 65, 70)
    assert [point.place for point in points] == [INSIDE, INSIDE, BEYOND]


def test_the_limit_is_where_scratch_is_best_first():
    scratch = Curve(N, np.array([20.0, 65, 50, 65, 60]))
    assert scratch.first_best == 200
    assert [point.limit for point in curve(20, 20, scratch=scratch)] == [1, 0]
    assert utility(scratch, 66, 100, "linear").bound == 15  # up to the largest budget it was not seen


def test_the_first_crossing_counts_where_scratch_falls_again():
    scratch = Curve(N, np.array([20.0, 50, 40, 60, 55]))
    assert utility(scratch, 45, 100, "linear").n_hat == pytest.approx(100 + 100 * 25 / 30)
    assert utility(scratch, 50, 400, "linear").n_hat == 200
    assert isotonic(scratch.a) == pytest.approx([20, 45, 45, 57.5, 57.5])
    smooth = Curve(N, isotonic(scratch.a))
    assert utility(smooth, 45, 300, "linear").n_hat == 300


CURVES = [A, np.array([20.0, 35, 35, 60, 60]), np.array([20.0, 50, 40, 60, 55])]


@both
@pytest.mark.parametrize("a", CURVES)
def test_units_of_accuracy_and_of_labels_do_not_matter(a, interpolation):
    finetuned = np.array([[18.0, 44, 48, 59, 70], [25, 42, 52, 60, 66]])
    expected = utility_curve(Curve(N, a), N, finetuned, interpolation)
    for scale, shift, factor in ((0.01, 0, 1), (3, -40, 1), (1, 0, 7.5)):
        scratch = Curve(factor * N, scale * a + shift)
        found = utility_curve(scratch, factor * N, scale * finetuned + shift, interpolation)
        assert values(found) == pytest.approx(values(expected), nan_ok=True)
        for one, other in zip(found, expected, strict=True):
            assert one.place == other.place
            assert one.of_mean.censored == other.of_mean.censored
            assert one.of_mean.bound == pytest.approx(other.of_mean.bound, nan_ok=True)
            assert one.n == pytest.approx(factor * other.n)


@both
@pytest.mark.parametrize("a", CURVES)
def test_more_accuracy_never_has_less_utility_and_an_end_is_on_the_limit(a, interpolation):
    scratch = Curve(N, a)
    for n in N:
        found = [utility(scratch, y, n, interpolation) for y in np.linspace(a[0], a.max(), 200)]
        assert np.all(np.diff([one.value for one in found]) >= -1e-12)
    rng = np.random.default_rng(0)
    ends = 0
    for _ in range(50):
        points = utility_curve(scratch, N, np.sort(rng.uniform(20, 80, (3, 5))), interpolation)
        for point in points:
            if point.place == END:
                ends += 1
                assert point.of_mean.value == pytest.approx(scratch.first_best / point.n - 1)
                assert points[points.index(point) - 1].n < point.n < points[points.index(point) + 1].n
    assert ends > 10


def test_labels_saved_are_those_of_both_crossings():
    found = saved(SCRATCH, Curve(N, np.array([35.0, 50, 60, 65, 70])), 42.5, "linear")
    assert (found.scratch.first, found.model.first) == (300, 150)
    assert (found.difference, found.factor, found.censored) == (150, 2, NONE)
    assert targets(SCRATCH) == pytest.approx([42.5, 53.75, 60.5])


@pytest.mark.parametrize(
    ("model", "target", "censored", "bounds"),
    [
        ([35, 50, 60, 65, 70], 68, RIGHT, (1600 - 1280, 1600 / 1280)),  # scratch is nowhere as good
        ([35, 50, 60, 65, 70], 30, RIGHT, (500 / 3 - 100, 5 / 3)),  # the model is better with its fewest
        ([10, 20, 30, 40, 45], 60, LEFT, (800 - 1600, 0.5)),  # the model does not get there
        ([10, 20, 30, 40, 45], 15, LEFT, (100 - 150, 100 / 150)),  # scratch is better with its fewest
        ([70, 70, 70, 70, 70], 68, RIGHT, (1500, 16)),
        ([10, 10, 10, 10, 10], 15, LEFT, (-1500, 1 / 16)),
        ([10, 20, 30, 40, 45], 70, BOTH, (np.nan, np.nan)),
        ([30, 50, 60, 65, 70], 10, BOTH, (np.nan, np.nan)),
    ],
)
def test_labels_saved_are_censored_where_a_curve_does_not_cross(model, target, censored, bounds):
    found = saved(SCRATCH, Curve(N, np.array(model, dtype=float)), target, "linear")
    assert found.censored == censored
    assert np.isnan(found.difference) and np.isnan(found.factor)
    assert (found.difference_bound, found.factor_bound) == pytest.approx(bounds, nan_ok=True)


def test_an_interval_is_that_of_all_resamples():
    scratch, model = np.array([A - 2, A + 2]), np.array([[34.0, 50, 60, 65, 70], [36, 50, 60, 65, 70]])

    def bounds(a, y):
        return [utility(Curve(N, a), y[0], 100, "linear").bounds]

    [(low, high)] = resampled(scratch, model, bounds, resamples=1000, seed=0)
    # The extremes have one chance in sixteen, more than a fortieth.
    assert low == pytest.approx(bounds(A + 2, [34])[0][0])
    assert high == pytest.approx(bounds(A - 2, [36])[0][0])
    again = resampled(scratch, model, bounds, resamples=1000, seed=0)
    assert again.tolist() == [[low, high]]


def test_an_interval_is_open_where_resamples_are_censored_and_unknown_of_one_repeat():
    scratch, model = np.array([A, A]), np.array([[60.0, 65, 70, 75, 80], [40, 50, 60, 65, 70]])

    def bounds(a, y):
        return [utility(Curve(N, a), one, n, "linear").bounds for one, n in zip(y, N, strict=True)]

    found = resampled(scratch, model, bounds, resamples=1000, seed=0)
    assert np.isfinite(found[:2]).all()
    assert np.isfinite(found[2:, 0]).all() and np.isinf(found[2:, 1]).all()
    assert np.isnan(resampled(scratch, model[:1], bounds, resamples=1000, seed=0)).all()


@pytest.mark.parametrize(("n", "a"), [([], []), ([100, 100], [1, 2]), ([0, 100], [1, 2]), ([100], [1, 2])])
def test_what_is_no_curve_is_refused(n, a):
    with pytest.raises(ValueError, match="increasing numbers of labels"):
        Curve(np.array(n), np.array(a))
