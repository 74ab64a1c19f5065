"""Bring the published numbers into the long table's form."""

import logging

from transferscope.job import logged
from transferscope.results import long_table
from transferscope.results.resolved import read_study


def main(published: str, study: str, output: str) -> None:
    """Write the long table of a file in ``config/published``, checked against the models of the study."""
    table = long_table.published(published, read_study(study).models)
    long_table.write_table(output, table)
    logging.info("read %d published numbers of %d protocols", len(table), table["protocol"].nunique())


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.input.published, snakemake.input.study, snakemake.output[0])
