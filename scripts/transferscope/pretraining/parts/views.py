"""Two views of an image, and how alike a network finds them."""

import torch
from torch import Tensor, nn

from transferscope.pretraining.method import Method, Outcome
from transferscope.training.augment import Augmentation

STRONG = Augmentation(crop=False, cutout=False, resized_crop=True, blur=True)


class TwoViews(Method):
    """A method whose loss is of a head's outputs for both views; a subclass makes ``head`` and ``loss``."""

    views = 2
    augment = STRONG
    head: nn.Module
    loss: nn.Module

    def forward(self, images: Tensor, indices: Tensor) -> Outcome:
        features = self.backbone(images)
        outputs = self.head(features)
        with full_precision(outputs):
            first, second = outputs.float().chunk(2)
            return Outcome(self.loss(first, second), matched(first, second), features.chunk(2)[0])


def crosswise(loss: nn.Module, predictions: Tensor, targets: Tensor) -> Tensor:
    """The mean loss of what is predicted from either view and the target of the other, [2 x B, P] each."""
    first, second = targets.chunk(2)
    from_first, from_second = predictions.chunk(2)
    return (loss(from_first, second) + loss(from_second, first)) / 2


def full_precision(tensor: Tensor) -> torch.autocast:
    """A context without mixed precision on the device of ``tensor``."""
    return torch.autocast(tensor.device.type, enabled=False)


@torch.no_grad()
def matched(first: Tensor, second: Tensor) -> Tensor:
    """Share of images whose second view is, of all in the batch, the one most similar to their first.

    The same number for all methods on two views, whatever their loss: 1 / B by chance, or where all outputs
    have become one.

    Args:
        first, second: outputs for either view, [B, P]; their lengths do not count.
    """
    similarity = nn.functional.normalize(first) @ nn.functional.normalize(second).T
    return (similarity.argmax(1) == torch.arange(len(first), device=first.device)).float().mean()
