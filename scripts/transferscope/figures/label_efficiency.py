"""Accuracy against numbers of labels, a panel a dataset (Newell and Deng, CVPR 2020, figures of accuracy)."""

import pandas as pd
from matplotlib.figure import Figure

from transferscope.figures import curves
from transferscope.figures.style import drawing, grid, shared_labels
from transferscope.results.resolved import Study


def label_efficiency(table: pd.DataFrame, study: Study, plot: dict) -> Figure:
    """Every model's curve and, dashed, its baseline's; different baselines stand in panels of their own.

    Args:
        table: one protocol's rows of ``efficiency.read_utility``.
        study: its models and datasets.
        plot: plot settings (``figures.style``).
    """
    panels = curves.panels(table, study)
    names = curves.labels(panels, study)
    styles = curves.styles(list(names.values()))
    scratch = "Scratch" if any(len(panel.scratch) for panel in panels) else ""
    key = [*curves.key(styles, scratch=scratch), *curves.bars_key(table)]
    with drawing(plot):
        figure, axes = grid([panel.title for panel in panels], plot, columns=4, aspect=0.9, key=key)
        for ax, panel in zip(axes, panels, strict=True):
            curves.accuracy_axis(ax, panel.rows)
            curves.label_axis(ax, curves.budgets_of(panel.rows), plot)
            if len(panel.scratch):
                curves.draw_accuracy(ax, panel.scratch, curves.SCRATCH)
            for model, rows in panel.rows.groupby("model", sort=False):
                curves.draw_accuracy(ax, rows, styles[names[model]])
        shared_labels(figure, axes, "Labels", curves.accuracy_label(table), plot)
    return figure
