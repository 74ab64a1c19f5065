"""An endless stream of training pictures in which every draw follows from its position alone.

So a run that goes on at a step sees what an uninterrupted one would have seen, however many workers it has.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from transferscope.datasets.base import Samples
from transferscope.errors import InputError
from transferscope.images import resize_and_crop, to_uint8


def random_resized_crop(resolution: int) -> Callable[[Image.Image], Image.Image]:
    """A random part of 8 to 100 % of the area, and a flip in half of the cases."""
    return v2.Compose(
        [
            v2.RandomResizedCrop(resolution, interpolation=v2.InterpolationMode.BICUBIC),
            v2.RandomHorizontalFlip(),
        ]
    )


def centre_crop(resolution: int) -> Callable[[Image.Image], Image.Image]:
    """What the test pictures get: no augmentation."""
    return lambda image: resize_and_crop(image, resolution)


AUGMENTATIONS = {"random_resized_crop": random_resized_crop, "centre_crop": centre_crop}


class Stream(Dataset):
    """By position 0, 1, ...: an augmented picture uint8 [3, R, R] and its label.

    The samples at ``indices`` come in a new order each epoch.
    """

    def __init__(
        self, samples: Samples, indices: np.ndarray, augmentation: str, *, resolution: int, seed: int
    ):
        self.samples = samples
        self.indices = indices
        self.augmentation = augmentation
        self.resolution = resolution
        self.seed = seed
        self._epoch, self._order = -1, None

    def __getitem__(self, position: int) -> tuple[torch.Tensor, torch.Tensor] | InputError:
        epoch, place = divmod(position, len(self.indices))
        if epoch != self._epoch:
            order = np.random.default_rng([self.seed, 0, epoch]).permutation(len(self.indices))
            self._epoch, self._order = epoch, order
        index = int(self.indices[self._order[place]])
        try:
            image = self.samples.read(index)
        except InputError as error:
            return error  # as a value: a worker's exception would reach the user as a traceback
        state = np.random.SeedSequence([self.seed, 1, position]).generate_state(1, np.uint64)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(state[0]))
            image = AUGMENTATIONS[self.augmentation](self.resolution)(image)
        return to_uint8(image), torch.as_tensor(self.samples.labels[index])


def batches(
    stream: Stream, *, batch_size: int, start: int, stop: int, workers: int, pin_memory: bool
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The batches of the steps ``start`` to ``stop``: pictures uint8 [B, 3, R, R] and their labels.

    Raises:
        InputError: a picture cannot be read (names it).
    """
    loader = DataLoader(
        stream,
        sampler=range(start * batch_size, stop * batch_size),
        batch_size=batch_size,
        num_workers=workers,
        pin_memory=pin_memory,
        collate_fn=_stack,
        # Its own, since a loader that starts takes a number from the generator that dropout draws from.
        generator=torch.Generator(),
    )
    for batch in loader:
        if isinstance(batch, InputError):
            raise batch
        yield batch


def _stack(drawn: list) -> tuple[torch.Tensor, torch.Tensor] | InputError:
    errors = [item for item in drawn if isinstance(item, InputError)]
    if errors:
        return errors[0]
    pictures, labels = zip(*drawn, strict=True)
    return torch.stack(pictures), torch.stack(labels)
