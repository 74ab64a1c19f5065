"""Endless stream of training samples; every sample depends on its position only.

A run resumed at any step sees the same samples as an uninterrupted one, with any number of workers.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, default_collate

from transferscope.errors import InputError, refused
from transferscope.training import deadline


class Stream(Dataset):
    """Training items by position 0, 1, ..., with a new sample order each epoch.

    Args:
        indices: sample indices, int [N].
        draw: sample index -> training item, possibly random (torch, NumPy or ``random``); must be picklable
            for DataLoader workers.
        seed: seed of the order and of all random draws.
        arrange: samples in an epoch's order -> what is drawn one after the other: the samples themselves, or
            batches of them, always as many.
    """

    def __init__(
        self,
        indices: np.ndarray,
        draw: Callable[[Any], Any],
        *,
        seed: int,
        arrange: Callable[[np.ndarray], list] = np.ndarray.tolist,
    ):
        self.draw = draw
        self.seed = seed
        self.indices, self.arrange = indices, arrange
        self.items = arrange(indices)
        self._epoch, self._order = -1, None

    def __getitem__(self, position: int) -> Any:
        epoch, place = divmod(position, len(self.items))
        if epoch != self._epoch:
            order = np.random.default_rng([self.seed, 0, epoch]).permutation(len(self.indices))
            self._epoch, self._order = epoch, self.arrange(self.indices[order])
        state = np.random.SeedSequence([self.seed, 1, position]).generate_state(1)
        try:
            with _seeded(int(state[0])):
                return self.draw(self._order[place])
        except InputError as error:
            return error  # not raised: DataLoader would wrap a worker's exception in a traceback


def batches(
    stream: Stream,
    *,
    batch_size: int | None,
    start: int,
    stop: int,
    workers: int,
    pin_memory: bool,
    collate: Callable[[list], Any] = default_collate,
) -> Iterator[Any]:
    """Yield the batches of steps ``start`` to ``stop`` (exclusive).

    Args:
        batch_size: items in a batch; None, if each item is a batch already.

    Raises:
        InputError: a sample cannot be read; the message names every such sample.
    """
    items = batch_size or 1
    loader = DataLoader(
        stream,
        sampler=range(start * items, stop * items),
        batch_size=batch_size,
        num_workers=workers,
        pin_memory=pin_memory,
        collate_fn=_Collate(collate) if batch_size else None,
        worker_init_fn=deadline.leave_to_training,
        # Its own generator: a starting loader would otherwise advance the one that dropout uses.
        generator=torch.Generator(),
    )
    for batch in loader:
        if isinstance(batch, InputError):
            raise refused(stream.draw, stream.items, threads=max(1, workers)) or batch
        yield batch


class _Collate:
    """Collate a batch; if an item is an error, return it in place of the batch."""

    def __init__(self, collate: Callable[[list], Any]):
        self.collate = collate

    def __call__(self, items: list) -> Any:
        errors = [item for item in items if isinstance(item, InputError)]
        return errors[0] if errors else self.collate(items)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed all random generators within the context and restore their states afterwards."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 (the toolboxes draw from it)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
