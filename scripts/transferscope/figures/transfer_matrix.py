"""Pretrained on one dataset, evaluated on another: utility (beyond Newell and Deng, CVPR 2020)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope.figures import curves
from transferscope.figures.style import INK, TEXT_WIDTH, drawing, note, small, text_width
from transferscope.results.resolved import Study
from transferscope.results.utility import LEFT, NONE, RIGHT

COLOURS = "Blues"
WIDEST_CELL = 0.55  # inches


def transfer_matrix(table: pd.DataFrame, study: Study, plot: dict) -> Figure:
    """A matrix a method: utility on each dataset (columns) of the model that was pretrained on each (rows).

    All are at one number of labels, the smallest of those at which fewest utilities are censored. Censored
    ones are printed as ``≥`` or ``≤`` their bound. Of several models with one method, architecture and
    dataset the first in the table of models is taken. Where nothing has a utility the figure says so instead.

    Args:
        table: one protocol's rows of ``efficiency.read_utility``.
        study: its models and datasets.
        plot: plot settings (``figures.style``).
    """
    rows = curves.whole(table[(table["baseline"] != "") & (table["place"] != "end")])
    models = study.models[(study.models["pretrained_on"] != "") & study.models.index.isin(rows["model"])]
    models = models.drop_duplicates(["method", "arch", "pretrained_on"])
    rows = rows[rows["model"].isin(models.index)]
    with drawing(plot):
        if rows.empty:
            return note(f"No model that was pretrained here has a utility. {curves.NO_BASELINE}", plot)
        hidden = (rows["censored"] != NONE).groupby(rows["labels"]).sum()
        labels = hidden.idxmin()
        rows = rows[rows["labels"] == labels]
        groups = list(models.groupby(["method", "arch"], sort=False))
        return _figure(groups, rows, labels, study, plot)


def _figure(groups: list, rows: pd.DataFrame, labels: float, study: Study, plot: dict) -> Figure:
    em, size = plot["font_size"] / 72, small(plot)
    evaluated = list(dict.fromkeys(rows["dataset"]))
    sources = list(dict.fromkeys(source for _, models in groups for source in models["pretrained_on"]))
    names = [study.dataset_name(dataset) for dataset in [*sources, *evaluated]]
    label = max(text_width(name, size) for name in names) / 72 + 0.9 * em
    gap, foot, left = 1.2 * em, label + 2.2 * em, label + 1.9 * em
    cell = min(WIDEST_CELL, (TEXT_WIDTH - left) / len(evaluated) - 0.1 * em)
    width, height = cell * len(evaluated), cell * len(sources)
    across = max(1, int((TEXT_WIDTH - left + gap) / (width + gap)))
    across = min(across, len(groups))
    down = -(-len(groups) // across)
    head = 1.9 * em
    total = (left + across * width + (across - 1) * gap + 0.6 * em, down * (head + height) + foot)
    figure = Figure(figsize=(max(total[0], 3.3), total[1]))
    page = figure.get_size_inches()
    several = len({arch for (_, arch), _ in groups}) > 1
    scale = rows["utility"].abs().max()
    for index, ((method, arch), models) in enumerate(groups):
        x = left + (index % across) * (width + gap)
        y = page[1] - (index // across + 1) * (head + height)
        ax = figure.add_axes((x / page[0], y / page[1], width / page[0], height / page[1]))
        ax.set_title(
            f"{method}, {arch.partition('?')[0]}" if several else method, loc="left", pad=3, weight="bold"
        )
        here = rows[rows["model"].isin(models.index)]
        here = here.assign(source=here["model"].map(models["pretrained_on"]))
        _cells(ax, here, sources, evaluated, scale, size)
        first, last = index % across == 0, index + across >= len(groups)
        ax.set_yticks(range(len(sources)), [study.dataset_name(name) for name in sources] if first else [])
        ax.set_xticks(
            range(len(evaluated)),
            [study.dataset_name(name) for name in evaluated] if last else [],
            rotation=90,
        )
    middle = (left + (across * width + (across - 1) * gap) / 2) / page[0]
    words = f"Evaluated on, with {curves.thousands(labels)} labels"
    figure.text(
        min(max(middle, text_width(words, plot["font_size"]) / 144 / page[0]), 1),
        0.4 * em / page[1],
        words,
        ha="center",
        va="bottom",
    )
    figure.text(
        0.9 * em / page[0],
        (foot + (page[1] - foot) / 2) / page[1],
        "Pretrained on",
        rotation=90,
        ha="center",
        va="center",
    )
    return figure


def _cells(
    ax: Axes, rows: pd.DataFrame, sources: list[str], evaluated: list[str], scale: float, size: float
) -> None:
    def spread(column: str) -> pd.DataFrame:
        return rows.pivot(index="source", columns="dataset", values=column).reindex(
            sources, columns=evaluated
        )

    values, bounds, kinds = spread("utility"), spread("bound"), spread("censored")
    shown = values.fillna(bounds).to_numpy(dtype=float)
    ax.imshow(
        shown, cmap=COLOURS, vmin=0, vmax=scale if scale > 0 else 1, aspect="auto", interpolation="none"
    )
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    signs = {NONE: "", RIGHT: "≥ ", LEFT: "≤ "}
    for (row, column), value in np.ndenumerate(shown):
        if np.isfinite(value):
            text = signs[kinds.iat[row, column]] + f"{value:.1f}".replace("-", "−")
            colour = "white" if value > 0.6 * scale else INK
            ax.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)
