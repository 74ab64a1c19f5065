"""Rotation: by which quarter turn was the image turned?

Gidaris, Singh and Komodakis (ICLR 2018), as Newell and Deng (CVPR 2020) train it (their code,
tasks/rotate.py).
"""

import torch
from torch import Tensor, nn

from transferscope.pretraining.method import Method, Outcome

TURNS = 4


class Rotation(Method):
    """A linear classifier of the turn, on the feature."""

    def __init__(self, backbone: nn.Module, **facts: int):
        super().__init__(backbone, **facts)
        self.classifier = nn.Linear(self.width, TURNS)

    def forward(self, images: Tensor, indices: Tensor) -> Outcome:
        turned, turns = turn(images)
        features = self.backbone(turned)
        scores = self.classifier(features).float()
        loss = nn.functional.cross_entropy(scores, turns)
        return Outcome(loss, (scores.argmax(1) == turns).float().mean(), features)


def turn(images: Tensor) -> tuple[Tensor, Tensor]:
    """Deal a batch at random into four equal parts and turn them by 0, 1, 2 and 3 quarters, clockwise.

    Returns:
        The images [N, C, S, S] in their order, and the quarters of each, int64 [N].
    """
    order = torch.randperm(len(images), device=images.device)
    turned, turns = torch.empty_like(images), torch.empty_like(order)
    for quarters in range(TURNS):
        part = order[quarters::TURNS]
        turned[part] = torch.rot90(images[part], -quarters, (2, 3))
        turns[part] = quarters
    return turned, turns
