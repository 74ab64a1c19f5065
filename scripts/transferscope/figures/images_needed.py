"""Accuracy of each layer against the number of pictures that were learned from (Asano et al., ICLR 2020)."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from transferscope.figures import curves
from transferscope.figures.layers import band_key
from transferscope.figures.style import INK, MARKER_SIZE, drawing, grid, marker, note, padded, shared_labels
from transferscope.results.learned import SERIES, TRAINING
from transferscope.results.resolved import RANDOM, SUPERVISED, Study

COLOURS = colormaps["viridis"]
LEVELS = {RANDOM: ("Random", (0, (1, 1.5))), SUPERVISED: ("Labels", (0, (6, 2)))}
ASIDE = 0.025
"""How far markers of several series stand apart, of the axis."""


def images_needed(table: pd.DataFrame, levels: pd.DataFrame, study: Study, plot: dict) -> Figure:
    """A panel a dataset and training: a line a layer, over the numbers of pictures of the same source.

    Other sources have other markers, and lines of their own. Thin lines are where a random network of the
    architecture is, and one that learned from labels.

    Args:
        table: of ``results.learned.by_pictures``, of one protocol.
        levels: of ``results.learned.levels``, of the same.
        study: its datasets.
        plot: plot settings (``figures.style``).
    """
    with drawing(plot):
        if table.empty:
            return note("No network here was trained on several numbers of pictures.", plot)
        layers = sorted(table["layer"].unique())
        colours = dict(zip(layers, COLOURS(np.linspace(0, 0.9, len(layers))), strict=True))
        sources = _sources(table, study)
        markers = dict(zip(dict.fromkeys(sources.values()), curves.MARKERS * len(sources), strict=False))
        panels = list(table.groupby(["dataset", *TRAINING], sort=False))
        varied = [name for name in TRAINING if table[name].nunique() > 1 or name == "method"]
        titles = [
            f"{study.dataset_name(dataset)}: {', '.join(rows[name].iloc[0] for name in varied)}"
            for (dataset, *_), rows in panels
        ]
        levels = levels[levels["arch"].isin(table["arch"]) & levels["layer"].isin(layers)]
        key = [(Line2D([], [], color=colours[layer]), f"Layer {layer}") for layer in layers]
        key += [(marker(color=INK, marker=shape), name) for name, shape in markers.items()]
        key += [
            (Line2D([], [], color=INK, linewidth=0.7, linestyle=dashes), name)
            for kind, (name, dashes) in LEVELS.items()
            if (levels["supervision"] == kind).any()
        ]
        figure, axes = grid(titles, plot, columns=3, aspect=0.9, key=[*key, *band_key(table, "±")])
        for ax, ((dataset, *_), rows) in zip(axes, panels, strict=True):
            curves.label_axis(ax, rows["pictures"], plot)
            there = levels[(levels["dataset"] == dataset) & (levels["arch"] == rows["arch"].iloc[0])]
            _draw(ax, rows, sources, markers, colours)
            for place in there.to_dict("records"):
                _, dashes = LEVELS[place["supervision"]]
                ax.axhline(place["value"], color=colours[place["layer"]], linewidth=0.7, linestyle=dashes)
            spread = rows["deviation"].fillna(0)
            ends = [rows["value"] - spread, rows["value"] + spread, there["value"]]
            ax.set_ylim(*padded(np.concatenate(ends)))
            ax.locator_params(axis="y", nbins=5)
        words = "Pictures that were learned from"
        shared_labels(figure, axes, words, curves.accuracy_label(table), plot)
    return figure


def _draw(ax: Axes, rows: pd.DataFrame, sources: dict, markers: dict, colours: dict) -> None:
    left, right = ax.get_xlim()
    series = list(rows.groupby(SERIES, sort=False))
    for place, (key, lines) in enumerate(series):
        aside = (right / left) ** (ASIDE * (place - (len(series) - 1) / 2))
        for layer, line in lines.sort_values("pictures").groupby("layer"):
            x, y, deviation = line["pictures"] * aside, line["value"], line["deviation"]
            style = {"color": colours[layer], "marker": markers[sources[key]], "markersize": MARKER_SIZE}
            ax.plot(x, y, **style)
            ax.fill_between(x, y - deviation, y + deviation, color=colours[layer], alpha=0.2, linewidth=0)
            ax.vlines(x, y - deviation, y + deviation, color=colours[layer], linewidth=0.8)


def _sources(table: pd.DataFrame, study: Study) -> dict[tuple, str]:
    """What each series' pictures are called, and how they were cropped where that tells it from another."""
    keys = list(table[SERIES].drop_duplicates().itertuples(index=False))
    names = {key: picture_name(key.picture, study) for key in keys}
    how = {key: [key.augment, *key.crops.split("&")] if key.crops else ["themselves"] for key in keys}
    found = {}
    for key, name in names.items():
        common = set.intersection(*(set(how[other]) for other in keys if names[other] == name))
        own = [words for words in how[key] if words not in common]
        found[key] = f"{name} ({', '.join(own)})" if own else name
    return found


def picture_name(picture: str, study: Study) -> str:
    """What a source of pictures is called: a dataset's printed name, the name of a file or folder."""
    return Path(picture).stem if "/" in picture else study.dataset_name(picture)
