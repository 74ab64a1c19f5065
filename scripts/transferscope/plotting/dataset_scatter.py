"""One setting, dataset by dataset, against ImageNet top-1 (Ericsson et al. 2021, figures 5 and 6)."""

import pandas as pd
from matplotlib.figure import Figure

from transferscope.correlation import add_scores
from transferscope.metrics import METRICS
from transferscope.plotting.scatter import scatter
from transferscope.plotting.style import drawing, grid, model_key, number_models, shared_labels
from transferscope.tables import Part


def dataset_scatter(part: Part, models: pd.DataFrame, datasets: dict[str, str], plot: dict) -> Figure:
    """Small multiples: a panel a dataset, or a metric where the setting has one dataset.

    Bounded metrics stand on an axis of log-odds labelled in their unit; the angles' axis is turned, so that
    up is better.

    Args:
        part: what is shown together (``tables.split``).
        models: ``names.read_models``.
        datasets: ``names.read_datasets``.
        plot: plot settings (``plotting.style``).
    """
    rows = add_scores(part.rows)
    models = number_models(models, set(rows["model"]))
    groups = list(rows.groupby(["dataset", "metric"], sort=False))
    if part.across == "dataset":
        titles = [datasets.get(dataset, dataset) for (dataset, _), _ in groups]
    else:
        titles = [METRICS[metric].label for (_, metric), _ in groups]
    # One label where one metric or one unit serves all panels; else the titles say it.
    labels = {METRICS[metric].label for (_, metric), _ in groups}
    shared = labels.pop() if len(labels) == 1 else "Score (%)" if part.across == "dataset" else ""
    with drawing(plot):
        figure, axes = grid(titles, plot, columns=4, aspect=0.9, key=model_key(models))
        for ax, ((_, metric), group) in zip(axes, groups, strict=True):
            scatter(ax, [group.set_index("model")["score"]], models, METRICS[metric], plot)
        shared_labels(figure, axes, "ImageNet top-1 (%)", shared, plot)
    return figure
