"""The whole study of Newell and Deng (2020), planned without any of its data."""

import csv
from pathlib import Path

STUDY = "config/newell2020.yaml"
JOBS = Path(__file__).parents[2] / "docs/newell2020_jobs.tsv"


def test_the_dry_run_has_the_committed_jobs(fresh):
    planned = fresh.planned("--configfile", STUDY)
    with JOBS.open() as file:
        committed = {row["rule"]: int(row["jobs"]) for row in csv.DictReader(file, delimiter="\t")}
    assert dict(planned) == committed, f"if the change is meant, write it into {JOBS.name}"
