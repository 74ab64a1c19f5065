"""Against ImageNet top-1: a setting's datasets (Ericsson et al. 2021, figures 5, 6), a dataset's settings."""

import pandas as pd
from matplotlib.figure import Figure

from transferscope.figures.scatter import scatter
from transferscope.figures.style import drawing, grid, model_key, number_models, shared_labels
from transferscope.results.correlation import add_scores
from transferscope.results.parts import Part
from transferscope.study.metrics import METRICS


def dataset_scatter(part: Part, models: pd.DataFrame, plot: dict) -> Figure:
    """A panel for each of the part's columns.

    Bounded metrics stand on an axis of log-odds labelled in their unit; the angles' axis is turned, so that
    up is better.

    Args:
        part: what is shown together (``parts.split``, ``parts.split_by_dataset``).
        models: ``names.read_models``.
        plot: plot settings (``plotting.style``).
    """
    rows = add_scores(part.rows)
    models = number_models(models, set(rows["model"]))
    titles = [column.label for column in part.columns]
    # One label where one metric or, in recognition, one unit serves all panels; else the titles say it.
    labels = {METRICS[column.metric].label for column in part.columns}
    titled = all(column.says_metric for column in part.columns)
    shared = labels.pop() if len(labels) == 1 else "" if titled else "Score (%)"
    with drawing(plot):
        figure, axes = grid(titles, plot, columns=4, aspect=0.9, key=model_key(models))
        for ax, column in zip(axes, part.columns, strict=True):
            scores = rows[rows[part.across] == column.key].set_index("model")["score"]
            scatter(ax, [scores], models, METRICS[column.metric], plot)
        shared_labels(figure, axes, "ImageNet top-1 (%)", shared, plot)
    return figure
