import numpy as np
import pytest

from transferscope.datasets.splits import apply_split_rule
from transferscope.errors import InputError

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
