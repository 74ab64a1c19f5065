"""What each layer knows: the long table as curves over layers, with what labels and no training reach there.

The runs are those of the protocols of the family LAYERS. Models that differ in nothing but their seed are one
*group*, called by its first; so are the runs of a model with several seeds.
"""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from transferscope.errors import InputError
from transferscope.results.efficiency import baselines
from transferscope.results.long_table import read_table
from transferscope.results.resolved import LAYERS, RANDOM, SUPERVISED, Study, means

CURVE = ["protocol", "dataset", "metric", "model"]


def read_rows(path: str | Path, study: Study) -> pd.DataFrame:
    """The rows of the long table at ``path`` that are of layers; ``layer`` becomes an integer.

    Raises:
        InputError: there is none.
    """
    table = read_table(path)
    table = table[(table["protocol"].map(study.protocols["family"]) == LAYERS) & (table["layer"] != "")]
    if table.empty:
        raise InputError(f"{path} has no result of a layer; add `layerwise` to `protocols`")
    return table.astype({"layer": int})


def by_layer(rows: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Rows of ``read_rows`` as curves over layers.

    Returns:
        A row a group and layer: CURVE, where ``model`` is the group's first; ``layer``, an integer from 1;
        ``depth``, from 0 for the first layer to 1 for the last; ``value``, the mean in the metric's printed
        unit; ``deviation``, the standard deviation over its ``runs``, NaN of one.
    """
    groups = rows.assign(model=rows["model"].map(study.models["repeats"]))
    found = means(groups, [*CURVE, "layer"]).sort_values("layer", kind="stable", ignore_index=True)
    last = found.groupby(CURVE)["layer"].transform("max")
    return found.assign(depth=(found["layer"] - 1) / (last - 1).clip(lower=1))


def read_curves(path: str | Path, study: Study) -> pd.DataFrame:
    """``by_layer`` of ``read_rows``."""
    return by_layer(read_rows(path, study), study)


def beside(curves: pd.DataFrame, published: pd.DataFrame, study: Study) -> tuple[pd.DataFrame, Study]:
    """Curves with published ones of the same protocols and datasets, and a study that has their models too.

    These are further models, of architectures of their own: what is published is compared with what is
    published, and what is measured with what is measured.
    """
    places = curves[["protocol", "dataset"]].drop_duplicates()
    rows = published.merge(places, on=["protocol", "dataset"])
    models = study.models[study.models.index.isin(rows["model"])].rename(index=_published)
    models = models.assign(
        name=models["name"] + ", published",
        arch=models["arch"].map(_published),
        baseline=models["baseline"].map(lambda model: model and _published(model)),
        repeats=models.index,
    )
    curves = pd.concat([curves, rows.assign(model=rows["model"].map(_published))], ignore_index=True)
    return curves, replace(study, models=pd.concat([study.models, models]))


def _published(name: str) -> str:
    return f"{name}@published"  # no id of a table has such a sign


def references(curves: pd.DataFrame, study: Study) -> dict[str, dict[str, str]]:
    """With what each model's layers are compared: by SUPERVISED and RANDOM, model to reference.

    The one is the first supervised model of the same architecture, the other its baseline
    (``efficiency.baselines``), both of those that have curves. A reference has none of its kind.
    """
    models = study.models[study.models.index.isin(curves["model"])]
    supervised = models[models["supervision"] == SUPERVISED]
    first = pd.Series(supervised.index, supervised["arch"])
    labels = models["arch"].map(first[~first.index.duplicated()]).dropna()
    return {
        SUPERVISED: {model: other for model, other in labels.items() if model != other},
        RANDOM: baselines(models, "common"),
    }


def differences(curves: pd.DataFrame, references: dict[str, str]) -> pd.DataFrame:
    """The rows of curves whose model has a reference with the same layers, less that one's values.

    ``deviation`` is the root of the sum of both variances, of which that of a single run counts as 0; NaN
    where both are single.
    """
    places = [*CURVE[:-1], "layer"]
    rows = curves.assign(reference=curves["model"].map(references)).dropna(subset="reference")
    others = curves[[*places, "model", "value", "deviation"]].rename(columns={"model": "reference"})
    rows = rows.merge(others, on=[*places, "reference"], suffixes=("", "_there"))
    spread = rows[["deviation", "deviation_there"]].pow(2).sum(axis=1, min_count=1).pow(0.5)
    return rows.assign(value=rows["value"] - rows["value_there"], deviation=spread)
