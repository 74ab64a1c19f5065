"""What figures over numbers of labels share: which curves stand together, axes, how utility is drawn.

They all read the table of utility (``results.efficiency.read_utility``), which has the accuracies too.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.path import Path
from matplotlib.ticker import NullLocator

from transferscope.figures.style import (
    BLUE,
    GREY,
    INK,
    MARKER_SIZE,
    ORANGE,
    PALE,
    VERMILION,
    padded,
    small,
    text_width,
)
from transferscope.results.resolved import Study
from transferscope.results.utility import BEYOND, END, LEFT, NONE, RIGHT
from transferscope.study.metrics import METRICS

COLOURS = (BLUE, VERMILION, "#009E73", ORANGE, "#CC79A7", "#56B4E9")
MARKERS = ("o", "D", "^", "s", "v", "P", "*")
SCRATCH = {"color": INK, "marker": "X", "linestyle": (0, (4, 2))}
NO_BASELINE = (
    "No model has a baseline here: utility is over a random model of the same architecture (source `random` "
    "in the table of models), or the one that the column `baseline` names."
)
MOST_UTILITY = 10
"""What is more stands at the upper edge, its marker hollow."""

_UP = [(0, 0), (0, 1), (-0.25, 0.65), (0, 1), (0.25, 0.65)]
_CODES = [Path.MOVETO, Path.LINETO, Path.MOVETO, Path.LINETO, Path.LINETO]
_ARROWS = {RIGHT: Path(_UP, _CODES), LEFT: Path([(x, -y) for x, y in _UP], _CODES)}
_ARROW = {"linestyle": "", "fillstyle": "none", "markeredgewidth": 0.8}
_ARROW_LENGTH = 8.5  # points


@dataclass(frozen=True)
class Panel:
    """The curves that are drawn together: of one dataset and, over it, of one baseline.

    Attributes:
        dataset: its id.
        baseline: the random model's id, or nothing.
        title: as printed.
        rows: of the models, with nothing frozen.
        scratch: the rows of the baseline; none where there is none.
    """

    dataset: str
    baseline: str
    title: str
    rows: pd.DataFrame
    scratch: pd.DataFrame


def whole(table: pd.DataFrame) -> pd.DataFrame:
    """The rows in which nothing is frozen and the head reads the last feature."""
    return table[(table["freeze"] == "") & (table["layer"] == "")]


def panels(table: pd.DataFrame, study: Study) -> list[Panel]:
    """The panels of one protocol's rows, dataset by dataset.

    Where models were pretrained on the very dataset, those that were pretrained on another one of the study's
    are left out (the transfer matrix has them).
    """
    table = whole(table)
    found = []
    for dataset, rows in table.groupby("dataset", sort=False):
        origin = rows["model"].map(study.models["pretrained_on"])
        if (origin == dataset).any():
            rows = rows[origin.isin(["", dataset])]
        serving = set(rows["baseline"]) - {""}
        models = rows[~rows["model"].isin(serving)]
        for baseline, group in models.groupby("baseline", sort=False):
            title = study.dataset_name(dataset)
            found.append(Panel(dataset, baseline, title, group, rows[rows["model"] == baseline]))
    if len({panel.baseline for panel in found}) > 1:
        names = study.models["name"]
        found = [
            Panel(
                panel.dataset,
                panel.baseline,
                f"{panel.title}, {_over(panel.baseline, names)}",
                panel.rows,
                panel.scratch,
            )
            for panel in found
        ]
    return found


def _over(baseline: str, names: pd.Series) -> str:
    return f"over {names[baseline]}" if baseline else "no baseline"


def labels(panels: list[Panel], study: Study) -> dict[str, str]:
    """What each model is called in the key of all panels.

    It is its method, where several models have it and no panel has two of them, else its name.
    """
    models = list(dict.fromkeys(model for panel in panels for model in panel.rows["model"]))
    methods = study.models.loc[models, "method"]
    alone = methods.map(methods.value_counts()) == 1
    for panel in panels:
        here = methods[panel.rows["model"].unique()]
        alone |= methods.isin(here[here.duplicated()])
    return study.models.loc[models, "name"].where(alone, methods).to_dict()


def styles(names: list[str]) -> dict[str, dict]:
    """A colour and a marker for each name."""
    names = list(dict.fromkeys(names))
    return {
        name: {"color": COLOURS[index % len(COLOURS)], "marker": MARKERS[index % len(MARKERS)]}
        for index, name in enumerate(names)
    }


def key(styles: dict[str, dict], *, scratch: str = "Scratch") -> list[tuple[Line2D, str]]:
    """The key's entries of curves, scratch first if it has a name."""
    named = ({scratch: SCRATCH} if scratch else {}) | styles
    return [
        (Line2D([], [], markersize=MARKER_SIZE, linewidth=1.0, **style), name)
        for name, style in named.items()
    ]


def draw_accuracy(ax: Axes, rows: pd.DataFrame, style: dict) -> None:
    """One curve of accuracies with bars of one standard deviation over seeds to both sides."""
    rows = rows[rows["place"] != END].sort_values("labels")
    _bars(ax, rows["labels"], rows["value"], rows["deviation"], style)
    ax.plot(rows["labels"], rows["value"], markersize=MARKER_SIZE, **style)


def accuracy_axis(ax: Axes, rows: pd.DataFrame) -> None:
    """From 0 to all where the metric is a share, else around the values."""
    metric = METRICS[rows["metric"].iloc[0]]
    if metric.bounded:
        ax.set_ylim(0, metric.scale)
    else:
        ax.set_ylim(*padded(rows["value"]))
        ax.yaxis.set_inverted(metric.higher_is_better is False)
    ax.locator_params(axis="y", nbins=5)


def accuracy_label(rows: pd.DataFrame) -> str:
    """The printed name of the metric, where all rows share one."""
    metrics = rows["metric"].unique()
    return METRICS[metrics[0]].label if len(metrics) == 1 else "Score (%)"


def budgets_of(rows: pd.DataFrame) -> pd.Series:
    """The numbers of labels that were tried; where a curve ends is none of them."""
    return rows.loc[rows["place"] != END, "labels"]


def label_axis(ax: Axes, budgets: np.ndarray, plot: dict) -> None:
    """A logarithmic axis of labels, with as many of the budgets at its ticks as find room."""
    budgets = np.unique(budgets)
    ax.set_xscale("log")
    span = max((budgets[-1] / budgets[0]) ** 0.06, 1.1)
    ax.set_xlim(budgets[0] / span, budgets[-1] * span)
    points = ax.transData.transform([(budget, 1) for budget in budgets])[:, 0]
    ticks, free = [], -np.inf
    for budget, at in zip(budgets, points, strict=True):
        half = text_width(thousands(budget), small(plot)) / 2
        if at - half >= free:
            ticks.append(budget)
            free = at + half + 3
    ax.set_xticks(ticks, [thousands(tick) for tick in ticks])
    ax.xaxis.set_minor_locator(NullLocator())


def thousands(number: float) -> str:
    """A count, short: 250, 4k, 1.5M."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:g}{letter}"
    return f"{number:g}"


def draw_utilities(ax: Axes, rows: pd.DataFrame, styles: dict[str, dict]) -> None:
    """The curves of all models in ``rows``, with a style for each; see ``draw_utility``."""
    groups = list(rows.groupby("model", sort=False))
    apart = min(0.03, 0.12 / len(groups))
    for index, (model, curve) in enumerate(groups):
        draw_utility(ax, curve, styles[model], aside=apart * (index - (len(groups) - 1) / 2))


def draw_utility(ax: Axes, rows: pd.DataFrame, style: dict, *, aside: float = 0) -> None:
    """One curve of utility up to its end, with bars of one standard deviation over seeds to both sides.

    What is censored is a hollow marker at its bound with an arrow to where the utility may be. It stands
    ``aside`` by a share of the axis, since all that is censored at one number of labels has one bound. The
    axes have to have their limits (``utility_axis``).
    """
    rows = rows.sort_values("labels")
    top = ax.get_ylim()[1]
    line = rows[(rows["place"] != BEYOND) & (rows["censored"] == NONE)]
    _bars(ax, line["labels"], line["utility"], line["std"], style)
    # A gap where a point between two others is censored.
    ax.plot(
        rows["labels"],
        rows["utility"].where(rows.index.isin(line.index)),
        **style | {"marker": ""},
        zorder=2.5,
    )
    budgets = line[line["place"] != END]
    dots = style | {"linestyle": "", "markersize": MARKER_SIZE}
    inside = budgets["utility"] <= top
    ax.plot(budgets["labels"][inside], budgets["utility"][inside], **dots, zorder=3, clip_on=False)
    hollow = dots | {"markerfacecolor": "white", "zorder": 3, "clip_on": False}
    ax.plot(budgets["labels"][~inside], np.full((~inside).sum(), top), **hollow)
    # An arrow upwards ends at the edge of the panel at most.
    room = _ARROW_LENGTH * np.ptp(ax.get_ylim()) / ax.get_window_extent().height
    left, right = ax.get_xlim()
    for kind, highest in ((RIGHT, top - room), (LEFT, top)):
        censored = rows[rows["censored"] == kind]
        x, y = censored["labels"] * (right / left) ** aside, censored["bound"].clip(upper=highest)
        arrow = {"marker": _ARROWS[kind], "markersize": 2 * _ARROW_LENGTH, "color": style["color"]}
        ax.plot(x, y, clip_on=False, **arrow, **_ARROW)
        ax.plot(x, y, **hollow)


def utility_axis(ax: Axes, rows: pd.DataFrame) -> None:
    """Limits around what is drawn, the most that can be measured as a dashed line, and grey above it.

    ``rows`` are of one baseline; the axis of labels has to have its limits.
    """
    measured = rows.loc[rows["place"] != BEYOND, "utility"]
    values = np.concatenate([measured, measured + rows["std"].fillna(0), rows["bound"], [0]])
    values = values[np.isfinite(values)]
    top = np.clip(1.1 * values.max(), 1.2, MOST_UTILITY)
    low = min(values.min(), 0)
    ax.set_ylim(low - 0.08 * (top - low), top)
    ax.locator_params(axis="y", nbins=5)
    ax.axhline(0, color=INK, linewidth=0.5, zorder=1)
    first_best = ((rows["limit"] + 1) * rows["labels"]).iloc[0]
    draw_limit(ax, first_best)


def draw_limit(ax: Axes, first_best: float) -> None:
    """The limit where scratch is best with ``first_best`` labels."""
    at = np.geomspace(*ax.get_xlim(), 200)
    limit = first_best / at - 1
    ax.fill_between(
        at, limit, np.maximum(ax.get_ylim()[1], limit), color=PALE, alpha=0.5, linewidth=0, zorder=0
    )
    ax.plot(at, limit, color=GREY, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1)


def utility_key(rows: pd.DataFrame) -> list[tuple[Line2D, str]]:
    """The key's entries for the limit, and for what ``rows`` have of censored and very high utilities."""
    entries = [
        (Line2D([], [], color=GREY, linewidth=0.8, linestyle=(0, (3, 2))), "The most that can be measured")
    ]
    for kind, words in ((RIGHT, "At least"), (LEFT, "At most")):
        if (rows["censored"] == kind).any():
            centred = Path(_ARROWS[kind].vertices - _ARROWS[kind].vertices[1] / 2, _CODES)
            arrow = {"marker": centred, "markersize": _ARROW_LENGTH, "color": INK}
            entries.append((Line2D([], [], **arrow, **_ARROW), words))
    if (rows.loc[rows["place"] != BEYOND, "utility"] > MOST_UTILITY).any():
        hollow = {"color": INK, "marker": "o", "markerfacecolor": "white", "markersize": MARKER_SIZE}
        entries.append((Line2D([], [], linestyle="", **hollow), f"More than {MOST_UTILITY}"))
    return entries


def bars_key(rows: pd.DataFrame) -> list[tuple[Line2D, str]]:
    """The key's entry for the bars, where there are several seeds."""
    counts = sorted(int(count) for count in rows.loc[rows["seeds"] > 1, "seeds"].unique())
    if not counts:
        return []
    words = f"± standard deviation over {' or '.join(map(str, counts))} seeds"
    return [(Line2D([], [], linestyle="", marker="|", color=INK, markersize=MARKER_SIZE + 2), words)]


def _bars(ax: Axes, x: pd.Series, y: pd.Series, deviation: pd.Series, style: dict) -> None:
    known = deviation.notna() & y.notna()
    x, y, deviation = x[known], y[known], deviation[known]
    ax.vlines(x, y - deviation, y + deviation, color=style["color"], linewidth=0.8, zorder=2)
