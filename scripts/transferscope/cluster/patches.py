"""Changes to Snakemake and its SLURM plugin at run time; no other module makes any.

Tried with snakemake 9.27.1 and snakemake-executor-plugin-slurm 2.8.0. ``tests/unit/test_snakemake.py`` fails
with a version that no longer has what is changed here.
"""

import os
from pathlib import Path

from snakemake.jobs import Job

PLANNED = "TRANSFERSCOPE_PLANNED"
"""The environment variable by which the Snakemake of a single job, also on a cluster, knows when the run was
planned: seconds since 1970."""


def lift_core_limit(workflow) -> None:
    """Let a job on a cluster ask for more cores than this machine has.

    ``profiles/default`` gives a run all cores of this machine; Snakemake cuts each job's threads to them.
    """
    workflow.global_resources["_cores"] = None


def ask_once_for_min_job_age() -> None:
    """Let the SLURM plugin keep SLURM's present answer for ``MinJobAge``.

    It asks before each look at its jobs. Without an answer, while the controller is away, it would turn to
    ``sacct``, and on a cluster without accounts, where that never answers, sit still for an hour.
    """
    import snakemake_executor_plugin_slurm as plugin  # only a run on SLURM has to have it

    age = plugin.get_min_job_age()
    plugin.get_min_job_age = lambda: age


def keep_what_others_made(resources: str | Path) -> None:
    """Let a job keep an output in the folder of resources that has come there since the run was planned.

    Snakemake removes what is at a job's outputs before the job. What it wanted to be made, for it was not
    there, another study that shares the folder may have made meanwhile, and use.
    """
    remove, since = Job.remove_existing_output, float(os.environ.get(PLANNED, "inf"))

    async def remove_outdated(job: Job) -> None:
        paths = map(Path, job.output)
        # When a file was put there: an unpacked folder's own time of change is earlier.
        if not any(
            path.is_relative_to(resources) and path.exists() and path.stat().st_ctime > since
            for path in paths
        ):
            await remove(job)

    Job.remove_existing_output = remove_outdated
