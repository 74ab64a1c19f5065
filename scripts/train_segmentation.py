"""Segmentation: UPerNet, the backbone trained too, and tested."""

import time

import numpy as np
import torch

from transferscope import files
from transferscope.datasets import load_dense
from transferscope.job import device, limit_threads, logged
from transferscope.models import backbones
from transferscope.protocols.openmmlab.pixels import (
    ClassesDraw,
    ClassesScore,
    most_common,
    most_likely,
    train_and_test,
)
from transferscope.protocols.openmmlab.segmentors import upernet
from transferscope.results import examples, record
from transferscope.training.loop import CHECKPOINT_STEPS
from transferscope.training.resume import Resume
from transferscope.training.scratch import copied_to_scratch


def main(
    backbone: str,
    root: str,
    output: str,
    example_file: str,
    *,
    facts: dict,
    settings: dict,
    version: int,
    seed: int,
    device: str = "cpu",
    threads: int = 1,
    checkpoint_steps: int = CHECKPOINT_STEPS,
) -> None:
    """Write the result (Ericsson et al. 2021, section 4.4) and a few pictures with truth and prediction.

    ``settings`` is the section ``segmentation`` of the configuration.
    """
    started = time.monotonic()
    _, metadata = backbones.load(backbone)
    samples = load_dense("segmentation", root, **facts)
    classes = len(samples.class_names)
    identity = {"model": metadata.model, "dataset": facts["dataset"], "protocol": "segmentation"}
    fingerprint = {"backbone": files.sha256(backbone), "facts": facts, "settings": settings, "seed": seed}
    resume = Resume(f"{output}.resume", fingerprint | {"version": version, "device": device})
    torch.manual_seed(seed)
    outcome = train_and_test(
        upernet(backbone, classes=classes, channels=settings["channels"]),
        samples,
        ClassesDraw(samples, settings["crop"]),
        metadata,
        decode=most_likely,
        score=lambda: ClassesScore(classes),
        trivial=most_common(samples),
        steps=settings["iterations"],
        settings=settings,
        seed=seed,
        device=device,
        workers=threads - 1,
        resume=resume,
        checkpoint_steps=checkpoint_steps,
    )
    examples.write(example_file, outcome.examples, identity | {"class_names": samples.class_names})
    record.write_result(
        output,
        **identity,
        version=version,
        mode="finetune",
        seed=seed,
        n_test=int(np.count_nonzero(samples.splits == "test")),
        measurements=record.measurements("segmentation", outcome.metrics),
        took={"seconds": time.monotonic() - started, "device": device, "threads": threads},
        details={
            "steps": settings["iterations"],
            "losses": outcome.trained.losses,
            "window": outcome.trained.window,
            "most_common_class": outcome.trivial,
            "backbone_sha256": fingerprint["backbone"],
        },
    )
    resume.remove()


if __name__ == "__main__":
    with (
        logged(snakemake),
        copied_to_scratch(snakemake.input.dataset, snakemake.resources.get("scratch")) as dataset,
    ):
        limit_threads(snakemake.threads)
        main(
            snakemake.input.backbone,
            dataset,
            snakemake.output.result,
            snakemake.output.examples,
            **dict(snakemake.params),
            device=device(snakemake.resources),
            threads=snakemake.threads,
        )
