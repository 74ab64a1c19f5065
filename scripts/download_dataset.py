"""Fetch the authors' archives of one dataset, check them against their checksums, and unpack them."""

from pathlib import Path

from transferscope.fetching import fetch_dataset
from transferscope.job import logged


def main(output: str | Path, *, sources: list[str], sha256s: list[str]) -> None:
    """Unpack all ``sources`` (see ``transferscope.sources``) into the folder ``output``."""
    fetch_dataset(sources, sha256s, output)


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.output[0], sources=snakemake.params.sources, sha256s=snakemake.params.sha256s)
