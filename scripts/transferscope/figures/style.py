"""What all figures share: sizes, colours, axes in log-odds, the key, and files that are the same twice.

Plot settings arrive as a dict: ``font_size`` (points in print, at least 7) and ``dpi`` (of the PNG).
"""

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
from fontTools import subset
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import TextPath

from transferscope.errors import InputError
from transferscope.files import atomic_path
from transferscope.results.reference import Reference
from transferscope.results.scores import logit

# What a font says of glyphs that follow each other: matplotlib places each by itself, and to cut this down to
# the glyphs of a figure takes two thirds of the time for a PDF's font.
subset.Options._drop_tables_default = [*subset.Options._drop_tables_default, "GDEF", "GPOS", "GSUB"]

COLUMN_WIDTH, TEXT_WIDTH = 3.3, 6.9  # inches, of a two-column page

# Okabe and Ito's colours, told apart with any common colour blindness; each kind has its own marker too.
BLUE, VERMILION, ORANGE = "#0072B2", "#D55E00", "#E69F00"
INK, GREY, PALE = "#333333", "#767676", "#D9D9D9"
KINDS = {
    "self-supervised": {"color": BLUE, "marker": "o"},
    "supervised": {"color": VERMILION, "marker": "D"},
    "random": {"color": GREY, "marker": "X"},
}
UNKNOWN = "<"  # the marker, on the right edge, of a model whose value of the reference is unknown
MARKER_SIZE = 4.2  # points
RANDOM_DASHES = [(0, (4, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (8, 3))]


@contextmanager
def drawing(plot: dict) -> Iterator[None]:
    """Matplotlib's settings while a figure is drawn or saved.

    Raises:
        InputError: the font would be too small to read in print.
    """
    size = plot["font_size"]
    if size < 7:
        raise InputError(f"plotting.font_size is {size}; give at least 7, the smallest legible in print")
    settings = {
        "font.family": "DejaVu Sans",  # comes with matplotlib, so a figure looks the same on every machine
        "font.size": size,
        "axes.titlesize": size,
        "axes.labelsize": size,
        "xtick.labelsize": small(plot),
        "ytick.labelsize": small(plot),
        "legend.fontsize": small(plot),
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": INK,
        "axes.linewidth": 0.6,
        "axes.labelcolor": INK,
        "text.color": INK,
        "text.parse_math": False,  # a dollar in a name is a dollar
        "xtick.color": INK,
        "ytick.color": INK,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "xtick.major.pad": 2,
        "ytick.major.pad": 2,
        "lines.linewidth": 1.0,
        "pdf.fonttype": 42,  # text stays text in an editor
        "svg.hashsalt": "transferscope",  # the same figure has the same ids
        "figure.dpi": 72,  # a pixel is a point, which is what labels are placed in
    }
    with matplotlib.rc_context(settings):
        yield


def save(figure: Figure, pdf: str | Path, png: str | Path, plot: dict) -> None:
    """Write both forms, whole or not at all; the same figure gives the same bytes."""
    with drawing(plot):
        with atomic_path(pdf) as temporary:
            figure.savefig(temporary, metadata={"CreationDate": None})
        with atomic_path(png) as temporary:
            figure.savefig(temporary, dpi=plot["dpi"], metadata={"Software": None})


def to_svg(figure: Figure, plot: dict) -> str:
    """The figure as one ``<svg>`` element to stand in a page; its text is outlines, so it needs no font."""
    text = io.StringIO()
    with drawing(plot):
        nothing = dict.fromkeys(["Creator", "Date", "Format", "Type"])
        figure.savefig(text, format="svg", metadata=nothing)
    # What stands before the element belongs to a file of its own.
    return "<svg" + text.getvalue().partition("<svg")[2]


def small(plot: dict) -> float:
    """Font size in points of tick labels, keys and notes."""
    return max(7, plot["font_size"] - 1)


@cache
def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Width in points of the text's longest line."""
    font = FontProperties(family="DejaVu Sans", weight=weight)
    lines = [line for line in text.split("\n") if line.strip()]
    with matplotlib.rc_context({"text.parse_math": False}):
        paths = [TextPath((0, 0), line, size=size, prop=font) for line in lines]
    return max((path.get_extents().x1 for path in paths), default=0)


def wrap(text: str, size: float, width: float, weight: str = "normal") -> str:
    """The text with line breaks between words, so that it fits into ``width`` points."""
    lines = []
    for word in text.split(" "):  # not at a no-break space
        if lines and text_width(f"{lines[-1]} {word}", size, weight) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return "\n".join(lines)


def grid(
    titles: list[str],
    plot: dict,
    *,
    columns: int,
    aspect: float,
    key: list[tuple[Line2D, str]],
    balanced: bool = True,
    x_label: str = "",
) -> tuple[Figure, list[Axes]]:
    """A figure with one titled panel a title, room for shared labels left and below, the key at its foot.

    Up to ``columns`` panels in a row fill the text's width; one panel alone a column's. If ``balanced``, rows
    are as long as each other as far as possible, else each but the last is full. ``aspect`` is a panel's
    height over its width, ``key`` the key's entries (``model_key``); ``x_label`` a shared label that may take
    several lines.
    """
    em = plot["font_size"] / 72
    down = math.ceil(len(titles) / columns)
    across = math.ceil(len(titles) / down) if balanced else min(columns, len(titles))
    left, right, gap = 1.9 * em, 1.1 * em, 3.6 * em
    width = TEXT_WIDTH if across > 1 else COLUMN_WIDTH
    panel = (width - left - right) / across - gap
    titles = [wrap(title, plot["font_size"], 72 * (panel + right), "bold") for title in titles]
    above = (1.25 * max(title.count("\n") + 1 for title in titles) + 0.9) * em
    below = 1.9 * em
    across_key = _key_columns(key, width, plot)
    more_lines = _wrapped_below(x_label, width, plot).count("\n")
    foot = (2.2 + 1.25 * more_lines + 1.4 * math.ceil(len(key) / across_key)) * em
    row = above + panel * aspect + below
    height = down * row + foot
    figure = Figure(figsize=(width, height))
    axes = []
    for index, title in enumerate(titles):
        x = left + gap + (index % across) * (gap + panel)
        y = height - (index // across) * row - above - panel * aspect
        ax = figure.add_axes((x / width, y / height, panel / width, panel * aspect / height))
        ax.set_title(title, loc="left", pad=3, weight="bold")
        axes.append(ax)
    figure.legend(
        *zip(*key, strict=True),
        loc="lower center",
        ncols=across_key,
        handlelength=1.6,
        handletextpad=0.4,
        columnspacing=1.0,
        borderaxespad=0.2,
        labelspacing=0.35,
    )
    return figure, axes


def shared_labels(figure: Figure, axes: list[Axes], x_label: str, y_label: str, plot: dict) -> None:
    """One label for all panels' x, below the last row, and one for their y, at the left."""
    em = plot["font_size"] / 72
    width, height = figure.get_size_inches()
    boxes = [ax.get_position() for ax in axes]
    x_middle = (min(box.x0 for box in boxes) + max(box.x1 for box in boxes)) / 2
    bottom, top = min(box.y0 for box in boxes), max(box.y1 for box in boxes)
    x_label = _wrapped_below(x_label, width, plot)
    figure.text(x_middle, bottom - 2.0 * em / height, x_label, ha="center", va="top", multialignment="center")
    y_label = wrap(y_label, plot["font_size"], 72 * height * (top - bottom) + 2 * plot["font_size"])
    centre = {"va": "center", "ha": "center", "multialignment": "center"}
    middle = (0.9 + 0.6 * y_label.count("\n")) * em
    figure.text(middle / width, (bottom + top) / 2, y_label, rotation=90, **centre)


def _wrapped_below(label: str, width: float, plot: dict) -> str:
    """A label below the panels of a figure of this ``width`` in inches."""
    return wrap(label, plot["font_size"], 72 * width - 5 * plot["font_size"])


def share_axis(axis: Axis, low: float, high: float, scale: float = 100) -> None:
    """Label an axis of log-odds from ``low`` to ``high`` at round shares times ``scale`` (100: percent)."""
    percents = _even_percents(low, high) or _spread_percents(low, high)
    axis.set_ticks([float(logit(p / 100)) for p in percents], [f"{p / 100 * scale:.4g}" for p in percents])


def _even_percents(low: float, high: float) -> list[float]:
    """Three to six percentages at even steps; none where log-odds would bunch them at one end of the axis."""
    shares = 100 / (1 + np.exp(-np.array([low, high])))
    for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20):
        percents = np.arange(math.ceil(shares[0] / step), math.floor(shares[1] / step) + 1) * step
        percents = percents[(percents > 0) & (percents < 100)]
        if 3 <= len(percents) <= 6:
            gaps = np.diff([low, *logit(percents / 100), high]) / (high - low)
            return list(percents) if gaps.max() < 0.34 and gaps[1:-1].min() > 0.12 else []
    return []


def _spread_percents(low: float, high: float) -> list[float]:
    """Percentages spread over the axis, the rounder ones first."""
    apart = (high - low) / 5.5
    chosen = []
    for step in (50, 10, 5, 1, 0.5, 0.1, 0.05, 0.01):
        candidates = np.arange(1, round(100 / step)) * step
        for percent in sorted(candidates, key=lambda percent: abs(percent - 50)):
            position = logit(percent / 100)
            if low <= position <= high and all(abs(position - logit(p / 100)) >= apart for p in chosen):
                chosen.append(percent)
        if len(chosen) >= 4:
            break
    return chosen


def padded(values: np.ndarray, share: float = 0.09) -> tuple[float, float]:
    """Limits around finite values [n], a ``share`` of their range wider on both sides."""
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return -1.0, 1.0
    low, high = values.min(), values.max()
    room = share * (high - low) or 0.5
    return low - room, high + room


def note(text: str, plot: dict) -> Figure:
    """What stands in place of a figure that the results do not allow."""
    lines = wrap(text, plot["font_size"], 72 * COLUMN_WIDTH - 10)
    figure = Figure(figsize=(COLUMN_WIDTH, (1.4 * lines.count("\n") + 4) * plot["font_size"] / 72))
    figure.text(0.5, 0.5, lines, ha="center", va="center")
    return figure


def number_models(models: pd.DataFrame, present: set[str], reference: Reference) -> pd.DataFrame:
    """The trained models in ``present`` by the reference, numbered from 1; then the random ones, all 0.

    Its score is the column ``x``.
    """
    models = models.assign(x=reference.scores)[models.index.isin(present)]
    trained = models[models["supervision"] != "random"].sort_values("x", kind="stable")
    trained = trained.assign(number=range(1, len(trained) + 1))
    return pd.concat([trained, models[models["supervision"] == "random"].assign(number=0)])


def model_key(models: pd.DataFrame, reference: Reference) -> list[tuple[Line2D, str]]:
    """The key's entries for ``number_models``: every model, then the triangle, if any."""
    entries, randoms = [], iter(RANDOM_DASHES * len(models))
    for _, row in models.iterrows():
        if row["supervision"] == "random":
            line = Line2D([], [], color=GREY, linestyle=next(randoms), linewidth=0.9)
            entries.append((line, row["name"]))
        else:
            entries.append((marker(**KINDS[row["supervision"]]), f"{row['number']} {row['name']}"))
    trained = models[models["supervision"] != "random"]
    if trained["x"].isna().any():
        entries.append((marker(marker=UNKNOWN, color=INK), reference.unknown))
    return entries


def marker(**style) -> Line2D:
    """A key's entry that is one marker."""
    return Line2D([], [], linestyle="", markersize=MARKER_SIZE, markeredgewidth=0.9, **style)


def _key_columns(key: list[tuple[Line2D, str]], width: float, plot: dict) -> int:
    """How many entries fit side by side into ``width`` inches."""
    widest = max(text_width(label, small(plot)) for _, label in key)
    return max(1, int(72 * width / (widest + 3.2 * small(plot))))
