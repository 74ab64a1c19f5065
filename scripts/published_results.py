"""Bring the published numbers into the long table's form."""

import logging

from transferscope.results.names import read_models

from transferscope.job import logged
from transferscope.results import long_table as results


def main(published: str, models: str | list[str], output: str) -> None:
    """Write the long table of a file in ``config/published``, checked against the table of models."""
    table = results.published(published, read_models(models))
    results.write_table(output, table)
    logging.info("%d rows of %d settings", len(table), table["setting"].nunique())


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.input.published, snakemake.input.models, snakemake.output[0])
