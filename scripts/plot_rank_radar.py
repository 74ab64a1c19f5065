"""Each model's rank in every setting."""

from transferscope.results.names import read_models

from transferscope.figures.rank_radar import rank_radar
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.results.long_table import read_table


def main(table: str, models: str | list[str], pdf: str, png: str, *, plot: dict) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``plotting.style``."""
    figure = rank_radar(read_table(table), read_models(models), plot)
    save(figure, pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.table,
            snakemake.input.models,
            *snakemake.output,
            plot=snakemake.params.plot,
        )
