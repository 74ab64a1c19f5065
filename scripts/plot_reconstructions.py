"""Pictures seen again from every model's features, below the originals."""

from transferscope.results.names import read_datasets, read_models

from transferscope.figures.reconstructions import reconstructions
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.protocols.reconstruction import pictures


def main(
    models: str | list[str],
    datasets: str | list[str],
    reconstruction_files: list[str],
    pdf: str,
    png: str,
    *,
    plot: dict,
) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``plotting.style``."""
    found = [one for path in reconstruction_files for one in pictures.read(path)]
    save(reconstructions(found, read_models(models), read_datasets(datasets), plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.models,
            snakemake.input.datasets,
            list(snakemake.input.reconstructions),
            *snakemake.output,
            plot=snakemake.params.plot,
        )
