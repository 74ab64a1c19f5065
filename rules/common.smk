"""Tables and configuration, checked before any job; what the wildcards may be; few helpers.

In: the configuration and the tables that it names. Out: ALL_MODELS and, of the study, MODELS, DATASETS and RUNS.
"""

import math
import sys
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))

from transferscope.study import catalogue, configuration as study
from transferscope.errors import InputError
from transferscope.sources.forms import placed_files

SCHEMAS = Path(workflow.basedir) / "config/schemas"
PUBLISHED = study.published_names("config/published")
PRINTED = study.published_names("config/published/correlations")

try:
    study.check_config(config, SCHEMAS / "config.schema.yaml")
    study.check_published(config, PUBLISHED)
    ALL_MODELS = catalogue.read_models(config["tables"]["models"], SCHEMAS)
    datasets = catalogue.read_datasets(config["tables"]["datasets"], SCHEMAS)
    study.check_exclusions(config["exclude"], ALL_MODELS, datasets)
    MODELS = study.choose(ALL_MODELS, config["models"], "models")
    DATASETS = study.choose(datasets, config["datasets"], "datasets")
    study.check_episodes(DATASETS, config["fewshot"]["ways"])
    study.check_perceptual(ALL_MODELS, config["reconstruction"]["perceptual"])
    RUNS = study.plan_runs(MODELS, DATASETS, config["protocols"], config["exclude"])
except InputError as error:
    raise WorkflowError(str(error))


wildcard_constraints:
    model="|".join(ALL_MODELS.index),
    dataset="|".join(DATASETS.index),
    published="|".join(PUBLISHED) or "(?!)",


# What a conversion to the canonical backbone depends on, and nothing else: a new citation recomputes nothing.
CONVERSION = ["arch", "source", "format", "container", "prefix", "drop", "match", "normalisation"]


def having(table: pd.DataFrame, *kinds: str) -> str:
    """A wildcard constraint: the ids of the rows whose files come to be in one of these ways."""
    return "|".join(table.index[table["kind"].isin(kinds)]) or "(?!)"


def model_fact(column: str):
    """A param: what the wildcard's row of the models table says."""
    return lambda wildcards: ALL_MODELS.at[wildcards.model, column]


def dataset_fact(column: str):
    """A param: what the wildcard's row of the datasets table says."""
    return lambda wildcards: DATASETS.at[wildcards.dataset, column]


def render_setting(key: str):
    """A param: one of the settings in the source of a rendered dataset."""
    return lambda wildcards: catalogue.render_settings(DATASETS.at[wildcards.dataset, "source"][0])[key]


def dataset_facts(wildcards) -> dict:
    """A param: what a dataset's samples depend on, and the counts that they are held against."""
    row = DATASETS.loc[wildcards.dataset]
    return {
        "dataset": wildcards.dataset,
        "loader": row["loader"],
        "split_rule": row["split_rule"],
        "classes": int(row["classes"]),
        "counts": {split: int(row[split]) for split in catalogue.COUNTS if row[split] >= 0},
    }


def dense_facts(wildcards) -> dict:
    """A param: what a dataset's dense labels depend on, and the counts that they are held against."""
    facts = dataset_facts(wildcards)
    return {key: facts[key] for key in ("dataset", "loader", "counts")}


def checkpoint_file(wildcards) -> str:
    """The authors' file: where it lies if the row names a local path, else where it is downloaded to."""
    row = ALL_MODELS.loc[wildcards.model]
    return row["source"] if row["kind"] == "local" else f"<resources>/checkpoints/{wildcards.model}"


def dataset_folder(wildcards) -> str:
    """The unpacked dataset: where it lies if the row names a local path, else where it is made."""
    row = DATASETS.loc[wildcards.dataset]
    if row["kind"] != "local":
        return f"<resources>/datasets/{wildcards.dataset}"
    folder = row["source"][0]
    if not Path(folder).is_dir():
        raise WorkflowError(
            f"the dataset {wildcards.dataset} has no folder {folder}; "
            "put it there, or correct the source of its row"
        )
    return folder


def placed_by_hand(wildcards) -> str | list:
    """The folder with what a user obtained by hand; a dry-run, or a drawing of the jobs, goes without it."""
    folder = Path(config["pathvars"]["resources"]) / "manual" / wildcards.dataset
    if placed_files(folder):
        return str(folder)
    if workflow.executor_plugin is None or workflow.dryrun:
        return []
    raise WorkflowError(
        f"the dataset {wildcards.dataset} has to be obtained by hand: put "
        f"{DATASETS.at[wildcards.dataset, 'manual']} into {folder}/, as downloaded"
    )


def extracted_in(one_job: bool) -> str:
    """A wildcard constraint: the datasets that one extraction job can do, or those that are cut into shards."""
    small = DATASETS["images"] <= config["features"]["shard_images"]
    return "|".join(DATASETS.index[small == one_job]) or "(?!)"


def shard_files(wildcards) -> list[str]:
    """The shards of a dataset's features, in order."""
    shards = math.ceil(DATASETS.at[wildcards.dataset, "images"] / config["features"]["shard_images"])
    folder = f"<results>/features/{wildcards.dataset}/{wildcards.model}.shards"
    return [f"{folder}/{shard}-of-{shards}.h5" for shard in range(shards)]


def results_of(*protocols: str) -> list[str]:
    """The result files of all planned runs of these protocols."""
    runs = RUNS[RUNS["protocol"].isin(protocols)]
    return [f"<results>/{run.protocol}/{run.dataset}/{run.model}.json" for run in runs.itertuples()]


def results_table() -> str:
    """The long table that all analyses read."""
    return f"<results>/tables/{config['results_from']}.tsv"


def printed_correlations() -> str | list:
    """The coefficients that the paper prints whose results the study takes or compares with."""
    named = config["results_from"] if config["results_from"] in PUBLISHED else config["compare"]
    return f"config/published/correlations/{named}.csv" if named in PRINTED else []


def compared_table() -> str | list:
    """The long table of published results to print beside the measured ones, if any."""
    return [] if config["compare"] == "none" else f"<results>/tables/{config['compare']}.tsv"
