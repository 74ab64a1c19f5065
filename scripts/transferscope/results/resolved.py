"""What analyses start from: resolved rows of the tables, and the long table by setting."""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from transferscope import files
from transferscope.errors import InputError
from transferscope.results.long_table import SETTING, read_table
from transferscope.study import protocols
from transferscope.study.axes import AXES
from transferscope.study.metrics import METRICS

MODEL_FACTS = [
    "name",
    "supervision",
    "imagenet_top1",
    "arch",
    "method",
    "baseline",
    "pretrained_on",
    "unlabelled",
    "profile",
    "repeats",
]
DATASET_FACTS = ["name", "classes", "metric", "train", "val", "test", "all", "licence", "citation"]
DATASET_FACTS += ["picture", "pictures", "augment", "crops"]
PROTOCOL_FACTS = ["title", "target", "family", "task", "reads", "head", "metric"]

TRANSFER, CALIBRATION, FEATURES = "transfer", "calibration", "features"
"""Families of protocols: how well models transfer, how right their confidences are, what features keep."""

EFFICIENCY, LAYERS = "efficiency", "layers"
"""Families whose results are curves: how far few labels go, what each layer knows."""

RANDOM, SUPERVISED = "random", "supervised"
"""The supervision of models that were not trained, and of those that learned from labels."""

AVERAGE = "average"
"""The dataset of a published mean over the datasets, and the column of tables that holds such a mean."""

TEST, SEEDS = "test images", "seeds"
"""What an interval is over: 95 % over test images (or episodes), or a standard deviation over seeds."""


@dataclass(frozen=True)
class Study:
    """The rows that analyses need, in the order of their tables.

    Attributes:
        models: MODEL_FACTS, indexed by id; imagenet_top1 in percent, NaN where unknown.
        datasets: DATASET_FACTS, indexed by id; a count is -1 where the table leaves it open, ``pictures`` 0.
        protocols: PROTOCOL_FACTS, indexed by id.
    """

    models: pd.DataFrame
    datasets: pd.DataFrame
    protocols: pd.DataFrame

    def dataset_name(self, dataset: str) -> str:
        """Printed name; the id where the table lacks it."""
        return "Average" if dataset == AVERAGE else self.datasets["name"].get(dataset, dataset)

    def protocols_of(self, family: str) -> pd.Index:
        """Ids of the protocols of a family."""
        return self.protocols.index[self.protocols["family"] == family]

    def headline(self, protocol: str, dataset: str) -> str:
        """The metric by which a protocol is judged on a dataset."""
        metric = self.protocols.at[protocol, "metric"]
        return self.datasets.at[dataset, "metric"] if metric == protocols.OWN else metric


def write_study(path: str | Path, rows: dict[str, dict[str, list]]) -> None:
    """Write the resolved rows (``resolve``) for the jobs that analyse."""
    files.write_json(path, rows)


def resolve(
    models: pd.DataFrame, datasets: pd.DataFrame, protocols: pd.DataFrame
) -> dict[str, dict[str, list]]:
    """Plain rows of three tables (``study``), as a param of a rule and as JSON take them."""
    tables = {
        "models": models[MODEL_FACTS].astype({"imagenet_top1": object}),
        "datasets": datasets[DATASET_FACTS],
        "protocols": protocols[PROTOCOL_FACTS],
    }
    return {
        name: table.where(table.notna(), None).reset_index().to_dict("list") for name, table in tables.items()
    }


def read_study(path: str | Path) -> Study:
    """The study in a file of ``write_study``."""
    rows = json.loads(Path(path).read_text(encoding="utf-8"))
    models, datasets, protocols = (
        pd.DataFrame(rows[name]).set_index("id") for name in ("models", "datasets", "protocols")
    )
    return Study(models.astype({"imagenet_top1": float}), datasets, protocols)


def read_settings(path: str | Path, study: Study) -> pd.DataFrame:
    """The long table at ``path`` as ``by_setting`` returns it, without the families ``protocols.CURVED``.

    Their curves would be a column group for each number of labels, or layer; ``results.efficiency`` and
    ``results.layers`` read them.

    Raises:
        InputError: nothing else is there.
    """
    table = read_table(path)
    table = table[~table["protocol"].map(study.protocols["family"]).isin(protocols.CURVED)]
    if table.empty:
        raise InputError(
            f"{path} has curves over numbers of labels or layers alone; `snakemake utility figures` draws "
            "them"
        )
    return by_setting(table, study)


def by_setting(table: pd.DataFrame, study: Study) -> pd.DataFrame:
    """The long table with one row a setting, dataset, metric and model.

    A value over several seeds is their mean, and its interval their standard deviation; else the interval is
    that of the one run.

    Returns:
        SETTING, ``dataset metric model value interval interval_over seeds n_test mode``, in the order of the
        table, and the columns of ``with_settings``. ``interval`` is a half-width in the value's unit, NaN
        where unknown; ``interval_over`` is TEST or SEEDS; ``seeds`` counts them.
    """
    keys = [*SETTING, "dataset", "metric", "model"]
    groups = table.groupby(keys, sort=False, as_index=False)
    rows = groups.agg(
        value=("value", "mean"),
        deviation=("value", "std"),
        seeds=("value", "size"),
        ci95=("ci95", "first"),
        n_test=("n_test", "first"),
        mode=("mode", "first"),
    )
    several = rows["seeds"] > 1
    rows["interval"] = rows["deviation"].where(several, rows["ci95"])
    rows["interval_over"] = pd.Series(TEST, rows.index).mask(several, SEEDS)
    return with_settings(rows.drop(columns=["deviation", "ci95"]), study)


def means(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The rows of a long table with the same ``keys`` as one, in the order of the table.

    Returns:
        The ``keys``; ``value``, the mean; ``deviation``, the standard one over the ``runs``, NaN of one.
    """
    groups = rows.groupby(keys, sort=False, as_index=False)["value"]
    return groups.agg(value="mean", deviation="std", runs="size")


def with_settings(table: pd.DataFrame, study: Study) -> pd.DataFrame:
    """A table with the columns SETTING, and three more that follow from them and the metric.

    ``setting`` is an id for files and groups, ``title`` the setting's printed name, ``family`` that of its
    protocol.
    """
    settings = table[SETTING].drop_duplicates()
    names = {}
    for protocol, *places in settings.itertuples(index=False, name=None):
        at = dict(zip(AXES, places, strict=True))
        title = protocols.title(study.protocols, protocol, at)
        names[(protocol, *places)] = protocols.setting(protocol, at), title
    rows = list(table[SETTING].itertuples(index=False, name=None))
    return table.assign(
        setting=[names[row][0] for row in rows],
        title=[names[row][1] for row in rows],
        family=table["protocol"].map(study.protocols["family"]).fillna(TRANSFER),
    )


def deviation_name(rows: pd.DataFrame) -> str:
    """What an interval over seeds in rows with a column ``seeds`` is; nothing where there is none."""
    counts = sorted(rows.loc[rows["seeds"] > 1, "seeds"].unique())
    return f"standard deviation over {' or '.join(map(str, counts))} seeds" if counts else ""


def measurement_name(title: str, metric: str) -> str:
    """A setting's printed name with that of a metric, which may begin with it."""
    label = METRICS[metric].label
    return label if label.startswith(title) else f"{title}: {label}"
