"""95% intervals of coefficients cover 95%, by simulation."""

import numpy as np
import pytest

from transferscope.results import intervals
from transferscope.results.intervals import pearson_interval, spearman_interval

SAMPLES = 4000
MONTE_CARLO = 2 * np.sqrt(0.95 * 0.05 / SAMPLES)  # two standard errors


def draw(n, rho, seed=4):
    x, noise = np.random.default_rng(seed).standard_normal((2, SAMPLES, n))
    return x, rho * x + np.sqrt(1 - rho**2) * noise


def coefficients(x, y):
    x, y = (part - part.mean(axis=1, keepdims=True) for part in (x, y))
    return (x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))


def ranks(values):
    return values.argsort(axis=1).argsort(axis=1).astype(float)


def coverage(bounds, truth):
    low, high = bounds
    return ((low <= truth) & (truth <= high)).mean()


@pytest.mark.parametrize("rho", [0, 0.6, 0.9])
@pytest.mark.parametrize("n", [6, 14, 40])
def test_coverage(n, rho):
    x, y = draw(n, rho)
    assert coverage(pearson_interval(coefficients(x, y), n), rho) == pytest.approx(0.95, abs=MONTE_CARLO)
    truth = 6 / np.pi * np.arcsin(rho / 2)  # of a normal pair
    found = coverage(spearman_interval(coefficients(ranks(x), ranks(y)), n), truth)
    # Six pairs have 36 values of Spearman's coefficient: no interval covers exactly 95% of them.
    assert found == pytest.approx(0.95, abs=0.025 if n == 6 else MONTE_CARLO)


def test_many_pairs_take_the_normal_approximation():
    x, y = draw(60, 0.6)
    found = coverage(spearman_interval(coefficients(ranks(x), ranks(y)), 60), 6 / np.pi * np.arcsin(0.3))
    assert found == pytest.approx(0.95, abs=1.5 * MONTE_CARLO)
    most = intervals.MOST_SIMULATED
    assert np.ravel(spearman_interval(0.5, most)) == pytest.approx(
        np.ravel(spearman_interval(0.5, most + 1)), abs=0.03
    )


def test_an_interval_holds_its_coefficient_and_is_symmetric():
    values = np.array([-1, -0.5, 0, 0.5, 0.9, 1])
    for interval, n in ((pearson_interval, 9), (spearman_interval, 9), (spearman_interval, 90)):
        low, high = interval(values, n)
        assert (low <= values).all() and (values <= high).all()
        mirrored = interval(-values, n)
        np.testing.assert_allclose(mirrored[0], -high, atol=0.02)
        assert high[-1] == 1
