"""Where every model attends, on one picture of every dataset."""

from transferscope.figures.saliency import saliency
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.protocols.saliency import maps
from transferscope.results.resolved import read_study


def main(map_files: list[str], study: str, pdf: str, png: str, *, plot: dict) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``figures.style``."""
    found = [maps.read(path) for path in map_files]
    save(saliency(found, read_study(study), plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(list(snakemake.input.maps), snakemake.input.study, *snakemake.output, plot=snakemake.params.plot)
