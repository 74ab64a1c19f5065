"""The progress of a study: its jobs from the events of a dry-run, their states from those of a run."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from transferscope.errors import InputError

STATES = ("done", "running", "queued", "failed", "pending")

_AFTER = {
    "job_info": "started",
    "submitted": "started",
    "restarted": "started",
    "job_error": "failed",
    "job_finished": "finished",
}


@dataclass(frozen=True)
class Job:
    """A job of a rule; its first ``output`` names it. ``minutes`` and ``mem_mb`` are what it asks for.

    ``protocol`` is that of its run, empty for a job that serves several.
    """

    rule: str
    protocol: str
    output: str
    benchmark: str
    threads: int
    gpu: int
    mem_mb: int
    minutes: int


def planned(events: Iterable[dict]) -> dict[str, Job]:
    """The jobs of a dry-run, by their first outputs; target rules have none."""
    return {
        event["output"]: Job(
            rule=event["rule"],
            protocol=event["protocol"],
            output=event["output"],
            benchmark=event["benchmark"],
            threads=event["threads"],
            gpu=event["gpu"],
            mem_mb=event["mem_mb"],
            minutes=event["runtime"],
        )
        for event in events
        if event["event"] == "job_info" and event["output"]
    }


def states(events: Iterable[dict]) -> dict[str, tuple[str, str | None]]:
    """The state of each job of a run, by its first output: ``started``, ``finished`` or ``failed``.

    Beside it the number that SLURM gave it, or None for a job that SLURM does not know.
    """
    outputs, state, slurm = {}, {}, {}
    for event in events:
        job = event["jobid"]
        state[job] = _AFTER[event["event"]]
        if event["event"] == "job_info":
            outputs[job] = event.get("output")  # not in the events of an older run
        elif event["event"] == "submitted":
            slurm[job] = event["slurm"]
    return {outputs[job]: (state[job], slurm.get(job)) for job in state if outputs.get(job)}


def table(
    every: dict[str, Job], pending: set[str], states: dict[str, str], stages: dict[str, str]
) -> pd.DataFrame:
    """A row a protocol and rule that a cluster runs, and a last one with the sums.

    Columns: protocol (or stage), rule, jobs; how many of these are done, running, queued, failed and
    pending; what one asks for (gpu, cores, GB, hours: least to most); GPU-hours used, left and most.

    Args:
        every: all jobs of the study.
        pending: the first outputs of those that are not done, running ones included.
        states: by first output, of the jobs of a run, ``running``, ``queued`` or ``failed``.
        stages: the rules that a cluster runs, each with the stage of its jobs without a protocol; a row's
            place is its rule's.

    Raises:
        InputError: there is no such rule in the study.
    """
    groups: dict[tuple[str, str], list[Job]] = {}
    for job in every.values():
        if job.rule in stages:
            groups.setdefault((job.rule, job.protocol or stages[job.rule]), []).append(job)
    rows = [
        {"protocol": name, "rule": rule, **_counts(jobs, pending, states), **_request(jobs)}
        | _gpu_hours(jobs, pending)
        for (rule, name), jobs in sorted(groups.items(), key=lambda group: list(stages).index(group[0][0]))
    ]
    if not rows:
        raise InputError("this study has no job for a cluster: nothing in it is measured")
    sums = pd.DataFrame(rows).sum(numeric_only=True)
    found = pd.DataFrame([*rows, {"protocol": "total", **sums}])
    return found.astype(dict.fromkeys(["jobs", *STATES], int))


def _counts(jobs: list[Job], pending: set[str], states: dict[str, str]) -> dict[str, int]:
    now = [states.get(job.output, "pending") if job.output in pending else "done" for job in jobs]
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
    done = [job for job in jobs if job.output not in pending and Path(job.benchmark).exists()]
    took = {job: pd.read_csv(job.benchmark, sep="\t")["s"].iloc[0] / 3600 for job in done}
    asked = sum(job.minutes for job in done) / 60
    share = sum(took.values()) / asked if done else 1
    most = sum(job.gpu * job.minutes for job in jobs if job.output in pending) / 60
    return {
        "used": sum(job.gpu * hours for job, hours in took.items()),
        "left": share * most,
        "most": most,
    }
