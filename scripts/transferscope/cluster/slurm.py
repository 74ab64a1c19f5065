"""No job of an earlier Snakemake is left over in SLURM when its outputs are made again."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from transferscope.cluster import events, progress
from transferscope.errors import InputError

SECONDS = 120  # a job that saves its state may take KillWait, 30 seconds as a rule


def cancel_left_over(outputs: Iterable[str], folder: Path) -> None:
    """Cancel what an earlier Snakemake in ``folder`` submitted for these jobs and still lives; see its end.

    Else it would write into one output with what replaces it. It may be of another study that shares its
    resources: outputs tell, and Snakemake itself sees to it that no other one that lives has them too.
    Snakemake's own marks of jobs under way lose SLURM's numbers when these start; the event files keep them.

    Args:
        outputs: the first outputs of the jobs that are to be run, which name them.
        folder: where Snakemake runs.

    Raises:
        InputError: a job does not end.
    """
    living = _living(folder)
    submitted = _submitted(folder) if living else {}
    wanted = {_whole(output, folder) for output in outputs} if submitted else set()
    left = {number for number in living if submitted.get(number) in wanted}
    if left:
        subprocess.run(["scancel", *left], check=True)
    end = time.monotonic() + SECONDS
    while left := left & _living(folder):
        if time.monotonic() > end:
            raise InputError(
                f"jobs of an earlier run do not end: {' '.join(sorted(left))}; wait until `squeue` no longer "
                "shows them, then start again"
            )
        time.sleep(1)


def _living(folder: Path) -> set[str]:
    """The numbers of the user's jobs in SLURM that were submitted from ``folder``."""
    if not shutil.which("squeue"):
        return set()
    # With the profile of a run on this machine alone, SLURM need not answer.
    listed = subprocess.run(
        ["squeue", "--me", "--noheader", "--format=%i|%Z"], capture_output=True, text=True
    )
    rows = (line.split("|", 1) for line in listed.stdout.splitlines())
    return {number for number, where in rows if Path(where) == folder}


def _submitted(folder: Path) -> dict[str, str]:
    """The first output of each job that a Snakemake in ``folder`` submitted, by its number in SLURM.

    SLURM may give a number again; then the last run counts.
    """
    return {
        number: _whole(output, folder)
        for run in events.runs(folder)
        for output, (_, number) in progress.states(events.read(run)).items()
        if number
    }


def _whole(output: str, folder: Path) -> str:
    """An output's path from the root on: studies may spell it in several ways."""
    return os.path.realpath(folder / output)
