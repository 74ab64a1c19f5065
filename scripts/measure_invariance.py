"""Invariance: how much of a picture's feature outlives a crop, a change of colours, a blur, a rotation?"""

import time

import numpy as np

from transferscope import files
from transferscope.datasets import load_dataset
from transferscope.datasets.drawing import draw
from transferscope.features.extraction import extract
from transferscope.job import device, limit_threads, logged
from transferscope.models import backbones
from transferscope.protocols.invariance import TRANSFORMS, Views, invariance
from transferscope.results import record


def main(
    backbone: str,
    root: str,
    output: str,
    *,
    facts: dict,
    images: int,
    resolution: int,
    batch_size: int,
    loader_version: str,
    version: int,
    seed: int,
    device: str = "cpu",
    threads: int = 1,
) -> None:
    """Write the invariance to each change, of at most ``images`` test pictures of the dataset."""
    started = time.monotonic()
    network, metadata = backbones.load(backbone, resolution)
    samples = load_dataset(root=root, **facts, seed=seed)
    chosen = draw(samples, images, seed)
    views = Views(samples, chosen, resolution=resolution, seed=seed)
    batches = extract(
        network,
        views,
        list(range(len(views))),
        mean=metadata.mean,
        std=metadata.std,
        batch_size=batch_size,
        device=device,
        workers=threads - 1,
    )
    features = np.concatenate(list(batches)).reshape(len(chosen), 1 + len(TRANSFORMS), -1)
    found, spread = invariance(features)
    record.write_result(
        output,
        model=metadata.model,
        dataset=facts["dataset"],
        protocol="invariance",
        version=version,
        mode="cosine",
        seed=seed,
        n_test=len(chosen),
        measurements=[
            {
                "setting": "invariance",
                "metric": f"invariance_{name}",
                "value": float(values.mean()),
                "ci95": 1.96 * float(values.std(ddof=1)) / len(values) ** 0.5,
            }
            for name, values in zip(TRANSFORMS, found.T, strict=True)
        ],
        took={"seconds": time.monotonic() - started, "device": device, "threads": threads},
        details={"spread": spread, "backbone_sha256": files.sha256(backbone)},
    )


if __name__ == "__main__":
    with logged(snakemake):
        limit_threads(snakemake.threads)
        main(
            snakemake.input.backbone,
            snakemake.input.dataset,
            snakemake.output[0],
            **dict(snakemake.params),
            device=device(snakemake.resources),
            threads=snakemake.threads,
        )
