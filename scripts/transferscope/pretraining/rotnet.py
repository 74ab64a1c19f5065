"""RotNet: by which quarter turn was the image turned? (Gidaris, Singh and Komodakis, ICLR 2018.)

As their code has it (FeatureLearningRotNet, dataloader.py and config/ImageNet_RotNet_AlexNet.py), which
Asano, Rupprecht and Vedaldi (ICLR 2020) train on crops of a single image: all four turns of each image are in
one batch, and a whole network with its fully connected layers tells them apart.
"""

import torch
from torch import Tensor, nn

from transferscope.pretraining.method import Outcome
from transferscope.pretraining.parts.headed import Headed

TURNS = 4


class RotNet(Headed):
    """Tells the four turns of each image apart.

    Args:
        augment, smallest_area: as for ``Headed``; turned is what remains of an image.
        facts: as for ``Method``.
    """

    def __init__(
        self, backbone: nn.Module, *, augment: bool = True, smallest_area: float = 0.08, **facts: int
    ):
        super().__init__(backbone, TURNS, augment=augment, smallest_area=smallest_area, **facts)

    def forward(self, images: Tensor, indices: Tensor) -> Outcome:
        scores, features = self.scores(all_turns(images))
        turns = torch.arange(TURNS, device=images.device).repeat_interleave(len(images))
        loss = nn.functional.cross_entropy(scores, turns)
        return Outcome(loss, (scores.argmax(1) == turns).float().mean(), features[: len(images)])


def all_turns(images: Tensor) -> Tensor:
    """Images [N, C, S, S] after 0, 1, 2 and 3 quarter turns counter-clockwise, [4 x N, C, S, S] by turn."""
    return torch.cat([torch.rot90(images, quarters, (2, 3)) for quarters in range(TURNS)])
