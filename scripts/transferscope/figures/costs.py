"""What each model took, protocol by protocol."""

from itertools import cycle

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from transferscope.figures.style import COLUMN_WIDTH, PALE, drawing, small, text_width
from transferscope.results.resolved import Study


def cost_bars(costs: pd.DataFrame, study: Study, plot: dict) -> Figure:
    """A stacked bar a model of hours by protocol: of GPUs, or of cores where no job had a GPU.

    Args:
        costs: the table of ``cluster.costs.costs``.
        study: its models, in the order of the bars; another id is printed as it is, at last.
        plot: plot settings (``figures.style``).
    """
    column, unit = ("gpu_hours", "GPU hours") if costs["gpu_hours"].any() else ("core_hours", "Core hours")
    hours = costs.pivot_table(
        index="model", columns="protocol", values=column, aggfunc="sum", fill_value=0, sort=False
    )
    named = study.models["name"]
    others = [model for model in hours.index if model not in named.index]
    hours = hours.reindex([model for model in named.index if model in hours.index] + others)
    hours = hours.loc[:, hours.sum() > 0]
    names = [named.get(model, model) for model in hours.index]
    em = plot["font_size"] / 72
    left = max(text_width(name, small(plot)) for name in names) / 72 + 1.5 * em
    rows_of_key = -(-len(hours.columns) // 3)
    below = (3.6 + 1.4 * rows_of_key) * em
    height = 1.6 * em * len(names) + below + em
    with drawing(plot):
        figure = Figure(figsize=(COLUMN_WIDTH, height))
        bounds = (
            left / COLUMN_WIDTH,
            below / height,
            1 - (left + em) / COLUMN_WIDTH,
            1 - (below + em) / height,
        )
        ax = figure.add_axes(bounds)
        start = pd.Series(0.0, hours.index)
        # Its strong colours first, then its pale ones.
        colours = matplotlib.colormaps["tab20"].colors
        colours = colours[::2] + colours[1::2]
        for colour, (protocol, taken) in zip(cycle(colours), hours.items(), strict=False):
            ax.barh(range(len(names)), taken, left=start, height=0.75, color=colour, label=protocol)
            start += taken
        ax.set_yticks(range(len(names)), names)
        ax.invert_yaxis()
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.grid(axis="x", color=PALE, linewidth=0.5)
        ax.set_axisbelow(True)
        ax.set_xlabel(unit)
        figure.legend(
            ax.containers,
            list(hours.columns),  # said, since of itself a key leaves out what begins with an underscore
            loc="lower center",
            ncols=3,
            borderaxespad=0.3,
            handlelength=1.0,
            columnspacing=1.0,
        )
    return figure
