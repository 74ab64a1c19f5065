"""How well ImageNet top-1 predicts each dataset."""

import pandas as pd
from transferscope.results.names import read_datasets

from transferscope.figures.correlation_bars import correlation_bars
from transferscope.figures.style import save
from transferscope.job import logged


def main(correlations: str, datasets: str | list[str], pdf: str, png: str, *, plot: dict) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``plotting.style``."""
    table = pd.read_csv(correlations, sep="\t")
    save(correlation_bars(table, read_datasets(datasets), plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.correlations,
            snakemake.input.datasets,
            *snakemake.output,
            plot=snakemake.params.plot,
        )
