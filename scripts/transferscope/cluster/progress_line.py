"""A line at the terminal that says how far a run is, in place of a paragraph for each job."""

import logging
import os
import sys
import time
from typing import TextIO

from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent

ASKED = "TRANSFERSCOPE_PROGRESS"
"""The environment variable by which scripts/run_here.py asks for the line."""

EVERY = 30  # seconds between two lines where there is no terminal
EARLY = 0.05  # share of the work that has to be done before the rest is foretold


def show_where_asked(work: dict[int, float]) -> None:
    """Show the line until this Snakemake ends, beside warnings and errors, where its caller asks for it.

    ``work`` is that of ``ProgressLine``.
    """
    if ASKED not in os.environ or not work:
        return
    for handler in logger.handlers:
        if handler.name == "DefaultStreamHandler":
            handler.setLevel(logging.WARNING)
    logger.handlers.insert(0, ProgressLine(work, sys.stderr))  # it makes room for what the others print


class ProgressLine(logging.Handler):
    """Jobs done, the share of the work, and how long the rest takes if it goes on like this.

    Args:
        work: what each job of the run is expected to take, by its number in Snakemake; in any unit.
        stream: a terminal, where the line stays in its place; else it is written anew all ``EVERY`` seconds.
    """

    def __init__(self, work: dict[int, float], stream: TextIO):
        super().__init__()
        self.work, self.stream = work, stream
        self.running: dict[int, str] = {}
        self.done: set[int] = set()
        self.failed = 0
        self.began = self.written = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if record.levelno >= logging.WARNING:
                self._clear()
            match getattr(record, "event", None):
                case LogEvent.JOB_INFO:
                    self.running[record.jobid] = record.rule_name
                case LogEvent.JOB_FINISHED:
                    self.running.pop(record.job_id, None)
                    self.done.add(record.job_id)
                case LogEvent.JOB_ERROR:
                    self.running.pop(record.jobid, None)
                    self.failed += 1
                case _:
                    return
            self._write()
        except Exception:  # printed, as by every log handler, and no reason to end the run
            self.handleError(record)

    def line(self, seconds: float) -> str:
        """What to say after so many seconds."""
        share = sum(self.work.get(job, 0) for job in self.done) / sum(self.work.values())
        said = [f"{len(self.done)} of {len(self.work)} jobs, {share:.0%} of the work"]
        if self.failed:
            said.append(f"{self.failed} failed")
        if EARLY <= share < 1:
            said.append(f"about {_duration(seconds * (1 - share) / share)} more")
        if self.running:
            said.append("now " + ", ".join(dict.fromkeys(self.running.values())))
        return "; ".join(said)

    def _clear(self) -> None:
        if self.stream.isatty():
            self.stream.write("\r\x1b[K")
            self.stream.flush()

    def _write(self) -> None:
        now = time.monotonic()
        line = self.line(now - self.began)
        last = len(self.done) == len(self.work)
        if self.stream.isatty():
            width = os.get_terminal_size(self.stream.fileno()).columns
            self._clear()
            self.stream.write(line[: width - 1] + "\n" * last)
        elif last or now - self.written >= EVERY:
            self.stream.write(line + "\n")
        else:
            return
        self.written = now
        self.stream.flush()


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"
