"""Render a data set: pictures of parametric objects, with labels, boxes, masks, depth and normals."""

import logging
from pathlib import Path

from transferscope.datasets.rendered.dataset import render_dataset
from transferscope.job import logged


def main(output: str | Path, *, images: int, objects: int, size: int, seed: int, threads: int) -> None:
    """Write the folder ``output``; ``scenes.dataset.render_dataset`` describes the settings and the files."""
    render_dataset(output, images=images, objects=objects, size=size, seed=seed, threads=threads)
    logging.info("rendered %d pictures of up to %d objects, %d x %d pixels", images, objects, size, size)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.output[0],
            images=snakemake.params.images,
            objects=snakemake.params.objects,
            size=snakemake.params.size,
            seed=snakemake.params.seed,
            threads=snakemake.threads,
        )
