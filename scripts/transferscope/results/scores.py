"""The score of a value: what correlations and their figures take of it."""

import numpy as np
import pandas as pd

from transferscope.results.resolved import SEEDS
from transferscope.study.metrics import METRICS

# Half the last digit of a percentage printed with two decimals: how far from 100 a published 100.00 may be.
_HALF_PRINTED_DIGIT = 5e-5


def logit(share: np.ndarray) -> np.ndarray:
    """Log-odds of shares in 0..1, any shape; infinite at 0 and 1."""
    share = np.asarray(share, dtype=float)
    with np.errstate(divide="ignore"):
        return np.log(share) - np.log1p(-share)


def add_scores(results: pd.DataFrame) -> pd.DataFrame:
    """The results by setting with two more columns: each value's ``score``, and its ``deviation`` over seeds.

    The score is what a correlation takes: the logit of a bounded metric, the raw value of any other, times
    the metric's sign (``study.metrics.Metric``). Before the logit a share is moved at least half a test
    sample away from 0 and 1 (``n_test``; half the last printed digit where it is unknown), so that one
    perfect score does not put a whole setting at infinity. The deviation is half the distance between the
    scores one standard deviation above and below the value, NaN where there is one seed.
    """
    spread = results["interval"].where(results["interval_over"] == SEEDS)
    above, below = (_scores(results, results["value"] + side * spread) for side in (1, -1))
    return results.assign(score=_scores(results, results["value"]), deviation=(above - below).abs() / 2)


def _scores(results: pd.DataFrame, values: pd.Series) -> pd.Series:
    """The scores of ``values``, one a row of ``results``."""
    metrics = results["metric"].map(METRICS)
    natural = values / [metric.scale for metric in metrics]
    margin = (0.5 / results["n_test"].astype("Float64")).fillna(_HALF_PRINTED_DIGIT).astype(float)
    bounded = np.array([metric.bounded for metric in metrics], dtype=bool)
    share = natural.clip(margin, 1 - margin).where(bounded, 0.5)
    return [metric.sign for metric in metrics] * natural.where(~bounded, logit(share))
