"""Training by MMEngine's runner; a job that was cut off resumes exactly.

A checkpoint holds everything that the rest of the training depends on and replaces the one before it whole.
On a CPU a resumed training agrees to the bit with an uninterrupted one. On a GPU it does not, nor do two
uninterrupted ones: the toolboxes' operators add up gradients in whatever order their threads come.
"""

import json
import math
import random
from dataclasses import dataclass
from pathlib import Path

import mmengine.device.utils
import numpy as np
import torch
from mmcv.ops import get_compiling_cuda_version
from mmengine.config import ConfigDict
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.registry import LOOPS
from mmengine.runner import IterBasedTrainLoop, Runner

from transferscope.errors import InputError
from transferscope.protocols.openmmlab.stream import Positions, ToolboxStream
from transferscope.training import resume
from transferscope.training.deadline import Deadline, leave_to_training

LOSSES = 100  # points of the curve of a run
REPORT_ITERATIONS = 50
WARMUP_FACTOR = 0.001  # of the learning rate, at the first iteration


@dataclass(frozen=True)
class Experiment:
    """What is trained and tested, as a toolbox's configurations.

    Attributes:
        scope: the toolbox, ``mmdet`` or ``mmseg``, whose names the configurations use.
        schedule: of the learning rate.
        evaluator: of the test.
    """

    scope: str
    model: dict
    train_set: dict
    test_set: dict
    schedule: list[dict]
    evaluator: BaseMetric


def fit(
    experiment: Experiment,
    checkpoints: "CheckpointHook",
    *,
    settings: dict,
    folder: str | Path,
    seed: int,
    device: str,
    workers: int,
) -> tuple[Runner, list[float]]:
    """Train by SGD with momentum, or resume from the hook's checkpoint.

    A signal that announces the end of the job's time saves a checkpoint and ends the process with an error,
    after which the scheduler starts the job again.

    Args:
        checkpoints: their file is removed by the caller, once it has what it wants of the trained network.
        settings: ``iterations``, ``batch_size``, ``learning_rate``, ``momentum`` and ``weight_decay``.
        folder: for what the runner writes of its own accord.
        device: ``cuda`` or ``cpu``.
        workers: processes that read pictures.

    Returns:
        The runner, whose ``test`` tests, and each iteration's loss.

    Raises:
        InputError: the loss is no longer finite, or mmcv was built without operators for the GPU.
    """
    _use(device)
    start = checkpoints.iterations_done()
    loading = {"num_workers": workers, "persistent_workers": False, "pin_memory": device == "cuda"}
    runner = Runner(
        model=ConfigDict(experiment.model),
        default_scope=experiment.scope,
        work_dir=str(folder),
        experiment_name=Path(folder).name,
        train_dataloader=_train_loader(experiment.train_set, settings, start, seed) | loading,
        train_cfg={"type": "ResumableLoop", "max_iters": settings["iterations"]},
        optim_wrapper={"type": "OptimWrapper", "optimizer": _sgd(settings)},
        param_scheduler=experiment.schedule,
        test_dataloader=_test_loader(experiment.test_set) | loading,
        test_cfg={},
        test_evaluator=[experiment.evaluator],
        default_hooks=_REPORTS,
        custom_hooks=[checkpoints],
        log_processor={"by_epoch": False},
        load_from=str(checkpoints.path) if start else None,
        resume=start > 0,
        randomness={"seed": seed},
    )
    with checkpoints.deadline:
        runner.train()
    return runner, checkpoints.losses


_REPORTS = {
    "checkpoint": None,
    "sampler_seed": None,
    "logger": {"type": "LoggerHook", "interval": REPORT_ITERATIONS},
}


def _use(device: str) -> None:
    if device == "cuda" and get_compiling_cuda_version() == "not available":
        raise InputError(
            "this job has a GPU, but mmcv was built for the CPU alone; build it again as docs/openmmlab.md "
            "says, or set `gpu: 0` for the rule in the profile"
        )
    # MMEngine takes a GPU where it sees one, and has no argument for it.
    mmengine.device.utils.DEVICE = device


def _sgd(settings: dict) -> dict:
    return {
        "type": "SGD",
        "lr": settings["learning_rate"],
        "momentum": settings["momentum"],
        "weight_decay": settings["weight_decay"],
    }


def _train_loader(dataset: dict, settings: dict, start: int, seed: int) -> dict:
    """From the iteration ``start`` on."""
    iterations, batch_size = settings["iterations"], settings["batch_size"]
    return {
        "dataset": {"type": ToolboxStream, "dataset": dataset, "seed": seed},
        "sampler": {"type": Positions, "start": start * batch_size, "stop": iterations * batch_size},
        "batch_size": batch_size,
        "worker_init_fn": {"type": leave_to_training},
    }


def _test_loader(dataset: dict) -> dict:
    return {
        "dataset": dataset,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "batch_size": 1,
    }


def warmup_then_steps(warmup_iterations: int, milestones: list[int]) -> list[dict]:
    """A schedule: up to the learning rate in a line, then a tenth of it from each milestone on."""
    return [
        {
            "type": "LinearLR",
            "start_factor": WARMUP_FACTOR,
            "begin": 0,
            "end": warmup_iterations,
            "by_epoch": False,
        },
        {"type": "MultiStepLR", "milestones": milestones, "gamma": 0.1, "by_epoch": False},
    ]


def curve(losses: list[float]) -> tuple[list[float], int]:
    """At most ``LOSSES`` points: means of the loss over windows of iterations; and the length of a window."""
    window = math.ceil(len(losses) / LOSSES)
    return [
        sum(part) / len(part)
        for part in (losses[start : start + window] for start in range(0, len(losses), window))
    ], window


@LOOPS.register_module()
class ResumableLoop(IterBasedTrainLoop):
    """MMEngine's loop without its pass over the samples already trained on: the sampler starts after them."""

    def run(self) -> torch.nn.Module:
        self.runner.call_hook("before_train")
        self.runner.call_hook("before_train_epoch")
        while self._iter < self._max_iters:
            self.runner.model.train()
            self.run_iter(next(self.dataloader_iterator))
        self.runner.call_hook("after_train_epoch")
        self.runner.call_hook("after_train")
        return self.runner.model


class CheckpointHook(Hook):
    """Writes the file from which a training resumes, at intervals and when its time is nearly up.

    Args:
        path: the checkpoint.
        every: iterations between two of them.
        fingerprint: whatever the network depends on; a checkpoint with another one is not taken.

    ``losses`` has the loss of every iteration so far, those before a resumption included.

    Raises:
        InputError: the loss is not finite. What was saved before stays.
    """

    priority = "VERY_LOW"  # after the learning rate's step

    def __init__(self, path: str | Path, *, every: int, fingerprint: dict):
        self.path = Path(path)
        self.every = every
        self.fingerprint = json.dumps(fingerprint, sort_keys=True)
        self.losses = []
        self.generators = None
        self.deadline = Deadline()

    def iterations_done(self) -> int:
        """Of the training whose checkpoint there is; 0 where there is none to resume from."""
        saved = resume.read(self.path, self.fingerprint)
        return saved["meta"]["iter"] if saved else 0

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        self.losses = checkpoint["losses"]
        self.generators = checkpoint["generators"]

    def before_train(self, runner: Runner) -> None:
        if self.generators:
            restore(self.generators)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        done = runner.iter + 1
        self.losses.append(outputs["loss"].item())
        if not math.isfinite(self.losses[-1]):
            raise InputError(
                f"the loss is no longer finite at iteration {done}; lower the learning_rate of this protocol"
            )
        if self.deadline.signal or done % self.every == 0 or done == runner.max_iters:
            resume.write(
                self.path,
                lambda path: runner.save_checkpoint(str(path.parent), path.name, by_epoch=False),
            )
        self.deadline.end(done, runner.max_iters)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        # The runner's own history has objects that safe loading refuses, and it is for the log alone.
        checkpoint["message_hub"] = {"log_scalars": {}, "runtime_info": {}, "resumed_keys": {}}
        checkpoint["fingerprint"] = self.fingerprint
        checkpoint["losses"] = self.losses
        checkpoint["generators"] = generators()


def generators() -> dict:
    """The states of all global generators, in types that are loaded safely."""
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    states = {
        "python": random.getstate(),
        "numpy": [name, keys.tolist(), *rest],
        "torch": torch.get_rng_state(),
    }
    return states | ({"cuda": torch.cuda.get_rng_state()} if torch.cuda.is_initialized() else {})


def restore(states: dict) -> None:
    """Set all global generators as ``generators`` found them."""
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])  # noqa: NPY002
    torch.set_rng_state(states["torch"].cpu())
    if "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"].cpu())
