"""What the rest of a network reaches with its first stages frozen (Asano et al., ICLR 2020)."""

import pandas as pd
from matplotlib.figure import Figure

from transferscope.figures import curves, layers
from transferscope.figures.frozen import depths
from transferscope.figures.style import INK, drawing, grid, shared_labels
from transferscope.figures.tables import Table, means_table
from transferscope.results.parts import Column
from transferscope.results.resolved import RANDOM, Study
from transferscope.study.metrics import METRICS


def frozen_prefix(table: pd.DataFrame, study: Study, plot: dict) -> Figure:
    """A panel a dataset: a line a model over the depth up to which it was frozen; random ones are dashed.

    A thin line is where the first random model is with nothing frozen: labels alone.

    Args:
        table: of ``results.frozen.read_frozen``.
        study: its models and datasets.
        plot: plot settings (``figures.style``).
    """
    stages = list(depths(table["freeze"]))
    table = table.assign(depth=table["freeze"].map(stages.index)).sort_values("depth", kind="stable")
    styles = layers.styles_of(table, study)
    panels = [(study.dataset_name(name), rows) for name, rows in table.groupby("dataset", sort=False)]
    with drawing(plot):
        key = layers.key_of(table, styles, study)
        figure, axes = grid([title for title, _ in panels], plot, columns=4, aspect=0.9, key=key)
        for ax, (_, rows) in zip(axes, panels, strict=True):
            layers.draw_curves(ax, rows, styles)
            whole = rows[(rows["freeze"] == "") & (rows["model"].map(study.models["supervision"]) == RANDOM)]
            for value in whole["value"].iloc[:1]:
                ax.axhline(value, color=INK, linewidth=0.5, zorder=1)
            ax.set_xlim(-0.3, len(stages) - 0.7)
            ax.set_xticks(range(len(stages)), [stage or "none" for stage in stages])
        shared_labels(figure, axes, "Frozen up to stage", curves.accuracy_label(table), plot)
    return figure


def tables(table: pd.DataFrame, study: Study) -> list[Table]:
    """The same as tables, one a dataset: models by depths."""
    found = []
    for dataset, rows in table.groupby("dataset", sort=False):
        metric = rows["metric"].iloc[0]
        title = f"{study.dataset_name(dataset)}: {METRICS[metric].label}"
        columns = [Column(stage, words, metric) for stage, words in depths(rows["freeze"]).items()]
        names = study.models.loc[layers.ordered(rows, study), "name"]
        found.append(means_table("frozen_prefix", title, rows, columns, "freeze", names))
    return found
