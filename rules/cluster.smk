"""What the jobs ask of a cluster: config/job_sizes.tsv, for what a job works on and how often it was tried.

In: the table, the configuration, DATASETS. Out: size_of, which every rule that a cluster runs asks for its resources;
prepare_run, before any job is submitted.
"""

import os

from transferscope.cluster import events, patches, sizes, slurm

if workflow.nodes:
    patches.lift_core_limit(workflow)

# Set by scripts/status.py for its dry-runs, which have no onstart.
if workflow.is_main_process and "TRANSFERSCOPE_EVENTS" in os.environ:
    events.record(Path(os.environ["TRANSFERSCOPE_EVENTS"]))

try:
    SIZES = sizes.read_sizes("config/job_sizes.tsv")
except InputError as error:
    raise WorkflowError(str(error))


def images_of(wildcards) -> float:
    """How many pictures a job works on: a dataset's, or a shard's."""
    dataset = wildcards.get("dataset")
    return DATASETS.at[dataset, "images"] / int(wildcards.get("shards", 1)) if dataset else 0


# A unit of the table as a number; the pictures are counted in thousands, the steps too.
UNITS = {
    "job": lambda wildcards: 0,
    "images": lambda wildcards: images_of(wildcards) / 1e3,
    "image_classes": lambda wildcards: images_of(wildcards) * DATASETS.at[wildcards.dataset, "classes"] / 1e6,
    "grid_steps": lambda wildcards: config["finetune"]["steps"] * config["finetune"]["points_per_job"] / 1e3,
    "finetune_steps": lambda wildcards: config["finetune"]["steps"] / 1e3,
    "detection_steps": lambda wildcards: config["detection"]["iterations"] / 1e3,
    "normals_steps": lambda wildcards: (
        config["normals"]["epochs"] * images_of(wildcards) / config["normals"]["batch_size"] / 1e3
    ),
    "segmentation_steps": lambda wildcards: config["segmentation"]["iterations"] / 1e3,
}


def size_of(rule: str) -> dict:
    """The resources of a rule: memory and time, growing with the dataset and with each attempt."""
    size = SIZES.loc[rule]
    return {
        "mem_mb": lambda wildcards, threads, attempt: sizes.memory_mb(
            size, images=images_of(wildcards), threads=threads, attempt=attempt
        ),
        "runtime": lambda wildcards, attempt: sizes.minutes(
            size, units=UNITS[size["unit"]](wildcards), attempt=attempt
        ),
    }


def prepare_run() -> None:
    """Cancel the SLURM jobs that a killed Snakemake left for the outputs of this run; then record this run's events."""
    if workflow.executor_plugin.name == "slurm":
        patches.ask_once_for_min_job_age()
    try:
        slurm.cancel_left_over((str(job.benchmark) for job in workflow.dag.needrun_jobs()), Path.cwd())
    except InputError as error:
        raise WorkflowError(str(error))
    events.record_run()
