"""Weighted k-NN against an explicit loop and scikit-learn."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from transferscope.errors import InputError
from transferscope.protocols.probes import knn
from transferscope.results.metrics import map11, top1

KS = (1, 5, 10, 20, 50, 100, 200)


def knn_probe(train, val, test, ks=KS, temperature=0.07, **others):
    return knn.knn_probe(train, val, test, ks=ks, temperature=temperature, **others)


def splits(multilabel=False, sizes=(120, 60, 80), classes=4, dimensions=16, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, dimensions))
    drawn = []
    for size in sizes:
        labels = rng.integers(0, classes, size)
        targets = np.eye(classes, dtype=np.uint8)[labels]
        if multilabel:
            targets |= (rng.random(targets.shape) < 0.2).astype(np.uint8)
        features = targets @ centres + 1.5 * rng.normal(size=(size, dimensions))
        drawn.append((features.astype(np.float32), targets if multilabel else labels))
    return drawn


def unit(features):
    features = features.astype(np.float64)
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def explicit_scores(bank, queries, k, temperature):
    """The definition, one query at a time; labels [N, C]."""
    features, targets = bank
    rows = []
    for query in unit(queries):
        similarity = unit(features) @ query
        nearest = np.argsort(-similarity)[:k]
        weights = np.exp(similarity[nearest] / temperature)
        rows.append(weights @ targets[nearest] / weights.sum())
    return np.array(rows, dtype=np.float32)


def joined(train, val):
    return tuple(np.concatenate(parts) for parts in zip(train, val, strict=True))


@pytest.mark.parametrize("multilabel", [False, True])
def test_agrees_with_an_explicit_loop(multilabel, monkeypatch):
    monkeypatch.setattr(knn, "BLOCK", 3000)  # several blocks, the last of them shorter
    train, val, test = splits(multilabel)
    metric = map11 if multilabel else top1
    ks = (1, 3, 10, 40)
    result = knn_probe(train, val, test, metric=metric, num_classes=4, ks=ks, temperature=0.1)

    def targets(split):
        return split if multilabel else (split[0], np.eye(4)[split[1]])

    for k in ks:
        expected = explicit_scores(targets(train), val[0], k, 0.1)
        assert result.val_scores[k] == pytest.approx(metric(expected, val[1]))
    assert result.k == max(ks, key=result.val_scores.get)
    expected = explicit_scores(targets(joined(train, val)), test[0], result.k, 0.1)
    np.testing.assert_allclose(result.test_scores, expected, atol=1e-5)
    assert result.test_scores.dtype == np.float32


def test_agrees_with_scikit_learn():
    train, val, test = splits()
    result = knn_probe(train, val, test, metric=top1, num_classes=4, ks=(20,))
    reference = KNeighborsClassifier(
        20, metric="cosine", algorithm="brute", weights=lambda distance: np.exp((1 - distance) / 0.07)
    ).fit(*joined(train, val))
    np.testing.assert_allclose(result.test_scores, reference.predict_proba(test[0]), atol=1e-5)


def test_equal_scores_on_val_choose_the_smallest_k():
    train, val, test = splits()
    result = knn_probe(train, val, test, metric=lambda scores, labels: 0.5, num_classes=4, ks=(20, 5, 10))
    assert result.k == 5 and result.val_scores == {5: 0.5, 10: 0.5, 20: 0.5}


def test_k_is_capped_by_the_bank():
    train, val, test = splits(sizes=(12, 60, 80))
    result = knn_probe(train, val, test, metric=top1, num_classes=4)
    assert list(result.val_scores) == [1, 5, 10, 12]


def test_length_of_features_does_not_matter_and_zeros_are_allowed():
    train, val, test = splits()
    lengths = np.random.default_rng(1).uniform(0.1, 10, size=(len(train[0]), 1)).astype(np.float32)
    stretched = (train[0] * lengths, train[1])
    plain = knn_probe(train, val, test, metric=top1, num_classes=4, ks=(10,))
    other = knn_probe(stretched, val, test, metric=top1, num_classes=4, ks=(10,))
    np.testing.assert_allclose(other.test_scores, plain.test_scores, atol=1e-5)
    blank = (np.zeros_like(test[0]), test[1])
    scores = knn_probe(train, val, blank, metric=top1, num_classes=4, ks=(10,)).test_scores
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)


def test_a_sharp_temperature_is_the_nearest_neighbour():
    train, val, test = splits()
    sharp = knn_probe(train, val, test, metric=top1, num_classes=4, ks=(50,), temperature=1e-6)
    nearest = knn_probe(train, val, test, metric=top1, num_classes=4, ks=(1,))
    np.testing.assert_allclose(sharp.test_scores, nearest.test_scores, atol=1e-3)


def test_neighbours_that_agree_give_exactly_one():
    train, val, test = splits(multilabel=True)
    for split in (train, val):
        split[1][:, 0] = 1
    result = knn_probe(train, val, test, metric=map11, num_classes=4, ks=(50,))
    assert (result.test_scores[:, 0] == 1).all()


def test_bad_input_is_refused():
    train, val, test = splits()

    def probe(train=train, val=val, test=test, ks=(1,), num_classes=4):
        knn_probe(train, val, test, metric=top1, num_classes=num_classes, ks=ks)

    with pytest.raises(InputError, match="at least one"):
        probe(ks=())
    with pytest.raises(InputError, match="1 or more"):
        probe(ks=(0, 5))
    with pytest.raises(InputError, match=r"val has features of shape \(60, .*labels of shape \(59,"):
        probe(val=(val[0], val[1][:-1]))
    with pytest.raises(InputError, match=r"test has features .* one backbone"):
        probe(test=(test[0][:, :3], test[1]))
    with pytest.raises(InputError, match=r"val has features .* give one label a sample"):
        probe(val=(val[0], np.eye(4, dtype=int)[val[1]]))
    with pytest.raises(InputError, match=r"train has labels from 0 to 3; they must be in 0\.\.2"):
        probe(num_classes=3)
    with pytest.raises(InputError, match="test has features that are NaN"):
        probe(test=(test[0] * np.nan, test[1]))
