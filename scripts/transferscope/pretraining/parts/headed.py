"""Methods with one linear layer on all of a network, the fully connected layers of an AlexNet included."""

from dataclasses import replace

from torch import Tensor, nn

from transferscope.errors import InputError
from transferscope.models import alexnet
from transferscope.pretraining.method import Method
from transferscope.training.augment import NONE

CROPPED = replace(NONE, flip=True, resized_crop=True)


class Headed(Method):
    """A network with its head and a last layer, on images that are cropped and flipped.

    An AlexNet has the head that its authors give it; any other network has none, and the last layer is on
    its feature.

    Args:
        outputs: of the last layer.
        augment: false leaves the images as they are.
        smallest_area: of a crop, as a share of the image.
        size, facts: as for ``Method``.

    Raises:
        InputError: a setting is of another kind, or the images are too small for the head.
    """

    def __init__(
        self,
        backbone: nn.Module,
        outputs: int,
        *,
        size: int,
        augment: bool,
        smallest_area: float,
        **facts: int,
    ):
        if not (isinstance(augment, bool) and 0 < smallest_area <= 1):
            raise InputError(
                f"`augment` is {augment!r} and `smallest_area` {smallest_area!r}; below `pretrain` in the "
                "configuration make the one true or false, and the other a share above 0 and up to 1"
            )
        super().__init__(backbone, size=size, **facts)
        self.augment = replace(CROPPED, area=(smallest_area, 1.0)) if augment else NONE
        self.head = alexnet.head(backbone, size) if isinstance(backbone, alexnet.AlexNet) else None
        self.top = self.head.top(outputs) if self.head else nn.Linear(self.width, outputs)

    def scores(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """What the last layer says of images [N, C, S, S], float [N, outputs]; and their features [N, D]."""
        maps = self.backbone.forward_features(images)
        features = self.backbone.forward_head(maps, pre_logits=True)
        return self.top(self.head(maps) if self.head else features).float(), features
