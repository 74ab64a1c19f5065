"""The value that every model has of the reference, and what of the results is the reference itself."""

from dataclasses import dataclass, replace

import pandas as pd

from transferscope.errors import InputError
from transferscope.results.parts import Part
from transferscope.results.resolved import Study
from transferscope.results.scores import add_scores, logit


@dataclass(frozen=True)
class Reference:
    """What correlations and their figures hold transfer against.

    Attributes:
        scores: by model id, what a correlation takes (``scores.add_scores``), NaN where unknown; None where
            no values are needed.

    The other attributes are those of ``study.reference.resolve``.
    """

    key: str
    name: str
    label: str
    errors: str
    lacking: str
    unknown: str
    metric: str
    setting: str
    dataset: str
    dataset_name: str
    scores: pd.Series | None = None

    def is_itself(self, table: pd.DataFrame) -> pd.Series:
        """Which rows of a table with ``setting`` and ``dataset`` are of the reference: all of its metrics.

        Held against it they would say nothing.
        """
        return (table["setting"] == self.setting) & (table["dataset"] == self.dataset)

    def others(self, table: pd.DataFrame) -> pd.DataFrame:
        """The other rows."""
        return table[~self.is_itself(table)]

    def other_columns(self, part: Part) -> Part:
        """The part with the other rows and their columns alone, if any are left."""
        rows = self.others(part.rows)
        kept = set(rows[part.across])
        return replace(part, rows=rows, columns=[column for column in part.columns if column.key in kept])

    def title(self, setting: str, title: str) -> str:
        """The printed name of a whole setting, which says so where its mean is without the reference."""
        return f"{title}, without {self.dataset_name}" if setting == self.setting else title


def read_reference(facts: dict[str, str], results: pd.DataFrame, study: Study) -> Reference:
    """The reference that ``facts`` (``study.reference.resolve``) say, in the results by setting.

    Over several seeds it is their mean. That of the models table is the logit of the accuracy.

    Raises:
        InputError: the results lack it.
    """
    reference = Reference(**facts)
    if not reference.setting:
        top1 = study.models["imagenet_top1"]
        return replace(reference, scores=pd.Series(logit(top1 / 100), top1.index))
    rows = results[reference.is_itself(results) & (results["metric"] == reference.metric)]
    if rows.empty:
        raise InputError(
            f"the results have no {reference.name}, which the configuration names by its key reference; name "
            "another number there"
        )
    scores = add_scores(rows).set_index("model")["score"]
    return replace(reference, scores=scores.reindex(study.models.index))
