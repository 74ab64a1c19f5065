"""Fetch the authors' checkpoint of one model and check it against its sha256."""

from pathlib import Path

from transferscope.fetching import fetch_checkpoint
from transferscope.job import logged


def main(output: str | Path, *, source: str, sha256: str) -> None:
    """Write the checkpoint that the cells ``source`` and ``sha256`` name (see ``transferscope.sources``)."""
    fetch_checkpoint(source.split(), sha256.split(), output)


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.output[0], source=snakemake.params.source, sha256=snakemake.params.sha256)
