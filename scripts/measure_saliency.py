"""Saliency: on which parts of one picture do a backbone's features depend?"""

import json
import logging
import time
from pathlib import Path

import torch
from PIL import Image

from transferscope import files, job
from transferscope.datasets.pictures import read
from transferscope.features.images import normalise, to_uint8
from transferscope.models import backbones
from transferscope.protocols.saliency import maps
from transferscope.protocols.saliency.occlusion import Occlusion
from transferscope.results.run import Evaluation, Run, measurements, state_file
from transferscope.training.resume import Resume


def main(
    backbone: str,
    picture: str,
    description: str,
    output: str,
    map_file: str,
    *,
    run: dict,
    settings: dict,
    batch_size: int,
) -> None:
    """Write the attentive diffusion and the map (Ericsson et al. 2021, section 4.8 and A.3).

    Args:
        picture, description: of ``choose_picture``.
        settings: the section ``saliency`` of the configuration.
        batch_size: occluders in a forward pass.
    """
    # Errors are small differences of features, which TensorFloat32 would drown.
    torch.backends.cudnn.allow_tf32 = False
    resolution, occluder, stride = (settings[key] for key in ("resolution", "occluder", "stride"))
    chosen = json.loads(Path(description).read_text(encoding="utf-8"))
    network, metadata = backbones.load(backbone, resolution, pad=True)
    run = Run(model=metadata.model, dataset=chosen["dataset"], **run)
    pixels = to_uint8(read(picture).resize((resolution, resolution), Image.Resampling.BICUBIC))
    occlusion = Occlusion(
        network.to(run.device),
        normalise(pixels[None].to(run.device), metadata.mean, metadata.std),
        occluder=occluder,
        stride=stride,
        batch_size=batch_size,
    )
    inputs = {"backbone": files.sha256(backbone), "picture": files.sha256(picture)}
    difference = occlusion.check()
    # A saved state has whole bands, whose height is the batch's.
    fingerprint = run.fingerprint(**inputs, settings=settings, batch_size=batch_size)
    resume = Resume(state_file(output), fingerprint)
    started = time.monotonic()
    for band in occlusion.bands(done=len(resume.finished)):
        resume.finish({"errors": torch.from_numpy(band), "seconds": time.monotonic() - started})
        started = time.monotonic()
        logging.info("occluded %d of %d bands of rows", len(resume.finished), len(occlusion.tiles))
    errors = torch.cat([band["errors"] for band in resume.finished]).numpy()
    attention = maps.attention(errors, occlusion.positions, occluder)
    centre = slice(occluder - 1, resolution - occluder + 1)
    maps.write(
        map_file,
        attention=attention,
        picture=pixels[:, centre, centre].permute(1, 2, 0).numpy(),
        errors=errors,
        at=occlusion.positions,
        attributes=run.identity | {"sample": chosen["sample"], "occluder": occluder, "stride": stride},
    )
    evaluation = Evaluation(
        mode="exact" if stride == 1 else f"stride-{stride}",
        n_test=attention.size,
        measurements=measurements({"attentive_diffusion": 100 * maps.diffusion(attention)}),
        details={
            "sample": chosen["sample"],
            "resolution": resolution,
            "occluder": occluder,
            "stride": stride,
            "passes": errors.size,
            "share_of_arithmetic": occlusion.flop_fraction(),
            "difference_to_whole_passes": difference,
            "backbone_sha256": inputs["backbone"],
        },
    )
    run.write(output, evaluation, seconds=sum(band["seconds"] for band in resume.finished))
    resume.remove()


if __name__ == "__main__":
    with job.logged(snakemake):
        main(
            snakemake.input.backbone,
            snakemake.input.picture,
            snakemake.input.description,
            snakemake.output.result,
            snakemake.output.map,
            run=job.run(snakemake),
            settings=snakemake.params.settings,
            batch_size=snakemake.resources.occluders,
        )
