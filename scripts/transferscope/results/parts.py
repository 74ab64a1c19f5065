"""The results in parts that are shown together: what makes one table, one figure, one page."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from transferscope.results.resolved import AVERAGE, FEATURES, Study, measurement_name
from transferscope.study.metrics import METRICS


@dataclass(frozen=True)
class Column:
    """One column: the key in a TSV, the printed label, and the metric that says direction and decimals."""

    key: str
    label: str
    metric: str

    @property
    def arrow(self) -> str:
        """Which direction is better, or nothing where neither is."""
        return {True: "↑", False: "↓", None: ""}[METRICS[self.metric].higher_is_better]

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

    @property
    def family(self) -> str:
        """That of its setting, or of its first."""
        return self.rows["family"].iloc[0]


def split(results: pd.DataFrame, study: Study) -> list[Part]:
    """The results by setting as the parts that are shown together, setting by setting.

    A setting with one dataset (detection, surface normals) is one part, across its metrics. One with several
    is a part across the datasets for all recognition metrics together, as in the paper, and one for any other
    metric (calibration).

    Args:
        results: any table with the columns of ``resolved.with_settings``, and ``dataset`` and ``metric``.
        study: its names of datasets.
    """

    def across_datasets(name: str, title: str, rows: pd.DataFrame) -> Part:
        names = [study.dataset_name(dataset) for dataset in rows["dataset"]]
        return Part(name, title, rows, "dataset", _columns(rows, "dataset", names))

    parts = []
    for setting, rows in results.groupby("setting", sort=False):
        title = rows["title"].iloc[0]
        if rows["dataset"].nunique() == 1:
            labels = [METRICS[metric].label for metric in rows["metric"]]
            parts.append(Part(setting, title, rows, "metric", _columns(rows, "metric", labels)))
            continue
        recognition = np.array([METRICS[metric].recognition for metric in rows["metric"]], dtype=bool)
        if recognition.any():
            parts.append(across_datasets(setting, title, rows[recognition]))
        for metric, group in rows[~recognition].groupby("metric", sort=False):
            parts.append(across_datasets(f"{setting}_{metric}", measurement_name(title, metric), group))
    return parts


def kept(results: pd.DataFrame) -> Part | None:
    """What the features keep (Ericsson et al. 2021, table 9): each metric's mean over the datasets.

    It is of the settings of the family FEATURES. A model that lacks one of a setting's datasets is left out
    of its columns. None where nothing of the kind is measured.
    """
    rows = results[results["family"] == FEATURES]
    keys = ["setting", "title", "metric"]
    means = rows.assign(everywhere=rows.groupby(keys)["dataset"].transform("nunique"))
    means = means.groupby([*keys, "model"], sort=False, as_index=False).agg(
        value=("value", "mean"),
        here=("dataset", "nunique"),
        everywhere=("everywhere", "first"),
        interval=("interval", "first"),
        interval_over=("interval_over", "first"),
        seeds=("seeds", "max"),
    )
    means = means[means["here"] == means["everywhere"]]
    if means.empty:
        return None
    # A metric says enough, unless several settings have it.
    alone = means.groupby("metric")["setting"].transform("nunique") == 1
    means = means.drop(columns=["here", "everywhere"]).assign(
        dataset=AVERAGE,
        # The mean of half-widths is not the half-width of the mean.
        interval=means["interval"].where(means["everywhere"] == 1),
        column=means["metric"].where(alone, measurement(means)),
    )
    labels = [
        METRICS[row.metric].label if by_metric else measurement_name(row.title, row.metric)
        for row, by_metric in zip(means.itertuples(), alone, strict=True)
    ]
    columns = _columns(means, "column", labels)
    return Part("features", "What the features keep (table 9)", means, "column", columns)


def split_by_dataset(results: pd.DataFrame, study: Study) -> list[Part]:
    """The results by setting as one part a dataset, across all that is measured on it.

    Arguments as for ``split``; a column's key is ``measurement`` of its setting and metric.
    """
    parts = []
    for dataset, rows in results.groupby("dataset", sort=False):
        rows = rows.assign(measurement=measurement(rows))
        labels = [
            # A recognition metric is the dataset's own, so the setting says enough.
            row.title if METRICS[row.metric].recognition else measurement_name(row.title, row.metric)
            for row in rows.itertuples()
        ]
        columns = _columns(rows, "measurement", labels)
        parts.append(Part(dataset, study.dataset_name(dataset), rows, "measurement", columns))
    return parts


def measurement(table: pd.DataFrame) -> pd.Series:
    """What each row with a ``setting`` and a ``metric`` measures, as one key."""
    return table["setting"] + " " + table["metric"]


def _columns(rows: pd.DataFrame, across: str, labels: list[str]) -> list[Column]:
    """The columns across ``rows``, which have ``labels``."""
    firsts = rows.assign(label=labels).drop_duplicates(across)
    return [Column(*first) for first in zip(firsts[across], firsts["label"], firsts["metric"], strict=True)]
