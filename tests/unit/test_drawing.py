"""A few samples of a dataset: the same ones in whatever order the dataset comes."""

from dataclasses import replace

import numpy as np

from transferscope.datasets.base import Samples
from transferscope.datasets.drawing import draw


def samples(count: int = 60, pooled: bool = False) -> Samples:
    splits = np.full(count, "all") if pooled else np.array(["train", "val", "test"])[np.arange(count) % 3]
    labels = np.zeros(count, dtype=np.int64)
    return Samples([f"picture-{index}" for index in range(count)], labels, splits, None, ["only"])


def drawn(samples: Samples, count: int, seed: int = 0) -> list[str]:
    return [samples.ids[index] for index in draw(samples, count, seed)]


def test_only_test_samples_are_drawn_or_any_of_a_pooled_dataset():
    divided = samples()
    assert {divided.splits[index] for index in draw(divided, 10, seed=0)} == {"test"}
    assert len(draw(divided, 100, seed=0)) == 20
    assert len(draw(samples(pooled=True), 100, seed=0)) == 60


def test_neither_the_order_nor_the_others_matter():
    whole = samples()
    order = np.random.default_rng(0).permutation(len(whole))
    shuffled = replace(whole, ids=[whole.ids[index] for index in order], splits=whole.splits[order])
    assert drawn(shuffled, 7) == drawn(whole, 7)
    assert drawn(whole, 7)[:3] == drawn(whole, 3)
    kept = [index for index, name in enumerate(whole.ids) if name in drawn(whole, 3) or index % 2]
    fewer = replace(
        whole, ids=[whole.ids[i] for i in kept], splits=whole.splits[kept], labels=whole.labels[kept]
    )
    assert drawn(fewer, 3) == drawn(whole, 3)


def test_the_seed_decides():
    assert drawn(samples(), 5, seed=0) != drawn(samples(), 5, seed=1)
    # Of "0:picture-N", N a test sample, this one has the smallest SHA-256.
    assert drawn(samples(), 1) == ["picture-14"]
