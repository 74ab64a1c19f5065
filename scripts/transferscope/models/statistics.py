"""The statistics of BatchNorm, measured anew."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


@torch.no_grad()
def measure(network: nn.Module, batches: Iterable[Tensor]) -> nn.Module:
    """Replace the statistics of every BatchNorm by the mean over ``batches`` of theirs; in place.

    All else stays as it is in eval mode; a network without BatchNorm stays as it is, and takes no batch.

    Args:
        network: in eval mode afterwards.
        batches: of normalised images, float32 [B, 3, S, S]; each counts as much as another.
    """
    network.eval()
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)]
    if not norms:
        return network
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.reset_running_stats()
        layer.momentum = None  # cumulative average over the batches
        layer.train()
    for batch in batches:
        network(batch)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum
    return network.eval()
