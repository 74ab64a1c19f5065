"""Transfer against the reference, one panel a setting (Ericsson et al. 2021, figure 1)."""

import pandas as pd
from matplotlib.figure import Figure

from transferscope.errors import InputError
from transferscope.figures.scatter import deviation_key, scatter
from transferscope.figures.style import (
    drawing,
    grid,
    model_key,
    note,
    number_models,
    shared_labels,
)
from transferscope.results.correlation import OWN, transfer_scores
from transferscope.results.reference import Reference
from transferscope.results.resolved import TRANSFER, Study, measurement_name
from transferscope.study.metrics import METRICS


def correlation_scatter(results: pd.DataFrame, study: Study, reference: Reference, plot: dict) -> Figure:
    """Log-odds of each whole setting, averaged over its datasets, against the reference.

    A setting whose metric has none, such as an error in metres, is in that metric, which its title names.
    What is the reference itself is left out. ``results`` are the results by setting, ``plot`` the settings of
    ``figures.style``.

    Raises:
        InputError: no setting measures transfer.
    """
    scores = transfer_scores(results, study)
    if scores.empty:
        raise InputError(
            "no setting of the results measures transfer; "
            f"add one of the protocols {', '.join(study.protocols_of(TRANSFER))}"
        )
    scores = transfer_scores(reference.others(results), study)
    if scores.empty:
        with drawing(plot):
            return note(f"Nothing but the reference itself, {reference.name}, measures transfer.", plot)
    models = number_models(study.models, set(scores["model"]), reference)
    titles, metrics, groups = [], [], []
    for (setting, title, metric), group in scores.groupby(["setting", "title", "metric"], sort=False):
        in_odds = metric == OWN or METRICS[metric].bounded
        titles.append(reference.title(setting, title if in_odds else measurement_name(title, metric)))
        metrics.append(None if in_odds else METRICS[metric])
        groups.append(group.set_index("model"))
    with drawing(plot):
        key = [*model_key(models, reference), *deviation_key(scores)]
        figure, axes = grid(titles, plot, columns=3, aspect=0.8, key=key, x_label=reference.label)
        for ax, group, metric in zip(axes, groups, metrics, strict=True):
            scatter(ax, [group], models, reference, metric, plot)
        shared_labels(figure, axes, reference.label, "Transfer (log-odds)", plot)
    return figure
