"""Fetch the authors' checkpoint of one model and check it against its sha256."""

from pathlib import Path

from transferscope.job import logged
from transferscope.sources.fetching import fetch_checkpoint


def main(output: str | Path, *, source: str, sha256: str) -> None:
    """Write the checkpoint that the cells ``source`` and ``sha256`` name (see ``sources.forms``)."""
    fetch_checkpoint(source.split(), sha256.split(), output)


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.output[0], source=snakemake.params.source, sha256=snakemake.params.sha256)
