"""How invariant every model's features are to each change of the picture."""

from transferscope.figures.invariance import invariance
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.results.resolved import read_settings, read_study


def main(table: str, study: str, pdf: str, png: str, *, plot: dict) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``figures.style``."""
    rows = read_study(study)
    save(invariance(read_settings(table, rows), rows, plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.input.table, snakemake.input.study, *snakemake.output, plot=snakemake.params.plot)
