"""Studies for tests: the rows of the ready tables, and results by setting of a few rows."""

from pathlib import Path

import pandas as pd

from transferscope.results.long_table import COLUMNS, published
from transferscope.results.reference import Reference, read_reference
from transferscope.results.resolved import DATASET_FACTS, MODEL_FACTS, PROTOCOL_FACTS, Study, by_setting
from transferscope.study import catalogue, protocols, reference
from transferscope.study.axes import AXES

CONFIG = Path(__file__).parents[2] / "config"
SCHEMAS = CONFIG / "schemas"
ERICSSON = CONFIG / "published" / "ericsson2021.csv"

READY = Study(
    catalogue.read_models(CONFIG / "models.tsv", SCHEMAS)[MODEL_FACTS],
    catalogue.read_datasets(CONFIG / "datasets.tsv", SCHEMAS)[DATASET_FACTS],
    protocols.read_protocols(CONFIG / "protocols.tsv", SCHEMAS)[PROTOCOL_FACTS],
)
"""What analyses have of the ready tables."""

UNKNOWN = {"variant": "default", "seed": 0, "mode": "x", "version": 1, "ci95": None, "n_test": None}
UNKNOWN |= dict.fromkeys(AXES, "")


def study_of(
    models: pd.DataFrame, datasets: pd.DataFrame = READY.datasets, protocols: pd.DataFrame = READY.protocols
) -> Study:
    """A study with these tables, the ready ones where none is given."""
    return Study(models, datasets, protocols)


def imagenet(study: Study) -> Reference:
    """The ImageNet accuracies of its models as the reference."""
    facts = reference.resolve(reference.IMAGENET, pd.DataFrame(), study.datasets, study.protocols)
    return read_reference(facts, pd.DataFrame(), study)


def measured(results: pd.DataFrame, study: Study, **chosen: str) -> Reference:
    """A number in these results as the reference: ``chosen`` is the key of a configuration."""
    facts = reference.resolve(chosen, results, study.datasets, study.protocols)
    return read_reference(facts, results, study)


def with_protocol(study: Study, name: str, **facts: str) -> Study:
    """The study with one more protocol; ``facts`` are PROTOCOL_FACTS, empty where left out."""
    row = pd.DataFrame([dict.fromkeys(PROTOCOL_FACTS, "") | {"title": name, "target": name} | facts])
    more = pd.concat([study.protocols, row.set_index(pd.Index([name], name="id"))])
    return Study(study.models, study.datasets, more)


def long_table(rows: list[dict]) -> pd.DataFrame:
    """A long table; each row has a protocol, dataset, metric, model and value, and what else it may."""
    counts = dict.fromkeys(["seed", "version", "n_test"], "Int64")
    table = pd.DataFrame([UNKNOWN | row for row in rows], columns=COLUMNS)
    return table.astype(counts | {"value": float, "ci95": float})


def settings(rows: list[dict], study: Study, **changes) -> pd.DataFrame:
    """The rows of ``long_table``, each changed so, by setting."""
    return by_setting(long_table([row | changes for row in rows]), study)


def over_seeds(rows: list[dict], spread: float, count: int = 3) -> list[dict]:
    """Each row once a seed: values evenly ``spread`` apart, with the row's own in their middle."""
    return [
        row
        | {"variant": f"seed-{seed}", "seed": seed, "value": row["value"] + spread * (seed - (count - 1) / 2)}
        for row in rows
        for seed in range(count)
    ]


def ericsson() -> pd.DataFrame:
    """The published results by setting."""
    return by_setting(published(ERICSSON, READY.models), READY)
