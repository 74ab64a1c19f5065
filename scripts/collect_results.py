"""Gather the results of all planned runs into the long table, or fail on the first that is missing or odd."""

import logging

from transferscope.job import logged
from transferscope.results import long_table


def main(result_files: list[str], output: str, *, expected: list[dict]) -> None:
    """Write the long table of ``result_files``, which must be exactly the runs of ``expected``."""
    table = long_table.collect(result_files, expected)
    long_table.write_table(output, table)
    logging.info("collected %d results, in %d rows", len(result_files), len(table))


if __name__ == "__main__":
    with logged(snakemake):
        main(list(snakemake.input), snakemake.output[0], expected=snakemake.params.expected)
