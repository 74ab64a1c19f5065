"""Snakemake and SLURM: what has to be set right before any job is submitted.

In: the jobs of this run. Out: prepare_run, which the Snakefile calls before any job is submitted; RESULTS.
"""

from transferscope.cluster import events, moved, patches, slurm

RESULTS = config["pathvars"]["results"]
# What takes minutes at most, and cannot say itself what it was made from.
QUICK = [f"{RESULTS}/{folder}/" for folder in ("tables", "figures", "similarity")]

if workflow.nodes:
    patches.lift_core_limit(workflow)

if workflow.is_main_process:
    events.record_where_asked()
    patches.ask_files_without_record(functools.partial(moved.changes, quick=QUICK))


def prepare_run() -> None:
    """Say what only looks outdated, cancel the SLURM jobs that a killed Snakemake left, record this run's events."""
    if workflow.touch:
        patches.touch_times_alone(workflow)
        return
    if workflow.executor_plugin.name == "slurm":
        patches.ask_once_for_min_job_age()
    try:
        moved.check_times(workflow.dag)
        slurm.cancel_left_over((str(job.benchmark) for job in workflow.dag.needrun_jobs()), Path.cwd())
    except InputError as error:
        raise WorkflowError(str(error))
    events.record_run()
