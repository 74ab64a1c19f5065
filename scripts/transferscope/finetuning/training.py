"""Train a backbone and a new linear head, such that a run that was cut off ends as if it had not been.

Ericsson et al. (CVPR 2021, Appendix A.2): SGD with Nesterov momentum 0.9, a cosine schedule to zero without
warm-up, weight decay on every parameter.
"""

import logging
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from transferscope.images import normalise

MOMENTUM = 0.9
CHECKPOINT_STEPS = 250
LOSSES = 100  # points of the curve of a run
SECONDS_BETWEEN_REPORTS = 10


@dataclass(frozen=True)
class Trained:
    """The network in eval mode, and how it went.

    ``losses`` are means over windows of ``window`` steps. ``diverged`` is the step at which a loss that is
    not finite was noticed, or None.
    """

    network: nn.Module
    losses: list[float]
    window: int
    diverged: int | None


def with_head(backbone: nn.Module, classes: int, *, resolution: int, seed: int) -> nn.Module:
    """The backbone (its pooled feature) with a linear classifier, initialised by the seed."""
    with torch.inference_mode():
        width = backbone.eval()(torch.zeros(1, 3, resolution, resolution)).shape[1]
    torch.manual_seed(seed)
    return nn.Sequential(backbone, nn.Linear(width, classes))


def train(
    network: nn.Module,
    batches: Callable[[int], Iterator[tuple[Tensor, Tensor]]],
    *,
    steps: int,
    learning_rate: float,
    weight_decay: float,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    device: str,
    seed: int,
    state: dict | None = None,
    save: Callable[[dict], None] = lambda state: None,
    checkpoint_steps: int = CHECKPOINT_STEPS,
) -> Trained:
    """Train for ``steps`` steps, or go on from ``state`` to there.

    Args:
        network: pictures [B, 3, R, R] to logits [B, C]; changed in place.
        batches: from a step to the batches from there on, pictures uint8 and labels, int64 [B] or uint8
            [B, C] for a multi-label dataset.
        mean, std: input normalisation per channel.
        device: ``cuda`` (mixed precision, channels last) or ``cpu``.
        seed: of what the network itself draws, such as dropout.
        state: what ``save`` was given last, in a run with the same arguments.
        save: keeps a state; it is called every ``checkpoint_steps`` steps.
    """
    on_gpu = device == "cuda"
    if on_gpu:
        _be_deterministic()
    torch.manual_seed(seed)
    network = network.to(device, memory_format=torch.channels_last).train()
    optimiser = torch.optim.SGD(
        network.parameters(), learning_rate, momentum=MOMENTUM, nesterov=True, weight_decay=weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    scaler = torch.amp.GradScaler(device, enabled=on_gpu)
    parts = {"network": network, "optimiser": optimiser, "schedule": schedule, "scaler": scaler}
    window = math.ceil(steps / LOSSES)
    step, losses, total = 0, [], torch.zeros((), device=device)
    if state:
        for name, part in parts.items():
            part.load_state_dict(state[name])
        torch.set_rng_state(state["rng"])
        if on_gpu:
            torch.cuda.set_rng_state(state["gpu_rng"])
        step, losses, total = state["step"], state["losses"], state["total"].to(device)
        logging.info("going on at step %d of %d", step, steps)
    report = _Progress(step, steps)
    for pictures, labels in batches(step):
        inputs = normalise(pictures.to(device, non_blocking=True), mean, std)
        with torch.autocast(device, dtype=torch.float16, enabled=on_gpu):
            logits = network(inputs.contiguous(memory_format=torch.channels_last))
        loss = _loss(logits.float(), labels.to(device, non_blocking=True))
        optimiser.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimiser)
        scaler.update()
        schedule.step()
        step += 1
        total += loss.detach()
        if step % window == 0 or step == steps:
            # Looking at a loss waits for the GPU, so it is done once a window.
            losses.append(total.item() / (step - window * len(losses)))
            total.zero_()
            if not math.isfinite(losses[-1]):
                logging.warning("the loss is no longer finite at step %d; this setting diverged", step)
                return Trained(network.eval(), losses[:-1], window, step)
            report(step, losses[-1])
        if step % checkpoint_steps == 0 and step < steps:
            rng = {"rng": torch.get_rng_state()} | ({"gpu_rng": torch.cuda.get_rng_state()} if on_gpu else {})
            saved = {name: part.state_dict() for name, part in parts.items()}
            save(saved | rng | {"step": step, "losses": losses, "total": total})
    return Trained(network.eval(), losses, window, None)


def _loss(logits: Tensor, labels: Tensor) -> Tensor:
    if labels.ndim == 2:
        return nn.functional.binary_cross_entropy_with_logits(logits, labels.float())
    return nn.functional.cross_entropy(logits, labels)


def _be_deterministic() -> None:
    """The same GPU gives the same weights; an operation that cannot warns in the log."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True, warn_only=True)


class _Progress:
    """A line in the log every few seconds."""

    def __init__(self, step: int, steps: int):
        self.first, self.steps = step, steps
        self.started = self.reported = time.monotonic()

    def __call__(self, step: int, loss: float) -> None:
        now = time.monotonic()
        if now - self.reported > SECONDS_BETWEEN_REPORTS or step == self.steps:
            rate = (step - self.first) / (now - self.started)
            left = (self.steps - step) / rate
            logging.info("step %d of %d, loss %.4f, %.1f s left", step, self.steps, loss, left)
            self.reported = now
