"""What an earlier Snakemake left in SLURM: its jobs must not write beside those that replace them."""

import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from transferscope.errors import InputError

SECONDS = 120  # a job that saves its state may take KillWait, 30 seconds as a rule


def cancel(jobs: Iterable[str], folder: str | Path) -> None:
    """Cancel those of these SLURM jobs that were submitted from ``folder``; wait until they are gone.

    Job numbers start again after years, so one that runs somewhere else is let be.

    Raises:
        InputError: a job does not end.
    """
    living = _living(jobs, folder)
    if living:
        subprocess.run(["scancel", *living], check=True)
    end = time.monotonic() + SECONDS
    while living := _living(living, folder):
        if time.monotonic() > end:
            raise InputError(
                f"jobs of an earlier run do not end: {' '.join(living)}; wait until `squeue` no longer shows "
                "them, then start again"
            )
        time.sleep(1)


def _living(jobs: Iterable[str], folder: str | Path) -> list[str]:
    # Asked without numbers: squeue fails on a number that it no longer knows.
    if not (wanted := set(jobs)):
        return []
    listed = subprocess.run(
        ["squeue", "--me", "--noheader", "--format=%i|%Z"], capture_output=True, text=True, check=True
    )
    rows = (line.split("|", 1) for line in listed.stdout.splitlines())
    return [job for job, where in rows if job in wanted and Path(where) == Path(folder)]
