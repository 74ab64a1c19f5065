"""Each model's rank in every setting."""

from transferscope.figures.rank_radar import rank_radar
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.results.resolved import read_settings, read_study


def main(table: str, study: str, pdf: str, png: str, *, plot: dict) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``figures.style``."""
    rows = read_study(study)
    save(rank_radar(read_settings(table, rows), rows, plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.input.table, snakemake.input.study, *snakemake.output, plot=snakemake.params.plot)
