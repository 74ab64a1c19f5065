"""Utility against numbers of labels, a panel a dataset (Newell and Deng, CVPR 2020, figures of utility)."""

import pandas as pd
from matplotlib.figure import Figure

from transferscope.figures import curves
from transferscope.figures.style import drawing, grid, note, shared_labels
from transferscope.results.resolved import Study


def utility(table: pd.DataFrame, study: Study, plot: dict) -> Figure:
    """The panels of ``label_efficiency`` that have a baseline, with utility in place of accuracy.

    Arguments as for ``label_efficiency``. Without any baseline the figure says so instead.
    """
    panels = [panel for panel in curves.panels(table, study) if panel.baseline]
    with drawing(plot):
        if not panels:
            return note(curves.NO_BASELINE, plot)
        return utility_panels(panels, study, plot)


def utility_panels(panels: list[curves.Panel], study: Study, plot: dict) -> Figure:
    """The figure with these panels."""
    names = curves.labels(panels, study)
    styles = curves.styles(list(names.values()))
    everything = pd.concat([panel.rows for panel in panels])
    key = [*curves.key(styles, scratch=""), *curves.utility_key(everything), *curves.bars_key(everything)]
    figure, axes = grid([panel.title for panel in panels], plot, columns=4, aspect=0.9, key=key)
    for ax, panel in zip(axes, panels, strict=True):
        curves.label_axis(ax, curves.budgets_of(panel.rows), plot)
        curves.utility_axis(ax, panel.rows)
        curves.draw_utilities(ax, panel.rows, {model: styles[name] for model, name in names.items()})
    shared_labels(
        figure, axes, "Labels", "Utility (labels that scratch needs for the same / labels − 1)", plot
    )
    return figure
