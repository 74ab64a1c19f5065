"""One panel: a quantity against the reference, with what every such panel shows."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from transferscope.figures.labels import label_points
from transferscope.figures.style import (
    GREY,
    INK,
    KINDS,
    MARKER_SIZE,
    RANDOM_DASHES,
    UNKNOWN,
    marker,
    padded,
    share_axis,
    small,
    text_width,
)
from transferscope.results.correlation import FEWEST_FOR_INTERVAL, pearson, regression_band
from transferscope.results.reference import Reference
from transferscope.results.resolved import deviation_name
from transferscope.study.metrics import METRICS, Metric


def scatter(
    ax: Axes,
    series: list[pd.DataFrame],
    models: pd.DataFrame,
    reference: Reference,
    metric: Metric | None,
    plot: dict,
) -> None:
    """Draw ``series`` against the reference (labelled in its unit), each with line, band and r.

    Random baselines are dashed lines. A model without a reference is a triangle on the right edge. The
    line is least squares through the others, the band its 95% confidence band; of fewer models than have an
    interval (``FEWEST_FOR_INTERVAL``) there is neither, and the coefficient says of how many it is. A score
    over several seeds has a vertical bar of one standard deviation to both sides.

    Args:
        ax: an empty panel whose position is final.
        series: each with ``score`` and ``deviation`` by model id; the first filled, the second hollow
            (calibration: before, after).
        models: ``style.number_models`` by the reference.
        reference: what the labels of the other axis say.
        metric: what the scores are of, for the labels of their axis; None for plain log-odds.
        plot: plot settings.
    """
    random = models.index[models["supervision"] == "random"]
    x = models["x"].drop(random)
    ax.set_xlim(padded(x))
    ends = [rows["score"] + side * rows["deviation"].fillna(0) for rows in series for side in (-1, 1)]
    ax.set_ylim(padded(np.concatenate(ends)))
    # Where an x is unknown, the point stands on the edge; it takes no part in line and coefficient.
    shown_at = x.fillna(ax.get_xlim()[1])

    notes, points, texts, lines = [], [], [], []
    for index, rows in enumerate(series):
        y = rows["score"].dropna()
        for dashes, model in zip(RANDOM_DASHES * len(random), random, strict=False):
            if model in y.index:
                ax.axhline(y[model], color=GREY, linewidth=0.9, linestyle=dashes, zorder=1)
                lines += [(at, y[model]) for at in np.linspace(*ax.get_xlim(), 60)]
        y = y.drop(random, errors="ignore")
        known = y.index[x[y.index].notna()]
        lines += _line(ax, x[known].to_numpy(), y[known].to_numpy(), color=(INK, GREY)[index])
        notes.append(_coefficient(x[known], y[known]))
        for model, value in y.items():
            style = KINDS[models.loc[model, "supervision"]]
            low, high = value + np.array([-1, 1]) * rows.loc[model, "deviation"]
            if low < high:
                bar = {"color": style["color"], "linewidth": 0.8, "zorder": 2.5, "clip_on": False}
                ax.vlines(shown_at[model], low, high, **bar)
                lines += [(shown_at[model], at) for at in np.linspace(low, high, 10)]
            ax.plot(
                shown_at[model],
                value,
                linestyle="",
                marker=style["marker"] if model in known else UNKNOWN,
                markersize=MARKER_SIZE,
                markeredgewidth=0.9,
                color=style["color"],
                markerfacecolor=style["color"] if index == 0 else "white",
                clip_on=False,
                zorder=3,
            )
            points.append((shown_at[model], value))
            texts.append(str(models.loc[model, "number"]))
    if len(notes) == 2:
        notes = [f"before: {notes[0]}", f"after: {notes[1]}"]

    points, lines = np.array(points).reshape(-1, 2), np.array(lines).reshape(-1, 2)
    corner = _write_in_emptiest_corner(ax, "\n".join(notes), points, lines, plot)
    _label_axis(ax, "x", METRICS[reference.metric])
    _label_axis(ax, "y", metric)
    along = ax.transData.transform(lines)
    label_points(ax, points, texts, plot, [corner, *np.column_stack([along - 0.5, along + 0.5])])


def deviation_key(rows: pd.DataFrame) -> list[tuple[Line2D, str]]:
    """The key's entry for the vertical bars, where scores in ``rows`` are over several seeds."""
    name = deviation_name(rows)
    return [(marker(marker="|", color=INK), f"± {name}")] if name else []


def _label_axis(ax: Axes, name: str, metric: Metric | None) -> None:
    axis = getattr(ax, f"{name}axis")
    if metric is not None and metric.bounded:
        share_axis(axis, *axis.get_view_interval(), metric.scale)
        return
    ax.locator_params(axis=name, nbins=5)
    if metric is not None:
        # Undo the sign, which turned the axis so that up, or right, is better.
        axis.set_major_formatter(lambda value, _: f"{metric.sign * value:g}")


def _coefficient(x: pd.Series, y: pd.Series) -> str:
    r = pearson(x, y)
    if np.isnan(r):
        return f"no r of {len(x)} models"
    few = f" of {len(x)} models" if len(x) < FEWEST_FOR_INTERVAL else ""
    return f"r = {r:.2f}{few}".replace("-", "−")


def _line(ax: Axes, x: np.ndarray, y: np.ndarray, color: str) -> list[tuple[float, float]]:
    """Draw the line and its band; the line's points [60], or none where there is no line."""
    if len(x) < FEWEST_FOR_INTERVAL or np.ptp(x) == 0:
        return []
    at = np.linspace(x.min(), x.max(), 60)
    line, half_width = regression_band(x, y, at)
    # Few models make a band wider than any panel; the limits stay those of the points.
    limits = ax.get_ylim()
    ax.fill_between(at, line - half_width, line + half_width, color=color, alpha=0.12, linewidth=0, zorder=0)
    ax.plot(at, line, color=color, zorder=2)
    ax.set_ylim(limits)
    return list(zip(at, line, strict=True))


def _write_in_emptiest_corner(
    ax: Axes, text: str, points: np.ndarray, lines: np.ndarray, plot: dict
) -> np.ndarray:
    """Write the text in the corner that covers fewest points [n, 2], then least of the lines [m, 2].

    Where every corner covers something, the panel's top is raised to make room. Returns the text's box.
    """
    x0, y0, x1, y1 = ax.get_window_extent().extents
    width, height = text_width(text, small(plot)) + 6, 1.25 * small(plot) * (text.count("\n") + 1) + 4

    def covered(corner: tuple[str, str]) -> tuple[int, int]:
        box = boxes[corner]
        return tuple(
            int(np.all((there > box[:2] - room) & (there < box[2:] + room), axis=1).sum())
            for there, room in (
                (ax.transData.transform(points), MARKER_SIZE),
                (ax.transData.transform(lines), 1),
            )
        )

    boxes = {
        (vertical, horizontal): np.array([left, low, left + width, low + height])
        for vertical, low in (("top", y1 - height), ("bottom", y0))
        for horizontal, left in (("left", x0), ("right", x1 - width))
    }
    best = min(boxes, key=covered)
    if any(covered(best)):
        low, high = ax.get_ylim()
        room = height + 2 * MARKER_SIZE
        ax.set_ylim(low, low + (high - low) * (y1 - y0) / (y1 - y0 - room))
        best = min(boxes, key=covered)
    vertical, horizontal = best
    ax.annotate(
        text,
        xy=(float(horizontal == "right"), float(vertical == "top")),
        xycoords="axes fraction",
        xytext=(-3 if horizontal == "right" else 3, -2 if vertical == "top" else 3),
        textcoords="offset points",
        ha=horizontal,
        va=vertical,
        fontsize=small(plot),
        bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 0.8},
    )
    return boxes[best]
