"""Correlate transfer with the reference, dataset by dataset and setting by setting."""

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
from transferscope.results.reference import read_reference
from transferscope.results.resolved import read_settings, read_study


def main(
    table: str, study: str, printed: str | None, output: str, row: str, *, reference: dict[str, str]
) -> None:
    """Write the table of coefficients to ``output`` and the whole settings' as text to ``row``.

    ``printed`` is a file of what a paper prints, to be set beside them, or None; ``reference`` that of
    ``study.reference.resolve``.
    """
    rows = read_study(study)
    results = read_settings(table, rows)
    against = read_reference(reference, results, rows)
    coefficients = correlations(results, rows, against)
    if printed:
        coefficients = add_printed(coefficients, read_printed(printed))
    write_correlations(output, coefficients)
    text = summary(coefficients, rows, against)
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
            reference=snakemake.params.reference,
        )
