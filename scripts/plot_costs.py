"""What each model took, protocol by protocol."""

import pandas as pd

from transferscope.figures.costs import cost_bars
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.results.resolved import read_study


def main(costs: str, study: str, pdf: str, png: str, *, plot: dict) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``figures.style``."""
    save(cost_bars(pd.read_csv(costs, sep="\t"), read_study(study), plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.input.costs, snakemake.input.study, *snakemake.output, plot=snakemake.params.plot)
