"""What the features keep, self-supervised models against supervised ones."""

from transferscope.results.names import read_models

from transferscope.figures.properties import properties
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.results.long_table import read_table


def main(table: str, models: str | list[str], pdf: str, png: str, *, plot: dict) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``plotting.style``."""
    save(properties(read_table(table), read_models(models), plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.input.table, snakemake.input.models, *snakemake.output, plot=snakemake.params.plot)
