"""Train Faster R-CNN on the boxes of train and val, and test it."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from transferscope import files
from transferscope.datasets.boxes import Boxes
from transferscope.protocols.openmmlab import detection, training
from transferscope.protocols.openmmlab.backbone import Pyramid
from transferscope.protocols.openmmlab.precision import BoxPrecision


@dataclass(frozen=True)
class Tested:
    """Outcome of training and test.

    Attributes:
        by_class: average precisions in percent, as ``precision.average_precisions`` gives them in 0..1.
        found: as ``BoxPrecision.found``, of every picture that was tested.
        losses: of each iteration.
    """

    by_class: pd.DataFrame
    found: dict[int, dict[str, np.ndarray]]
    losses: list[float]


def train_and_test(
    backbone: str | Path,
    boxes: Boxes,
    checkpoints: training.CheckpointHook,
    *,
    settings: dict,
    seed: int,
    device: str,
    workers: int,
) -> Tested:
    """Train a detector on a canonical backbone, or resume, and test it on the split ``test``.

    ``settings`` are the section ``detection`` of the configuration and ``frozen_stages`` (see ``Pyramid``).
    """
    pyramid = Pyramid(backbone)
    pictures = {"root": boxes.root, "class_names": boxes.class_names, "longest": settings["longest_side"]}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train, test = folder / "train.json", folder / "test.json"
        # In training the authors make no difference between difficult objects and others.
        files.write_json(train, boxes.annotations("train", "val", ignore_difficult=False))
        files.write_json(test, boxes.annotations("test", ignore_difficult=True))
        precision = BoxPrecision(str(test))
        experiment = training.Experiment(
            scope="mmdet",
            model=detection.faster_rcnn(
                {"type": "Pyramid", "path": str(backbone), "frozen_stages": settings["frozen_stages"]},
                maps=pyramid.channels,
                channels=settings["channels"],
                metadata=pyramid.metadata,
                classes=len(boxes.class_names),
                proposals=settings["proposals"],
                test_proposals=settings["test_proposals"],
            ),
            train_set=detection.training_set(train, settings["train_scales"], **pictures),
            test_set=detection.test_set(test, settings["test_scale"], **pictures),
            schedule=training.warmup_then_steps(settings["warmup_iterations"], settings["milestones"]),
            evaluator=precision,
        )
        runner, losses = training.fit(
            experiment,
            checkpoints,
            settings=settings,
            folder=folder,
            seed=seed,
            device=device,
            workers=workers,
        )
        runner.test()
    return Tested(100 * precision.measured, precision.found, losses)
