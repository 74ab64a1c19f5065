"""What a killed Snakemake left on this machine is found by its output's lock, and ended."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from transferscope import locks
from transferscope.cluster import orphans
from transferscope.errors import InputError

SCRIPTS = Path(__file__).parents[2] / "scripts"
JOB = """\
import signal, sys, time
from transferscope import locks
if sys.argv[2] == "stuck":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with locks.only_writer(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def job():
    """Start a job in a folder that writes an output, and is still at it."""
    started = []

    def start(folder: Path, output: str, how: str = "") -> subprocess.Popen:
        folder.mkdir(exist_ok=True)
        process = subprocess.Popen(
            [sys.executable, "-c", JOB, output, how],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(SCRIPTS)},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_job_left_over_is_ended_by_its_output(tmp_path, job):
    left, other = job(tmp_path, "results/a.json"), job(tmp_path, "results/b.json")
    orphans.end_left_over(["results/a.json", "results/c.json"], tmp_path)
    left.wait(10)
    assert other.poll() is None


def test_a_job_of_another_study_in_the_folder_is_found_by_the_output_they_share(tmp_path, job):
    left = job(tmp_path, "./shared/../shared/set")
    orphans.end_left_over([str(tmp_path / "shared/set")], tmp_path)
    left.wait(10)


def test_a_job_of_another_folder_goes_on(tmp_path, job):
    theirs = job(tmp_path / "theirs", str(tmp_path / "shared/set"))
    orphans.end_left_over([str(tmp_path / "shared/set")], tmp_path)
    assert theirs.poll() is None


def test_a_job_on_another_machine_is_not_the_process_with_its_number_here(tmp_path, job):
    other = job(tmp_path, "results/b.json")
    path = locks.lock_file(tmp_path / "results/b.json")
    there = path.read_text().replace("host=", "host=not-")
    locks.lock_file(tmp_path / "results/a.json").write_text(there)
    orphans.end_left_over(["results/a.json"], tmp_path)
    assert other.poll() is None


def test_a_job_that_does_not_end_is_named(tmp_path, job, monkeypatch):
    monkeypatch.setattr(orphans, "SECONDS", 0.1)
    stuck = job(tmp_path, "results/a.json", "stuck")
    with pytest.raises(InputError, match=rf"do not end: {stuck.pid}; end them \(`kill -KILL {stuck.pid}`\)"):
        orphans.end_left_over(["results/a.json"], tmp_path)
