"""A toolbox's dataset as an endless stream in which every draw follows from its position alone.

So a training that goes on at an iteration sees what an uninterrupted one would have seen, however many
workers it has.
"""

import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from mmengine.registry import DATA_SAMPLERS, DATASETS, FUNCTIONS
from torch.utils.data import Dataset, Sampler

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)  # a scheduler's, when a job's time is nearly up


@DATASETS.register_module()
class Stream(Dataset):
    """By position 0, 1, ...: the samples of a toolbox's ``dataset``, in a new order each epoch."""

    def __init__(self, dataset: dict, *, seed: int):
        self.dataset = DATASETS.build(dataset)
        self.metainfo = self.dataset.metainfo
        self.seed = seed
        self._epoch, self._order = -1, None

    def __getitem__(self, position: int) -> dict:
        epoch, place = divmod(position, len(self.dataset))
        if epoch != self._epoch:
            order = np.random.default_rng([self.seed, 0, epoch]).permutation(len(self.dataset))
            self._epoch, self._order = epoch, order
        with drawing(self.seed, position):
            return self.dataset[int(self._order[place])]


@contextmanager
def drawing(seed: int, position: int) -> Iterator[None]:
    """Let the global generators, from which the transforms draw, start anew; then set them back."""
    before = random.getstate(), np.random.get_state()  # noqa: NPY002
    start = np.random.SeedSequence([seed, 1, position]).generate_state(3)
    with torch.random.fork_rng(devices=[]):
        random.seed(int(start[0]))
        np.random.seed(start[1])  # noqa: NPY002
        torch.manual_seed(int(start[2]))
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])  # noqa: NPY002


@DATA_SAMPLERS.register_module()
class Positions(Sampler):
    """The positions from ``start`` to ``stop``; MMEngine gives the other arguments to every sampler."""

    def __init__(self, dataset: Stream, *, start: int, stop: int, seed: int | None = None):
        self.positions = range(start, stop)

    def __iter__(self) -> Iterator[int]:
        return iter(self.positions)

    def __len__(self) -> int:
        return len(self.positions)


@FUNCTIONS.register_module()
def ignore_signals(worker: int, **others) -> None:
    """In a process that reads pictures: a signal to the whole job is the training's to answer."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
