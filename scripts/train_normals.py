"""Surface normals: PSPNet on a frozen backbone, trained and tested."""

import math
import time

import numpy as np
import torch

from transferscope import files
from transferscope.datasets import load_dense, load_vocabulary
from transferscope.job import device, limit_threads, logged
from transferscope.models import backbones
from transferscope.protocols.dense import normals
from transferscope.protocols.openmmlab.pixels import NormalsDraw, NormalsScore, train_and_test
from transferscope.protocols.openmmlab.segmentors import pspnet
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

    ``settings`` is the section ``normals`` of the configuration.
    """
    started = time.monotonic()
    _, metadata = backbones.load(backbone)
    samples = load_dense("normals", root, **facts)
    train = np.flatnonzero(samples.splits == "train")
    maps = (samples.target(index) for index in train)
    if settings["target"] == "regression":
        codebook, outputs, head = None, 3, "DirectionHead"
        decode = normals.unit
    else:
        if settings["codebook"] == "published":
            codebook = load_vocabulary(root, **facts)
        else:
            codebook = normals.fit_codebook(maps, len(train), seed=seed)
        outputs, head = len(codebook), "PSPHead"
        decode = normals.Decode(torch.from_numpy(codebook))
    steps = settings["epochs"] * math.ceil(len(train) / settings["batch_size"])
    identity = {"model": metadata.model, "dataset": facts["dataset"], "protocol": "normals"}
    fingerprint = {"backbone": files.sha256(backbone), "facts": facts, "settings": settings, "seed": seed}
    resume = Resume(f"{output}.resume", fingerprint | {"version": version, "device": device})
    torch.manual_seed(seed)
    outcome = train_and_test(
        pspnet(backbone, outputs=outputs, head=head, channels=settings["channels"]),
        samples,
        NormalsDraw(samples, codebook),
        metadata,
        decode=decode,
        score=NormalsScore,
        trivial=normals.mean_direction(samples.target(index) for index in train),
        steps=steps,
        settings=settings,
        seed=seed,
        device=device,
        workers=threads - 1,
        resume=resume,
        checkpoint_steps=checkpoint_steps,
    )
    examples.write(example_file, outcome.examples, identity)
    record.write_result(
        output,
        **identity,
        version=version,
        mode=settings["target"],
        seed=seed,
        n_test=int(np.count_nonzero(samples.splits == "test")),
        measurements=record.measurements("normals", outcome.metrics),
        took={"seconds": time.monotonic() - started, "device": device, "threads": threads},
        details={
            "steps": steps,
            "losses": outcome.trained.losses,
            "window": outcome.trained.window,
            "mean_direction": outcome.trivial,
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
