"""Render a data set: pictures of parametric objects, with labels, boxes, masks, depth and normals."""

import logging
from pathlib import Path

from transferscope.datasets.rendered.dataset import render_dataset
from transferscope.job import logged


def main(output: str | Path, *, settings: dict[str, int], threads: int) -> None:
    """Write the folder ``output``; ``rendered.dataset.render_dataset`` describes settings and files."""
    render_dataset(output, **settings, threads=threads)
    logging.info(
        "rendered %(images)d pictures of up to %(objects)d objects, %(size)d pixels a side", settings
    )


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.output[0],
            settings=snakemake.params.settings,
            threads=snakemake.threads,
        )
