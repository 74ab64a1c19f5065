"""The line at the terminal, from the events of Snakemake itself."""

import io
import logging

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from transferscope.cluster.progress_line import ProgressLine


def event(kind: LogEvent, **facts) -> logging.LogRecord:
    record = logging.LogRecord("snakemake", logging.INFO, "", 0, "", None, None)
    record.__dict__.update({"event": kind}, **facts)
    return record


@pytest.fixture
def line() -> ProgressLine:
    return ProgressLine({1: 30.0, 2: 60.0, 3: 10.0}, io.StringIO())


def test_it_counts_jobs_and_foretells_by_their_work(line):
    line.emit(event(LogEvent.JOB_INFO, jobid=1, rule_name="probe"))
    line.emit(event(LogEvent.JOB_INFO, jobid=2, rule_name="pretrain"))
    assert line.line(5) == "0 of 3 jobs, 0% of the work; now probe, pretrain"
    line.emit(event(LogEvent.JOB_FINISHED, job_id=1))
    assert line.line(60) == "1 of 3 jobs, 30% of the work; about 2 min more; now pretrain"
    line.emit(event(LogEvent.JOB_ERROR, jobid=2))
    line.emit(event(LogEvent.JOB_FINISHED, job_id=3))
    assert line.line(60) == "2 of 3 jobs, 40% of the work; 1 failed; about 2 min more"


def test_a_job_that_is_repeated_counts_once(line):
    for _ in range(2):
        line.emit(event(LogEvent.JOB_INFO, jobid=3, rule_name="probe"))
        line.emit(event(LogEvent.JOB_FINISHED, job_id=3))
    assert line.line(1) == "1 of 3 jobs, 10% of the work; about 9 s more"


def test_without_a_terminal_it_says_the_end_and_little_before(line):
    for job in (1, 2, 3):
        line.emit(event(LogEvent.JOB_FINISHED, job_id=job))
    assert line.stream.getvalue() == "3 of 3 jobs, 100% of the work\n"
