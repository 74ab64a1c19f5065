"""Fetch the authors' archives of one dataset, check them against their checksums, and unpack them."""

from pathlib import Path

from transferscope.job import logged
from transferscope.sources.fetching import fetch_dataset


def main(output: str | Path, *, sources: list[str], sha256s: list[str]) -> None:
    """Unpack all ``sources`` (see ``sources.forms``) into the folder ``output``."""
    fetch_dataset(sources, sha256s, output)


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.output[0], sources=snakemake.params.sources, sha256s=snakemake.params.sha256s)
