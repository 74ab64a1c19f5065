"""Changes to Snakemake and its SLURM plugin at run time; no other module makes any.

Tried with snakemake 9.27.1 and snakemake-executor-plugin-slurm 2.8.0. ``tests/unit/test_snakemake.py`` fails
with a version that no longer has what is changed here.
"""

import os
from collections.abc import Callable
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


def prepare_in_module(workflow, prepare: Callable[[], None]) -> None:
    """Let a module prepare the run: Snakemake takes ``onstart`` from the main Snakefile alone.

    One that the main Snakefile has below its ``use rule`` takes the place of this.
    """
    before = workflow._onstart

    def on_start(log) -> None:
        before(log)
        prepare()

    workflow._onstart = on_start


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


def ask_files_without_record(changes: Callable[[object], list[tuple[str, object, object]] | None]) -> None:
    """Let the trigger ``params`` ask the files of a job of which Snakemake keeps no record.

    It would take them for done, as made with whatever params there are now: of a folder that was copied or
    moved without ``.snakemake``, of records that were lost.

    Args:
        changes: of a job, what its files were made from where that has changed (name, then, now); None where
            nobody knows, which Snakemake takes for no change.
    """
    from snakemake.persistence import ParamsChange, PersistenceBase  # not in a job

    has_metadata, params_changed = PersistenceBase.has_metadata, PersistenceBase.params_changed

    def known(self, job) -> bool:
        return has_metadata(self, job) or changes(job) is not None

    def changed(self, job, file=None):
        found = None if has_metadata(self, job) else changes(job)
        if found is None:
            return params_changed(self, job, file)
        then, now = ({f"{name}: {values[side]}" for name, *values in found} for side in (0, 1))
        return ParamsChange(only_old=then, only_new=now, files=set(job.output))

    PersistenceBase.has_metadata, PersistenceBase.params_changed = known, changed


def touch_times_alone(workflow) -> None:
    """Let ``--touch`` set times and leave the records: it would note that all is made with today's params."""
    workflow.execution_settings.keep_metadata = False
