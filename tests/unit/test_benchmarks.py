"""The page of benchmarks: what programs report is what it shows, and the committed one has all of them."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks import page

BENCHMARKS = Path(page.__file__).parent

REPORTS = """
import sys
sys.path.insert(0, {folder!r})
from page import Row, report

report(Row("a sum of 10 numbers", "a loop", "2.0 times faster", (0.012, 0.0241), "the same to the bit"))
report(Row("a mean", "all in memory", "0.002 of the memory"))
"""


@pytest.fixture
def program(tmp_path) -> Path:
    """A benchmark that reports two rows."""
    path = tmp_path / "sums.py"
    path.write_text(REPORTS.format(folder=str(BENCHMARKS)))
    return path


def rows(text: str) -> list[list[str]]:
    """The cells of the page's table, its head first."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def test_the_page_has_what_programs_report_and_names_those_that_fail(program, tmp_path):
    failing = tmp_path / "failing.py"
    failing.write_text(program.read_text() + "sys.exit(3)\n")
    written = tmp_path / "benchmarks.md"
    with pytest.raises(SystemExit, match=r"benchmarks.md was written without failing.py, which failed"):
        page.main([failing, program], written)
    text = written.read_text()
    head, first, second = rows(text)
    assert head[:2] == ["program", "what"]
    found = ["sums", "a sum of 10 numbers", "a loop", "2.0 times faster", "0.012", "0.024"]
    assert first[:7] == [*found, "the same to the bit"]
    assert second[:7] == ["sums", "a mean", "all in memory", "0.002 of the memory", "", "", ""]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", first[7])
    assert float(first[8]) >= 0
    assert f"Python {sys.version.split()[0]}" in text
    assert re.search(r"^- machine: .+, \d+ cores, \d+ GB of memory$", text, re.MULTILINE)


def test_a_program_alone_prints_its_rows_and_writes_nothing(program, tmp_path):
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, cwd=tmp_path)
    expected = (
        "a sum of 10 numbers, against a loop: 2.0 times faster; 0.012 against 0.024 s; the same to the bit"
    )
    assert done.stdout.splitlines() == [expected, "a mean, against all in memory: 0.002 of the memory"]
    assert list(tmp_path.iterdir()) == [program]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.00521, "0.0052"), (0.9, "0.9"), (6.04, "6"), (12.4, "12"), (np.float64(342.4), "342")],
)
def test_seconds_have_two_digits(value, shown):
    assert page.number(value) == shown


def test_every_program_is_run_and_shown():
    programs = {path.stem for path in BENCHMARKS.glob("*.py")} - {"page"}
    assert programs == set(page.PROGRAMS)
    head, *shown = rows(page.PAGE.read_text())
    assert head == rows(page.text([]))[0]
    assert {cells[0] for cells in shown} == programs
