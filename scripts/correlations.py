"""Correlate transfer with ImageNet accuracy, dataset by dataset and setting by setting."""

import logging

from transferscope.results.names import read_models

from transferscope.files import atomic_path, write_text
from transferscope.job import logged
from transferscope.results import long_table as results
from transferscope.results.correlation import add_printed, correlations, read_printed, summary


def main(
    table: str,
    models: str | list[str],
    printed: str | None,
    output: str,
    row: str,
    *,
    resamples: int,
    seed: int,
) -> None:
    """Write the table of coefficients to ``output`` and the whole settings' as text to ``row``.

    ``printed`` is a file of what a paper prints, to be set beside them, or None.
    """
    coefficients = correlations(
        results.read_table(table), read_models(models), resamples=resamples, seed=seed
    )
    if printed:
        coefficients = add_printed(coefficients, read_printed(printed))
    with atomic_path(output) as temporary:
        coefficients.to_csv(temporary, sep="\t", index=False, float_format="%.6g", lineterminator="\n")
    text = summary(coefficients)
    write_text(row, text)
    logging.info("\n%s", text)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.table,
            snakemake.input.models,
            snakemake.input.printed or None,
            snakemake.output.table,
            snakemake.output.row,
            resamples=snakemake.params.resamples,
            seed=snakemake.params.seed,
        )
