"""The optimiser of Newell and Deng (CVPR 2020; their code, util/helper.py and session.py)."""

from collections.abc import Callable, Iterable
from functools import partial

from torch import nn
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import LambdaLR


def adam(
    *, steps: int, learning_rate: float, last_learning_rate: float, warmup: float, weight_decay: float
) -> dict[str, Callable]:
    """The optimiser and schedule of ``training.loop.train``.

    Adam with a weight decay on every parameter. The rate goes in a line from 0, that of the first step, to
    ``learning_rate`` over the share ``warmup`` of the steps, then in a line to ``last_learning_rate``, that
    of the last step.
    """
    rising = round(warmup * steps)
    last = last_learning_rate / learning_rate

    def factor(step: int) -> float:
        if step < rising:
            return step / rising
        return 1 + (last - 1) * (step - rising) / max(1, steps - rising - 1)

    def optimiser(weights: Iterable[nn.Parameter]) -> Optimizer:
        return Adam(
            weights, lr=learning_rate, betas=(0.8, 0.999), eps=1e-8, weight_decay=weight_decay, fused=True
        )

    return {"optimiser": optimiser, "schedule": partial(LambdaLR, lr_lambda=factor)}
