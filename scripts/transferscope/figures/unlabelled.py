"""Utility against the number of unlabelled pictures that were seen (beyond Newell and Deng, CVPR 2020)."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from transferscope.figures import curves
from transferscope.figures.style import INK, MARKER_SIZE, drawing, grid, note, shared_labels
from transferscope.results.resolved import Study
from transferscope.results.utility import NONE

OF = ["method", "arch", "pretrained_on"]


def unlabelled(table: pd.DataFrame, study: Study, plot: dict) -> Figure:
    """A panel a dataset and pretraining: a curve a number of labels, over the pictures of pretraining.

    A censored utility is a hollow marker at its bound. Where no two models differ in their pictures alone the
    figure says so instead.

    Args:
        table: one protocol's rows of ``efficiency.read_utility``.
        study: its models and datasets.
        plot: plot settings (``figures.style``).
    """
    rows = curves.whole(table[(table["baseline"] != "") & (table["place"] != "end")])
    facts = study.models[(study.models["pretrained_on"] != "") & study.models.index.isin(rows["model"])]
    everything = facts["pretrained_on"].map(study.datasets["train"])
    facts = facts.assign(pictures=facts["unlabelled"].where(facts["unlabelled"] > 0, everything))
    facts = facts[facts.groupby(OF)["pictures"].transform("nunique") > 1]
    rows = rows.join(facts[[*OF, "pictures"]], on="model", how="inner")
    with drawing(plot):
        if rows.empty:
            return note(
                "No two models with a baseline differ in the number of their unlabelled pictures alone.", plot
            )
        names = {labels: f"{curves.thousands(labels)} labels" for labels in sorted(rows["labels"].unique())}
        styles = curves.styles(list(names.values()))
        panels = list(rows.groupby(["dataset", *OF], sort=False))
        titles = [_title(study, *key) for key, _ in panels]
        key = curves.key(styles, scratch="")
        if (rows["censored"] != NONE).any():
            hollow = {"color": INK, "marker": "o", "markerfacecolor": "white", "linestyle": ""}
            key.append((Line2D([], [], markersize=MARKER_SIZE, **hollow), "At a bound: censored"))
        figure, axes = grid(titles, plot, columns=4, aspect=0.9, key=key)
        for ax, (_, group) in zip(axes, panels, strict=True):
            curves.label_axis(ax, group["pictures"], plot)
            for labels, curve in group.sort_values("pictures").groupby("labels"):
                style = styles[names[labels]]
                shown = curve["utility"].fillna(curve["bound"]).clip(upper=curves.MOST_UTILITY)
                ax.plot(curve["pictures"], shown, markersize=MARKER_SIZE, **style)
                hollow = curve["censored"] != NONE
                dots = style | {"linestyle": "", "markerfacecolor": "white", "markersize": MARKER_SIZE}
                ax.plot(curve["pictures"][hollow], shown[hollow], **dots)
            ax.axhline(0, color=INK, linewidth=0.5, zorder=1)
            ax.locator_params(axis="y", nbins=5)
        shared_labels(figure, axes, "Unlabelled pictures", "Utility", plot)
    return figure


def _title(study: Study, dataset: str, method: str, arch: str, pretrained_on: str) -> str:
    """The dataset and the method; where it was pretrained, if that is elsewhere."""
    on = "" if pretrained_on == dataset else f" on {study.dataset_name(pretrained_on)}"
    return f"{study.dataset_name(dataset)}: {method}{on}"
