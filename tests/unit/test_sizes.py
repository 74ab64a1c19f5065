"""Requests by the table of job sizes: they grow as it says, and cover what the demo took."""

import re
from pathlib import Path

import pytest

from transferscope.cluster.sizes import SNAKEMAKE_MB, UNITS, Work, memory_mb, minutes, read_sizes, size_of
from transferscope.errors import InputError

TABLE = Path(__file__).parents[2] / "config/job_sizes.tsv"


SIZES = read_sizes(TABLE).to_dict("index")
NOTHING = Work(images=0, classes=0, settings={"weight_decays": [], "labels": []})


def test_a_request_is_the_rows_sum_times_the_attempt():
    size = size_of(SIZES, "probe_with_predictions", "linear")
    work = Work(images=3000, classes=50, settings={})
    assert memory_mb(size, work, threads=2, attempt=1) == SNAKEMAKE_MB + 1200 + 2 * 200 + 3 * 100
    assert memory_mb(size, work, threads=2, attempt=3) == SNAKEMAKE_MB + 3 * (1200 + 2 * 200 + 3 * 100)
    assert minutes(size, work, attempt=2) == 33  # 2 * (15 + 8 * 0.15), rounded up


def test_a_protocol_without_a_size_of_its_own_takes_that_of_its_rule():
    assert size_of(SIZES, "probe", "fewshot")["mem_mb"] == 400
    assert size_of(SIZES, "probe", "logme") == SIZES["probe", ""]
    with pytest.raises(InputError, match="no row for the rule plot"):
        size_of(SIZES, "plot", "fewshot")


@pytest.mark.parametrize(
    ("unit", "settings", "units"),
    [
        ("job", {}, 0),
        ("images", {}, 2),
        ("image_classes", {}, 0.02),
        ("steps", {"steps": 500}, 0.5),
        ("steps", {"iterations": 500}, 0.5),
        ("grid_steps", {"steps": 500, "weight_decays": [0, 1, 2]}, 1.5),
        ("label_steps", {"labels": [10, 20, 30], "steps": [{"labels": 20, "steps": 500}]}, 1.5),
    ],
)
def test_units(unit, settings, units):
    assert UNITS[unit](Work(images=2000, classes=10, settings=settings)) == units


@pytest.mark.parametrize(("rule", "protocol"), SIZES)
def test_a_request_for_an_empty_job_covers_what_the_demo_took(rule, protocol):
    size = SIZES[rule, protocol]
    assert memory_mb(size, NOTHING, threads=1, attempt=1) - SNAKEMAKE_MB > 1.2 * size["demo_mb"]
    assert 60 * minutes(size, NOTHING, attempt=1) > 3 * size["demo_s"]


@pytest.mark.parametrize(("cell", "value"), [("1200", "much"), ("1200", "-1")])
def test_a_size_that_is_no_number_is_named(tmp_path, cell, value):
    path = tmp_path / "sizes.tsv"
    path.write_text(TABLE.read_text().replace(f"predictions\t\t\t{cell}", f"predictions\t\t\t{value}"))
    with pytest.raises(
        InputError, match=f"row 'probe_with_predictions', column 'mem_mb': '{value}' is no number"
    ):
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
    bodies = re.split(r"^(?:use )?rule (?:\w+ as )?(?=\w)", text, flags=re.MULTILINE)[1:]
    rules = {re.match(r"\w+", body)[0] for body in bodies if "localrule: True" not in body}
    assert rules - set(re.findall(r"\w+", local)) == {rule for rule, _ in SIZES}
