"""What a job asks of a cluster: memory and time from one table, for what it works on and for each attempt.

The Snakefile imports this module, so it imports nothing heavier than pandas.
"""

import math
from pathlib import Path

import pandas as pd

from transferscope.errors import InputError

# Every job is two Snakemakes beside its own process: one that SLURM starts, one in the job's step.
SNAKEMAKE_MB = 400

TEXT = ["stage", "unit"]
NUMBERS = [
    "mem_mb",
    "mem_mb_per_thread",
    "mem_mb_per_1000_images",
    "minutes",
    "minutes_per_unit",
    "demo_mb",
    "demo_s",
]


def read_sizes(path: str | Path) -> pd.DataFrame:
    """The table of job sizes, indexed by rule; all but ``stage`` and ``unit`` are numbers.

    Raises:
        InputError: names the file, row and column.
    """
    table = pd.read_csv(path, sep="\t", comment="#", dtype=str, keep_default_na=False).set_index("rule")
    if list(table.columns) != [*TEXT[:1], *NUMBERS[:5], *TEXT[1:], *NUMBERS[5:]]:
        raise InputError(
            f"{path} has the columns {', '.join(table.columns)}; config/README.md lists what belongs there"
        )
    for column in NUMBERS:
        values = pd.to_numeric(table[column], errors="coerce")
        for rule in table.index[~(values >= 0)]:
            raise InputError(
                f"{path}, row {rule!r}, column {column!r}: {table.at[rule, column]!r} is no number from 0 on"
            )
        table[column] = values
    return table


def memory_mb(size: pd.Series, *, images: float, threads: int, attempt: int) -> int:
    """Megabytes for the n-th attempt: n times what the row says for so many images, and Snakemake's own."""
    own = (
        size["mem_mb"] + size["mem_mb_per_thread"] * threads + size["mem_mb_per_1000_images"] * images / 1000
    )
    return SNAKEMAKE_MB + math.ceil(own * attempt)


def minutes(size: pd.Series, *, units: float, attempt: int) -> int:
    """Minutes for the n-th attempt: n times what the row says for so many units."""
    return math.ceil((size["minutes"] + size["minutes_per_unit"] * units) * attempt)
