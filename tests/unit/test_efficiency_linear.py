"""Logistic regression on the features of few labels, against scikit-learn, and what it is fitted on."""

from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from transferscope.errors import InputError
from transferscope.features.store import Split
from transferscope.protocols.efficiency import subsets
from transferscope.protocols.probes import efficiency

CLASSES, WIDTH = 4, 12


@dataclass
class Features:
    """Features in memory."""

    splits: dict[str, Split]

    def read(self, *names: str) -> dict[str, Split]:
        return {name: self.splits[name] for name in names}


def split(count: int, seed: int, several: bool = False, weights=None) -> Split:
    rng = np.random.default_rng(seed)
    labels = rng.choice(CLASSES, count, p=weights)
    centres = np.random.default_rng(0).normal(size=(CLASSES, WIDTH))
    features = (centres[labels] + 1.5 * rng.normal(size=(count, WIDTH))).astype(np.float32)
    if several:
        labels = np.eye(CLASSES, dtype=np.uint8)[labels] | (rng.random((count, CLASSES)) < 0.2)
        labels = labels.astype(np.uint8)
    return Split(features, labels, np.array([str(i) for i in range(count)], dtype=object))


def features(several: bool = False, train: int = 120, weights=None) -> Features:
    sizes = {"train": train, "val": 60, "test": 80}
    return Features(
        {name: split(count, seed, several, weights) for seed, (name, count) in enumerate(sizes.items())}
    )


def evaluate(source: Features, labels: list[int], **changes):
    settings = {"subset": "prefix", "subset_seed": 1, "evaluated_on": "test", "metric": "top1"}
    settings |= {"classes": CLASSES, "seed": 0, "device": "cpu", "labels": labels}
    return efficiency.evaluate(source, **settings | changes)


def test_it_is_scikit_learns_with_c_1_on_features_that_are_rounded():
    source = features()
    found = evaluate(source, [100, 40])
    assert [one["labels"] for one in found.measurements] == [40, 100]
    train, test = source.splits["train"], source.splits["test"]
    for one in found.measurements:
        chosen = subsets.prefix(one["labels"], 120, 1)
        probe = LogisticRegression(C=1, max_iter=500, tol=1e-8)
        probe.fit(train.features[chosen].astype(np.float16).astype(np.float64), train.labels[chosen])
        expected = probe.predict(test.features.astype(np.float16)) == test.labels
        assert one["value"] == pytest.approx(100 * expected.mean(), abs=1.3)  # one picture
        logits = efficiency.fit(efficiency.rounded(train)[0][chosen], train.labels[chosen], classes=CLASSES)(
            test.features
        )
        decisions = probe.decision_function(test.features)
        assert np.abs(logits - logits.mean(1, keepdims=True) - decisions).max() < 0.05


def test_features_have_the_precision_of_float16():
    values = np.array([[1 + 2**-12, 3.0]], dtype=np.float32)
    rounded, _ = efficiency.rounded(Split(values, np.array([0]), np.array(["a"])))
    assert (rounded.dtype, rounded.tolist()) == (np.float32, [[1, 3]])


def test_both_rules_and_both_splits_are_told():
    source = features()
    found = evaluate(source, [50, 121], subset="balanced", evaluated_on="val")
    assert (found.mode, found.n_test) == ("val", 60)
    (fit,) = found.details["fits"]
    assert (fit["labels"], fit["samples"]) == (50, 48)
    (one,) = found.measurements
    assert one["value"] == fit["val"][0]["value"] != fit["test"][0]["value"]


def test_numbers_that_the_split_has_no_room_for_are_left_out():
    source = features(weights=[0.05, 0.3, 0.3, 0.35])
    smallest = np.bincount(source.splits["train"].labels).min()
    labels = [4, 4 * smallest, 4 * smallest + 4, 120, 121]
    assert [one["labels"] for one in evaluate(source, labels).measurements] == labels[:4]
    balanced = evaluate(source, labels, subset="balanced").measurements
    assert [one["labels"] for one in balanced] == labels[:2]
    with pytest.raises(InputError, match="121 labels were asked for"):
        evaluate(source, [121])
    with pytest.raises(InputError, match="3 labels are 0 of each of the 4 classes"):
        evaluate(source, [3], subset="balanced")


def test_a_class_without_a_sample_is_never_the_most_likely():
    source = features()
    train = source.splits["train"]
    chosen = np.flatnonzero(train.labels != 2)
    logits = efficiency.fit(train.features[chosen], train.labels[chosen], classes=CLASSES)
    found = logits(source.splits["test"].features)
    assert found.shape == (80, CLASSES) and np.isfinite(found).all()
    assert set(found.argmax(1)) == {0, 1, 3}
    alone = np.flatnonzero(train.labels == 2)
    only = efficiency.fit(train.features[alone], train.labels[alone], classes=CLASSES)(train.features)
    assert (only.argmax(1) == 2).all()


def test_several_labels_a_picture_have_the_datasets_metric():
    found = evaluate(features(several=True), [3, 100], metric="map11")
    few, many = (one["value"] for one in found.measurements)
    assert {one["metric"] for one in found.measurements} == {"map11"}
    assert many > few
