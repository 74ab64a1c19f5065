"""Losses of logistic regression with their gradients, accurate where a probability is near 1."""

import math

import torch
from torch import Tensor


def softmax_loss(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Summed cross-entropy (float64) of ``labels`` int64 [N] and its gradient to the logits, both [N, C].

    Computed from the odds of the other classes against the true one, to stay accurate where the true class
    has a probability near 1.
    """
    own = labels[:, None]
    margin = logits - logits.gather(1, own)
    margin.scatter_(1, own, -math.inf)
    peak = margin.amax(1, keepdim=True).clamp_min(0)
    odds = torch.exp(margin - peak)
    total = odds.sum(1, keepdim=True)
    loss = peak + torch.log1p(total + torch.expm1(-peak))
    residual = odds / (total + torch.exp(-peak))
    residual.scatter_(1, own, -residual.sum(1, keepdim=True))
    return loss.sum(dtype=torch.float64), residual


def binary_loss(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """As ``softmax_loss``, for one binary problem per class; labels [N, C] of 0 and 1."""
    sign = 1 - 2 * labels
    margin = sign * logits
    return torch.nn.functional.softplus(margin).sum(dtype=torch.float64), sign * torch.sigmoid(margin)
