"""Snakemake with its jobs as forks: `scripts/run_here.py`, as `make demo` starts it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from tests.workflow.conftest import Project

STUDY = ["--configfile", "config/small.yaml"]


@contextmanager
def started(project: Project, *arguments: str) -> Iterator[subprocess.Popen]:
    """What a terminal starts: a process group of its own."""
    process = subprocess.Popen(
        [sys.executable, "scripts/run_here.py", *arguments],
        cwd=project.folder,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def descendants(process: subprocess.Popen) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def test_it_makes_what_it_is_asked_for_and_says_how_far_it_is(fresh):
    with started(fresh, "results/small/study.json", *STUDY) as process:
        _, said = process.communicate()
    assert process.returncode == 0, said
    assert (fresh.folder / "results/small/study.json").exists()
    assert "1 of 1 jobs, 100% of the work" in said
    assert "rule resolve_study" not in said


def test_a_job_that_fails_is_told_with_its_log(fresh):
    digits = "resources/datasets/digits"
    script = fresh.folder / "scripts/download_dataset.py"
    script.write_text("raise SystemExit('no such place')\n")
    with started(fresh, digits, *STUDY, "--retries", "0") as process:
        _, said = process.communicate()
    assert process.returncode == 1
    assert "Error in rule download_dataset" in said and "no such place" in said


def test_an_interrupt_ends_it_with_all_its_jobs(fresh):
    (fresh.folder / "scripts/download_dataset.py").write_text(
        "import time\nfrom pathlib import Path\nPath('begun').touch()\ntime.sleep(600)\n"
    )
    with started(fresh, "resources/datasets/digits", *STUDY) as process:
        while not (fresh.folder / "begun").exists():
            assert process.poll() is None
            time.sleep(0.1)
        below = descendants(process)
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode != 0
    assert psutil.wait_procs(below, timeout=20)[1] == []
    assert not (fresh.folder / "resources/datasets/digits").exists()
