"""A backbone trained and tested with some numbers of labels, one after the other."""

import copy
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from transferscope import files
from transferscope.errors import InputError
from transferscope.features.images import normalise
from transferscope.features.memory import load_pictures
from transferscope.models import backbones
from transferscope.protocols.efficiency import subsets
from transferscope.protocols.efficiency.network import Network
from transferscope.protocols.efficiency.tasks import Task
from transferscope.results.run import Run
from transferscope.study import budgets
from transferscope.training.loop import CHECKPOINT_STEPS, Trained, train
from transferscope.training.memory import Batches
from transferscope.training.recipe import optimisation
from transferscope.training.resume import Resume

SPLITS = ("val", "test")
"""Those that a network is tested on, where the dataset has them."""
TESTED = 256  # pictures in a forward pass of a test


@dataclass(frozen=True)
class Recipe:
    """How a network is trained and what of it, of the settings of a protocol with few labels.

    Attributes:
        subset_seed: of the order whose beginnings are the subsets.
        size: of the pictures, pixels a side.
        read_out, frozen_bn: as of ``Network``.
        steps: as ``schedule`` of ``budgets.steps``.
        learning_rate, last_learning_rate, warmup, weight_decay: as of ``recipe.optimisation``.
    """

    subset_seed: int
    size: int
    read_out: str | int
    frozen_bn: str
    batch_size: int
    steps: list[dict[str, int]]
    learning_rate: float
    last_learning_rate: float
    warmup: float
    weight_decay: float


class Trainings:
    """What the trainings of one run have in common; each begins with the backbone's file and the same head.

    Args:
        backbone: its canonical file.
        dataset: its id.
        run: whose seed decides the head, the order of the samples and the augmentation, not the subset.
    """

    def __init__(
        self,
        backbone: str | Path,
        task: Task,
        recipe: Recipe,
        *,
        run: dict,
        dataset: str,
        checkpoint_steps: int = CHECKPOINT_STEPS,
    ):
        self.backbone, metadata = backbones.load(backbone, resolution=recipe.size)
        self.normalise = partial(normalise, mean=metadata.mean, std=metadata.std)
        self.colour = backbones.take_colour(self.backbone)
        self.task, self.recipe, self.checkpoint_steps = task, recipe, checkpoint_steps
        self.run = Run(model=metadata.model, dataset=dataset, **run)
        self.backbone_sha256 = files.sha256(backbone)
        self.indices = {
            split: np.flatnonzero(task.splits == split)
            for split in ("train", *SPLITS)
            if (task.splits == split).any()
        }

    def network(self) -> Network:
        """The backbone as it was made, with a head by the run's seed."""
        torch.manual_seed(self.run.seed)
        return Network(
            copy.deepcopy(self.backbone),
            self.run.model,
            size=self.recipe.size,
            outputs=self.task.outputs,
            maps=self.task.maps,
            read_out=self.recipe.read_out,
            freeze=self.run.freeze,
            frozen_bn=self.recipe.frozen_bn,
        )

    def run_all(self, labels: list[int], resume: Resume) -> list[dict]:
        """Train with each number of labels, those that ``resume`` has finished excepted.

        Returns:
            Of each: ``labels``, ``steps``, ``losses``, ``window``, ``seconds`` and, by split, measurements.

        Raises:
            InputError: more labels than samples; or the loss is no longer finite.
        """
        subset = subsets.prefix(max(labels), len(self.indices["train"]), self.recipe.subset_seed)
        trained_on, *tested_on = (
            self._load(indices)
            for indices in (self.indices["train"][subset], *map(self.indices.get, self.tested))
        )
        for count in labels[len(resume.finished) :]:
            logging.info("training on %d labels", count)
            started = time.monotonic()
            trained = self._train([part[:count] for part in trained_on], count, resume)
            outcome = {"labels": count, "steps": budgets.steps(count, self.recipe.steps)}
            for split, (pictures, targets) in zip(self.tested, tested_on, strict=True):
                outputs = self.outputs(trained.network, pictures)
                if not torch.isfinite(outputs).all():
                    raise self._diverged(count, outcome["steps"])
                outcome[split] = self.task.measure(outputs, targets)
            outcome |= {"losses": trained.losses, "window": trained.window}
            resume.finish(outcome | {"seconds": time.monotonic() - started})
        return resume.finished

    @property
    def tested(self) -> list[str]:
        """The splits of the dataset that networks are tested on."""
        return [split for split in SPLITS if split in self.indices]

    def _load(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        pictures = load_pictures(self.task.read, indices, self.recipe.size, threads=self.run.threads)
        return pictures, self.task.targets(indices)

    def _train(self, samples: list[Tensor], labels: int, resume: Resume) -> Trained:
        recipe = self.recipe
        steps = budgets.steps(labels, recipe.steps)
        batches = Batches(
            *samples,
            prepare=self._prepare(),
            augment=self.task.augment,
            batch_size=recipe.batch_size,
            steps=steps,
            seed=self.run.seed,
            device=self.run.device,
            pixels=self.task.maps,
        )
        trained = train(
            self.network(),
            batches,
            self._loss,
            steps=steps,
            **optimisation(
                learning_rate=recipe.learning_rate,
                last_learning_rate=recipe.last_learning_rate,
                warmup=recipe.warmup,
                weight_decay=recipe.weight_decay,
                steps=steps,
            ),
            device=self.run.device,
            seed=self.run.seed,
            state=resume.training,
            save=resume.save_training,
            checkpoint_steps=self.checkpoint_steps,
        )
        if trained.diverged is not None:
            raise self._diverged(labels, trained.diverged)
        return trained

    def _loss(self, network: nn.Module, batch: list[Tensor]) -> Tensor:
        images, target, flipped, _ = batch
        outputs = network(images.contiguous(memory_format=torch.channels_last))
        return self.task.loss(outputs, target, flipped)

    def _prepare(self) -> Callable[[Tensor], Tensor]:
        """Pictures uint8 [B, 3, S, S] to images in the network's colours."""
        colour = self.colour.to(self.run.device)
        return lambda pictures: colour(self.normalise(pictures))

    def outputs(self, network: nn.Module, pictures: Tensor) -> Tensor:
        """A network's outputs for pictures as they are, on the CPU."""
        device, prepare, parts = self.run.device, self._prepare(), []
        with torch.inference_mode(), torch.autocast(device, dtype=torch.float16, enabled=device == "cuda"):
            for part in pictures.split(TESTED):
                images = prepare(part.to(device, non_blocking=True))
                parts.append(network(images.contiguous(memory_format=torch.channels_last)).cpu())
        return torch.cat(parts)

    def _diverged(self, labels: int, step: int) -> InputError:
        return InputError(
            f"{self.run.model} on {self.run.dataset}, {labels} labels: the loss is no longer finite at step "
            f"{step}; lower the learning_rate of this protocol's settings"
        )
