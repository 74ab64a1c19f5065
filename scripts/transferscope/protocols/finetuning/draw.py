"""What a training picture goes through, and the loss of a batch of them."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms import v2

from transferscope.datasets.base import Samples
from transferscope.features.images import normalise, resize_and_crop, to_uint8


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


def flip(resolution: int) -> Callable[[Image.Image], Image.Image]:
    """The same, and a flip in half of the cases."""
    return v2.Compose([centre_crop(resolution), v2.RandomHorizontalFlip()])


AUGMENTATIONS = {"random_resized_crop": random_resized_crop, "centre_crop": centre_crop, "flip": flip}


@dataclass(frozen=True, eq=False)
class Draw:
    """A sample's index to its augmented picture, uint8 [3, R, R], and its label."""

    samples: Samples
    augmentation: str
    resolution: int

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        augment = AUGMENTATIONS[self.augmentation](self.resolution)
        image = augment(self.samples.read(index))
        return to_uint8(image), torch.as_tensor(self.samples.labels[index])


@dataclass(frozen=True)
class Loss:
    """``cross_entropy`` of a batch's logits.

    ``mean`` and ``std`` are the input normalisation per channel.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, network: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        pictures, labels = batch
        inputs = normalise(pictures, self.mean, self.std)
        logits = network(inputs.contiguous(memory_format=torch.channels_last)).float()
        return cross_entropy(logits, labels)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean cross-entropy of logits [N, C]; the binary one of each class where labels are [N, C]."""
    if labels.ndim == 2:
        return nn.functional.binary_cross_entropy_with_logits(logits, labels.float())
    return nn.functional.cross_entropy(logits, labels)
