"""Similarity of layers: released code's numbers, closed forms, and what must change nothing."""

import json
from pathlib import Path

import numpy as np
import pytest

from transferscope.errors import InputError
from transferscope.protocols import canonical
from transferscope.protocols.canonical import compare, decompose

GOLDEN = json.loads((Path(__file__).parent / "golden/svcca.json").read_text(encoding="utf-8"))


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def alike(seed: int = 0, count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Two layers of 6 and 9 values that share something, neither centred nor of one scale."""
    one = drawn(count, 6, seed=seed) @ np.diag([5, 3, 1, 1, 0.5, 0.2]) + 2
    return one, one @ drawn(6, 9, seed=seed + 1) + 2 * drawn(count, 9, seed=seed + 2) - 1


def golden_inputs() -> tuple[np.ndarray, np.ndarray]:
    """Values that every machine computes alike, [400, 5] and [400, 8]."""
    steps = np.arange(1, 401)[:, None]
    one = np.sin(steps * np.sqrt([2, 3, 5, 7, 11])) * [4, 3, 2, 1, 0.1] + 1
    mixed = one @ np.cos(np.arange(40).reshape(5, 8))
    return one, mixed + 3 * np.sin(steps * np.sqrt([13, 17, 19, 23, 29, 31, 37, 41]))


@pytest.mark.parametrize("measure", ["cca", "svcca", "pwcca"])
def test_measures_are_those_of_the_released_code(measure):
    """google/svcca, cca_core.py: its correlations, and its directions where they are whitened."""
    found = compare(*map(decompose, golden_inputs()))
    assert found[measure] == pytest.approx(GOLDEN[measure], abs=1e-6)


def test_correlations_are_those_of_the_textbook():
    """Eigenvalues of inv(Cxx) Cxy inv(Cyy) Cyx are their squares (Hotelling 1936)."""
    one, other = alike()
    covariance = np.cov(one.T, other.T)
    xx, xy, yy = covariance[:6, :6], covariance[:6, 6:], covariance[6:, 6:]
    squares = np.linalg.eigvals(np.linalg.solve(xx, xy) @ np.linalg.solve(yy, xy.T)).real
    assert compare(decompose(one), decompose(other))["cca"] == pytest.approx(np.sqrt(squares).mean())


def test_any_invertible_map_leaves_the_correlations_and_a_rotation_all():
    one, other = map(decompose, alike())
    before = compare(one, other)
    mapped = compare(decompose(alike()[0] @ drawn(6, 6, seed=9) + 7), other)
    assert mapped["cca"] == pytest.approx(before["cca"])
    assert mapped["pwcca"] != pytest.approx(before["pwcca"], rel=1e-4)
    turned = compare(decompose(3 * alike()[0] @ np.linalg.qr(drawn(6, 6, seed=9))[0]), other)
    assert {name: turned[name] for name in ("cca", "svcca")} == pytest.approx(
        {name: before[name] for name in ("cca", "svcca")}
    )
    assert list(compare(one, one).values()) == pytest.approx([1, 1, 1])


def test_a_direction_with_little_variance_is_left_out_of_svcca():
    """Two layers share one strong direction and differ in many weak ones."""
    strong = drawn(500, 1) * 100
    one, other = (np.hstack([strong, drawn(500, 8, seed=seed)]) for seed in (1, 2))
    found = compare(decompose(one), decompose(other))
    assert found["svcca"] == pytest.approx(1, abs=1e-3)
    assert found["cca"] < 0.3 < 0.9 < found["pwcca"] + 0.6


def test_more_weight_goes_to_what_the_layer_is_made_of():
    strong, shared = 10 * drawn(400, 1), drawn(400, 1, seed=1)
    one = np.hstack([strong, shared])
    other = np.hstack([shared, *(drawn(400, 1, seed=seed) for seed in (2, 3))])
    found = compare(decompose(one), decompose(other))
    # The shared direction is a tenth of what the narrower layer is made of.
    assert found["cca"] > 0.5 > 0.3 > found["pwcca"]


def test_too_few_pictures_tell_nothing():
    wide, narrow = decompose(drawn(10, 30)), decompose(drawn(10, 4, seed=1))
    found = compare(wide, narrow)
    assert np.isnan([found["cca"], found["pwcca"]]).all()
    still = decompose(np.ones((10, 3)))
    assert np.isnan(list(compare(still, narrow).values())).all()


def test_the_table_has_every_ordered_pair_and_cka_by_its_formula():
    one, other = alike()
    table = canonical.table([decompose(one), decompose(other)])
    assert list(zip(table["one"], table["other"], strict=True)) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    kernels = [values @ values.T for values in (one - one.mean(0), other - other.mean(0))]
    terms = [(a * b).sum() for a, b in (kernels, [kernels[0]] * 2, [kernels[1]] * 2)]
    assert table["cka"].tolist()[1] == pytest.approx(terms[0] / np.sqrt(terms[1] * terms[2]))
    assert table["cka"].tolist()[0] == pytest.approx(1)
    for measure in ("cka", "debiased_cka", "cca", "svcca", "pwcca"):
        assert table[measure].iloc[1] == pytest.approx(table[measure].iloc[2])


def test_three_pictures_are_refused():
    with pytest.raises(InputError, match="needs 4 test pictures, and there are 3"):
        canonical.table([decompose(drawn(3, 2))])
