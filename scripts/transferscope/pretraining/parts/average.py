"""Networks that follow others: the momentum encoder of MoCo and BYOL, the teacher of DINO."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from transferscope.pretraining.parts.lightly import cosine_schedule, utils


class MovingAverage(nn.Module):
    """Copies of networks, one after the other, whose weights are moving averages of the originals'.

    Args:
        networks: what is followed.
        momentum: share of the average that stays, at the first step.
        last: the same at the last step, reached along half a cosine (Grill et al. 2020, section 3.3).
        steps: of the training.
    """

    def __init__(self, *networks: nn.Module, momentum: float, last: float, steps: int):
        super().__init__()
        self.momentum, self.last, self.steps = momentum, last, steps
        self.networks = nn.Sequential(*(deepcopy(network) for network in networks)).requires_grad_(False)
        self.register_buffer("step", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def follow(self, *networks: nn.Module) -> None:
        """Move towards the networks, once a step.

        A method does so at the start of its forward pass in training: that is after the last step of the
        optimiser, which no method sees, and before the average is used, as in the authors' loops.
        """
        momentum = cosine_schedule(int(self.step), self.steps, self.momentum, self.last)
        for average, network in zip(self.networks, networks, strict=True):
            utils.update_momentum(network, average, momentum)
        self.step += 1

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        return self.networks(images)
