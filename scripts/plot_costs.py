"""What each model took, protocol by protocol."""

import pandas as pd
from transferscope.results.names import read_models

from transferscope.figures.costs import cost_bars
from transferscope.figures.style import save
from transferscope.job import logged


def main(costs: str, models: str | list[str], pdf: str, png: str, *, plot: dict) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``plotting.style``."""
    names = read_models(models)["name"].to_dict()
    save(cost_bars(pd.read_csv(costs, sep="\t"), names, plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.costs,
            snakemake.input.models,
            *snakemake.output,
            plot=snakemake.params.plot,
        )
