"""What rules look up: inputs and params that follow from wildcards, and lists of files that follow from the runs.

In: the tables, RUNS and VARIANTS of common.smk. Out: functions, in the order of the rule files that use them.
"""

import functools

from snakemake.iocontainers import Wildcards


def refuse(sentence: str):
    """End Snakemake with one sentence: any exception of a rule's function would come with a traceback."""
    sys.exit(sentence)


def is_rehearsal() -> bool:
    """Whether no job is to run: a dry-run, or a drawing of the jobs."""
    return workflow.executor_plugin is None or workflow.dryrun


def contents(dataset: str) -> str:
    """The contents of what lies here of a dataset; its index is written while the jobs are planned."""
    try:
        return HERE.contents(dataset, write=not is_rehearsal())
    except InputError as error:
        refuse(f"{dataset}: {error}")


def contents_or_checksums(wildcards) -> str | list[str]:
    """A param: the contents of what lies here of a dataset's sources, else the checksums of its row."""
    dataset = wildcards.dataset
    return contents(dataset) if HERE.sources(dataset) else DATASET_ROWS[dataset]["sha256"]


def placed_by_hand(wildcards) -> str | list:
    """The folder with what a user obtained by hand; a dry-run, or a drawing of the jobs, goes without it."""
    (folder,) = HERE.sources(wildcards.dataset)
    if placed_files(folder):
        return ancient(folder)
    if is_rehearsal():
        return []
    refuse(
        f"the dataset {wildcards.dataset} has to be obtained by hand: put "
        f"{DATASET_ROWS[wildcards.dataset]['manual']} into {folder}/, as downloaded"
    )


def present(path: str, fits, what: str) -> str:
    """A local path of a table, which is there: said before any job where it is not."""
    if not fits(Path(path)):
        refuse(f"{what} {path}; put it there, or correct the source of its row")
    return path


def local_archives(wildcards) -> list[str]:
    """What a dataset is unpacked from and lies here already; the rest is downloaded."""
    sources = DATASET_ROWS[wildcards.dataset]["source"]
    # A path with a blank that is not there looks like several sources.
    whole = f" {' '.join(sources)}, nor" if len(sources) > 1 else ""
    what = f"the dataset {wildcards.dataset} has no file{whole}"
    return [ancient(present(source, Path.is_file, what)) for source in HERE.sources(wildcards.dataset)]


def dataset_folder(wildcards) -> str:
    """The unpacked dataset: where it lies if the row names a local path, else where it is made."""
    dataset, row = wildcards.dataset, DATASET_ROWS[wildcards.dataset]
    folder = f"<resources>/datasets/{dataset}"
    if row["origin"] == "local":
        folder = ancient(present(row["source"][0], Path.is_dir, f"the dataset {dataset} has no folder"))
        if row["loader"] == "image_folder" and workflow.is_main_process:
            check_pictures(dataset, folder)
    if HERE.sources(dataset):
        contents(dataset)  # written into the index, where jobs look for it
    return folder


@functools.cache
def check_pictures(dataset: str, folder: str) -> None:
    """Look at a folder of pictures before any job: its layout, and whether the split rule can divide each class."""
    try:
        check_folder(Path(folder), DATASET_ROWS[dataset]["split_rule"])
    except InputError as error:
        refuse(f"{dataset}: {error}")


def checkpoint_file(wildcards) -> str:
    """The authors' file: where it lies if the row names a local path, else where it is downloaded to."""
    row = MODEL_ROWS[wildcards.model]
    if row["origin"] != "local":
        return f"<resources>/checkpoints/{wildcards.model}"
    return present(row["source"], Path.is_file, f"the model {wildcards.model} has no file")


def render_settings(wildcards) -> dict[str, int]:
    """A param: the settings in the source of a rendered dataset."""
    return own_sources.render_settings(DATASET_ROWS[wildcards.dataset]["source"][0])


def extracted_in(one_job: bool) -> str:
    """A wildcard constraint: the datasets that one extraction job can do, or those that are cut into shards.

    Where nobody knows how many pictures there are, some shards might have none, so one job does them all.
    """
    small = DATASETS["assumed"] | (DATASETS["images"] <= config["execution"]["shard_images"])
    return alternatives(DATASETS.index[small == one_job])


def shard_files(wildcards) -> list[str]:
    """The shards of a dataset's features, in order."""
    shards = math.ceil(DATASET_ROWS[wildcards.dataset]["images"] / config["execution"]["shard_images"])
    folder = f"<results>/features/{wildcards.dataset}/{wildcards.model}{wildcards.preprocessing}.shards"
    return [f"{folder}/{shard}-of-{shards}.h5" for shard in range(shards)]


def input_to_network(wildcards) -> dict:
    """A param: how pictures are resized and cropped, as the study has it or the wildcard `preprocessing` says."""
    kind = wildcards.get("preprocessing", "").lstrip(".") or config["features"]["input"]
    return input_of(kind, config["features"]["resolution"], MODEL_ROWS[wildcards.model]["input"])


def features_of_run(wildcards) -> str:
    """The features that a protocol reads: those of all protocols, unless its settings ask for another input."""
    preprocessing = PREPROCESSING[settings_of(wildcards).get("input", "features")]
    return f"<results>/features/{wildcards.dataset}/{wildcards.model}{preprocessing}.h5"


def drawn_splits(wildcards) -> str | list:
    """The splits that another seed draws; those of the first seed are in the features."""
    return f"<results>/splits/{wildcards.dataset}{wildcards.at}.h5" if wildcards.at else []


def labels_of(wildcards) -> dict:
    """A param: what a protocol may need to know of a dataset's labels."""
    row = DATASET_ROWS[wildcards.dataset]
    shots = [int(shot) for shot in row["shots"]]
    return {"metric": row["metric"], "classes": row["classes"], "shots": shots}


def predictions_of_head(wildcards) -> str:
    """The predictions that a protocol reads: those of its head."""
    head = PROTOCOL_ROWS[wildcards.protocol]["head"]
    return f"<results>/{head}/{wildcards.dataset}/{wildcards.model}{wildcards.at}.predictions.h5"


def rung_before(wildcards) -> list[str]:
    """The trials of the rung before, whose best points this one trains for longer."""
    before = int(wildcards.rung) - 1
    return [f"{trials.format(**wildcards)}.json" for trials in TRIALS[before]] if before >= 0 else []


def whole_or_test(wildcards) -> str:
    """A param: the split with the pictures on which models are compared."""
    return "all" if DATASET_ROWS[wildcards.dataset]["split_rule"] == "pooled" else "test"


include: "lookups_training.smk"
include: "lookups_analysis.smk"
