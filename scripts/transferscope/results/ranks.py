"""Each model's rank in every setting that measures transfer."""

from dataclasses import dataclass

import pandas as pd

from transferscope.results.correlation import direction, transfer_scores
from transferscope.results.resolved import Study


@dataclass(frozen=True)
class Ranks:
    """Ranks from 1, the best.

    Attributes:
        ranks: of the models with a score in every setting, by id, from the best mean rank to the worst; a
            column a setting, by its printed name.
        unranked: the ids of the other models, in the order of the study.
        sparse: the printed names of settings that are left out, since they have less than half as many models
            as the one with most.
    """

    ranks: pd.DataFrame
    unranked: list[str]
    sparse: list[str]


def rank_models(results: pd.DataFrame, study: Study) -> Ranks:
    """Rank the models by ``results``, those by setting."""
    scores = transfer_scores(results, study)
    scores = scores.assign(quality=scores["score"] * scores["metric"].map(direction))
    titles = scores.drop_duplicates("setting").set_index("setting")["title"]
    table = scores.pivot(index="model", columns="setting", values="quality")
    present = [model for model in study.models.index if model in table.index]
    table = table.reindex(index=present, columns=titles.index)
    known = table.notna().sum()
    sparse = known.index[2 * known < known.max()]
    table = table.drop(columns=sparse)
    unranked = table.index[table.isna().any(axis=1)]
    ranks = table.drop(unranked).rank(ascending=False, method="min")
    ranks = ranks.loc[ranks.mean(axis=1).sort_values(kind="stable").index].rename(columns=titles)
    return Ranks(ranks, list(unranked), list(titles[sparse]))
