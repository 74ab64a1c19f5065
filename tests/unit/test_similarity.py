"""Linear CKA: the direct formulas, on centred kernels, from features that are streamed."""

import tracemalloc

import numpy as np
import pytest

from transferscope.errors import InputError
from transferscope.features import store as features
from transferscope.protocols.similarity import linear_cka


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def feature_file(path, values: np.ndarray, ids: list[str] | None = None):
    ids = ids or [f"picture-{index}" for index in range(len(values))]
    split = (np.zeros(len(values), dtype=np.int64), ids)
    features.write(path, [values.astype(np.float32)], {"test": split}, {"model": path.stem})
    return path


@pytest.fixture
def models(tmp_path) -> tuple[list, list[np.ndarray]]:
    """Three models: the second resembles the first, the third is unrelated and not centred."""
    base = drawn(50, 6) @ np.diag([4, 3, 2, 1, 1, 1])
    values = [base, base @ drawn(6, 9) + drawn(50, 9, seed=1), drawn(50, 70, seed=2) + 3]
    return [feature_file(tmp_path / f"m{i}.h5", one) for i, one in enumerate(values)], values


def centred_kernel(values: np.ndarray) -> np.ndarray:
    values = values - values.mean(axis=0)
    return values @ values.T


def hsic_1(first: np.ndarray, second: np.ndarray) -> float:
    """The unbiased estimator as Song et al. (2012) write it, on kernels whose diagonals are removed."""
    n = len(first)
    first, second = (kernel - np.diag(kernel.diagonal()) for kernel in (first, second))
    ones = np.ones(n)
    terms = np.trace(first @ second)
    terms += (ones @ first @ ones) * (ones @ second @ ones) / ((n - 1) * (n - 2))
    terms -= 2 / (n - 2) * (ones @ first @ second @ ones)
    return terms / (n * (n - 3))


@pytest.mark.parametrize("rows", [7, 25, 1000])
def test_cka_is_the_direct_formula_whatever_is_read_at_a_time(models, rows):
    paths, values = models
    cka, debiased = linear_cka(paths, "test", rows=rows)
    for found, term, kernels in (
        (cka, lambda k, m: (k * m).sum(), [centred_kernel(one) for one in values]),
        # The unbiased estimator does not ask for centred kernels, so it gets others.
        (debiased, hsic_1, [one @ one.T for one in values]),
    ):
        expected = [[term(k, m) / np.sqrt(term(k, k) * term(m, m)) for m in kernels] for k in kernels]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_unrelated_features_of_more_dimensions_than_images_are_alike_in_the_plain_form_alone(tmp_path):
    paths = [feature_file(tmp_path / f"m{i}.h5", drawn(40, 400, seed=i)) for i in range(2)]
    cka, debiased = linear_cka(paths, "test")
    assert cka[0, 1] > 0.8
    assert abs(debiased[0, 1]) < 0.15


def test_rotation_scale_and_offset_change_nothing(tmp_path):
    values = drawn(30, 8)
    rotation = np.linalg.qr(drawn(8, 8, seed=1))[0]
    paths = [
        feature_file(tmp_path / "a.h5", values),
        feature_file(tmp_path / "b.h5", 3 * values @ rotation + 5),
    ]
    for found in linear_cka(paths, "test"):
        np.testing.assert_allclose(found, 1, rtol=1e-5)


def test_memory_does_not_grow_with_the_dataset(tmp_path):
    peaks = []
    for count in (2_000, 8_000):
        paths = [feature_file(tmp_path / f"{i}-{count}.h5", drawn(count, 128, seed=i)) for i in range(2)]
        tracemalloc.start()
        linear_cka(paths, "test", rows=500)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # The sample ids alone do: features of 6,000 more pictures would be 3 MB a model.
    assert peaks[1] < peaks[0] + 1.5e6


def test_files_of_other_samples_and_too_few_are_refused(tmp_path):
    first = feature_file(tmp_path / "a.h5", drawn(5, 3))
    second = feature_file(tmp_path / "b.h5", drawn(5, 3), ids=list("vwxyz"))
    with pytest.raises(InputError, match="hold other samples"):
        linear_cka([first, second], "test")
    few = feature_file(tmp_path / "c.h5", drawn(3, 3))
    with pytest.raises(InputError, match="needs 4 images"):
        linear_cka([few], "test")
    enough = feature_file(tmp_path / "d.h5", drawn(4, 3))
    assert np.ravel(linear_cka([enough], "test")) == pytest.approx(1)
    with pytest.raises(InputError, match="no samples in its split 'all'"):
        linear_cka([first], "all")
