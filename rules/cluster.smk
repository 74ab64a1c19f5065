"""Snakemake and SLURM: what has to be set right before any job is submitted.

In: the jobs of this run. Out: prepare_run, which the Snakefile calls before any job is submitted.
"""

import os

from transferscope.cluster import events, patches, slurm

if workflow.nodes:
    patches.lift_core_limit(workflow)

# Set by scripts/status.py for its dry-runs, which have no onstart.
if workflow.is_main_process and "TRANSFERSCOPE_EVENTS" in os.environ:
    events.record(Path(os.environ["TRANSFERSCOPE_EVENTS"]))


def prepare_run() -> None:
    """Cancel the SLURM jobs that a killed Snakemake left for the outputs of this run; then record this run's events."""
    if workflow.executor_plugin.name == "slurm":
        patches.ask_once_for_min_job_age()
    try:
        slurm.cancel_left_over((str(job.benchmark) for job in workflow.dag.needrun_jobs()), Path.cwd())
    except InputError as error:
        raise WorkflowError(str(error))
    events.record_run()
