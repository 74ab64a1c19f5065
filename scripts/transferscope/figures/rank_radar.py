"""Each model's rank in every setting, as one small radar a model (Ericsson et al. 2021, figure 7)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope.figures.style import (
    GREY,
    KINDS,
    PALE,
    TEXT_WIDTH,
    drawing,
    note,
    small,
    wrap,
)
from transferscope.results.ranks import Ranks, rank_models
from transferscope.results.resolved import Study


@dataclass(frozen=True)
class _Layout:
    """Panels in columns of equal width; the key, whose labels need room, takes some of the first two rows."""

    columns: int
    key_columns: int

    @property
    def cell(self) -> float:
        """Width of a column in inches."""
        return TEXT_WIDTH / self.columns

    def slots(self, count: int) -> list[tuple[int, int]]:
        """Row and column of each model's panel."""
        beside = [(row, column) for row in range(2) for column in range(self.key_columns, self.columns)]
        below = [(2 + index // self.columns, index % self.columns) for index in range(count)]
        return [*beside, *below][:count]


_FEW, _MANY = _Layout(columns=5, key_columns=2), _Layout(columns=7, key_columns=3)


def rank_radar(results: pd.DataFrame, study: Study, plot: dict) -> Figure:
    """Small multiples of ranks over the settings that measure transfer; the rim is rank 1, the centre last.

    The first panel is the key to the directions. Models come from the best mean rank to the worst; only those
    with a score in every setting are ranked, the rest are named below, and so are settings that few models
    have (``results.ranks``). With fewer than three settings, which span no area, or fewer than two such
    models, the figure says so instead.

    Args:
        results: the results by setting.
        study: its models.
        plot: plot settings (``figures.style``).
    """
    found = rank_models(results, study)
    with drawing(plot):
        if len(found.ranks.columns) < 3:
            count = len(found.ranks.columns)
            return note(f"A radar needs three settings; these results have {count}.", plot)
        if len(found.ranks) < 2:
            return note(
                f"A radar ranks two models or more with a score in every setting; {len(found.ranks)} has.",
                plot,
            )
        return _radars(found, study.models, plot)


def _radars(found: Ranks, models: pd.DataFrame, plot: dict) -> Figure:
    ranks, em = found.ranks, plot["font_size"] / 72
    layout = _FEW if len(ranks) <= 18 else _MANY
    cell = layout.cell
    panel = 0.82 * cell
    titles = {
        model: wrap(models.loc[model, "name"], plot["font_size"], 72 * cell - 6, "bold")
        for model in ranks.index
    }
    head = (1.25 * (max(title.count("\n") for title in titles.values()) + 1) + 1.6) * em
    notes = "\n".join(wrap(line, small(plot), 72 * TEXT_WIDTH - 8) for line in _left_out(found, models))
    foot = 1.3 * em * (notes.count("\n") + 2) if notes else 0.4 * em
    slots = layout.slots(len(ranks))
    rows = max(2, slots[-1][0] + 1)
    height = rows * (panel + head) + foot
    figure = Figure(figsize=(TEXT_WIDTH, height))
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(ranks.columns)) / len(ranks.columns)
    spokes = np.column_stack([np.cos(angles), np.sin(angles)])

    key = (0, height - 2 * (panel + head), layout.key_columns * cell, 2 * (panel + head))
    ax = _panel(figure, key, spokes, len(ranks), radius=0.62 * cell)
    room = 72 * (layout.key_columns / 2 - 0.66) * cell - 4
    _label_spokes(ax, spokes, list(ranks.columns), len(ranks), room, plot)
    for (model, rank), (row, column) in zip(ranks.iterrows(), slots, strict=True):
        x, y = column * cell, height - (row + 1) * (panel + head)
        ax = _panel(figure, (x, y, cell, panel), spokes, len(ranks), radius=0.4 * cell)
        style = KINDS[models.loc[model, "supervision"]]
        shape = spokes * _distance(rank.to_numpy(), len(ranks))[:, None]
        ax.fill(*shape.T, facecolor=style["color"], alpha=0.25, linewidth=0, zorder=2)
        ax.fill(*shape.T, facecolor="none", edgecolor=style["color"], linewidth=1.0, zorder=3)
        ax.plot(*shape.T, linestyle="", markersize=2.2, zorder=4, **style)
        middle, above = (x + cell / 2) / TEXT_WIDTH, y + panel + 0.2 * em
        figure.text(
            middle, (above + 1.1 * em) / height, titles[model], ha="center", va="bottom", weight="bold"
        )
        mean = f"mean rank {rank.mean():.1f}"
        figure.text(middle, above / height, mean, ha="center", va="bottom", fontsize=small(plot), color=GREY)
    if notes:
        figure.text(4 / 72 / TEXT_WIDTH, 0.4 * em / height, notes, va="bottom", fontsize=small(plot))
    return figure


def _left_out(found: Ranks, models: pd.DataFrame) -> Iterator[str]:
    if found.unranked:
        names = ", ".join(models.loc[found.unranked, "name"])
        yield f"Not ranked, since a setting is missing: {names}."
    if found.sparse:
        yield f"Left out, since few models were tried there: {', '.join(found.sparse)}."


def _distance(rank: np.ndarray, last: int) -> np.ndarray:
    """From the centre: 1 for the best rank, still a little for the last, so that its shape is seen."""
    return 1 - (rank - 1) / last


def _panel(figure: Figure, bounds: tuple[float, ...], spokes: np.ndarray, last: int, radius: float) -> Axes:
    """Axes at ``bounds`` (x, y, width, height) in inches with an empty radar of that radius amid them."""
    x, y, width, height = bounds
    total = figure.get_size_inches()[1]
    ax = figure.add_axes((x / TEXT_WIDTH, y / total, width / TEXT_WIDTH, height / total))
    ax.set_xlim(-width / 2 / radius, width / 2 / radius)
    ax.set_ylim(-height / 2 / radius, height / 2 / radius)
    ax.axis("off")
    for rank in (1, (1 + last) / 2):
        ax.fill(
            *(spokes * _distance(rank, last)).T, facecolor="none", edgecolor=PALE, linewidth=0.6, zorder=1
        )
    for spoke in spokes:
        ax.plot([0, spoke[0]], [0, spoke[1]], color=PALE, linewidth=0.6, zorder=1)
    return ax


def _label_spokes(
    ax: Axes, spokes: np.ndarray, settings: list[str], last: int, room: float, plot: dict
) -> None:
    """The key: each spoke's setting in at most ``room`` points on its side, and the ranks of the rings."""
    for spoke, setting in zip(spokes, settings, strict=True):
        upright = abs(spoke[0]) < 0.1
        ax.text(
            *(1.08 * spoke),
            wrap(setting, small(plot), 2 * room if upright else room),
            ha="center" if upright else "left" if spoke[0] > 0 else "right",
            va="center" if not upright else "bottom" if spoke[1] > 0 else "top",
            fontsize=small(plot),
            linespacing=1.0,
        )
    for rank in (1, (1 + last) / 2, last):
        text = f"rank {rank:g}" if rank == 1 else f"{rank:g}"
        # Beside the first spoke, which points up.
        ax.text(
            0.04, _distance(rank, last) - 0.03, text, ha="left", va="top", fontsize=small(plot), color=GREY
        )
