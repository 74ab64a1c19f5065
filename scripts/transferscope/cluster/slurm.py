"""What SLURM and Snakemake's plugin for it need from us: no job left over, no question too many."""

import shutil
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

import snakemake_executor_plugin_slurm as plugin

from transferscope.cluster import progress
from transferscope.errors import InputError

SECONDS = 120  # a job that saves its state may take KillWait, 30 seconds as a rule


def cancel_left_over(benchmarks: Iterable[str], folder: Path) -> None:
    """Cancel what an earlier Snakemake in ``folder`` submitted for these jobs and still lives; see its end.

    Else it would write into one output with what replaces it.
    Snakemake's marks of jobs under way lose SLURM's numbers when these start, so its logs are asked.

    Args:
        benchmarks: the benchmark files of the jobs that are to be run, which name them.
        folder: where Snakemake runs.

    Raises:
        InputError: a job does not end.
    """
    living = _living(folder)
    left = _submitted(set(living.values()), set(benchmarks), folder) & set(living)
    if left:
        subprocess.run(["scancel", *left], check=True)
    end = time.monotonic() + SECONDS
    while left := left & set(_living(folder)):
        if time.monotonic() > end:
            raise InputError(
                f"jobs of an earlier run do not end: {' '.join(sorted(left))}; wait until `squeue` no longer "
                "shows them, then start again"
            )
        time.sleep(1)


def ask_once_for_min_job_age() -> None:
    """Let the plugin keep what SLURM says of ``MinJobAge`` now.

    It asks before each look at its jobs. Without an answer, while the controller is away, it would turn to
    ``sacct``, and on a cluster without accounts, where that never answers, sit still for an hour.
    """
    age = plugin.get_min_job_age()
    plugin.get_min_job_age = lambda: age


def _living(folder: Path) -> dict[str, str]:
    """The user's jobs in SLURM that were submitted from ``folder``: their numbers and names."""
    if not shutil.which("squeue"):
        return {}
    # With the profile of a run on this machine alone, SLURM need not answer.
    listed = subprocess.run(
        ["squeue", "--me", "--noheader", "--format=%i|%j|%Z"], capture_output=True, text=True
    )
    rows = (line.split("|", 2) for line in listed.stdout.splitlines())
    return {number: name for number, name, where in rows if Path(where) == folder}


def _submitted(runs: set[str], benchmarks: set[str], folder: Path) -> set[str]:
    """SLURM's numbers of these jobs in the logs of these runs."""
    found = set()
    for path in folder.glob(".snakemake/log/*.snakemake.log") if runs else ():
        log = path.read_text()
        if any(f"SLURM run ID: {run}\n" in log for run in runs):
            jobs = progress.states(log)
            found |= {number for benchmark, (_, number) in jobs.items() if number and benchmark in benchmarks}
    return found
