"""The page of all benchmarks: `python benchmarks/page.py`, or `make bench`, writes docs/benchmarks.md.

Each program runs alone, one after the other, and prints what it finds; the page takes the rows that it
reports. One that fails is named at the end and leaves no rows.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/benchmarks.md"
PROGRAMS = [
    *("dryrun", "linear", "fewshot", "extraction", "detection"),
    *("normals", "saliency", "pretraining", "scenes", "crops"),
]
PACKAGES = ["torch", "numpy", "scikit-learn", "snakemake"]

ROWS = "TRANSFERSCOPE_BENCHMARK_ROWS"
"""The environment variable that names the file to which a program adds its rows, as lines of JSON."""


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        what: what was measured, and how large it was.
        against: the baseline.
        ratio: in words that say of what: ``2.3 times faster``, ``0.59 of its time``.
        seconds: ours, then the baseline's, for the same piece of work; None where it is not about time.
        note: what else was found, such as how far results differ.
    """

    what: str
    against: str
    ratio: str
    seconds: tuple[float, float] | None = None
    note: str = ""


@dataclass(frozen=True)
class Measured:
    """A row with the program that reported it, the day, and the load average when that program began."""

    program: str
    row: Row
    date: str
    load: float | None


def report(*rows: Row) -> None:
    """Print rows, and add them to the page that is being made, if there is one."""
    for row in rows:
        found = [row.ratio]
        if row.seconds:
            found.append(" against ".join(map(number, row.seconds)) + " s")
        if row.note:
            found.append(row.note)
        print(f"{row.what}, against {row.against}: {'; '.join(found)}", flush=True)
    if ROWS in os.environ:
        with Path(os.environ[ROWS]).open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(asdict(row)) + "\n" for row in rows)


def main(programs: Sequence[Path], page: Path) -> None:
    """Run the programs and write the page.

    Raises:
        SystemExit: some failed; the page has the rows of the others.
    """
    measured, failed = [], []
    for program in programs:
        print(f"\n{program.name}", flush=True)
        date, load = time.strftime("%Y-%m-%d"), os.getloadavg()[0]
        with tempfile.NamedTemporaryFile() as file:
            done = subprocess.run([sys.executable, program], env=os.environ | {ROWS: file.name})
            lines = Path(file.name).read_text(encoding="utf-8").splitlines()
        if done.returncode:
            failed.append(program.name)
            continue
        measured += [Measured(program.stem, Row(**json.loads(line)), date, load) for line in lines]
    page.write_text(text(measured), encoding="utf-8")
    if failed:
        sys.exit(f"{page} was written without {', '.join(failed)}, which failed")


def text(measured: Sequence[Measured]) -> str:
    """The page, in Markdown."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`, which runs every program in `benchmarks/`, each against a baseline that it",
        "names and measures in the same run. One alone: `python benchmarks/fewshot.py`; its first lines say",
        "what it does, `--help` what may be changed.",
        "",
        f"- machine: {machine()}",
        f"- versions: Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "- load: of the minute before a program began, thus with the one before it; 1 is one busy core",
        "",
        "| program | what | against | ratio | ours, s | baseline, s | besides | measured | load |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in measured:
        row = one.row
        seconds = [number(value) for value in row.seconds] if row.seconds else ["", ""]
        load = "" if one.load is None else f"{one.load:.1f}"
        cells = [one.program, row.what, row.against, row.ratio, *seconds, row.note, one.date, load]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def number(value: float) -> str:
    """Two significant digits, and all before the point."""
    return np.format_float_positional(value, 2 if value < 10 else 0, fractional=bool(value >= 10), trim="-")


def machine() -> str:
    """Processor, cores and memory."""
    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():  # Linux, where Python knows the architecture alone
        facts = dict(line.split("\t: ", 1) for line in cpuinfo.read_text().splitlines() if "\t: " in line)
        model = facts.get("model name", model)
    return f"{model}, {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GB of memory"


if __name__ == "__main__":
    main([ROOT / f"benchmarks/{name}.py" for name in PROGRAMS], PAGE)
