"""Reconstruction: how far one picture as a backbone's features show it is from the original."""

import torch

from transferscope import job
from transferscope.errors import InputError
from transferscope.models import backbones
from transferscope.protocols.reconstruction import pictures
from transferscope.protocols.reconstruction.perceptual import load_lpips, lpips_distance, unweighted_distance
from transferscope.results.run import Evaluation, Run, measurements


def main(
    reconstructions: str,
    trunk_files: list[str],
    perceptual: list[str],
    output: str,
    *,
    run: dict,
    dataset: str,
    trunks: list[str],
) -> None:
    """Write LPIPS and the squared error of every colour channel (Ericsson et al. 2021, section 4.7).

    Args:
        reconstructions: of ``reconstruct_pictures``.
        trunk_files: torchvision's weights of the ``trunks`` of LPIPS, in their order.
        perceptual: none or one canonical backbone, whose stages measure an unweighted distance.
    """
    found = [one for one in pictures.read(reconstructions) if one.dataset == dataset]
    if len(found) != 1:
        raise InputError(f"{reconstructions} has {len(found)} pictures of {dataset}; remove it and rerun")
    (one,) = found
    batches = [torch.from_numpy(picture).permute(2, 0, 1)[None] for picture in (one.original, one.made)]
    values = {
        f"lpips_{trunk}": float(lpips_distance(load_lpips(trunk, path), *batches))
        for trunk, path in zip(trunks, trunk_files, strict=True)
    }
    details = {"sample": one.sample, **one.facts}
    for backbone in perceptual:
        network, metadata = backbones.load(backbone, one.facts["resolution"])
        values["perceptual"] = float(unweighted_distance(network, metadata, *batches))
        details["perceptual"] = metadata.model
    errors = pictures.colour_errors(one.original, one.made)
    values |= {f"mse_{channel}": error for channel, error in errors.items()}
    run |= {name: one.facts[name] for name in ("device", "threads")}
    evaluation = Evaluation(
        mode=f"stage{one.facts['stage']}-{one.facts['steps']}-steps-{one.facts['prior']}",
        n_test=one.original.shape[0] * one.original.shape[1],
        measurements=measurements(values),
        details=details,
    )
    Run(model=one.facts["model"], dataset=dataset, **run).write(output, evaluation, seconds=one.seconds)


if __name__ == "__main__":
    with job.logged(snakemake):
        main(
            snakemake.input.reconstructions,
            list(snakemake.input.trunks),
            list(snakemake.input.perceptual),
            snakemake.output[0],
            run=job.run(snakemake),
            dataset=snakemake.params.dataset,
            trunks=snakemake.params.trunks,
        )
