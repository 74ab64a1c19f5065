"""Train the network of a dense task, and test it one picture at a time."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from transferscope.errors import InputError
from transferscope.models.backbones import Metadata
from transferscope.protocols.dense.tasks import DenseTask
from transferscope.protocols.openmmlab.segmentors import SegmentorLoss, predict
from transferscope.results import examples
from transferscope.training.loop import Trained, train
from transferscope.training.resume import Resume
from transferscope.training.stream import Stream, batches


def fit(
    task: DenseTask,
    metadata: Metadata,
    *,
    seed: int,
    device: str,
    workers: int,
    resume: Resume,
    checkpoint_steps: int,
) -> Trained:
    """Train the task's network on the split ``train``, or resume.

    Raises:
        InputError: the loss is no longer finite.
    """
    optimisation = task.optimisation
    train_samples = np.flatnonzero(task.samples.splits == "train")
    stream = Stream(train_samples, task.pictures.draw, seed=seed, arrange=task.pictures.arrange)
    trained = train(
        task.network,
        lambda start: batches(
            stream,
            batch_size=None,
            start=start,
            stop=optimisation.steps,
            workers=workers,
            pin_memory=device == "cuda",
        ),
        SegmentorLoss(metadata.mean, metadata.std),
        steps=optimisation.steps,
        optimiser=optimisation.optimiser,
        schedule=optimisation.schedule,
        device=device,
        seed=seed,
        state=resume.training,
        save=resume.save_training,
        checkpoint_steps=checkpoint_steps,
    )
    if trained.diverged is not None:
        raise InputError(
            f"the loss is no longer finite at step {trained.diverged}; lower the learning_rate of this "
            "protocol"
        )
    return trained


@dataclass(frozen=True)
class Tested:
    """Metrics of the test pictures, the same of the constant baseline prediction, and a few examples.

    ``pictures`` counts those that were tested.
    """

    metrics: dict[str, float]
    baseline: dict[str, float]
    pictures: int
    examples: list[examples.Example]


def test(task: DenseTask, network: nn.Module, metadata: Metadata, *, device: str) -> Tested:
    """Test a trained network on the split ``test``."""
    samples, model, baseline, shown = task.samples, task.score(), task.score(), []
    tested = np.flatnonzero(samples.splits == "test").tolist()
    drawn = examples.draw(tested, examples.COUNT)
    with torch.inference_mode(), torch.autocast(device, dtype=torch.float16, enabled=device == "cuda"):
        for index in tested:
            picture, truth = samples.read(index), samples.target(index)
            outputs = (
                predict(network, view[None].to(device), truth.shape[:2], metadata.mean, metadata.std)
                for view in task.pictures.views(picture)
            )
            predicted = task.decode(outputs).cpu().numpy()
            model.add(predicted, truth)
            baseline.add(np.broadcast_to(task.baseline, truth.shape), truth)
            if index in drawn:
                shown.append((samples.ids[index], np.asarray(picture), truth, predicted))
    return Tested(model.metrics(), baseline.metrics(), len(tested), shown)
