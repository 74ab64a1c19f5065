"""Pictures seen again from every model's features, below the originals."""

from transferscope.figures.reconstructions import reconstructions
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.protocols.reconstruction import pictures
from transferscope.results.resolved import read_study


def main(reconstruction_files: list[str], study: str, pdf: str, png: str, *, plot: dict) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``figures.style``."""
    found = [one for path in reconstruction_files for one in pictures.read(path)]
    save(reconstructions(found, read_study(study), plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            list(snakemake.input.reconstructions),
            snakemake.input.study,
            *snakemake.output,
            plot=snakemake.params.plot,
        )
