"""Transfer against ImageNet top-1, one panel a setting (Ericsson et al. 2021, figure 1)."""

import pandas as pd
from matplotlib.figure import Figure

from transferscope.errors import InputError
from transferscope.figures.scatter import scatter
from transferscope.figures.style import (
    drawing,
    grid,
    model_key,
    number_models,
    shared_labels,
)
from transferscope.results.correlation import TRANSFER, setting_scores
from transferscope.results.names import setting_name


def correlation_scatter(results: pd.DataFrame, models: pd.DataFrame, plot: dict) -> Figure:
    """Log-odds of each whole setting, averaged over its datasets, against ImageNet top-1.

    ``results`` is the long table, ``models`` that of ``names.read_models``, ``plot`` the settings of
    ``plotting.style``.

    Raises:
        InputError: no setting measures transfer.
    """
    scores = setting_scores(results)
    scores = scores[scores["metric"].isin(TRANSFER)]
    if scores.empty:
        raise InputError(
            "no setting of the results measures transfer; add the protocol linear, knn or fewshot"
        )
    models = number_models(models, set(scores["model"]))
    with drawing(plot):
        groups = list(scores.groupby("setting", sort=False))
        figure, axes = grid(
            [setting_name(setting) for setting, _ in groups],
            plot,
            columns=3,
            aspect=0.8,
            key=model_key(models),
        )
        for ax, (_, group) in zip(axes, groups, strict=True):
            scatter(ax, [group.set_index("model")["score"]], models, None, plot)
        shared_labels(figure, axes, "ImageNet top-1 (%)", "Transfer (log-odds)", plot)
    return figure
