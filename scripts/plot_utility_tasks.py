"""Utility for one task beside that for another."""

from transferscope.figures.style import save
from transferscope.figures.tasks import tasks
from transferscope.job import logged
from transferscope.results.efficiency import read_utility
from transferscope.results.resolved import read_study


def main(utility: str, study: str, pdf: str, png: str, *, plot: dict) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``figures.style``."""
    rows = read_study(study)
    save(tasks(read_utility(utility, rows), rows, plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.input.utility, snakemake.input.study, *snakemake.output, plot=snakemake.params.plot)
