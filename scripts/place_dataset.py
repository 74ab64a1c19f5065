"""Make the folder of a dataset that was obtained by hand: unpack its archives, link its folders and files."""

from pathlib import Path

from transferscope.job import logged
from transferscope.sources.fetching import place_dataset


def main(placed: str | Path, output: str | Path) -> None:
    """Make the folder ``output`` of what lies in ``placed`` (see ``transferscope.sources.fetching``)."""
    place_dataset(placed, output)


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.input[0], snakemake.output[0])
