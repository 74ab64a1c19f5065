"""Made-up studies of label efficiency: random models, models over them, and their curves as a long table."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from studies import long_table

from transferscope.results.resolved import DATASET_FACTS, MODEL_FACTS, PROTOCOL_FACTS, Study

BUDGETS = (100, 250, 1000, 4000, 20000)
CLASS = {"title": "Finetuned on labels", "task": "recognition", "reads": "pictures", "metric": "dataset"}
LINEAR = {"title": "Linear on labels", "task": "recognition", "reads": "features", "metric": "dataset"}
POSE = {"title": "Pose on labels", "task": "pose", "reads": "pictures", "metric": "accuracy"}
MODEL = {"supervision": "self-supervised", "arch": "net", "imagenet_top1": np.nan, "unlabelled": 0}
SCRATCH = {"supervision": "random", "method": "none"}


def _table(rows: dict[str, dict], facts: list[str]) -> pd.DataFrame:
    filled = {
        name: dict.fromkeys(facts, "") | {"name": name, "title": name} | row for name, row in rows.items()
    }
    return pd.DataFrame.from_dict(filled, orient="index")[facts].rename_axis("id")


def study(
    models: dict[str, dict],
    datasets: Iterable[str] = ("d",),
    protocols: dict[str, dict] | None = None,
    crops: dict[str, dict] | None = None,
) -> Study:
    """A study with these rows; what a row leaves out is that of a model called ``method``, of a dataset with
    1,000 training pictures, and of finetuning. ``crops`` are sets of crops."""
    named = {name: {"method": name, "name": name.title(), "repeats": name} for name in models}
    models = {name: MODEL | named[name] | row for name, row in models.items()}
    facts = {"metric": "top1", "train": 1000} | dict.fromkeys(("classes", "val", "test", "all"), 10)
    facts["pictures"] = 0
    named = {name: facts | {"name": name.upper()} for name in datasets}
    named |= {name: facts | row for name, row in (crops or {}).items()}
    rows = {name: {"family": "efficiency"} | row for name, row in (protocols or {"finetuned": CLASS}).items()}
    return Study(_table(models, MODEL_FACTS), _table(named, DATASET_FACTS), _table(rows, PROTOCOL_FACTS))


def rows(
    model: str,
    accuracies: Iterable[float],
    *,
    budgets: Iterable[int] = BUDGETS,
    protocol: str = "finetuned",
    dataset: str = "d",
    metric: str = "top1",
    seeds: Iterable[float] = (0.0,),
    freeze: str = "",
) -> list[dict]:
    """The rows of one model: a repeat for each of ``seeds``, which is added to the accuracies."""
    run = {"protocol": protocol, "dataset": dataset, "metric": metric, "model": model, "freeze": freeze}
    return [
        run | {"variant": f"seed-{seed}{freeze}", "seed": seed, "labels": str(labels), "value": value + shift}
        for seed, shift in enumerate(seeds)
        for labels, value in zip(budgets, accuracies, strict=True)
    ]


def runs(*groups: list[dict]) -> pd.DataFrame:
    """The rows of several models as ``efficiency.read_runs`` returns them."""
    return long_table([row for group in groups for row in group]).astype({"labels": int})


def growing(half: float, best: float, budgets: Iterable[int] = BUDGETS) -> np.ndarray:
    """Accuracies that grow with the labels: ``half`` of them are needed for half of the ``best``."""
    budgets = np.array(budgets)
    return (best * budgets / (budgets + half)).round(2)
