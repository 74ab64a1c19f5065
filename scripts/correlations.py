"""Correlate transfer with ImageNet accuracy, dataset by dataset and setting by setting."""

import logging

from transferscope.files import write_text
from transferscope.job import logged
from transferscope.results.correlation import (
    add_printed,
    correlations,
    read_printed,
    summary,
    write_correlations,
)
from transferscope.results.resolved import read_settings, read_study


def main(table: str, study: str, printed: str | None, output: str, row: str) -> None:
    """Write the table of coefficients to ``output`` and the whole settings' as text to ``row``.

    ``printed`` is a file of what a paper prints, to be set beside them, or None.
    """
    rows = read_study(study)
    coefficients = correlations(read_settings(table, rows), rows)
    if printed:
        coefficients = add_printed(coefficients, read_printed(printed))
    write_correlations(output, coefficients)
    text = summary(coefficients, rows)
    write_text(row, text)
    logging.info("\n%s", text)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.table,
            snakemake.input.study,
            snakemake.input.printed or None,
            snakemake.output.table,
            snakemake.output.row,
        )
