"""One feature file over the shards of a dataset; no feature is copied."""

from pathlib import Path

from transferscope import files
from transferscope.features import store as features
from transferscope.job import logged


def main(shards: list[str], output: str) -> None:
    """Write a virtual feature file over ``shards``, given in their order."""
    with files.atomic_path(output) as temporary:
        features.join(shards, temporary, folder=Path(output).parent)


if __name__ == "__main__":
    with logged(snakemake):
        main(list(snakemake.input), snakemake.output[0])
