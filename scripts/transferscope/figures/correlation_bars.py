"""How well the reference predicts each dataset, setting by setting (Ericsson et al. 2021, figure 2)."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from transferscope.figures.style import (
    BLUE,
    COLUMN_WIDTH,
    GREY,
    INK,
    ORANGE,
    PALE,
    TEXT_WIDTH,
    drawing,
    note,
    small,
    text_width,
    wrap,
)
from transferscope.results.correlation import MEAN, OWN
from transferscope.results.parts import Part, split
from transferscope.results.reference import Reference
from transferscope.results.resolved import Study
from transferscope.study.metrics import METRICS, without_unit

COEFFICIENTS = (("pearson", "Pearson, on log-odds", BLUE), ("spearman", "Spearman, on ranks", ORANGE))
_COLUMNS = 3
NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class _Panel:
    """One part of the table, with its printed title and names, wrapped; and its height in ems."""

    title: str
    names: list[str]
    rows: pd.DataFrame

    @property
    def head(self) -> float:
        return 1.3 * (self.title.count("\n") + 1) + 0.5

    @property
    def body(self) -> float:
        return (1.55 if all("\n" not in name for name in self.names) else 2.2) * len(self.names)

    @property
    def height(self) -> float:
        return self.head + self.body + 2.3


def correlation_bars(correlations: pd.DataFrame, study: Study, reference: Reference, plot: dict) -> Figure:
    """Horizontal bars of both coefficients with the reference, with 95% intervals.

    A panel a part (``parts.split``); in it a pair of bars a dataset or metric, above them one for the whole
    setting where that is a mean over datasets. The number of models stands in the title. A coefficient that
    does not exist (fewer than three models, or all alike) leaves its place empty; a metric without any is
    left out, as is the reference itself, and where there is none at all, the figure says so instead.

    Args:
        correlations: the table of ``correlation.read_correlations``.
        study: its names of datasets.
        reference: that they are of.
        plot: plot settings (``figures.style``).
    """
    table = correlations[correlations["against"] == reference.key]
    known = table["pearson"].notna().groupby([table["setting"], table["metric"]]).transform("any")
    table = table[known]
    if table.empty:
        with drawing(plot):
            return note(
                f"No correlation with {reference.name}: it needs three models whose {reference.name} is "
                "known and whose results differ.",
                plot,
            )
    parts = [reference.other_columns(part) for part in split(table[table["dataset"] != MEAN], study)]
    across = min(_COLUMNS, len(parts))
    width = TEXT_WIDTH if across > 1 else COLUMN_WIDTH
    column_width = (width - 0.4 * plot["font_size"] / 72) / across
    whole = table[table["dataset"] == MEAN]
    panels = [_panel(part, whole, reference, 72 * column_width, plot) for part in parts]
    with drawing(plot):
        return _draw(_pack(panels, across), width, column_width, plot)


def _panel(part: Part, whole: pd.DataFrame, reference: Reference, width: float, plot: dict) -> _Panel:
    rows, names = part.rows, [without_unit(column.label) for column in part.columns]
    if part.across == "dataset":
        setting, metric = rows.iloc[0][["setting", "metric"]]
        metric = OWN if METRICS[metric].recognition else metric
        mean = whole[(whole["setting"] == setting) & (whole["metric"] == metric)]
        rows = pd.concat([mean, rows])
        names = [reference.title(setting, "All datasets")] * len(mean) + names
    fewest, most = rows["n"].min(), rows["n"].max()
    n = f"(n = {most})" if fewest == most else f"(n = {fewest}–{most})"
    title = f"{without_unit(part.title)} {n.replace(' ', NO_BREAK)}"
    title = wrap(title, plot["font_size"], 0.95 * width, "bold")
    return _Panel(title, [wrap(name, small(plot), 0.45 * width) for name in names], rows)


def _draw(columns: list[list[_Panel]], width: float, column_width: float, plot: dict) -> Figure:
    em = plot["font_size"] / 72
    top, foot = 0.4 * em, 2.6 * em
    height = top + em * max(sum(panel.height for panel in column) for column in columns) + foot
    figure = Figure(figsize=(width, height))
    for place, column in enumerate(columns):
        names = [name for panel in column for name in panel.names]
        left = place * column_width + max(text_width(name, small(plot)) for name in names) / 72 + 0.8 * em
        right = (place + 1) * column_width - 0.8 * em
        y = height - top
        for panel in column:
            start = (place * column_width + 0.3 * em) / width
            figure.text(start, (y - 0.2 * em) / height, panel.title, weight="bold", va="top")
            bottom = y - (panel.head + panel.body) * em
            bounds = (left / width, bottom / height, (right - left) / width, panel.body * em / height)
            _bars(figure.add_axes(bounds), panel, plot)
            y -= panel.height * em
    handles = [Patch(color=color, label=label) for _, label, color in COEFFICIENTS]
    figure.legend(handles=handles, loc="lower center", ncols=2, borderaxespad=0.3)
    return figure


def _pack(panels: list[_Panel], columns: int) -> list[list[_Panel]]:
    """The panels in order over ``columns`` columns, the highest of them as low as can be."""
    sums = np.cumsum([0, *(panel.height for panel in panels)])
    limits = sorted(b - a for a, b in combinations(sums, 2))
    for limit in limits:
        packed: list[list[_Panel]] = [[]]
        for panel in panels:
            if sum(other.height for other in packed[-1]) + panel.height > limit + 1e-6:
                packed.append([])
            packed[-1].append(panel)
        if packed[0] and len(packed) <= columns:
            break
    return packed


def _bars(ax: Axes, panel: _Panel, plot: dict) -> None:
    at = np.arange(len(panel.rows))[::-1]
    for (name, _, color), shift in zip(COEFFICIENTS, (0.19, -0.19), strict=True):
        ax.barh(at + shift, panel.rows[name], height=0.36, color=color, zorder=2)
        low, high = panel.rows[f"{name}_low"], panel.rows[f"{name}_high"]
        ax.hlines(at + shift, low, high, color=INK, linewidth=0.7, zorder=3)
    ax.axvline(0, color=GREY, linewidth=0.6, zorder=1)
    ax.set_xlim(-1, 1)
    ax.set_ylim(-0.6, len(at) - 0.4)
    ax.set_xticks([-1, -0.5, 0, 0.5, 1], ["−1", "−0.5", "0", "0.5", "1"])
    ax.set_yticks(at, panel.names, fontsize=small(plot), linespacing=0.95)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color=PALE, linewidth=0.5)
    ax.set_axisbelow(True)
    ax.spines["left"].set_visible(False)
