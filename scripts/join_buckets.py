"""One file over the buckets of a dataset of scenes with factors, shuffled within its splits."""

from pathlib import Path

from transferscope.datasets.rendered import buckets
from transferscope.job import logged


def main(parts: list[str], output: str | Path) -> None:
    """Write the folder ``output`` from the buckets ``parts``, given in their order."""
    buckets.join_buckets(parts, output)


if __name__ == "__main__":
    with logged(snakemake):
        main(list(snakemake.input), snakemake.output[0])
