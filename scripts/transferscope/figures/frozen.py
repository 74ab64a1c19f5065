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
    names = depths(deep["freeze"])
    with drawing(plot):
        if len(names) == 1:
            return note("Nothing was frozen in these runs: add depths to the protocol's settings.", plot)
        styles = curves.styles(list(names.values()))
        panels = curves.panels(table, study)
        called = curves.labels(panels, study)
        scratch = "Scratch" if any(len(panel.scratch) for panel in panels) else ""
        key = [*curves.key(styles, scratch=scratch), *curves.bars_key(deep)]
        groups = [(panel, model) for panel in panels for model in panel.rows["model"].unique()]
        groups = [(panel, model) for panel, model in groups if model in set(deep["model"])]
        titles = [f"{panel.title}: {called[model]}" for panel, model in groups]
        figure, axes = grid(titles, plot, columns=4, aspect=0.9, key=key)
        for ax, (panel, model) in zip(axes, groups, strict=True):
            rows = deep[(deep["dataset"] == panel.dataset) & (deep["model"] == model)]
            curves.accuracy_axis(ax, rows)
            curves.label_axis(ax, curves.budgets_of(rows), plot)
            if len(panel.scratch):
                curves.draw_accuracy(ax, panel.scratch, curves.SCRATCH)
            for stage, curve in rows.groupby("freeze", sort=False):
                curves.draw_accuracy(ax, curve, styles[names[stage]])
        shared_labels(figure, axes, "Labels", curves.accuracy_label(deep), plot)
    return figure


def depths(stages: pd.Series) -> dict[str, str]:
    """What nothing frozen, and each of the stages up to which networks were, is called, in their order."""
    found = sorted(set(stages) - {""}, key=int)
    return {"": NOTHING} | {stage: AXES["freeze"].format(stage).capitalize() for stage in found}
