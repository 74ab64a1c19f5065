"""Adam with a learning rate of two straight lines (Newell and Deng, CVPR 2020; their code, session.py)."""

from collections.abc import Callable
from functools import partial

from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import LambdaLR

BETAS = (0.8, 0.999)


def adam(
    *, learning_rate: float, last_learning_rate: float, warmup: float, weight_decay: float, steps: int
) -> dict[str, Callable]:
    """``optimiser`` and ``schedule`` of ``training.loop.train``.

    Weight decay is coupled, and on all parameters, those of BatchNorm and biases too.

    Args:
        learning_rate: after the warm-up, to which it rises from 0 at the first step.
        last_learning_rate: of the last step.
        warmup: share of the steps.
    """
    rising = round(warmup * steps)
    falling = max(1, steps - 1 - rising)
    lowest = last_learning_rate / learning_rate

    def factor(step: int) -> float:
        if step < rising:
            return step / rising
        return 1 - (1 - lowest) * min(1, (step - rising) / falling)

    def schedule(optimiser: Optimizer) -> LambdaLR:
        return LambdaLR(optimiser, factor)

    optimiser = partial(Adam, lr=learning_rate, betas=BETAS, weight_decay=weight_decay, fused=True)
    return {"optimiser": optimiser, "schedule": schedule}
