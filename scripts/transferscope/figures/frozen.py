"""Accuracy against numbers of labels for each frozen depth (Newell and Deng, CVPR 2020)."""

import pandas as pd
from matplotlib.figure import Figure

from transferscope.figures import curves
from transferscope.figures.style import drawing, grid, note, shared_labels
from transferscope.results.resolved import RANDOM, Study
from transferscope.study.axes import AXES

NOTHING = "Nothing frozen"


def frozen(table: pd.DataFrame, study: Study, plot: dict) -> Figure:
    """A panel a dataset and pretrained model: a curve a depth, and scratch with nothing frozen, dashed.

    Where no model was frozen the figure says so instead.

    Args:
        table: one protocol's rows of ``efficiency.read_utility``.
        study: its models and datasets.
        plot: plot settings (``figures.style``).
    """
    trained = table["model"].map(study.models["supervision"]) != RANDOM
    deep = table[trained & (table["layer"] == "")]
    stages = sorted(set(deep["freeze"]) - {""}, key=int)
    with drawing(plot):
        if not stages:
            return note("Nothing was frozen in these runs: add depths to the protocol's settings.", plot)
        names = {"": NOTHING} | {stage: AXES["freeze"].format(stage).capitalize() for stage in stages}
        styles = curves.styles(list(names.values()))
        baselines = set(deep["baseline"]) - {""}
        key = curves.key(styles, scratch="Scratch" if baselines else "")
        panels = list(deep.groupby(["dataset", "model"], sort=False))
        titles = [
            f"{study.dataset_name(dataset)}: {study.models.loc[model, 'name']}"
            for (dataset, model), _ in panels
        ]
        figure, axes = grid(titles, plot, columns=4, aspect=0.9, key=[*key, *curves.bars_key(deep)])
        for ax, ((dataset, _), rows) in zip(axes, panels, strict=True):
            curves.accuracy_axis(ax, rows)
            curves.label_axis(ax, rows["labels"], plot)
            scratch = curves.whole(
                table[(table["dataset"] == dataset) & table["model"].isin(rows["baseline"])]
            )
            if len(scratch):
                curves.draw_accuracy(ax, scratch, curves.SCRATCH)
            for stage, curve in rows.groupby("freeze", sort=False):
                curves.draw_accuracy(ax, curve, styles[names[stage]])
        shared_labels(figure, axes, "Labels", curves.accuracy_label(deep), plot)
    return figure
