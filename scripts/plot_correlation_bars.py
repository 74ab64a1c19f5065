"""How well the reference predicts each dataset."""

from transferscope.figures.correlation_bars import correlation_bars
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.results.correlation import read_correlations
from transferscope.results.reference import Reference
from transferscope.results.resolved import read_study


def main(correlations: str, study: str, pdf: str, png: str, *, reference: dict[str, str], plot: dict) -> None:
    """Draw the figure as PDF and PNG.

    ``reference`` is that of ``study.reference.resolve``; ``plot`` holds the settings of ``figures.style``.
    """
    rows = read_study(study)
    figure = correlation_bars(read_correlations(correlations, rows), rows, Reference(**reference), plot)
    save(figure, pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.correlations,
            snakemake.input.study,
            *snakemake.output,
            reference=snakemake.params.reference,
            plot=snakemake.params.plot,
        )
