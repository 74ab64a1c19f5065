"""One model's checkpoint, of any authors' format, to its canonical backbone file."""

from transferscope.job import logged
from transferscope.models import checkpoints


def main(checkpoint: str, output: str, *, model: str, **columns: str) -> None:
    """Convert ``checkpoint``; ``columns`` are those of the models table (see ``checkpoints.convert``)."""
    checkpoints.convert(checkpoint, output, model=model, **columns)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input[0],
            snakemake.output[0],
            model=snakemake.wildcards.model,
            arch=snakemake.params.arch,
            format=snakemake.params.format,
            container=snakemake.params.container,
            prefix=snakemake.params.prefix,
            drop=snakemake.params.drop,
            match=snakemake.params.match,
            normalisation=snakemake.params.normalisation,
            source=snakemake.params.source,
        )
