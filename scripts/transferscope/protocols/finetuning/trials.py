"""Settings tried one after the other, and what came of each."""

import copy
import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR

from transferscope import files
from transferscope.datasets import load_dataset
from transferscope.datasets.splits import check_classes
from transferscope.errors import InputError
from transferscope.features.extraction import Pictures, extract, order_by_split
from transferscope.models import backbones
from transferscope.protocols.efficiency.network import Network
from transferscope.protocols.finetuning.draw import Draw, Loss
from transferscope.protocols.finetuning.grid import Point, ranked
from transferscope.results.predictions import Predictions
from transferscope.results.run import Run
from transferscope.training.loop import CHECKPOINT_STEPS, Trained, train
from transferscope.training.resume import Resume
from transferscope.training.stream import Stream, batches


def recipe(point: Point, steps: int) -> dict[str, Callable]:
    """The optimiser and schedule of ``training.train`` (Ericsson et al., CVPR 2021, Appendix A.2).

    SGD with Nesterov momentum 0.9, weight decay on every parameter, a cosine to zero without warm-up.
    """
    return {
        "optimiser": partial(
            SGD, lr=point.learning_rate, momentum=0.9, nesterov=True, weight_decay=point.weight_decay
        ),
        "schedule": partial(CosineAnnealingLR, T_max=steps),
    }


class Task:
    """What all trainings of a backbone on a dataset have in common; each starts from the backbone's file.

    Args:
        run: facts of ``results.run.Run`` beside model and dataset; all but one of its threads read pictures.
        facts: of the dataset, as for ``load_dataset``.
        checkpoint_steps: between two saved states of a training.
    """

    def __init__(
        self,
        backbone: str | Path,
        root: str | Path,
        *,
        run: dict,
        facts: dict,
        resolution: int,
        batch_size: int,
        checkpoint_steps: int = CHECKPOINT_STEPS,
    ):
        self.backbone, self.metadata = backbones.load(backbone, resolution=resolution)
        self.run = Run(model=self.metadata.model, dataset=facts["dataset"], **run)
        self.samples = load_dataset(root=root, **facts, seed=self.run.seed)
        check_classes(self.samples)
        self.splits = order_by_split(self.samples)
        self.resolution = resolution
        self.batch_size = batch_size
        self.checkpoint_steps = checkpoint_steps
        self.backbone_sha256 = files.sha256(backbone)
        self.fingerprint = self.run.fingerprint(
            backbone=self.backbone_sha256, facts=facts, resolution=resolution, batch_size=batch_size
        )

    @property
    def where(self) -> str:
        """The run in an error message."""
        return f"{self.run.model} on {self.run.dataset}"

    def fit(self, point: Point, indices: np.ndarray, steps: int, resume: Resume) -> Trained:
        """Train at one setting on the samples at ``indices``, going on from a state that ``resume`` holds."""
        stream = Stream(indices, Draw(self.samples, point.augmentation, self.resolution), seed=self.run.seed)
        return train(
            self._with_head(),
            lambda start: batches(
                stream,
                batch_size=self.batch_size,
                start=start,
                stop=steps,
                workers=self.run.threads - 1,
                pin_memory=self.run.device == "cuda",
            ),
            Loss(self.metadata.mean, self.metadata.std),
            steps=steps,
            **recipe(point, steps),
            device=self.run.device,
            seed=self.run.seed,
            state=resume.training,
            save=resume.save_training,
            checkpoint_steps=self.checkpoint_steps,
        )

    def _with_head(self) -> nn.Module:
        """The backbone (its pooled feature) with a linear classifier, initialised by the seed.

        Stages up to the run's ``freeze`` get no update and no decay, and their BatchNorms keep the statistics
        of the backbone (as Asano et al., ICLR 2020, freeze the first layers).
        """
        backbone = copy.deepcopy(self.backbone)
        if self.run.freeze != "":
            torch.manual_seed(self.run.seed)
            return Network(
                backbone,
                self.run.model,
                size=self.resolution,
                outputs=len(self.samples.class_names),
                maps=False,
                freeze=self.run.freeze,
                frozen_bn="fixed",
            )
        with torch.inference_mode():
            width = backbone(torch.zeros(1, 3, self.resolution, self.resolution)).shape[1]
        torch.manual_seed(self.run.seed)
        return nn.Sequential(backbone, nn.Linear(width, len(self.samples.class_names)))

    def logits(self, network: nn.Module, split: str) -> np.ndarray:
        """Float32 [N, C] of the centre crops of a split."""
        batches = extract(
            network,
            Pictures(self.samples, self.resolution),
            self.splits[split].tolist(),
            mean=self.metadata.mean,
            std=self.metadata.std,
            batch_size=self.batch_size,
            device=self.run.device,
            workers=self.run.threads - 1,
        )
        return np.concatenate(list(batches))

    def labels(self, split: str) -> np.ndarray:
        """Of a split's samples, int64 [N] or uint8 [N, C]."""
        return self.samples.labels[self.splits[split]]

    def predictions(self, logits: np.ndarray, split: str) -> Predictions:
        """A network's logits with what they are to be held against."""
        ids = np.array([self.samples.ids[index] for index in self.splits[split]], dtype=object)
        return Predictions(logits, self.labels(split), ids)


def search(
    task: Task,
    points: list[Point],
    *,
    steps: int,
    score: Callable[[np.ndarray, np.ndarray], float],
    resume: Resume,
) -> tuple[list[dict], np.ndarray | None]:
    """Train at each point on train and score it on val.

    Returns:
        A trial for each point (``point``, ``steps``, ``val_score``, ``diverged``, ``losses``, ``window``,
        ``seconds``), and the best one's logits on val, or None where all diverged.
    """
    for point in points[len(resume.finished) :]:
        logging.info(
            "training with %s", ", ".join(f"{name} {value}" for name, value in asdict(point).items())
        )
        started = time.monotonic()
        trained = task.fit(point, task.splits["train"], steps, resume)
        logits = task.logits(trained.network, "val")
        diverged = trained.diverged
        if diverged is None and not np.isfinite(logits).all():
            diverged = steps
        trial = {
            "point": asdict(point),
            "steps": steps,
            "val_score": None if diverged else score(logits, task.labels("val")),
            "diverged": diverged,
            "losses": trained.losses,
            "window": trained.window,
            "seconds": time.monotonic() - started,
        }
        logging.info("score on val: %s", trial["val_score"])
        resume.finish({"trial": trial, "logits": torch.from_numpy(logits)})
    trials = [outcome["trial"] for outcome in resume.finished]
    best = ranked(trials)[0]
    logits = resume.finished[trials.index(best)]["logits"].numpy()
    return trials, None if best["diverged"] else logits


@dataclass(frozen=True)
class Best:
    """The best trial of the last rung: its point, its part's file of predictions on val; and all trials."""

    point: Point
    val_file: str
    summary: list[dict]


def best_of(trial_files: list[str], val_files: list[str], *, last_rung: int, where: str) -> Best:
    """Choose among the trials of the last rung by their score on val.

    Args:
        trial_files, val_files: the outputs of all parts of all rungs, in the same order.
        where: the run, for what goes wrong.

    Raises:
        InputError: all of them diverged.
    """
    parts = [json.loads(Path(path).read_text(encoding="utf-8")) for path in trial_files]
    finalists = [
        trial | {"val_file": val_file}
        for part, val_file in zip(parts, val_files, strict=True)
        if part["rung"] == last_rung
        for trial in part["trials"]
    ]
    best = ranked(finalists)[0]
    if best["diverged"]:
        raise InputError(
            f"finetuning {where}: no setting was finite to its end; add smaller learning_rates to `finetune`"
        )
    told = ("point", "steps", "val_score", "diverged", "seconds")
    summary = [{key: trial[key] for key in told} for part in parts for trial in part["trials"]]
    return Best(Point(**best["point"]), best["val_file"], summary)


def refit(task: Task, point: Point, steps: int, resume: Resume) -> tuple[Trained, np.ndarray]:
    """Train at ``point`` on train and val together; the network, and its logits on test, float32 [N, C].

    Raises:
        InputError: it diverged.
    """
    indices = np.concatenate([task.splits["train"], task.splits["val"]])
    trained = task.fit(point, indices, steps, resume)
    logits = task.logits(trained.network, "test")
    if trained.diverged or not np.isfinite(logits).all():
        raise InputError(
            f"finetuning {task.where}: the setting that was best on val, {point}, diverged on train and val; "
            "take its learning rate out of `finetune.learning_rates`"
        )
    return trained, logits
