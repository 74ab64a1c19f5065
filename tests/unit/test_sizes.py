"""Requests by the table of job sizes: they grow as it says, and cover what the demo took."""

import re
from pathlib import Path

import pytest

from transferscope.cluster.sizes import SNAKEMAKE_MB, memory_mb, minutes, read_sizes
from transferscope.errors import InputError

TABLE = Path(__file__).parents[2] / "config/job_sizes.tsv"


def test_a_request_is_the_rows_sum_times_the_attempt():
    size = read_sizes(TABLE).loc["linear_probe"]
    assert memory_mb(size, images=3000, threads=2, attempt=1) == SNAKEMAKE_MB + 1200 + 2 * 200 + 3 * 100
    assert memory_mb(size, images=3000, threads=2, attempt=3) == SNAKEMAKE_MB + 3 * (1200 + 2 * 200 + 3 * 100)
    assert minutes(size, units=2.5, attempt=2) == 2 * (15 + 8 * 2.5)


@pytest.mark.parametrize("rule", read_sizes(TABLE).index)
def test_a_request_for_an_empty_job_covers_what_the_demo_took(rule):
    size = read_sizes(TABLE).loc[rule]
    assert memory_mb(size, images=0, threads=1, attempt=1) - SNAKEMAKE_MB > 1.2 * size["demo_mb"]
    assert 60 * minutes(size, units=0, attempt=1) > 3 * size["demo_s"]


@pytest.mark.parametrize(("cell", "value"), [("1200", "much"), ("1200", "-1")])
def test_a_size_that_is_no_number_is_named(tmp_path, cell, value):
    path = tmp_path / "sizes.tsv"
    path.write_text(TABLE.read_text().replace(f"linear\t{cell}", f"linear\t{value}"))
    with pytest.raises(InputError, match=f"row 'linear_probe', column 'mem_mb': '{value}' is no number"):
        read_sizes(path)


def test_another_column_is_refused(tmp_path):
    path = tmp_path / "sizes.tsv"
    path.write_text(TABLE.read_text().replace("minutes_per_unit", "minutes_a_unit"))
    with pytest.raises(InputError, match="minutes_a_unit"):
        read_sizes(path)


def test_what_a_cluster_runs_has_a_row():
    project = TABLE.parents[1]
    text = "".join(path.read_text() for path in [project / "Snakefile", *project.glob("rules/*.smk")])
    local = " ".join(re.findall(r"^localrules:\n((?:    \w+,\n)+)", text, re.MULTILINE))
    rules = set(re.findall(r"^(?:use )?rule (?:\w+ as )?(\w+)\b", text, re.MULTILINE))
    assert rules - set(re.findall(r"\w+", local)) == set(read_sizes(TABLE).index)
