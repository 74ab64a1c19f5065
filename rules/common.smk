"""Tables and configuration, checked before any job; what the wildcards may be; what a param may look up.

In: the configuration and the tables that it names. Out: ALL_MODELS, ALL_DATASETS, PROTOCOLS and, of the study, MODELS,
DATASETS (those it evaluates on first), VARIANTS and RUNS. A wildcard {at} is a variant's part of a path: nothing for the default one.
"""

import math
import re

import pandas as pd

from transferscope.errors import InputError
from transferscope.folders import check_folder
from transferscope.places import placed
from transferscope.sources.forms import placed_files
from transferscope.study import catalogue, configuration, here, own_sources, protocols, runs
from transferscope.study.inputs import input_of

SCHEMAS = HOME / "config/schemas"
PUBLISHED = configuration.published_names("config/published")
PRINTED = configuration.published_names("config/published/correlations")

try:
    configuration.check_config(config, SCHEMAS / "config.schema.yaml")
    config["tables"] = configuration.placed_tables(config["tables"])
    configuration.check_published(config, PUBLISHED)
    ALL_MODELS = catalogue.read_models(config["tables"]["models"], SCHEMAS)
    ALL_DATASETS = catalogue.read_datasets(config["tables"]["datasets"], SCHEMAS)
    PROTOCOLS = protocols.read_protocols(config["tables"]["protocols"], SCHEMAS)
    configuration.check_names(config, ALL_MODELS, ALL_DATASETS, PROTOCOLS)
    MODELS = configuration.choose(ALL_MODELS, config["models"])
    HERE = here.Here(ALL_DATASETS, config["pathvars"]["resources"], look=workflow.is_main_process)
    CHOSEN = configuration.evaluated_on(ALL_DATASETS, config["datasets"])
    # Those that models are pretrained on are made too, but not evaluated on; so are those of which there are crops.
    NEEDED = configuration.with_cropped(ALL_DATASETS, configuration.pretraining_datasets(MODELS))
    DATASETS = catalogue.with_images(ALL_DATASETS.loc[list(dict.fromkeys([*CHOSEN, *NEEDED]))], HERE.pictures)
    STAGES = configuration.frozen(config, PROTOCOLS)
    VARIANTS = runs.variants(config["seeds"], [stage for stages in STAGES.values() for stage in stages])
    RUNS = runs.plan_runs(
        MODELS,
        DATASETS.loc[CHOSEN],
        PROTOCOLS,
        config["protocols"],
        config["exclude"],
        VARIANTS,
        config["pretrained_on"],
        STAGES,
    )
    configuration.check_episodes(RUNS, DATASETS, PROTOCOLS, config["fewshot"]["ways"])
except InputError as error:
    raise WorkflowError(str(error))

MEASURED = config["results_from"] == "measured"
# By a protocol's setting `input`: what its features are called after the model.
PREPROCESSING = {"features": "", "squash": ".squash"}


def alternatives(names) -> str:
    """A wildcard constraint: one of the names, or nothing at all where there are none."""
    return "|".join(names) or "(?!)"


def protocols_with(**columns: str) -> pd.Index:
    """The protocols whose rows have these values."""
    return PROTOCOLS.index[(PROTOCOLS[list(columns)] == pd.Series(columns)).all(axis=1)]


def ids_of(**columns: str) -> str:
    """A wildcard constraint: the protocols whose rows have these values."""
    return alternatives(protocols_with(**columns))


def runs_of(**columns: str) -> pd.DataFrame:
    """The planned runs of the protocols whose rows have these values."""
    return RUNS[RUNS["protocol"].isin(protocols_with(**columns))]


def having(table: pd.DataFrame, *origins: str) -> str:
    """A wildcard constraint: the ids of the rows whose files are of these origins."""
    return alternatives(table.index[table["origin"].isin(origins)])


wildcard_constraints:
    model=alternatives(ALL_MODELS.index),
    dataset=alternatives(DATASETS.index),
    protocol=alternatives(PROTOCOLS.index),
    at=f"({alternatives(VARIANTS['at'].iloc[1:])})?",
    published=alternatives(PUBLISHED),
    preprocessing=alternatives(re.escape(name) for name in PREPROCESSING.values()),


MODEL_ROWS, DATASET_ROWS, PROTOCOL_ROWS, VARIANT_ROWS = (
    table.to_dict("index") for table in (ALL_MODELS, DATASETS, PROTOCOLS, VARIANTS.set_index("at"))
)


def fact(rows: dict[str, dict], wildcard: str, column: str):
    """A param: what the wildcard's row of a table says in one column."""

    def of(wildcards):
        return rows[wildcards[wildcard]][column]

    return of


def model_fact(column: str):
    """A param: what the wildcard's row of the models table says."""
    return fact(MODEL_ROWS, "model", column)


def dataset_fact(column: str):
    """A param: what the wildcard's row of the datasets table says."""
    return fact(DATASET_ROWS, "dataset", column)


def protocol_fact(column: str):
    """A param: what the wildcard's row of the protocols table says."""
    return fact(PROTOCOL_ROWS, "protocol", column)


def run_facts(wildcards) -> dict:
    """A param: what a run is beside its model and dataset, which are read from its inputs."""
    facts = {"protocol": wildcards.protocol, "version": PROTOCOL_ROWS[wildcards.protocol]["version"]}
    variant = VARIANT_ROWS[wildcards.get("at", "")]
    facts |= {"variant": variant["id"]} | runs.stated(variant)
    return facts | {"dataset_version": DATASET_ROWS[wildcards.dataset]["version"]}


def settings_of(wildcards) -> dict:
    """A param: what runs of the protocol depend on, of the configuration and of its row."""
    return protocols.settings(PROTOCOL_ROWS[wildcards.protocol], config)


def dataset_facts(wildcards) -> dict:
    """A param: what a dataset's samples depend on, and the counts that they are checked against."""
    row = DATASET_ROWS[wildcards.dataset]
    facts = {
        "dataset": wildcards.dataset,
        **{column: row[column] for column in ("loader", "version", "split_rule", "classes")},
        "counts": {split: row[split] for split in catalogue.COUNTS if row[split] >= 0},
    }
    known = HERE.sources(wildcards.dataset)
    return facts | ({"contents": contents(wildcards.dataset)} if known else {})


def results_of(planned: pd.DataFrame) -> list[str]:
    """The result files of planned runs."""
    return [f"<results>/{runs.path_of(run)}.json" for run in planned.to_dict("records")]
