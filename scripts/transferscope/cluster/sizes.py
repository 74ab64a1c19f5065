"""What a job asks of a cluster: memory and time from one table, for what it works on and for each attempt.

The Snakefile imports this module, so it imports nothing heavier than pandas.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from transferscope.errors import InputError
from transferscope.study import budgets
from transferscope.study.tables import read_cells

# Every job is two Snakemakes beside its own process: one that SLURM starts, one in the job's step.
SNAKEMAKE_MB = 400

KEY = ["rule", "protocol"]
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
NUMBER = r"[0-9]{1,9}(\.[0-9]{1,9})?"
COLUMNS = [*KEY, "stage", *NUMBERS[:5], "unit", *NUMBERS[5:]]


@dataclass(frozen=True)
class Work:
    """What a job works on: how many pictures of how many classes, by which settings of its protocol."""

    images: float
    classes: int
    settings: dict


def _steps(work: Work) -> float:
    """Thousands of steps of a training, which the settings count in steps or in iterations."""
    return work.settings.get("steps", work.settings.get("iterations", 0)) / 1e3


def _grid_steps(work: Work) -> float:
    return _steps(work) * len(work.settings["weight_decays"])


def _label_steps(work: Work) -> float:
    return sum(budgets.steps(count, work.settings["steps"]) for count in work.settings["labels"]) / 1e3


def _images(work: Work) -> float:
    return work.images / 1e3


def _image_classes(work: Work) -> float:
    return work.images * work.classes / 1e6


def _job(work: Work) -> float:
    return 0


UNITS = {
    "job": _job,
    "images": _images,
    "image_classes": _image_classes,
    "steps": _steps,
    "grid_steps": _grid_steps,
    "label_steps": _label_steps,
}
"""What the column ``unit`` counts, from what a job works on."""


def read_sizes(path: str | Path) -> pd.DataFrame:
    """The table of job sizes, indexed by KEY; an empty protocol stands for every other one of the rule.

    Raises:
        InputError: names the file, row and column.
    """
    table = read_cells(path)
    if list(table.columns) != COLUMNS:
        raise InputError(
            f"{path} has the columns {', '.join(table.columns)}; config/README.md lists what belongs there"
        )
    for line, row in table.iterrows():
        where = f"{path}, line {line}, row {row['rule']!r}"
        if row["unit"] not in UNITS:
            raise InputError(f"{where}, column 'unit': {row['unit']!r} is not one of {', '.join(UNITS)}")
        for column in NUMBERS:
            if not re.fullmatch(NUMBER, row[column]):
                raise InputError(
                    f"{where}, column {column!r}: {row[column]!r} is no number from 0 on, such as 0.5"
                )
    repeated = table.index[table.duplicated(KEY)]
    if len(repeated):
        rule, protocol = table.loc[repeated[0], KEY]
        raise InputError(
            f"{path}, line {repeated[0]}: the rule {rule!r} with the protocol {protocol!r} is there twice; "
            "remove one of the rows"
        )
    return table.astype(dict.fromkeys(NUMBERS, float)).set_index(KEY)


def size_of(sizes: dict[tuple[str, str], dict], rule: str, protocol: str) -> dict:
    """The row of a rule's job for a protocol: its own, or that of every other one.

    Raises:
        InputError: the table has neither.
    """
    row = sizes.get((rule, protocol)) or sizes.get((rule, ""))
    if row is None:
        raise InputError(f"config/job_sizes.tsv has no row for the rule {rule}; add one")
    return row


def memory_mb(size: dict, work: Work, *, threads: int, attempt: int) -> int:
    """Megabytes for the n-th attempt: n times what the row says for so many images, and Snakemake's own."""
    own = (
        size["mem_mb"]
        + size["mem_mb_per_thread"] * threads
        + size["mem_mb_per_1000_images"] * work.images / 1000
    )
    return SNAKEMAKE_MB + math.ceil(own * attempt)


def minutes(size: dict, work: Work, *, attempt: int) -> int:
    """Minutes for the n-th attempt: n times what the row says for so many units."""
    return math.ceil((size["minutes"] + size["minutes_per_unit"] * UNITS[size["unit"]](work)) * attempt)
