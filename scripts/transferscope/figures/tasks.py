"""Utility for one task beside that for another (Newell and Deng, CVPR 2020)."""

from dataclasses import replace

import pandas as pd
from matplotlib.figure import Figure

from transferscope.figures import curves
from transferscope.figures.style import drawing, note
from transferscope.figures.utility import utility_panels
from transferscope.results.resolved import Study


def tasks(table: pd.DataFrame, study: Study, plot: dict) -> Figure:
    """A panel a dataset and task, dataset by dataset: utility as ``utility`` draws it.

    Of the protocols with one task the first is taken. Without any baseline the figure says so instead.

    Args:
        table: ``efficiency.read_utility``.
        study: its models, datasets and protocols.
        plot: plot settings (``figures.style``).
    """
    facts = study.protocols.loc[[name for name in study.protocols.index if name in set(table["protocol"])]]
    panels = []
    for protocol, title in facts.drop_duplicates("task")["title"].items():
        for panel in curves.panels(table[table["protocol"] == protocol], study):
            if panel.baseline:
                panels.append(replace(panel, title=f"{panel.title}: {title}"))
    order = list(dict.fromkeys(table["dataset"]))
    with drawing(plot):
        if not panels:
            return note(curves.NO_BASELINE, plot)
        return utility_panels(sorted(panels, key=lambda panel: order.index(panel.dataset)), study, plot)
