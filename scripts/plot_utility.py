"""Utility against numbers of labels, for every model with a baseline."""

from transferscope.figures.style import save
from transferscope.figures.utility import utility as figure
from transferscope.job import logged
from transferscope.results.efficiency import read_utility
from transferscope.results.resolved import read_study


def main(utility: str, study: str, pdf: str, png: str, *, protocol: str, plot: dict) -> None:
    """Draw the figure of one protocol as PDF and PNG; ``plot`` holds the settings of ``figures.style``."""
    rows = read_study(study)
    table = read_utility(utility, rows)
    save(figure(table[table["protocol"] == protocol], rows, plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.utility,
            snakemake.input.study,
            *snakemake.output,
            protocol=snakemake.wildcards.protocol,
            plot=snakemake.params.plot,
        )
