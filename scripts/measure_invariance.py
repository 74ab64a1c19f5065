"""Invariance: how much of a picture's feature stays under a crop, other colours, a blur, a rotation?"""

import numpy as np

from transferscope import files, job
from transferscope.datasets import load_dataset
from transferscope.datasets.drawing import draw
from transferscope.features.extraction import extract
from transferscope.models import backbones
from transferscope.protocols.invariance import TRANSFORMS, Views, invariance
from transferscope.results.run import Evaluation, Run, measurement


def main(
    backbone: str,
    root: str,
    output: str,
    *,
    run: dict,
    facts: dict,
    settings: dict,
    resolution: int,
    batch_size: int,
) -> None:
    """Write the invariance to each change, of at most ``settings["images"]`` test pictures of the dataset."""
    network, metadata = backbones.load(backbone, resolution)
    run = Run(model=metadata.model, dataset=facts["dataset"], **run)
    samples = load_dataset(root=root, **facts, seed=run.seed)
    chosen = draw(samples, settings["images"], run.seed)
    views = Views(samples, chosen, resolution=resolution, seed=run.seed)
    batches = extract(
        network,
        views,
        list(range(len(views))),
        mean=metadata.mean,
        std=metadata.std,
        batch_size=batch_size,
        device=run.device,
        workers=run.threads - 1,
    )
    features = np.concatenate(list(batches)).reshape(len(chosen), 1 + len(TRANSFORMS), -1)
    found, spread = invariance(features)
    evaluation = Evaluation(
        mode="cosine",
        n_test=len(chosen),
        measurements=[
            measurement(
                f"invariance_{name}",
                float(values.mean()),
                1.96 * float(values.std(ddof=1)) / len(values) ** 0.5,
            )
            for name, values in zip(TRANSFORMS, found.T, strict=True)
        ],
        details={"spread": spread, "backbone_sha256": files.sha256(backbone)},
    )
    run.write(output, evaluation)


if __name__ == "__main__":
    with job.logged(snakemake):
        main(
            snakemake.input.backbone,
            snakemake.input.dataset,
            snakemake.output[0],
            run=job.run(snakemake),
            facts=snakemake.params.facts,
            settings=snakemake.params.settings,
            resolution=snakemake.params.resolution,
            batch_size=snakemake.resources.batch_size,
        )
