"""Which jobs of an earlier Snakemake are cancelled, told by its event files and a pretended SLURM."""

import json
import os
from pathlib import Path

import pytest

from transferscope.cluster import events, slurm
from transferscope.errors import InputError

SQUEUE = """\
#!/bin/sh
cat {folder}/queue
"""
# Takes a job out of the queue, unless it holds on.
SCANCEL = """\
#!/bin/sh
for job in "$@"; do
    echo $job >> {folder}/cancelled
    [ -e {folder}/stuck ] || sed -i "/^$job|/d" {folder}/queue
done
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    for name, script in {"squeue": SQUEUE, "scancel": SCANCEL}.items():
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(script.replace("{folder}", str(tmp_path)))
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def submit(folder: Path, run: str, jobs: dict[str, str]) -> None:
    """Write the events of a run that submitted these jobs: their numbers in SLURM, their benchmark files."""
    path = folder / events.FOLDER / f"{run}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        for jobid, (number, benchmark) in enumerate(jobs.items()):
            asked = {"rule": "make", "threads": 1, "gpu": 0, "mem_mb": 0, "runtime": 0}
            info = {"event": "job_info", "jobid": jobid, "benchmark": benchmark, **asked}
            for event in (info, {"event": "submitted", "jobid": jobid, "slurm": number}):
                file.write(json.dumps(event) + "\n")


def queue(folder: Path, *rows: str) -> None:
    (folder / "queue").write_text("".join(row + "\n" for row in rows))


def cancelled(folder: Path) -> list[str]:
    path = folder / "cancelled"
    return sorted(path.read_text().split()) if path.exists() else []


def test_what_an_earlier_run_left_for_these_jobs_is_cancelled(folder):
    submit(folder, "2026-01-01", {"11": "a.tsv", "12": "b.tsv", "13": "c.tsv"})
    submit(folder, "2026-01-02", {"14": "d.tsv", "15": "e.tsv"})
    # 12 has ended, 13 is for another study, 15 was submitted elsewhere, 16 by hand.
    rows = [f"{number}|{folder}" for number in (11, 13, 14, 16)]
    queue(folder, *rows, "15|/elsewhere")
    slurm.cancel_left_over(["a.tsv", "b.tsv", "d.tsv", "e.tsv"], folder)
    assert cancelled(folder) == ["11", "14"]


def test_a_number_that_slurm_gave_twice_is_the_later_runs(folder):
    submit(folder, "2026-01-01", {"11": "a.tsv"})
    submit(folder, "2026-01-02", {"11": "b.tsv"})
    queue(folder, f"11|{folder}")
    slurm.cancel_left_over(["a.tsv"], folder)
    assert cancelled(folder) == []
    slurm.cancel_left_over(["b.tsv"], folder)
    assert cancelled(folder) == ["11"]


def test_a_job_that_does_not_end_is_named(folder, monkeypatch):
    monkeypatch.setattr(slurm, "SECONDS", 0)
    (folder / "stuck").touch()
    submit(folder, "2026-01-01", {"11": "a.tsv"})
    queue(folder, f"11|{folder}")
    with pytest.raises(InputError, match="do not end: 11;"):
        slurm.cancel_left_over(["a.tsv"], folder)


def test_a_machine_without_slurm_has_nothing_left_over(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    slurm.cancel_left_over(["a.tsv"], tmp_path)
