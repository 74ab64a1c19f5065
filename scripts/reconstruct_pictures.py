"""Reconstruction: the study's pictures, seen again from the features of one backbone."""

import json
import logging
import time
from pathlib import Path

import torch

from transferscope import files
from transferscope.datasets.pictures import read
from transferscope.features.images import resize_and_crop, to_uint8
from transferscope.job import device, logged
from transferscope.models import backbones
from transferscope.protocols.reconstruction import pictures as contract
from transferscope.protocols.reconstruction.inversion import Stage, image_seed, invert
from transferscope.results.run import library_versions, state_file
from transferscope.training.resume import Resume


def main(
    backbone: str,
    pictures: list[str],
    descriptions: list[str],
    output: str,
    *,
    resolution: int,
    stage: int,
    steps: int,
    prior: str,
    versions: dict[str, int],
    seed: int,
    together: int,
    device: str = "cpu",
    threads: int = 1,
) -> None:
    """Write the reconstructions of all pictures (Ericsson et al. 2021, section 4.7).

    Args:
        pictures, descriptions: of ``choose_picture``, in the same order.
        resolution, stage, steps, prior: as the section ``reconstruction`` of the configuration has them.
        versions: of the protocols that measure the reconstructions.
        together: pictures that are reconstructed together.
    """
    chosen = [json.loads(Path(path).read_text(encoding="utf-8")) for path in descriptions]
    originals = torch.stack([to_uint8(resize_and_crop(read(path), resolution)) for path in pictures])
    network, metadata = backbones.load(backbone, resolution)
    facts = {
        "resolution": resolution,
        "stage": stage,
        "steps": steps,
        "prior": prior,
        "model": metadata.model,
        "backbone_sha256": files.sha256(backbone),
        "seed": seed,
    }
    fingerprint = facts | {
        "pictures": [files.sha256(path) for path in pictures],
        "together": together,
        "versions": versions,
        "device": device,
        "libraries": library_versions(),
    }
    inverted = Stage(network.to(device), stage)
    resume = Resume(state_file(output), fingerprint)
    for start in range(together * len(resume.finished), len(chosen), together):
        started = time.monotonic()
        part = chosen[start : start + together]
        logging.info("reconstructing the pictures of %s", ", ".join(one["dataset"] for one in part))
        made, losses = invert(
            inverted,
            originals[start : start + together],
            mean=metadata.mean,
            std=metadata.std,
            seeds=[image_seed(seed, f"{one['dataset']}:{one['sample']}") for one in part],
            steps=steps,
            output=prior,
            device=device,
            state=resume.training,
            save=resume.save_training,
        )
        seconds = [(time.monotonic() - started) / len(part)] * len(part)
        resume.finish({"made": made, "losses": losses, "seconds": seconds})
    contract.write(
        output,
        datasets=[one["dataset"] for one in chosen],
        samples=[one["sample"] for one in chosen],
        originals=originals.permute(0, 2, 3, 1).numpy(),
        reconstructions=torch.cat([part["made"] for part in resume.finished]).permute(0, 2, 3, 1).numpy(),
        seconds=[second for part in resume.finished for second in part["seconds"]],
        attributes=facts | {"device": device, "threads": threads},
    )
    resume.remove()


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.backbone,
            list(snakemake.input.pictures),
            list(snakemake.input.descriptions),
            snakemake.output[0],
            **dict(snakemake.params),
            together=snakemake.resources.reconstructions,
            device=device(snakemake.resources),
            threads=snakemake.threads,
        )
