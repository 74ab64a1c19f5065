"""Render one of the twelve buckets of a dataset of scenes with factors."""

import logging
from pathlib import Path

from transferscope.datasets.rendered.buckets import Plan, render_bucket
from transferscope.job import logged


def main(
    output: str | Path, *, bucket: int, settings: dict, shapes: str | None, textures: str | None
) -> None:
    """Write a bucket; ``settings`` and the folders ``shapes`` and ``textures`` are those of ``Plan``."""
    plan = Plan(**settings, shapes=shapes, textures=textures)
    render_bucket(plan, bucket, output)
    logging.info("rendered bucket %d: %d pictures of variant %s", bucket, plan.count(bucket), plan.variant)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.output[0],
            bucket=int(snakemake.wildcards.bucket),
            settings=snakemake.params.settings,
            shapes=snakemake.input.get("shapes"),
            textures=snakemake.input.get("textures"),
        )
