"""Pretrained on one dataset, evaluated on another: utility (beyond Newell and Deng, CVPR 2020)."""

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope.figures import curves
from transferscope.figures.style import INK, TEXT_WIDTH, drawing, note, small, text_width, wrap
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
    rows = rows.assign(
        source=rows["model"].map(study.models["pretrained_on"]),
        shown=rows["utility"].fillna(rows["bound"]),
        text=[_text(*row) for row in zip(rows["censored"], rows["utility"], rows["bound"], strict=True)],
    )
    evaluated = list(dict.fromkeys(rows["dataset"]))
    sources = list(dict.fromkeys(source for _, models in groups for source in models["pretrained_on"]))
    down_names, across_names = ([study.dataset_name(name) for name in ids] for ids in (sources, evaluated))
    label = max(text_width(name, size) for name in [*down_names, *across_names]) / 72 + 0.9 * em
    left, head, foot, gap = label + 1.9 * em, 1.9 * em, label + 2.2 * em, 1.2 * em
    # As many side by side as leave room for the widest number.
    narrowest = max(text_width(text, size) for text in rows["text"]) / 72 + 0.35 * em
    across = max(1, int((TEXT_WIDTH - left + gap) / (narrowest * len(evaluated) + gap)))
    across = min(across, len(groups))
    cell = min(WIDEST_CELL, ((TEXT_WIDTH - left + gap) / across - gap) / len(evaluated))
    width, height = cell * len(evaluated), cell * len(sources)
    down = math.ceil(len(groups) / across)
    middle = left + (across * (width + gap) - gap) / 2
    words = f"Evaluated on, with {curves.thousands(labels)} labels"
    middle = max(middle, text_width(words, plot["font_size"]) / 144 + 0.4 * em)
    page = max(left + across * (width + gap), 2 * middle - left), down * (head + height) + foot
    figure = Figure(figsize=page)
    architectures = {arch for (_, arch), _ in groups}
    scale = rows["shown"].max()
    for index, ((method, arch), models) in enumerate(groups):
        x, y = left + (index % across) * (width + gap), page[1] - (index // across + 1) * (head + height)
        ax = figure.add_axes((x / page[0], y / page[1], width / page[0], height / page[1]))
        title = f"{method}, {arch}" if len(architectures) > 1 else method
        ax.set_title(wrap(title, size, 72 * width, "bold"), loc="left", pad=3, weight="bold", fontsize=size)
        _cells(ax, rows[rows["model"].isin(models.index)], sources, evaluated, scale, size)
        first, last = index % across == 0, index + across >= len(groups)
        ax.set_yticks(range(len(sources)), down_names if first else [""] * len(sources))
        ax.set_xticks(range(len(evaluated)), across_names if last else [""] * len(evaluated), rotation=90)
    figure.text(middle / page[0], 0.4 * em / page[1], words, ha="center", va="bottom")
    centre = (foot + page[1]) / 2 / page[1]
    figure.text(0.9 * em / page[0], centre, "Pretrained on", rotation=90, ha="center", va="center")
    return figure


def _text(censored: str, utility: float, bound: float) -> str:
    value = utility if censored == NONE else bound
    number = f"{value:.1f}" if abs(value) < 9.95 else f"{value:.0f}"
    return {NONE: "", RIGHT: "≥ ", LEFT: "≤ "}[censored] + number.replace("-", "−")


def _cells(
    ax: Axes, rows: pd.DataFrame, sources: list[str], evaluated: list[str], scale: float, size: float
) -> None:
    """One matrix; ``rows`` have a ``source``, a value that is ``shown`` as a colour, and a ``text``."""
    shown = rows.pivot(index="source", columns="dataset", values="shown").reindex(sources, columns=evaluated)
    limits = {"vmin": 0, "vmax": scale if scale > 0 else 1}
    ax.imshow(shown, cmap=COLOURS, aspect="auto", interpolation="none", **limits)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    for row in rows.itertuples():
        colour = "white" if row.shown > 0.6 * scale else INK
        place = evaluated.index(row.dataset), sources.index(row.source)
        ax.text(*place, row.text, ha="center", va="center", fontsize=size, color=colour)
