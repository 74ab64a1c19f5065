"""What the jobs ask of a cluster: config/job_sizes.tsv, for what a job works on and how often it was tried.

In: the table, the settings of the protocols, DATASETS. Out: size_of, which every rule that a cluster runs asks for its
resources.
"""

from transferscope.cluster import sizes

try:
    SIZES = sizes.read_sizes(placed("config/job_sizes.tsv")).to_dict("index")
except InputError as error:
    raise WorkflowError(str(error))


ASSUMED = ", ".join(DATASETS.index[DATASETS["assumed"]])
if ASSUMED and workflow.is_main_process:
    print(
        f"how many pictures {ASSUMED} has is not known here; its jobs ask for what {catalogue.UNKNOWN_IMAGES} take. "
        "To change that, fill in the counts of its row",
        file=sys.stderr,
    )


def size_row(rule: str, wildcards) -> dict:
    """The rule's row of the table of sizes."""
    try:
        return sizes.size_of(SIZES, rule, wildcards.get("protocol", ""))
    except InputError as error:
        refuse(str(error))


def work_of(wildcards) -> sizes.Work:
    """The pictures of a job's dataset (or shard), their classes, and the settings of its protocol."""
    dataset = DATASET_ROWS.get(wildcards.get("dataset"), {"images": 0, "classes": 0})
    settings = settings_of(wildcards) if "protocol" in wildcards.keys() else {}
    if "budgets" in wildcards.keys():
        settings = settings | {"labels": labels_of_job(wildcards)}
    return sizes.Work(
        images=dataset["images"] / int(wildcards.get("shards", 1)),
        classes=dataset["classes"],
        settings=settings,
    )


def size_of(rule: str, work=work_of) -> dict:
    """The resources of a rule: memory and time, growing with its work and with each attempt."""

    def mem_mb(wildcards, threads, attempt):
        return sizes.memory_mb(size_row(rule, wildcards), work(wildcards), threads=threads, attempt=attempt)

    def runtime(wildcards, attempt):
        return sizes.minutes(size_row(rule, wildcards), work(wildcards), attempt=attempt)

    return {"mem_mb": mem_mb, "runtime": runtime}


def seconds_of(job) -> float:
    """About how long a job takes in the demo, to foretell how long a run does; those without a row take a moment."""
    protocol = getattr(job.wildcards, "protocol", "")
    return (SIZES.get((job.rule.name, protocol)) or SIZES.get((job.rule.name, "")) or {}).get("demo_s") or 2
