"""Training pictures by position: the same draws wherever a training begins, however many workers it has."""

import random

import numpy as np
import torch
from mmengine.registry import DATASETS
from torch.utils.data import DataLoader

from transferscope.protocols.openmmlab.stream import Positions, ToolboxStream
from transferscope.training import deadline


@DATASETS.register_module()
class Drawn:
    """Ten samples, each its number and a draw of every global generator."""

    metainfo = None

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.tensor([index, random.random(), np.random.rand(), torch.rand(())])  # noqa: NPY002


def drawn(start: int, stop: int, workers: int = 0, seed: int = 0) -> torch.Tensor:
    stream = ToolboxStream({"type": "Drawn"}, seed=seed)
    loader = DataLoader(
        stream,
        batch_size=4,
        sampler=Positions(stream, start=start, stop=stop, seed=3),
        num_workers=workers,
        worker_init_fn=deadline.leave_to_training,
    )
    return torch.cat(list(loader))


def test_a_draw_follows_from_its_position_alone():
    whole = drawn(0, 32)
    assert torch.equal(drawn(12, 32), whole[12:])
    assert torch.equal(drawn(12, 32, workers=2), whole[12:])
    assert not torch.equal(drawn(0, 32, seed=1), whole)


def test_every_epoch_has_every_sample_once_in_a_new_order():
    epochs = drawn(0, 30)[:, 0].reshape(3, 10).tolist()
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_the_global_generators_go_on_as_if_nothing_had_been_drawn():
    def state() -> list:
        return [random.random(), np.random.rand(), torch.rand(()).item()]  # noqa: NPY002

    def seed() -> None:
        random.seed(1), np.random.seed(1), torch.manual_seed(1)  # noqa: NPY002

    seed()
    expected = state()
    seed()
    ToolboxStream({"type": "Drawn"}, seed=0)[5]
    assert state() == expected
