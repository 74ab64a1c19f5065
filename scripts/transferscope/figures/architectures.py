"""Architectures side by side: scratch and the best model of each (Newell and Deng, CVPR 2020)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope.figures import curves
from transferscope.figures.style import GREY, drawing, grid, note, shared_labels, small, wrap
from transferscope.results.resolved import Study


def architectures(table: pd.DataFrame, study: Study, plot: dict) -> Figure:
    """A panel a dataset: of each baseline its own curve, dashed, and that of the best model over it.

    The best has the highest mean accuracy over the numbers of labels; the panel names it. With fewer than two
    baselines the figure says so instead.

    Args:
        table: one protocol's rows of ``efficiency.read_utility``.
        study: its models and datasets.
        plot: plot settings (``figures.style``).
    """
    groups = {}
    for panel in curves.panels(table, study):
        if panel.baseline:
            groups.setdefault(panel.dataset, []).append(panel)
    names = {
        panel.baseline: study.models.loc[panel.baseline, "name"]
        for group in groups.values()
        for panel in group
    }
    with drawing(plot):
        if len(names) < 2:
            return note(f"Architectures are compared where two have a random model; {len(names)} has.", plot)
        styles = curves.styles(list(names.values()))
        called = curves.labels([panel for group in groups.values() for panel in group], study)
        key = []
        for name, style in styles.items():
            lines = curves.key(
                {f"{name}: scratch": _scratch(style), f"{name}: best model": style}, scratch=""
            )
            key += lines
        titles = [study.dataset_name(dataset) for dataset in groups]
        figure, axes = grid(titles, plot, columns=4, aspect=0.9, key=[*key, *curves.bars_key(table)])
        for ax, group in zip(axes, groups.values(), strict=True):
            rows = pd.concat([panel.rows for panel in group])
            curves.accuracy_axis(ax, rows)
            curves.label_axis(ax, curves.budgets_of(rows), plot)
            _draw(ax, group, {panel.baseline: styles[names[panel.baseline]] for panel in group}, called, plot)
        shared_labels(figure, axes, "Labels", curves.accuracy_label(table), plot)
    return figure


def _draw(
    ax: Axes, group: list[curves.Panel], styles: dict[str, dict], called: dict[str, str], plot: dict
) -> None:
    """The curves of one dataset; ``styles`` are by baseline, models are ``called`` so."""
    chosen = []
    for panel in group:
        style = styles[panel.baseline]
        best = panel.rows.groupby("model", sort=False)["value"].mean().idxmax()
        curves.draw_accuracy(ax, panel.scratch, _scratch(style))
        curves.draw_accuracy(ax, panel.rows[panel.rows["model"] == best], style)
        chosen.append(called[best])
    text = wrap(f"best: {', '.join(chosen)}", small(plot), 0.95 * ax.get_window_extent().width)
    # Curves rise, so the corner below their ends is free.
    place = {"ha": "right", "va": "bottom", "transform": ax.transAxes}
    ax.text(0.99, 0.02, text, fontsize=small(plot), color=GREY, **place)


def _scratch(style: dict) -> dict:
    return style | {"linestyle": curves.SCRATCH["linestyle"], "markerfacecolor": "white"}
