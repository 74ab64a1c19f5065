"""How invariant every model's features are to each change of the picture."""

import pandas as pd
from matplotlib.figure import Figure

from transferscope.errors import InputError
from transferscope.figures.style import (
    GREY,
    KINDS,
    MARKER_SIZE,
    drawing,
    grid,
    marker,
    number_models,
    shared_labels,
)
from transferscope.results.reference import Reference
from transferscope.results.resolved import Study, measurement_name
from transferscope.study.metrics import METRICS

INVARIANCE = "Invariance to "
CHANGES = [name for name, metric in METRICS.items() if metric.label.startswith(INVARIANCE)]


def invariance(results: pd.DataFrame, study: Study, reference: Reference, plot: dict) -> Figure:
    """A panel a change: every model's mean over the datasets, with each dataset as a small dot behind it.

    Models are in the order of the reference, random ones last; 1 is a change that does nothing, 0 one
    that makes another picture of the picture.

    Args:
        results: the results by setting.
        study: its models.
        reference: of these results.
        plot: plot settings (``figures.style``).

    Raises:
        InputError: no setting measures invariance.
    """
    rows = results[results["metric"].isin(CHANGES)]
    if rows.empty:
        raise InputError("no setting of the results measures invariance; add the protocol invariance")
    models = number_models(study.models, set(rows["model"]), reference)
    place = {model: number for number, model in enumerate(models.index, start=1)}
    key = [
        (marker(**KINDS[row["supervision"]]), f"{place[model]} {row['name']}")
        for model, row in models.iterrows()
    ]
    groups = list(rows.groupby(["setting", "title", "metric"], sort=False))
    names = [measurement_name(title, metric).removeprefix(INVARIANCE) for (_, title, metric), _ in groups]
    titles = [name[0].upper() + name[1:] for name in names]
    with drawing(plot):
        figure, axes = grid(titles, plot, columns=4, aspect=1.1, key=key)
        for ax, (_, group) in zip(axes, groups, strict=True):
            ax.scatter(group["model"].map(place), group["value"], s=4, color=GREY, alpha=0.5, linewidth=0)
            for model, value in group.groupby("model")["value"].mean().items():
                style = KINDS[models.loc[model, "supervision"]]
                ax.plot(place[model], value, linestyle="", markersize=MARKER_SIZE, **style)
            ax.set_xlim(0.3, len(place) + 0.7)
            ax.set_xticks(list(place.values())[:: 1 + len(place) // 10])
            ax.set_ylim(top=1)
        shared_labels(figure, axes, "Model", "Invariance to the change", plot)
    return figure
