"""Jobs of a dry-run and states of a run, from event files that may be cut short anywhere."""

import json
from pathlib import Path

import pytest

import status
from transferscope.cluster import events, progress
from transferscope.cluster.progress import Job


def job(jobid: int, output: str | None) -> dict:
    asked = {"threads": 8, "gpu": 1, "mem_mb": 7400, "runtime": 90}
    run = {"rule": "finetune_refit", "protocol": "finetune", "output": output, "benchmark": "refit.tsv"}
    return {"event": "job_info", "jobid": jobid, **run, **asked}


def event(kind: str, jobid: int, **more: str) -> dict:
    return {"event": kind, "jobid": jobid, **more}


RUN = [
    job(1, "done.json"),
    event("submitted", 1, slurm="11"),
    job(2, "again.json"),
    event("submitted", 2, slurm="12"),
    job(3, "failed.json"),
    event("job_finished", 1),
    event("job_error", 2),
    event("restarted", 2),
    event("job_error", 3),
    job(2, "again.json"),
    event("submitted", 2, slurm="13"),
    job(4, "local.json"),
    job(0, None),
]


def write(path: Path, run: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(entry) + "\n" for entry in run))


def test_the_jobs_of_a_dry_run_are_those_with_an_output():
    asked = Job(
        "finetune_refit", "finetune", "a.json", "refit.tsv", threads=8, gpu=1, mem_mb=7400, minutes=90
    )
    assert progress.planned([job(3, "a.json"), job(0, None)]) == {"a.json": asked}


def test_the_last_event_of_a_job_tells_its_state():
    assert progress.states(RUN) == {
        "done.json": ("finished", "11"),
        "again.json": ("started", "13"),
        "failed.json": ("failed", None),
        "local.json": ("started", None),
    }


def test_a_failed_job_with_attempts_left_is_not_failed():
    assert progress.states(RUN[:8])["again.json"] == ("started", "12")


def test_a_file_that_is_cut_short_holds_what_was_written_before(tmp_path):
    path = tmp_path / "events.jsonl"
    write(path, RUN)
    whole = path.read_bytes()
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        found = list(events.read(path))
        assert found == RUN[: len(found)]
        assert len(found) - whole[:length].count(b"\n") in (0, 1)  # all but the newline may be there
        progress.states(found)
        progress.planned(found)
    assert len(found) == len(RUN)


def test_a_broken_line_hides_no_later_one(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"event": "job_in' + json.dumps(RUN[0]) + "\n\0\0\n" + json.dumps(RUN[1]) + "\n")
    assert list(events.read(path)) == [RUN[1]]
    assert progress.states(events.read(path)) == {}


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A project in which Snakemake ran twice; what SLURM has is 13, which pends."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(status, "squeue", lambda: {"13": "PENDING"})
    write(tmp_path / events.FOLDER / "2026-01-02T000000.0.jsonl", RUN)
    write(
        tmp_path / events.FOLDER / "2026-01-01T000000.0.jsonl", [job(1, "local.json"), event("job_error", 1)]
    )
    return tmp_path


def test_the_status_is_that_of_the_last_run(folder):
    (folder / ".snakemake/locks").mkdir()
    (folder / ".snakemake/locks/0.input.lock").touch()
    assert status.states() == {"again.json": "queued", "failed.json": "failed", "local.json": "running"}


def test_without_snakemake_only_slurm_goes_on(folder):
    assert status.states() == {"again.json": "queued", "failed.json": "failed"}


def test_before_the_first_run_nothing_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert status.states() == {}
