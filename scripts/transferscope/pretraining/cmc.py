"""Contrastive multiview coding: tell an image's colours from others' by its luminance, and vice versa.

Tian, Krishnan and Isola (ECCV 2020), as Newell and Deng (CVPR 2020) train it (their code, models/cmc.py):
with a softmax over one right pair and K wrong ones, where Tian et al. estimate the constant of a noise
distribution.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from transferscope.errors import InputError
from transferscope.pretraining.method import Method, Outcome


class Cmc(Method):
    """A network of two branches, and a bank of each branch's features of all images.

    Args:
        negatives: K, wrong pairs of an image, drawn from all images.
        momentum: the share of a bank's row that stays when its image is seen.
        temperature: that scores are divided by.
        jitter: whether colours are changed; the authors do it for dense tasks alone.

    Raises:
        InputError: the network does not have two branches.
    """

    def __init__(
        self,
        backbone: nn.Module,
        *,
        samples: int,
        negatives: int = 8192,
        momentum: float = 0.2,
        temperature: float = 0.1,
        jitter: bool = False,
        **facts: int,
    ):
        if len(getattr(backbone, "branches", ())) != 2:
            raise InputError(
                "the pretraining method cmc needs a network of two branches, one for luminance and one for "
                "colours, and this one has none; write selfstudy_cmc_resnet9 or another such as its `arch`"
            )
        super().__init__(backbone, samples=samples, **facts)
        self.augment = replace(self.augment, jitter=jitter)
        self.negatives, self.momentum, self.temperature = negatives, momentum, temperature
        half = self.width // 2
        bound = (3 / half) ** 0.5
        self.register_buffer("luminance", torch.empty(samples, half).uniform_(-bound, bound))
        self.register_buffer("colours", torch.empty(samples, half).uniform_(-bound, bound))

    def forward(self, images: Tensor, indices: Tensor) -> Outcome:
        features = self.backbone(images)
        drawn = torch.randint(len(self.colours), (len(indices), self.negatives), device=indices.device)
        pairs = torch.cat([indices[:, None], drawn], dim=1)
        # The loss is of small differences between scores of up to 10, for which half precision is too coarse.
        with torch.autocast(images.device.type, enabled=False):
            luminance, colours = features.to(self.colours.dtype).chunk(2, dim=1)
            sides = [
                scores(luminance, self.colours, pairs, self.temperature),
                scores(colours, self.luminance, pairs, self.temperature),
            ]
        loss = sum(-side.log_softmax(dim=1)[:, 0].mean() for side in sides)
        right = torch.cat([side.argmax(dim=1) == 0 for side in sides])
        if self.training:
            remember(self.luminance, indices, luminance, self.momentum)
            remember(self.colours, indices, colours, self.momentum)
        return Outcome(loss, right.float().mean(), features)


def scores(features: Tensor, bank: Tensor, rows: Tensor, temperature: float) -> Tensor:
    """How alike features [B, d] are to some rows [B, K + 1] of a bank [N, d], which is a constant."""
    return torch.einsum("bkd,bd->bk", bank[rows], features) / temperature


@torch.no_grad()
def remember(bank: Tensor, indices: Tensor, features: Tensor, momentum: float) -> None:
    """Move the rows ``indices`` of a bank towards features [B, d], and bring them to length 1."""
    moved = momentum * bank[indices] + (1 - momentum) * features
    bank[indices] = nn.functional.normalize(moved)
