"""The results in parts that are shown together: what makes one table, one figure, one page."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from transferscope.results.correlation import RECOGNITION
from transferscope.results.names import measurement_name, setting_name
from transferscope.study.metrics import METRICS

AVERAGE = "average"
"""The dataset, or the column, that holds the mean over the datasets."""
KEPT = ("reconstruction", "saliency", "invariance")
"""Settings that say what the features keep, not what they are good for."""


@dataclass(frozen=True)
class Column:
    """One column: the key in a TSV, the printed label, and the metric that says direction and decimals."""

    key: str
    label: str
    metric: str

    @property
    def arrow(self) -> str:
        return "↑" if METRICS[self.metric].higher_is_better else "↓"

    @property
    def says_metric(self) -> bool:
        return self.label.endswith(METRICS[self.metric].label)


@dataclass(frozen=True)
class Part:
    """The rows of a long table that make one table or one figure, and what runs across it.

    ``across`` is the column of ``rows`` that holds the keys of ``columns``.
    """

    name: str
    title: str
    rows: pd.DataFrame
    across: str
    columns: list[Column]


def split(results: pd.DataFrame, datasets: dict[str, str]) -> list[Part]:
    """A long table as the parts that are shown together, setting by setting.

    A setting with one dataset (detection, surface normals) is one part, across its metrics. One with several
    is a part across the datasets for all recognition metrics together, as in the paper, and one for any other
    metric (calibration).

    Args:
        results: the long table.
        datasets: printed names by id (``names.read_datasets``).
    """

    def across_datasets(name: str, title: str, rows: pd.DataFrame) -> Part:
        columns = _columns(rows, "dataset", lambda row: datasets.get(row.dataset, row.dataset))
        return Part(name, title, rows, "dataset", columns)

    parts = []
    for setting, rows in results.groupby("setting", sort=False):
        title = setting_name(setting)
        if rows["dataset"].nunique() == 1:
            columns = _columns(rows, "metric", lambda row: METRICS[row.metric].label)
            parts.append(Part(setting, title, rows, "metric", columns))
            continue
        recognition = rows["metric"].isin(RECOGNITION)
        if recognition.any():
            parts.append(across_datasets(setting, title, rows[recognition]))
        for metric, group in rows[~recognition].groupby("metric", sort=False):
            parts.append(across_datasets(f"{setting}_{metric}", measurement_name(setting, metric), group))
    return parts


def kept(results: pd.DataFrame) -> Part | None:
    """What the features keep (Ericsson et al. 2021, table 9): each metric's mean over the datasets.

    A model that lacks one of them is left out of that column. None where nothing of ``KEPT`` is measured.
    """
    rows = results[results["setting"].isin(KEPT)]
    if rows.empty:
        return None
    keys = ["setting", "metric"]
    everywhere = rows.groupby(keys)["dataset"].nunique().rename("everywhere")
    means = rows.groupby([*keys, "model"], sort=False).agg(
        value=("value", "mean"), here=("dataset", "nunique")
    )
    means = means.reset_index().merge(everywhere.reset_index(), on=keys)
    means = means[means["here"] == means["everywhere"]].drop(columns=["here", "everywhere"])
    means = means.assign(dataset=AVERAGE, ci95=float("nan"))
    columns = _columns(means, "metric", lambda row: METRICS[row.metric].label)
    return Part("features", "What the features keep (table 9)", means, "metric", columns)


def split_by_dataset(results: pd.DataFrame, datasets: dict[str, str]) -> list[Part]:
    """A long table as one part a dataset, across all that is measured on it: each setting and metric.

    Arguments as for ``split``; a column's key is ``measurement`` of its setting and metric.
    """
    rows = results.assign(measurement=measurement(results))
    return [
        Part(
            dataset,
            datasets.get(dataset, dataset),
            group,
            "measurement",
            _columns(group, "measurement", _measurement_label),
        )
        for dataset, group in rows.groupby("dataset", sort=False)
    ]


def measurement(table: pd.DataFrame) -> pd.Series:
    """What each row with a ``setting`` and a ``metric`` measures, as one key."""
    return table["setting"] + " " + table["metric"]


def _measurement_label(row: tuple) -> str:
    # A recognition metric is the dataset's own, so the setting says enough.
    if row.metric in RECOGNITION:
        return setting_name(row.setting)
    return measurement_name(row.setting, row.metric)


def _columns(rows: pd.DataFrame, across: str, label: Callable[[tuple], str]) -> list[Column]:
    firsts = rows.drop_duplicates(across).itertuples()
    return [Column(getattr(row, across), label(row), row.metric) for row in firsts]
