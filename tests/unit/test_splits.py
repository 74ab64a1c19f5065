from types import SimpleNamespace

import numpy as np
import pytest
from tests.rules.conftest import RUN

import draw_splits
import extract_features
from transferscope.datasets.base import Samples
from transferscope.datasets.splits import apply_split_rule, check_classes
from transferscope.errors import InputError
from transferscope.protocols.finetuning import trials

OFFICIAL = np.array(["train"] * 103 + ["test"] * 40)
LABELS = np.arange(143) % 7


def indices(splits, name):
    return set(np.flatnonzero(splits == name).tolist())


def test_official_stands():
    splits = apply_split_rule(OFFICIAL, LABELS, "official", seed=0)
    assert splits.tolist() == OFFICIAL.tolist()


def test_pooled():
    assert set(apply_split_rule(OFFICIAL, LABELS, "pooled", seed=0)) == {"all"}


def test_val20_takes_a_fifth_of_train_and_leaves_test():
    splits = apply_split_rule(OFFICIAL, LABELS, "val20", seed=0)
    assert len(indices(splits, "val")) == 20  # floor(0.2 * 103)
    assert indices(splits, "train") | indices(splits, "val") == indices(OFFICIAL, "train")
    assert indices(splits, "test") == indices(OFFICIAL, "test")


def test_val20_is_the_authors_draw():
    shuffled = np.random.default_rng(1).permutation(OFFICIAL)
    train = np.flatnonzero(shuffled == "train")
    # As the authors did it: a list of indices shuffled in place, its first fifth taken.
    order = list(range(len(train)))
    np.random.RandomState(0).shuffle(order)
    expected = set(train[order[:20]].tolist())
    assert indices(apply_split_rule(shuffled, LABELS, "val20", seed=0), "val") == expected
    # Known beforehand, so that no other generator slips in.
    assert np.random.RandomState(0).permutation(10).tolist() == [2, 8, 4, 9, 1, 6, 7, 3, 0, 5]


def test_val20_needs_train_and_no_val():
    with pytest.raises(InputError, match="needs official training samples"):
        apply_split_rule(np.full(9, "all"), LABELS[:9], "val20", seed=0)
    with pytest.raises(InputError, match="official validation samples"):
        apply_split_rule(np.array(["train"] * 8 + ["val"]), LABELS[:9], "val20", seed=0)


def test_draw30_takes_thirty_of_each_class_and_a_fifth_of_them_for_val():
    labels = np.repeat([0, 1, 2], [31, 50, 104])
    splits = apply_split_rule(np.full(185, "all"), labels, "draw30", seed=0)
    assert np.bincount(labels[splits != "test"]).tolist() == [30, 30, 30]
    assert {name: len(indices(splits, name)) for name in ("train", "val", "test")} == {
        "train": 72,
        "val": 18,
        "test": 95,
    }


def test_draw30_needs_more_than_thirty_of_each_class_and_one_class_a_sample():
    with pytest.raises(InputError, match=r"class 1 has 30 samples, and .* draw30 needs more than 30"):
        apply_split_rule(np.full(70, "all"), np.repeat([0, 1], [40, 30]), "draw30", seed=0)
    with pytest.raises(InputError, match="one class for each sample"):
        apply_split_rule(np.full(40, "all"), np.ones((40, 2), dtype=np.uint8), "draw30", seed=0)


def test_stratified_divides_each_class():
    labels = np.repeat([0, 1, 2], [5, 50, 104])
    splits = apply_split_rule(np.full(159, "all"), labels, "stratified", seed=0)
    for label, sizes in enumerate([(3, 1, 1), (30, 10, 10), (64, 20, 20)]):
        of_class = splits[labels == label]
        assert tuple(np.count_nonzero(of_class == name) for name in ("train", "val", "test")) == sizes


def test_stratified_needs_five_of_each_class_and_one_class_a_sample():
    with pytest.raises(InputError, match="class 1 has 4 samples"):
        apply_split_rule(np.full(14, "all"), np.repeat([0, 1], [10, 4]), "stratified", seed=0)
    with pytest.raises(InputError, match="one class for each sample"):
        apply_split_rule(np.full(14, "all"), np.ones((14, 2), dtype=np.uint8), "stratified", seed=0)


@pytest.mark.parametrize("rule", ["val20", "draw30", "stratified"])
def test_the_seed_decides(rule):
    original = OFFICIAL.copy()
    labels = np.arange(143) % 4
    first, again, other = (apply_split_rule(OFFICIAL, labels, rule, seed) for seed in (0, 0, 1))
    assert first.tolist() == again.tolist() != other.tolist()
    assert OFFICIAL.tolist() == original.tolist()


def test_unknown_rule():
    with pytest.raises(InputError, match="no split rule 'random'; write one of official, val20"):
        apply_split_rule(OFFICIAL, LABELS, "random", seed=0)


NAMES = ["ant", "bee", "cat"]


@pytest.mark.parametrize(
    ("rule", "counts", "said"),
    [
        (
            "draw30",
            [31, 30, 9],
            "class 'bee' has 30 samples, class 'cat' has 9 samples, and the split rule dr",
        ),
        ("draw30", [31, 31, 1], "class 'cat' has 1 samples, and the split rule draw30 needs more than 30"),
        (
            "stratified",
            [5, 4, 5],
            "class 'bee' has 4 samples, and the split rule stratified needs more than 4",
        ),
        (
            "stratified",
            [1, 5, 5],
            "class 'ant' has 1 samples, and the split rule stratified needs more than 4",
        ),
    ],
)
def test_classes_that_a_rule_cannot_divide_are_named(rule, counts, said):
    labels = np.repeat([0, 1, 2], counts)
    splits = np.full(len(labels), "all")
    with pytest.raises(InputError) as caught:
        apply_split_rule(splits, labels, rule, 0, NAMES)
    assert said in str(caught.value)


def val20(labels: np.ndarray, seed: int = 0) -> Samples:
    """Training samples with these labels, int64 [20] or uint8 [20, C], divided by val20, and test samples."""
    splits = apply_split_rule(np.full(20, "train"), labels, "val20", seed)
    both = np.concatenate([labels, labels]), np.concatenate([splits, np.full(20, "test")])
    return Samples([str(number) for number in range(40)], *both, None, NAMES)


ORDER = np.random.RandomState(0).permutation(20)
"""Of the training samples; val20 takes the first four for val."""


def labels_with(rare: np.ndarray) -> np.ndarray:
    """Two classes in turn, but of the third at these places."""
    labels = np.arange(20) % 2
    labels[rare] = 2
    return labels


def test_a_class_whose_training_samples_are_all_drawn_for_val_is_named():
    labels = labels_with(ORDER[:2])
    for of in (labels, np.eye(3, dtype=np.uint8)[labels]):
        with pytest.raises(
            InputError, match="no training sample is left of class 'cat'; add some, or divide"
        ):
            check_classes(val20(of))
    check_classes(val20(labels, seed=2))


def test_a_class_without_a_sample_in_val_is_named_in_the_log(caplog):
    check_classes(val20(labels_with(ORDER[-3:])))
    assert "the split val has no sample of class 'cat', so the class does not count there" in caplog.text
    assert "test has" not in caplog.text


def test_the_scripts_that_need_every_class_ask_for_it(monkeypatch, tmp_path):
    """Extraction, other seeds' splits and finetuning, before they compute anything."""
    samples = val20(labels_with(ORDER[:2]))
    facts = {"dataset": "pets"}
    for module in (extract_features, draw_splits, trials):
        monkeypatch.setattr(module, "load_dataset", lambda **_: samples)
    metadata = SimpleNamespace(model="tiny", source_sha256="")
    for module in (extract_features, trials):
        monkeypatch.setattr(module.backbones, "load", lambda *_, **__: (None, metadata))
    with pytest.raises(InputError, match="no training sample is left of class 'cat'"):
        extract_features.main(
            "", "", tmp_path / "a.h5", facts=facts, seed=0, resolution=32, input={}, batch_size=1
        )
    with pytest.raises(InputError, match="no training sample is left of class 'cat'"):
        draw_splits.main("", tmp_path / "a.h5", facts=facts, seed=0)
    with pytest.raises(InputError, match="no training sample is left of class 'cat'"):
        trials.Task("", "", run=RUN | {"protocol": "finetune"}, facts=facts, resolution=32, batch_size=1)
