"""Snakemake and SLURM: what has to be set right before any job is submitted.

In: the jobs of this run. Out: prepare_run, which the Snakefile calls before any job is submitted.
"""

from transferscope.cluster import events, patches, slurm

if workflow.nodes:
    patches.lift_core_limit(workflow)

if workflow.is_main_process:
    events.record_where_asked()


def prepare_run() -> None:
    """Cancel the SLURM jobs that a killed Snakemake left for the outputs of this run; then record this run's events."""
    if workflow.executor_plugin.name == "slurm":
        patches.ask_once_for_min_job_age()
    try:
        slurm.cancel_left_over((str(job.benchmark) for job in workflow.dag.needrun_jobs()), Path.cwd())
    except InputError as error:
        raise WorkflowError(str(error))
    events.record_run()
