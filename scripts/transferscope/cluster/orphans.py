"""No job of an earlier Snakemake on this machine is left over when its outputs are made again."""

import os
from collections.abc import Iterable
from pathlib import Path

import psutil

from transferscope import locks
from transferscope.cluster.slurm import SECONDS
from transferscope.errors import InputError


def end_left_over(outputs: Iterable[str], folder: Path) -> None:
    """End the processes on this machine that still write these outputs for a Snakemake in ``folder``.

    That Snakemake is dead: while it lives, it lets no other one in its folder have its outputs. Processes of
    other folders, which may share outputs with this one, are left alone; jobs wait for these.

    Args:
        outputs: the first outputs of the jobs that are to be run, beside which their locks lie.
        folder: where Snakemake runs.

    Raises:
        InputError: a process does not end.
    """
    left = [process for output in outputs if (process := _writer(folder / output, folder))]
    for process in left:
        process.terminate()
    _, stuck = psutil.wait_procs(left, timeout=SECONDS)
    if stuck:
        numbers = " ".join(str(process.pid) for process in stuck)
        raise InputError(
            f"processes of an earlier run do not end: {numbers}; end them (`kill -KILL {numbers}`), then "
            "start again"
        )


def _writer(output: Path, folder: Path) -> psutil.Process | None:
    """The process on this machine, of a job in ``folder``, that holds the lock of an output."""
    number = locks.writer(output)
    if number is None:
        return None
    lock = os.path.realpath(locks.lock_file(output))
    try:
        process = psutil.Process(number)
        # On another machine the number is another process's.
        holds = lock in (file.path for file in process.open_files())
        return process if holds and Path(process.cwd()) == folder else None
    except psutil.Error:  # gone, or another user's
        return None
