"""Resumable training loop: an interrupted run resumes exactly."""

import logging
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from transferscope.training.deadline import Deadline

CHECKPOINT_STEPS = 250
LOSSES = 100  # points of the loss curve
SECONDS_BETWEEN_REPORTS = 10


@dataclass(frozen=True)
class Trained:
    """Trained network in eval mode with its loss curve.

    ``losses`` are means over windows of ``window`` steps, and so are ``watched``, a list a window of what the
    loss function returned beside the loss. ``diverged`` is the step at which a non-finite loss was detected,
    or None.
    """

    network: nn.Module
    losses: list[float]
    window: int
    diverged: int | None
    watched: list[list[float]] = field(default_factory=list)


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
    players: Callable[[nn.Module], Sequence[list[nn.Parameter] | None]] = lambda network: [None],
) -> Trained:
    """Train up to step ``steps``, from scratch or from ``state``.

    Args:
        network: trained in place; parameters without gradient stay frozen.
        batches: start step -> iterator over the remaining batches, which must depend on the step only.
        loss: (network, batch on the device) -> mean loss; or a vector, whose first entry is minimised (or
            as many as there are ``players``) and whose others are watched.
        optimiser: trainable parameters -> optimiser.
        schedule: optimiser -> scheduler, stepped after every step.
        device: ``cuda`` (mixed precision, channels last) or ``cpu``.
        seed: seed for randomness in the network, such as dropout.
        state: last state passed to ``save`` by a run with the same arguments.
        save: stores a state; called every ``checkpoint_steps`` steps, and when a scheduler signal announces
            the end of the job's time.
        players: network -> the parameters that minimise the first entry of the loss, those that minimise the
            second one, and so on, all in the same step; None for all that there are.

    Raises:
        SystemExit: the training was stopped by a signal, after saving.
    """
    on_gpu = device == "cuda"
    if on_gpu:
        _set_deterministic()
    torch.manual_seed(seed)
    network = network.to(device, memory_format=torch.channels_last).train()
    optimiser = optimiser([weight for weight in network.parameters() if weight.requires_grad])
    schedule, players = schedule(optimiser), players(network)
    scaler = torch.amp.GradScaler(device, enabled=on_gpu)
    parts = {"network": network, "optimiser": optimiser, "schedule": schedule, "scaler": scaler}
    window = math.ceil(steps / LOSSES)
    step, losses, watched, total = 0, [], [], torch.zeros((), device=device)
    if state:
        for name, part in parts.items():
            part.load_state_dict(state[name])
        torch.set_rng_state(state["rng"])
        if on_gpu:
            torch.cuda.set_rng_state(state["gpu_rng"])
        step, losses, total = state["step"], state["losses"], state["total"].to(device)
        watched = state.get("watched", [])  # not in the state of an older version
        logging.info("going on at step %d of %d", step, steps)
    report = _Progress(step, steps)
    with Deadline() as deadline:
        for batch in batches(step):
            batch = [part.to(device, non_blocking=True) for part in batch]
            with torch.autocast(device, dtype=torch.float16, enabled=on_gpu):
                values = loss(network, batch)
            optimiser.zero_grad()
            for entry, weights in enumerate(players):
                again = entry + 1 < len(players)
                scaler.scale(values.reshape(-1)[entry]).backward(inputs=weights, retain_graph=again)
            scaler.step(optimiser)
            scaler.update()
            schedule.step()
            step += 1
            total = total + values.detach()
            if step % window == 0 or step == steps:
                # Reading the loss synchronises with the GPU, so it is done once per window.
                count = step - window * len(losses)
                mean, *others = (value / count for value in total.reshape(-1).tolist())
                total = torch.zeros_like(total)
                if not math.isfinite(mean):
                    logging.warning("the loss is no longer finite at step %d; this setting diverged", step)
                    return Trained(network.eval(), losses, window, step, watched)
                losses.append(mean)
                watched.append(others)
                report(step, losses[-1])
            if (deadline.signal or step % checkpoint_steps == 0) and step < steps:
                rng = {"rng": torch.get_rng_state()} | (
                    {"gpu_rng": torch.cuda.get_rng_state()} if on_gpu else {}
                )
                saved = {name: part.state_dict() for name, part in parts.items()}
                save(saved | rng | {"step": step, "losses": losses, "watched": watched, "total": total})
                deadline.end(step, steps)
    return Trained(network.eval(), losses, window, None, watched)


def _set_deterministic() -> None:
    """Make GPU results reproducible; non-deterministic operations log a warning."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True, warn_only=True)


class _Progress:
    """Log progress every few seconds."""

    def __init__(self, step: int, steps: int):
        self.first, self.steps = step, steps
        self.started = self.reported = time.monotonic()

    def __call__(self, step: int, loss: float) -> None:
        now = time.monotonic()
        if now - self.reported > SECONDS_BETWEEN_REPORTS or step == self.steps:
            rate = (step - self.first) / (now - self.started)
            left = (self.steps - step) / rate
            logging.info("step %d of %d, loss %.4f, %.0f s left", step, self.steps, loss, left)
            self.reported = now
