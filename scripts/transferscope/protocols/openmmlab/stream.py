"""A toolbox's dataset as a stream of training samples, read by MMEngine's loader."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from mmengine.registry import DATASETS
from torch.utils.data import Sampler

from transferscope.errors import InputError
from transferscope.training.stream import Stream


class ToolboxStream(Stream):
    """The samples of a toolbox's ``dataset``."""

    def __init__(self, dataset: dict, *, seed: int):
        dataset = DATASETS.build(dataset)
        super().__init__(np.arange(len(dataset)), dataset.__getitem__, seed=seed)
        self.metainfo = dataset.metainfo

    def __getitem__(self, position: int) -> Any:
        item = super().__getitem__(position)
        if isinstance(item, InputError):
            raise item  # MMEngine's loader knows no other way
        return item


class Positions(Sampler):
    """The positions from ``start`` to ``stop``; MMEngine gives the other arguments to every sampler."""

    def __init__(self, dataset: Stream, *, start: int, stop: int, seed: int | None = None):
        self.positions = range(start, stop)

    def __iter__(self) -> Iterator[int]:
        return iter(self.positions)

    def __len__(self) -> int:
        return len(self.positions)
