"""What each augmentation of a few pictures is worth, layer by layer (Asano et al., ICLR 2020)."""

import pandas as pd
from matplotlib.figure import Figure

from transferscope.figures import curves
from transferscope.figures.images_needed import picture_name
from transferscope.figures.matrices import matrices
from transferscope.figures.style import drawing, note
from transferscope.figures.tables import Table, means_table
from transferscope.results.learned import ABLATION
from transferscope.results.parts import Column
from transferscope.results.resolved import RANDOM, SUPERVISED, Study
from transferscope.study.metrics import METRICS

BESIDE = {SUPERVISED: "Labels", RANDOM: "Random"}
"""What stands above the augmentations."""


def beside(table: pd.DataFrame, levels: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table of augmentations with those that they are compared with, and with ``model``.

    Args:
        table: of ``results.learned.by_augmentation``, of one protocol.
        levels: of ``results.learned.levels``, of the same.

    Returns:
        The columns of both, with every dataset and ABLATION; ``model`` is a row of tables.
    """
    blocks = table[["protocol", "dataset", "metric", *ABLATION]].drop_duplicates()
    above = blocks.merge(levels.drop(columns="depth"), on=["protocol", "dataset", "metric", "arch"])
    rows = table.assign(model=table["augment"] + " " + table["profile"], supervision="")
    return pd.concat([above, rows], ignore_index=True).fillna({"augment": "", "profile": ""})


def augmentations(rows: pd.DataFrame, study: Study, plot: dict) -> Figure:
    """A matrix a dataset and source of pictures: labels, no training and each set of augmentations by layers.

    Args:
        rows: of ``beside``.
        study: its datasets.
        plot: plot settings (``figures.style``).
    """
    if rows.empty:
        with drawing(plot):
            return note("No two sets of crops that were learned from differ in their augmentation.", plot)
    return matrices(_blocks(rows, study), _names(rows), curves.accuracy_label(rows), plot, spread=True)


def tables(rows: pd.DataFrame, study: Study) -> list[Table]:
    """The same as tables, with the arguments of ``augmentations``."""
    found = []
    for title, block in _blocks(rows, study):
        metric = block["metric"].iloc[0]
        layers = sorted(block["layer"].unique())
        columns = [Column(layer, f"Layer {layer}", metric) for layer in layers]
        title = f"{title}: {METRICS[metric].label}"
        found.append(means_table("augmentations", title, block, columns, "layer", _names(block)))
    return found


def _blocks(rows: pd.DataFrame, study: Study) -> list[tuple[str, pd.DataFrame]]:
    """What stands together, with a title: of one dataset, method, network and source of pictures."""
    several = [name for name in ("arch", "pictures", "crops") if rows[name].nunique() > 1]
    found = []
    for (dataset, *_), block in rows.groupby(["dataset", *ABLATION], sort=False):
        first = block.iloc[0]
        words = [picture_name(first["picture"], study), *(f"{name} {first[name]}" for name in several)]
        found.append((f"{study.dataset_name(dataset)}: {first['method']} on {', '.join(words)}", block))
    return found


def _names(rows: pd.DataFrame) -> pd.Series:
    """What each row of tables is called, by ``model``, in order: the fewer augmentations, the higher up."""
    ours = rows[rows["augment"] != ""].drop_duplicates("model")
    many = ours["profile"].nunique() > 1
    count = ours["augment"].map(lambda names: len(names.split("+")) - (names == "none"))
    ours = ours.assign(count=count).sort_values(["count", "augment", "profile"])
    words = ours["augment"].str.replace("+", " + ") + ("; " + ours["profile"] if many else "")
    above = rows[rows["augment"] == ""].drop_duplicates("model")
    above = pd.concat([above[above["supervision"] == kind] for kind in BESIDE])
    names = pd.Series(above["supervision"].map(BESIDE).to_numpy(), above["model"])
    return pd.concat([names, pd.Series(words.to_numpy(), ours["model"])])
