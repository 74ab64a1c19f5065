"""Batches of pictures that are held in memory; what is in one follows from its step alone."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from transferscope.training.augment import Augmentation


class Batches:
    """Augmented batches by step, for ``training.loop.train``.

    Samples come in a new order each epoch, and one epoch follows the other within a batch, unless there is an
    ``order``.

    Args:
        pictures: uint8 [N, 3, S, S].
        targets: further values of each sample, each [N, ...].
        pixels: whether the first of these is a label for every pixel, [N, S, S], which moves with its image.
        prepare: pictures uint8 to normalised images, float32 [B, C, S, S].
        seed: of the order and of all draws.
        views: of each image, as for ``Augmentation``; targets are repeated.
        order: the samples of a pass by its number, int [P x batch_size], where a pass is of P whole batches,
            P = max(1, N // batch_size); asked for when the first batch of the pass is wanted, or that from
            which a training goes on.
    """

    def __init__(
        self,
        pictures: Tensor,
        *targets: Tensor,
        prepare: Callable[[Tensor], Tensor],
        augment: Augmentation,
        batch_size: int,
        steps: int,
        seed: int,
        device: str,
        pixels: bool = False,
        views: int = 1,
        order: Callable[[int], np.ndarray] | None = None,
    ):
        self.pictures, self.targets = pictures, targets
        self.prepare, self.augment, self.pixels, self.views = prepare, augment, pixels, views
        self.order = order
        self.batch_size, self.steps, self.seed, self.device = batch_size, steps, seed, device
        self._epoch, self._order = -1, None

    def __call__(self, start: int) -> Iterator[list[Tensor]]:
        """The batches of steps ``start`` and on: images, targets, whether flipped, and indices of samples."""
        for step in range(start, self.steps):
            yield self.batch(step)

    def batch(self, step: int) -> list[Tensor]:
        """One batch: images [V x B, C, S, S], targets, flipped [V x B], indices [B] of the samples."""
        indices = torch.from_numpy(self._samples(step))
        state = np.random.SeedSequence([self.seed, 1, step]).generate_state(1)
        generator = torch.Generator(self.device).manual_seed(int(state[0]))
        images = self.prepare(self.pictures[indices].to(self.device, non_blocking=True))
        targets = [target[indices].to(self.device, non_blocking=True) for target in self.targets]
        moved = targets.pop(0) if self.pixels else None
        images, moved, flipped = self.augment(images, generator, moved, views=self.views)
        if self.views > 1:
            targets = [target.repeat(self.views, *[1] * (target.ndim - 1)) for target in targets]
        return [images, *([moved] if self.pixels else []), *targets, flipped, indices.to(self.device)]

    def _samples(self, step: int) -> np.ndarray:
        """Indices of a batch's samples."""
        if self.order:
            epoch, place = divmod(step, max(1, len(self.pictures) // self.batch_size))
            if epoch != self._epoch:
                self._epoch, self._order = epoch, self.order(epoch)
            return self._order[place * self.batch_size : (place + 1) * self.batch_size]
        position, stop, parts = step * self.batch_size, (step + 1) * self.batch_size, []
        while position < stop:
            epoch, place = divmod(position, len(self.pictures))
            if epoch != self._epoch:
                order = np.random.default_rng([self.seed, 0, epoch]).permutation(len(self.pictures))
                self._epoch, self._order = epoch, order
            parts.append(self._order[place : place + stop - position])
            position += len(parts[-1])
        return np.concatenate(parts)
