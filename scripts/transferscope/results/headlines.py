"""The few numbers of a study that say most, as sentences for a terminal."""

import pandas as pd

from transferscope.results.correlation import FEWEST_FOR_INTERVAL, MEAN
from transferscope.results.ranks import rank_models
from transferscope.results.resolved import Study


def of_correlations(table: pd.DataFrame, names: dict[str, str]) -> str:
    """Which whole setting follows what it is held against most closely, of those with most models.

    Args:
        table: of ``correlation.read_correlations``.
        names: what each value of ``against`` is called.

    Returns:
        A sentence, empty where no setting has FEWEST_FOR_INTERVAL models.
    """
    whole = table[(table["dataset"] == MEAN) & (table["n"] >= FEWEST_FOR_INTERVAL)].dropna(subset="pearson")
    if whole.empty:
        return ""
    found = whole.sort_values(["n", "pearson"], kind="stable").iloc[-1]
    return (
        f"{found['title']} follows {names[found['against']]} with r = {found['pearson']:.2f} (95 % interval "
        f"{found['pearson_low']:.2f} to {found['pearson_high']:.2f}) over {found['n']} models"
    )


def of_ranks(results: pd.DataFrame, study: Study) -> str:
    """Which model transfers best; ``results`` by setting. Empty where no two models can be ranked."""
    ranks = rank_models(results, study).ranks
    if len(ranks) < 2:
        return ""
    best = ranks.index[0]
    return (
        f"{study.models.at[best, 'name']} transfers best: rank {ranks.loc[best].mean():.1f} of {len(ranks)} "
        f"on average over {', '.join(ranks.columns)}"
    )


def of_labels(saved: pd.DataFrame, study: Study) -> str:
    """Where most labels are saved, by the table ``efficiency.saved_table``; empty where that is unknown."""
    known = saved[saved["saved"] > 0]
    if known.empty:
        return ""
    most = known.loc[known["factor"].idxmax()]
    return (
        f"{study.models.at[most['model'], 'name']} reaches {most['target']:.1f} % on "
        f"{study.dataset_name(most['dataset'])} with {most['model_labels']:.0f} labels, where random weights "
        f"need {most['baseline_labels']:.0f}"
    )
