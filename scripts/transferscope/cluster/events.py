"""Snakemake's log events in a file, one JSON line for each event of a job.

==============  =========================================================================================
``event``       the other fields
==============  =========================================================================================
job_info        ``jobid``, ``rule``, ``protocol`` (or empty), ``output`` (its first one, or null),
                ``benchmark`` (or null), ``threads``, ``gpu``, ``mem_mb``, ``runtime``; in a dry-run of each
                job; in a run at the start of each attempt
submitted       ``jobid``, ``slurm``: the job's number in SLURM
job_error       ``jobid``
restarted       ``jobid``: a failed job gets another attempt
job_finished    ``jobid``
==============  =========================================================================================

Snakemake has no event for ``submitted`` and ``restarted``, only messages; no other module reads these.
"""

import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent

FOLDER = Path(".snakemake/transferscope/events")
ASKED = "TRANSFERSCOPE_EVENTS"
"""The environment variable by which scripts/status.py names a file for the events of its dry-runs."""

_SUBMITTED = re.compile(r"Job (\d+) has been submitted with SLURM jobid (\d+) ")
_RESTARTED = re.compile(r"Trying to restart job (\d+)\.")


def record(path: Path) -> None:
    """Write the events of this Snakemake to a new file, from now on until it ends.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    logger.addHandler(_EventFile(path, mode="w"))


def record_where_asked() -> None:
    """Write the events of a dry-run to the file that its caller names: a dry-run has no ``onstart``.

    Raises:
        OSError: the file cannot be written.
    """
    if ASKED in os.environ:
        record(Path(os.environ[ASKED]))


def record_run() -> None:
    """Write the events of this run to a file of its own in ``FOLDER``.

    Raises:
        OSError: the file cannot be written.
    """
    record(FOLDER / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S.%f}.jsonl")


def runs(folder: Path = Path()) -> list[Path]:
    """The event files of all runs of Snakemake in a folder, the last run at the end."""
    return sorted((folder / FOLDER).glob("*.jsonl"))


def read(path: Path) -> Iterator[dict]:
    """The events in a file; a line that is cut short is left out.

    Raises:
        OSError: the file cannot be read.
    """
    for line in path.read_bytes().splitlines():
        with suppress(ValueError):
            yield json.loads(line)


class _EventFile(logging.FileHandler):
    """Whole lines, each flushed, so that a kill loses no earlier event."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if event := _event(record):
                self.stream.write(json.dumps(event) + "\n")
                self.flush()
        except Exception:  # printed, as by every log handler, and no reason to end the run
            self.handleError(record)


def _event(record: logging.LogRecord) -> dict | None:
    match getattr(record, "event", None):
        case LogEvent.JOB_INFO:
            asked = {name: record.resources.get(name, 0) for name in ("gpu", "mem_mb", "runtime")}
            return {
                "event": "job_info",
                "jobid": record.jobid,
                "rule": record.rule_name,
                "protocol": record.wildcards.get("protocol", ""),
                "output": record.output[0] if record.output else None,
                "benchmark": record.benchmark,
                "threads": record.threads,
                **asked,
            }
        case LogEvent.JOB_ERROR:
            return {"event": "job_error", "jobid": record.jobid}
        case LogEvent.JOB_FINISHED:
            return {"event": "job_finished", "jobid": record.job_id}
        case None:
            return _printed(record.getMessage())
    return None


def _printed(message: str) -> dict | None:
    """The event in a message that Snakemake or its SLURM plugin prints, if there is one."""
    if submitted := _SUBMITTED.match(message):
        return {"event": "submitted", "jobid": int(submitted[1]), "slurm": submitted[2]}
    if restarted := _RESTARTED.fullmatch(message):
        return {"event": "restarted", "jobid": int(restarted[1])}
    return None
