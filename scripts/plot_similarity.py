"""How alike the models are on one dataset."""

import pandas as pd
from transferscope.results.names import read_models

from transferscope.figures.similarity import similarity
from transferscope.figures.style import save
from transferscope.job import logged


def main(models: str | list[str], table: str, pdf: str, png: str, *, plot: dict) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``plotting.style``."""
    save(similarity(pd.read_csv(table, sep="\t"), read_models(models), plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.input.models, snakemake.input.table, *snakemake.output, plot=snakemake.params.plot)
