"""Snakemake and SLURM: what has to be set right before any job is submitted.

In: the jobs of this run. Out: prepare_run, which the Snakefile calls before any job is submitted; RESULTS.
"""

import os
import time

from snakemake.logging import logger

from transferscope.cluster import events, moved, orphans, patches, profile, progress_line, slurm
from transferscope.files import disk_full_as_input_error

RESULTS = config["pathvars"]["results"]
# What takes minutes at most, and cannot say itself what it was made from.
QUICK = [f"{RESULTS}/{folder}/" for folder in ("tables", "figures", "similarity")]

if workflow.nodes:
    patches.lift_core_limit(workflow)

if workflow.is_main_process:
    events.record_where_asked()
    os.environ[patches.PLANNED] = str(time.time())
    patches.ask_files_without_record(functools.partial(moved.changes, quick=QUICK))

patches.keep_what_others_made(config["pathvars"]["resources"])


def prepare_run() -> None:
    """Say what only looks outdated; end the jobs that a killed Snakemake left, here or in SLURM; record this run."""
    if workflow.touch:
        patches.touch_times_alone(workflow)
        return
    try:
        moved.check_times(workflow.dag, QUICK)
        if workflow.executor_plugin.name == "slurm":
            partitions = workflow.executor_settings.partition_config
            profile.check(workflow.resource_settings.default_resources.args, partitions)
            if profile.outdated(partitions):
                logger.warning(
                    "profiles/slurm has changed since your profile was made of it: run `make profile` again"
                )
            patches.ask_once_for_min_job_age()
        needed = list(workflow.dag.needrun_jobs())
        outputs = [job.output[0] for job in needed if job.output]
        slurm.cancel_left_over(outputs, Path.cwd())
        orphans.end_left_over(outputs, Path.cwd())
        with disk_full_as_input_error(events.FOLDER):
            events.record_run()
        progress_line.show_where_asked({job.jobid: seconds_of(job) for job in needed})
    except InputError as error:
        raise WorkflowError(str(error))


if not workflow.modifier.is_main_snakefile():
    patches.prepare_in_module(workflow, prepare_run)


include: "sizes.smk"
