"""How well ImageNet top-1 predicts each dataset."""

from transferscope.figures.correlation_bars import correlation_bars
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.results.correlation import read_correlations
from transferscope.results.resolved import read_study


def main(correlations: str, study: str, pdf: str, png: str, *, plot: dict) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``figures.style``."""
    rows = read_study(study)
    save(correlation_bars(read_correlations(correlations, rows), rows, plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.correlations, snakemake.input.study, *snakemake.output, plot=snakemake.params.plot
        )
