"""Does the linear probe put models into the order of finetuning? (Newell and Deng, CVPR 2020)"""

import itertools

import numpy as np
import pandas as pd

from transferscope.results.resolved import RANDOM, Study

COLUMNS = ["linear", "finetuned", "dataset", "labels", "models", "spearman", "kendall", "flipped"]


def pairs(table: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Accuracies of linear probes beside those of finetuning on the same labels, one row a model.

    A protocol that reads features is a linear probe, one that reads pictures finetunes; the two have one
    task. Random models are left out: that they come last says nothing of the order of the others.

    Args:
        table: accuracies in the metrics that protocols are judged by (``efficiency.read_utility``).
        study: its models and protocols.

    Returns:
        ``linear`` and ``finetuned``, the protocols; ``dataset labels model``; ``x``, the linear accuracy, and
        ``y``, the finetuned one.
    """
    trained = table["model"].map(study.models["supervision"]) != RANDOM
    whole = (table["freeze"] == "") & (table["layer"] == "") & (table["place"] != "end")
    table = table[trained & whole].assign(
        task=table["protocol"].map(study.protocols["task"]),
        reads=table["protocol"].map(study.protocols["reads"]),
    )
    sides = [
        table[table["reads"] == reads].rename(columns={"protocol": protocol, "value": value})
        for reads, protocol, value in (("features", "linear", "x"), ("pictures", "finetuned", "y"))
    ]
    keys = ["task", "dataset", "labels", "model"]
    both = sides[0][[*keys, "linear", "x"]].merge(sides[1][[*keys, "finetuned", "y"]], on=keys)
    return both[["linear", "finetuned", "dataset", "labels", "model", "x", "y"]]


def coefficients(pairs: pd.DataFrame) -> pd.DataFrame:
    """Of each dataset and number of labels how far the two orders agree: COLUMNS.

    ``flipped`` is the share of pairs of models whose order is the opposite; Spearman's and Kendall's (tau-b)
    coefficients are NaN of fewer than three models and where one side is the same for all.
    """
    from scipy import stats  # takes longer to import than all else that reads this module needs

    rows = []
    for key, group in pairs.groupby(["linear", "finetuned", "dataset", "labels"], sort=False):
        x, y = group["x"].to_numpy(), group["y"].to_numpy()
        row = [*key, len(group), np.nan, np.nan, flipped(x, y)]
        if len(x) > 2 and np.ptp(x) and np.ptp(y):
            row[5:7] = stats.spearmanr(x, y).statistic, stats.kendalltau(x, y).statistic
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def flipped(x: np.ndarray, y: np.ndarray) -> float:
    """The share of pairs that ``x`` [n] and ``y`` [n] put into opposite orders; NaN of one model."""
    orders = [(x[i] - x[j]) * (y[i] - y[j]) < 0 for i, j in itertools.combinations(range(len(x)), 2)]
    return float(np.mean(orders)) if orders else np.nan
