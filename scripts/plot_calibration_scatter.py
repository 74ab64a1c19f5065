"""Calibration error against the reference, before and after temperature scaling."""

from transferscope.figures.calibration_scatter import calibration_scatter
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.results.reference import read_reference
from transferscope.results.resolved import read_settings, read_study


def main(table: str, study: str, pdf: str, png: str, *, reference: dict[str, str], plot: dict) -> None:
    """Draw the figure as PDF and PNG.

    ``reference`` is that of ``study.reference.resolve``; ``plot`` holds the settings of ``figures.style``.
    """
    rows = read_study(study)
    results = read_settings(table, rows)
    save(calibration_scatter(results, rows, read_reference(reference, results, rows), plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.table,
            snakemake.input.study,
            *snakemake.output,
            reference=snakemake.params.reference,
            plot=snakemake.params.plot,
        )
