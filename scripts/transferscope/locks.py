"""One writer of an output at a time, on all machines that see it.

The lock is a file beside the output, which its holder touches every few seconds: it needs nothing of a
network file system but that a file is created once. A holder that was killed is known by its process, on the
machine where it ran; on another one by a lock that nobody has touched for LEASE_S.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from transferscope.errors import InputError

LEASE_S = 60
POLL_S = 1


@contextmanager
def only_writer(output: str | Path, *, patience_s: float | None = None) -> Iterator[None]:
    """Hold the lock of ``output``, as soon as no other process does.

    Args:
        output: the file or folder to write.
        patience_s: how long to wait for another process; None: as long as it lives.

    Raises:
        InputError: another process still writes the output; it says which.
    """
    output = Path(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    lock = _lock(output)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        logging.info("waiting for %s, which writes %s", _holder(output), output)
        try:
            lock.acquire(timeout=-1 if patience_s is None else patience_s)
        except filelock.Timeout:
            raise InputError(
                f"{output} is being written by {_holder(output)}; wait until that has ended, or end it, then "
                "run the same command again"
            ) from None
    try:
        yield
    finally:
        lock.release()


def writer(output: str | Path) -> int | None:
    """The number, on its own machine, of the living process that writes ``output``; None if there is none."""
    if not lock_file(output).exists():
        return None
    lock = _lock(output)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return int(_record(output).get("pid", 0)) or None
    lock.release()
    return None


def lock_file(output: str | Path) -> Path:
    """The lock beside an output."""
    output = Path(output)
    return output.with_name(f".{output.name}.lock")


def _lock(output: Path) -> filelock.SoftFileLease:
    return filelock.SoftFileLease(lock_file(output), lease_duration=LEASE_S, poll_interval=POLL_S, mode=0o644)


def _holder(output: Path) -> str:
    record = _record(output)
    machine = record.get("host", "?").partition("?")[0] or "another machine"
    return f"the process {record.get('pid', '?')} on {machine}"


def _record(output: Path) -> dict[str, str]:
    """What the lock says of its holder: ``pid``, ``host``; nothing if it is gone."""
    try:
        lines = lock_file(output).read_text().splitlines()
    except FileNotFoundError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line)
