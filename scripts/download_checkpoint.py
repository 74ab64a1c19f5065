"""Fetch the authors' checkpoint file of one model and check it against its sha256."""

from pathlib import Path

from transferscope import sources
from transferscope.job import logged


def main(output: str | Path, *, source: str, sha256: str) -> None:
    """Write the file that ``source`` names (see ``transferscope.sources``) to ``output``."""
    sources.fetch(source, output, sha256=sha256)


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.output[0], source=snakemake.params.source, sha256=snakemake.params.sha256)
