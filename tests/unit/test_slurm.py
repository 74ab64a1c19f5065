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
    """Write the events of a run that submitted these jobs: their numbers in SLURM, their first outputs."""
    path = folder / events.FOLDER / f"{run}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        for jobid, (number, output) in enumerate(jobs.items()):
            asked = {"rule": "make", "benchmark": "same.tsv", "threads": 1, "gpu": 0, "mem_mb": 0}
            info = {"event": "job_info", "jobid": jobid, "output": output, **asked}
            for event in (info, {"event": "submitted", "jobid": jobid, "slurm": number}):
                file.write(json.dumps(event) + "\n")


def queue(folder: Path, *rows: str) -> None:
    (folder / "queue").write_text("".join(row + "\n" for row in rows))


def cancelled(folder: Path) -> list[str]:
    path = folder / "cancelled"
    return sorted(path.read_text().split()) if path.exists() else []


def test_what_an_earlier_run_left_for_these_jobs_is_cancelled(folder):
    submit(folder, "2026-01-01", {"11": "a.json", "12": "b.json", "13": "c.json"})
    submit(folder, "2026-01-02", {"14": "d.json", "15": "e.json"})
    # 12 has ended, 13 is for another study, 15 was submitted elsewhere, 16 by hand.
    rows = [f"{number}|{folder}" for number in (11, 13, 14, 16)]
    queue(folder, *rows, "15|/elsewhere")
    slurm.cancel_left_over(["a.json", "b.json", "d.json", "e.json"], folder)
    assert cancelled(folder) == ["11", "14"]


def test_a_number_that_slurm_gave_twice_is_the_later_runs(folder):
    submit(folder, "2026-01-01", {"11": "a.json"})
    submit(folder, "2026-01-02", {"11": "b.json"})
    queue(folder, f"11|{folder}")
    slurm.cancel_left_over(["a.json"], folder)
    assert cancelled(folder) == []
    slurm.cancel_left_over(["b.json"], folder)
    assert cancelled(folder) == ["11"]


def test_a_job_that_does_not_end_is_named(folder, monkeypatch):
    monkeypatch.setattr(slurm, "SECONDS", 0)
    (folder / "stuck").touch()
    submit(folder, "2026-01-01", {"11": "a.json"})
    queue(folder, f"11|{folder}")
    with pytest.raises(InputError, match="do not end: 11;"):
        slurm.cancel_left_over(["a.json"], folder)


def test_a_machine_without_slurm_has_nothing_left_over(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    slurm.cancel_left_over(["a.json"], tmp_path)


def test_a_job_of_another_study_that_shares_the_output_is_cancelled(folder):
    submit(
        folder, "2026-01-01", {"11": "./resources/datasets/../datasets/set", "12": "resources/datasets/other"}
    )
    queue(folder, f"11|{folder}", f"12|{folder}")
    slurm.cancel_left_over([str(folder / "resources/datasets/set")], folder)
    assert cancelled(folder) == ["11"]


def test_events_of_a_run_before_outputs_were_in_them_are_read(folder):
    path = folder / events.FOLDER / "2026-01-01.jsonl"
    path.parent.mkdir(parents=True)
    info = {"event": "job_info", "jobid": 1, "benchmark": "a.tsv"}
    path.write_text(f'{json.dumps(info)}\n{{"event": "submitted", "jobid": 1, "slurm": "11"}}\n')
    queue(folder, f"11|{folder}")
    slurm.cancel_left_over(["a.json"], folder)
    assert cancelled(folder) == []
