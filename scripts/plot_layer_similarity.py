"""How alike the layers of all models are on one dataset."""

import pandas as pd

from transferscope.figures.layer_similarity import layer_similarity
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.results.resolved import read_study


def main(table: str, study: str, pdf: str, png: str, *, plot: dict) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``figures.style``."""
    save(layer_similarity(pd.read_csv(table, sep="\t"), read_study(study), plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.input.table, snakemake.input.study, *snakemake.output, plot=snakemake.params.plot)
