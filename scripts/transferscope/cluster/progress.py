"""What Snakemake prints, read: the jobs of a dry-run, and what became of jobs in the log of a run."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from transferscope.errors import InputError

STATES = ("done", "running", "queued", "failed", "pending")

_RULE = re.compile(r"(?:local)?rule (\w+):")
_FIELD = re.compile(r" {4}([a-z]+): (.*)")
_FINISHED = re.compile(r"Finished jobid: (\d+) ")
_SUBMITTED = re.compile(r"Job (\d+) has been submitted with SLURM jobid (\d+) ")


@dataclass(frozen=True)
class Job:
    """A job of a rule; its ``benchmark`` file names it. ``minutes`` and ``mem_mb`` are what it asks for."""

    rule: str
    benchmark: str
    threads: int
    gpu: int
    mem_mb: int
    minutes: int


def planned(output: str) -> dict[str, Job]:
    """The jobs that a dry-run printed in full, by their benchmark files; target rules have none."""
    found = (_job(*block) for block in _blocks(output.splitlines()))
    return {job.benchmark: job for job in found if job}


def _blocks(lines: list[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The lines that announce a rule, each with the fields below it."""
    head, fields = None, {}
    for line in [*lines, ""]:
        field = _FIELD.fullmatch(line)
        if field and head:
            fields[field[1]] = field[2]
            continue
        if head:
            yield head, fields
        head, fields = (line, {}) if _RULE.fullmatch(line) else (None, {})


def _job(head: str, fields: dict[str, str]) -> Job | None:
    if "benchmark" not in fields:
        return None
    resources = dict(entry.split("=", 1) for entry in fields["resources"].split(", ") if "=" in entry)
    return Job(
        rule=_RULE.fullmatch(head)[1],
        benchmark=fields["benchmark"],
        threads=int(fields.get("threads", 1)),
        gpu=int(resources.get("gpu", 0)),
        mem_mb=int(resources.get("mem_mb", 0)),
        minutes=int(resources.get("runtime", 0)),
    )


def states(log: str) -> dict[str, tuple[str, str | None]]:
    """For each job of a run's log, by its benchmark file: ``started``, ``finished`` or ``failed``, said last.

    Beside it the number that SLURM gave it, or None for a job that SLURM does not know.
    """
    names, state, slurm = {}, {}, {}
    lines = log.splitlines()
    for number, line in enumerate(lines):
        if _RULE.fullmatch(line):
            (_, fields) = next(_blocks(lines[number : number + 20]))
            names[fields["jobid"]] = fields.get("benchmark")
            state[fields["jobid"]] = "started"
        elif submitted := _SUBMITTED.match(line):
            slurm[submitted[1]] = submitted[2]
            state[submitted[1]] = "started"
        elif finished := _FINISHED.match(line):
            state[finished[1]] = "finished"
        elif line.startswith("Error in rule "):
            jobid = next(
                field[2] for field in map(_FIELD.fullmatch, lines[number:]) if field and field[1] == "jobid"
            )
            state[jobid] = "failed"
        elif line.startswith("Trying to restart job "):
            state[line.removeprefix("Trying to restart job ").rstrip(".")] = "started"
    return {names[job]: (state[job], slurm.get(job)) for job in state if names.get(job)}


def table(
    every: dict[str, Job], pending: set[str], states: dict[str, str], stages: pd.Series
) -> pd.DataFrame:
    """A row a rule that a cluster runs, and a last one with the sums.

    Columns: protocol, rule, jobs; how many of these are done, running, queued, failed and pending; what one
    asks for (gpu, cores, GB, hours: least to most); GPU-hours used, left and most.

    Args:
        every: all jobs of the study.
        pending: the benchmark files of those that are not done, running ones included.
        states: of the jobs of a run, ``running``, ``queued`` or ``failed``.
        stages: the protocol or stage of each rule, in the order of the rows.

    Raises:
        InputError: there is no such rule in the study.
    """
    rows = []
    for rule, stage in stages.items():
        jobs = [job for job in every.values() if job.rule == rule]
        if jobs:
            counts = _counts(jobs, pending, states)
            rows.append(
                {"protocol": stage, "rule": rule, **counts, **_request(jobs), **_gpu_hours(jobs, pending)}
            )
    if not rows:
        raise InputError("this study has no job for a cluster: nothing in it is measured")
    sums = pd.DataFrame(rows).sum(numeric_only=True)
    found = pd.DataFrame([*rows, {"protocol": "total", **sums}])
    return found.astype(dict.fromkeys(["jobs", *STATES], int))


def _counts(jobs: list[Job], pending: set[str], states: dict[str, str]) -> dict[str, int]:
    now = [states.get(job.benchmark, "pending") if job.benchmark in pending else "done" for job in jobs]
    return {"jobs": len(jobs)} | {state: now.count(state) for state in STATES}


def _request(jobs: list[Job]) -> dict[str, str]:
    """What one of the jobs asks for, from the least to the most."""

    def span(values: list[float]) -> str:
        return "-".join(dict.fromkeys(f"{value:.1f}" for value in (min(values), max(values))))

    return {
        "gpu": str(max(job.gpu for job in jobs)),
        "cores": span([job.threads for job in jobs]).replace(".0", ""),
        "GB": span([job.mem_mb / 1000 for job in jobs]),
        "hours": span([job.minutes / 60 for job in jobs]),
    }


def _gpu_hours(jobs: list[Job], pending: set[str]) -> dict[str, float]:
    done = [job for job in jobs if job.benchmark not in pending and Path(job.benchmark).exists()]
    took = {job: pd.read_csv(job.benchmark, sep="\t")["s"].iloc[0] / 3600 for job in done}
    asked = sum(job.minutes for job in done) / 60
    share = sum(took.values()) / asked if done else 1
    most = sum(job.gpu * job.minutes for job in jobs if job.benchmark in pending) / 60
    return {
        "used": sum(job.gpu * hours for job, hours in took.items()),
        "left": share * most,
        "most": most,
    }
