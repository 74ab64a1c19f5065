"""Supervised training on the labels of a dataset: what methods without labels are compared with."""

from torch import Tensor, nn

from transferscope.pretraining.method import Outcome
from transferscope.pretraining.parts.headed import Headed


class Supervised(Headed):
    """Tells the classes of the images; with several labels an image, each class by itself.

    Args:
        classes: how many there are.
        augment, smallest_area: as for ``Headed``.
        facts: as for ``Method``.
    """

    labelled: bool = True

    def __init__(
        self,
        backbone: nn.Module,
        *,
        classes: int,
        augment: bool = True,
        smallest_area: float = 0.08,
        **facts: int,
    ):
        super().__init__(backbone, classes, augment=augment, smallest_area=smallest_area, **facts)

    def forward(self, images: Tensor, indices: Tensor, labels: Tensor) -> Outcome:
        scores, features = self.scores(images)
        if labels.ndim == 2:
            loss = nn.functional.binary_cross_entropy_with_logits(scores, labels.float())
            right = (scores > 0) == labels.bool()
        else:
            loss = nn.functional.cross_entropy(scores, labels)
            right = scores.argmax(1) == labels
        return Outcome(loss, right.float().mean(), features)
