"""Calibration error against the reference (as Ericsson et al. 2021, figure 3)."""

import pandas as pd
from matplotlib.figure import Figure

from transferscope.errors import InputError
from transferscope.figures.scatter import deviation_key, scatter
from transferscope.figures.style import (
    INK,
    drawing,
    grid,
    marker,
    model_key,
    note,
    number_models,
    shared_labels,
)
from transferscope.results.correlation import setting_scores
from transferscope.results.reference import Reference
from transferscope.results.resolved import CALIBRATION, Study
from transferscope.study.metrics import METRICS

ERRORS = ["ece", "ece_scaled"]
SCALING = [
    (marker(marker="o", color=INK), "before temperature scaling"),
    (marker(marker="o", color=INK, markerfacecolor="white"), "after it"),
]


def calibration_scatter(results: pd.DataFrame, study: Study, reference: Reference, plot: dict) -> Figure:
    """ECE before (filled) and after (hollow) temperature scaling, one panel a calibrated probe.

    The error is the mean over the datasets of its log-odds, labelled in percent. Arguments as for
    ``correlation_scatter``.

    Raises:
        InputError: no setting measures calibration.
    """
    results = results[(results["family"] == CALIBRATION) & results["metric"].isin(ERRORS)]
    if results.empty:
        raise InputError(
            "no setting of the results measures calibration; "
            f"add one of the protocols {', '.join(study.protocols_of(CALIBRATION))}"
        )
    scores = setting_scores(reference.others(results))
    if scores.empty:
        with drawing(plot):
            return note(f"Nothing but the reference itself, {reference.name}, measures calibration.", plot)
    models = number_models(study.models, set(scores["model"]), reference)
    with drawing(plot):
        groups = list(scores.groupby(["setting", "title"], sort=False))
        titles = [reference.title(setting, title) for (setting, title), _ in groups]
        key = [*model_key(models, reference), *SCALING, *deviation_key(scores)]
        figure, axes = grid(titles, plot, columns=2, aspect=0.75, key=key, x_label=reference.label)
        for ax, (_, group) in zip(axes, groups, strict=True):
            by_metric = [rows.set_index("model") for _, rows in group.groupby("metric")]
            scatter(ax, by_metric, models, reference, METRICS["ece"], plot)
        shared_labels(figure, axes, reference.label, "Expected calibration error (%)", plot)
    return figure
