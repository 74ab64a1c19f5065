"""What the jobs ask of a cluster: config/job_sizes.tsv, for what a job works on and how often it was tried.

In: the table, the settings of the protocols, DATASETS. Out: size_of, which every rule that a cluster runs asks for its
resources.
"""

from transferscope.cluster import sizes

try:
    SIZES = sizes.read_sizes("config/job_sizes.tsv").to_dict("index")
except InputError as error:
    raise WorkflowError(str(error))


def work_of(wildcards) -> sizes.Work:
    """The pictures of a job's dataset (or shard), their classes, and the settings of its protocol."""
    dataset = DATASET_ROWS.get(wildcards.get("dataset"), {"images": 0, "classes": 0})
    return sizes.Work(
        images=dataset["images"] / int(wildcards.get("shards", 1)),
        classes=dataset["classes"],
        settings=settings_of(wildcards) if "protocol" in wildcards.keys() else {},
    )


def size_of(rule: str) -> dict:
    """The resources of a rule: memory and time, growing with the dataset and with each attempt."""

    def mem_mb(wildcards, threads, attempt):
        size = sizes.size_of(SIZES, rule, wildcards.get("protocol", ""))
        return sizes.memory_mb(size, work_of(wildcards), threads=threads, attempt=attempt)

    def runtime(wildcards, attempt):
        size = sizes.size_of(SIZES, rule, wildcards.get("protocol", ""))
        return sizes.minutes(size, work_of(wildcards), attempt=attempt)

    return {"mem_mb": mem_mb, "runtime": runtime}
