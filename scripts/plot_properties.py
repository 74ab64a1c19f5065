"""What the features keep, self-supervised models against supervised ones."""

from transferscope.job import logged
from transferscope.names import read_models
from transferscope.plotting.properties import properties
from transferscope.plotting.style import save
from transferscope.results import read_table


def main(table: str, models: str | list[str], pdf: str, png: str, *, plot: dict) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``plotting.style``."""
    save(properties(read_table(table), read_models(models), plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.input.table, snakemake.input.models, *snakemake.output, plot=snakemake.params.plot)
