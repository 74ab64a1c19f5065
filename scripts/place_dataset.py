"""Make the folder of a dataset that was obtained by hand: unpack its archives, link its folders and files."""

from pathlib import Path

from transferscope.fetching import place_dataset
from transferscope.job import logged


def main(placed: str | Path, output: str | Path) -> None:
    """Make the folder ``output`` of what lies in ``placed`` (see ``transferscope.fetching``)."""
    place_dataset(placed, output)


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.input[0], snakemake.output[0])
