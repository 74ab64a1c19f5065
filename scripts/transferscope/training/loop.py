"""Train a network such that a run that was cut off ends as if it had not been."""

import logging
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from transferscope.training.deadline import Deadline

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


def train(
    network: nn.Module,
    batches: Callable[[int], Iterator[Any]],
    loss: Callable[[nn.Module, Any], Tensor],
    *,
    steps: int,
    optimiser: Callable[[Iterable[nn.Parameter]], Optimizer],
    schedule: Callable[[Optimizer], LRScheduler],
    device: str,
    seed: int,
    state: dict | None = None,
    save: Callable[[dict], None] = lambda state: None,
    checkpoint_steps: int = CHECKPOINT_STEPS,
) -> Trained:
    """Train for ``steps`` steps, or go on from ``state`` to there.

    Args:
        network: changed in place; parameters that need no gradient stay as they are.
        batches: from a step to the batches from there on, which follow from the step alone.
        loss: the network and a batch on the device to the mean loss.
        optimiser: from the parameters that are trained.
        schedule: from the optimiser; stepped once a step.
        device: ``cuda`` (mixed precision, channels last) or ``cpu``.
        seed: of what the network itself draws, such as dropout.
        state: what ``save`` was given last, in a run with the same arguments.
        save: keeps a state; it is called every ``checkpoint_steps`` steps, and when a scheduler's signal
            announces the end of the job's time, with which the training ends.

    Raises:
        SystemExit: there was such a signal.
    """
    on_gpu = device == "cuda"
    if on_gpu:
        _be_deterministic()
    torch.manual_seed(seed)
    network = network.to(device, memory_format=torch.channels_last).train()
    optimiser = optimiser([weight for weight in network.parameters() if weight.requires_grad])
    schedule = schedule(optimiser)
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
    with Deadline() as deadline:
        for batch in batches(step):
            batch = [part.to(device, non_blocking=True) for part in batch]
            with torch.autocast(device, dtype=torch.float16, enabled=on_gpu):
                step_loss = loss(network, batch)
            optimiser.zero_grad()
            scaler.scale(step_loss).backward()
            scaler.step(optimiser)
            scaler.update()
            schedule.step()
            step += 1
            total += step_loss.detach()
            if step % window == 0 or step == steps:
                # Looking at a loss waits for the GPU, so it is done once a window.
                losses.append(total.item() / (step - window * len(losses)))
                total.zero_()
                if not math.isfinite(losses[-1]):
                    logging.warning("the loss is no longer finite at step %d; this setting diverged", step)
                    return Trained(network.eval(), losses[:-1], window, step)
                report(step, losses[-1])
            if (deadline.signal or step % checkpoint_steps == 0) and step < steps:
                rng = {"rng": torch.get_rng_state()} | (
                    {"gpu_rng": torch.cuda.get_rng_state()} if on_gpu else {}
                )
                saved = {name: part.state_dict() for name, part in parts.items()}
                save(saved | rng | {"step": step, "losses": losses, "total": total})
                deadline.end(step, steps)
    return Trained(network.eval(), losses, window, None)


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
