"""Optimiser and schedule: those of Newell and Deng (CVPR 2020; util/helper.py and session.py), or SGD."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from torch import nn
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import LambdaLR


def optimisation(
    *,
    steps: int,
    learning_rate: float,
    last_learning_rate: float,
    warmup: float,
    weight_decay: float,
    sgd: dict | None = None,
    milestones: Sequence[int] | None = None,
    hold: float | None = None,
    betas: Sequence[float] = (0.8, 0.999),
) -> dict[str, Callable]:
    """The optimiser and schedule of ``training.loop.train``.

    The rate goes in a line from 0, that of the first step, to ``learning_rate`` over the share ``warmup`` of
    the steps, then in a line to ``last_learning_rate``, that of the last step.

    Args:
        weight_decay: on every parameter.
        sgd: ``momentum`` and ``nesterov`` of SGD, which then takes the place of Adam.
        milestones: steps from each of which on the rate is lower by the same factor, in place of the line;
            from the last one on it is ``last_learning_rate``.
        hold: the share of the steps after which the rate falls exponentially, in place of the line; up to
            there it is ``learning_rate``.
        betas: of Adam.
    """
    rising = round(warmup * steps)
    last = last_learning_rate / learning_rate

    def factor(step: int) -> float:
        if step < rising:
            return step / rising
        if milestones:
            return last ** (bisect_right(milestones, step) / len(milestones))
        if hold is not None:
            held = round(hold * steps)
            return last ** (max(0, step - held + 1) / max(1, steps - held))
        return 1 + (last - 1) * (step - rising) / max(1, steps - rising - 1)

    def optimiser(weights: Iterable[nn.Parameter]) -> Optimizer:
        common = {"lr": learning_rate, "weight_decay": weight_decay, "fused": True}
        if sgd:
            return SGD(weights, **sgd, **common)
        return Adam(weights, betas=tuple(betas), eps=1e-8, **common)

    return {"optimiser": optimiser, "schedule": partial(LambdaLR, lr_lambda=factor)}
