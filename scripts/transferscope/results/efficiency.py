"""Label efficiency: the long table as curves over numbers of labels, and what models save over a baseline.

The runs are those of the protocols of the family EFFICIENCY. A *baseline* is a random model: the same network
trained from scratch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from transferscope.errors import InputError
from transferscope.files import atomic_path
from transferscope.results import utility
from transferscope.results.long_table import read_table
from transferscope.results.resolved import EFFICIENCY, RANDOM, Study
from transferscope.study.metrics import METRICS

PLACES = ["layer", "freeze"]
"""The axes that tell one curve of a model from another; scratch is where both are empty."""
CURVE = ["protocol", "dataset", "metric", *PLACES, "model"]
HOW = ["baseline", "seeds_of_baseline", "interpolation", "monotone"]
"""What utility depends on, the last columns of both tables."""

UTILITY_COLUMNS = [*CURVE, "labels", "place", "seeds", "value", "deviation", "utility", "low", "high"]
UTILITY_COLUMNS += ["censored", "bound", "mean", "std", "mean_is", "n_hat", "limit", *HOW]
SAVED_COLUMNS = [*CURVE, "target", "baseline_labels", "model_labels", "saved", "saved_low", "saved_high"]
SAVED_COLUMNS += ["factor", "factor_low", "factor_high", "censored", "saved_bound", "factor_bound", *HOW]
_TEXT = [*CURVE, "place", "censored", "mean_is", "baseline", "interpolation", "monotone"]


@dataclass(frozen=True)
class Repeats:
    """The curves of one model: ``values`` [seeds, m] with ``labels`` [m], in the metric's printed unit."""

    labels: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class Comparison:
    """A model's curves, and its baseline's, if that has been run.

    Attributes:
        facts: CURVE and ``baseline``, its id or nothing.
        sign: -1 where less is better; values times the sign are what utility is of.
        model: the model's curves.
        scratch: the baseline's, or None.
    """

    facts: dict[str, str]
    sign: int
    model: Repeats
    scratch: Repeats | None


def read_runs(path: str | Path, study: Study) -> pd.DataFrame:
    """The rows of the long table at ``path`` that are of numbers of labels, in metrics with a direction.

    ``labels`` becomes an integer.

    Raises:
        InputError: there is none.
    """
    table = read_table(path)
    directed = table["metric"].map(lambda metric: METRICS[metric].higher_is_better is not None)
    family = table["protocol"].map(study.protocols["family"])
    runs = table[(family == EFFICIENCY) & (table["labels"] != "") & directed]
    if runs.empty:
        protocols = ", ".join(study.protocols_of(EFFICIENCY)) or f"of the family {EFFICIENCY}"
        raise InputError(
            f"{path} has no result with a number of labels; add one of the protocols {protocols} "
            "to `protocols`"
        )
    return runs.astype({"labels": int})


def repeats(runs: pd.DataFrame) -> Repeats:
    """The curves in the rows of one model: at those numbers of labels that every seed has."""
    table = runs.pivot(index="variant", columns="labels", values="value").sort_index(axis=1)
    table = table.dropna(axis=1)
    return Repeats(table.columns.to_numpy(), table.to_numpy())


def baselines(models: pd.DataFrame, kind: str) -> dict[str, str]:
    """The baseline of every model that has one.

    It is the first random model with the model's architecture; with the ``kind`` ``common`` a model's column
    ``baseline`` may name another one, as where a network in two parts is compared with the whole one.
    """
    random = models[models["supervision"] == RANDOM]
    of_architecture = pd.Series(random.index, random["arch"])
    found = models["arch"].map(of_architecture[~of_architecture.index.duplicated()])
    if kind == "common":
        found = models["baseline"].where(models["baseline"] != "", found)
    return {model: baseline for model, baseline in found.dropna().items() if model != baseline}


def comparisons(runs: pd.DataFrame, study: Study, kind: str) -> Iterator[Comparison]:
    """Every model's curves and those of its baseline with nothing frozen, in the order of ``runs``.

    ``kind`` is that of ``baselines``.
    """
    by_model = baselines(study.models, kind)
    groups = {key: group for key, group in runs.groupby(CURVE, sort=False)}
    for (*task, layer, freeze, model), group in groups.items():
        baseline = by_model.get(model, "")
        scratch = groups.get((*task, *[""] * len(PLACES), baseline))
        facts = dict(zip(CURVE, (*task, layer, freeze, model), strict=True))
        facts["baseline"] = "" if scratch is None else baseline
        sign = 1 if METRICS[facts["metric"]].higher_is_better else -1
        yield Comparison(facts, sign, repeats(group), None if scratch is None else repeats(scratch))


def utility_table(
    runs: pd.DataFrame, study: Study, *, baseline: str, interpolation: str, monotone: str, resamples: int
) -> pd.DataFrame:
    """Every model's accuracy and utility at every number of labels: UTILITY_COLUMNS.

    ``value`` is the mean accuracy over ``seeds`` in the metric's printed unit, ``deviation`` its population
    standard deviation, as the authors have it. ``utility`` is that of the mean accuracy, with the 95%
    interval ``low`` to ``high`` over the repeats of both networks; ``mean`` and ``std`` are of the repeats'
    own utilities. ``n_hat`` are the labels that the baseline needs, ``limit`` the most utility that can be
    measured. A curve that ends between two numbers of labels has a row for its end (``place``). What is not
    known is NaN; of a baseline, or a model without one, that is all but the accuracy.

    Args:
        runs: of ``read_runs``.
        study: its models.
        baseline, interpolation, monotone, resamples: of the section ``utility`` of the configuration.
    """
    rows = []
    for pair in comparisons(runs, study, baseline):
        shared = pair.facts | {"seeds": len(pair.model.values)}
        budgets = [
            {"labels": labels, "value": value, "deviation": deviation}
            for labels, value, deviation in zip(
                pair.model.labels, pair.model.values.mean(axis=0), _deviation(pair.model.values), strict=True
            )
        ]
        if pair.scratch is not None:
            shared |= _how(pair, interpolation, monotone)
            budgets = _with_utility(pair, budgets, interpolation, monotone, resamples)
        rows += [shared | budget for budget in budgets]
    return pd.DataFrame(rows, columns=UTILITY_COLUMNS)


def _with_utility(
    pair: Comparison, budgets: list[dict], interpolation: str, monotone: str, resamples: int
) -> list[dict]:
    """The rows of ``budgets`` with the utility there, and one more for the curve's end, if it has one."""
    labels, model = pair.model.labels, pair.sign * pair.model.values

    def bounds(a: np.ndarray, y: np.ndarray) -> list[tuple[float, float]]:
        scratch = _scratch(pair, a, monotone)
        return [utility.utility(scratch, *at, interpolation).bounds for at in zip(y, labels, strict=True)]

    values = pair.sign * pair.scratch.values
    intervals = utility.resampled(values, model, bounds, resamples=resamples, seed=0)
    known = {
        budget["labels"]: budget | _interval("", interval)
        for budget, interval in zip(budgets, intervals, strict=True)
    }
    rows = []
    for point in utility.utility_curve(
        _scratch(pair, values.mean(axis=0), monotone), labels, model, interpolation
    ):
        row = known.get(point.n, {"labels": point.n, "value": pair.sign * point.y})
        row |= {"place": point.place, "limit": point.limit, "utility": point.of_mean.value}
        row |= {name: getattr(point.of_mean, name) for name in ("censored", "bound", "n_hat")}
        if point.over_repeats is not None:
            row |= vars(point.over_repeats)
        rows.append(row)
    return rows


def saved_table(
    runs: pd.DataFrame,
    study: Study,
    *,
    baseline: str,
    interpolation: str,
    monotone: str,
    targets: list[float],
    resamples: int,
) -> pd.DataFrame:
    """The labels that every model with a baseline saves at target accuracies: SAVED_COLUMNS.

    It is in the metric by which the protocol is judged. ``baseline_labels`` and ``model_labels`` are NaN
    where that network was not seen to cross the target; ``saved`` is their difference, ``factor`` their
    ratio, with 95% intervals over the repeats of both. Censored ones are NaN and have bounds.

    Args:
        runs, study, baseline, interpolation, monotone, resamples: as for ``utility_table``.
        targets: accuracies in the metric's printed unit; none for those of ``utility.targets``.
    """
    rows = []
    for pair in comparisons(judged(runs, study), study, baseline):
        if pair.scratch is None:
            continue
        values, model = pair.sign * pair.scratch.values, pair.sign * pair.model.values
        scratch = _scratch(pair, values.mean(axis=0), monotone)
        mean = utility.Curve(pair.model.labels, model.mean(axis=0))
        wanted = [pair.sign * target for target in targets] or utility.targets(scratch)
        for target in wanted:
            found = utility.saved(scratch, mean, target, interpolation)
            bounds = partial(_saved_bounds, pair, target, interpolation, monotone)
            intervals = utility.resampled(values, model, bounds, resamples=resamples, seed=0)
            row = pair.facts | _how(pair, interpolation, monotone) | {"target": pair.sign * target}
            row |= {"baseline_labels": _exact(found.scratch), "model_labels": _exact(found.model)}
            row |= {"saved": found.difference, "factor": found.factor, "censored": found.censored}
            row |= {"saved_bound": found.difference_bound, "factor_bound": found.factor_bound}
            rows.append(row | _interval("saved_", intervals[0]) | _interval("factor_", intervals[1]))
    return pd.DataFrame(rows, columns=SAVED_COLUMNS)


def _saved_bounds(
    pair: Comparison, target: float, interpolation: str, monotone: str, a: np.ndarray, y: np.ndarray
) -> tuple[tuple[float, float], tuple[float, float]]:
    curves = _scratch(pair, a, monotone), utility.Curve(pair.model.labels, y)
    return utility.saved(*curves, target, interpolation).bounds


def judged(table: pd.DataFrame, study: Study) -> pd.DataFrame:
    """The rows in the metric by which their protocol is judged."""
    headlines = [study.headline(*row) for row in zip(table["protocol"], table["dataset"], strict=True)]
    return table[table["metric"] == headlines]


def write(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table of this module, tab separated, with empty fields for what is not known."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, sep="\t", index=False, float_format="%.9g", lineterminator="\n")


def read_utility(path: str | Path, study: Study) -> pd.DataFrame:
    """The table of ``utility_table`` at ``path``, in the metric by which each protocol is judged."""
    table = pd.read_csv(
        path, sep="\t", dtype=dict.fromkeys(_TEXT, "str"), keep_default_na=False, na_values=[""]
    )
    return judged(table.fillna(dict.fromkeys(_TEXT, "")), study)


def _scratch(pair: Comparison, accuracies: np.ndarray, monotone: str) -> utility.Curve:
    """The baseline's curve, made monotone where the study asks for it."""
    if monotone == "isotonic":
        accuracies = utility.isotonic(accuracies)
    return utility.Curve(pair.scratch.labels, accuracies)


def _how(pair: Comparison, interpolation: str, monotone: str) -> dict:
    how = {"interpolation": interpolation, "monotone": monotone}
    return how | {"seeds_of_baseline": len(pair.scratch.values)}


def _exact(reached: utility.Reached) -> float:
    return reached.first if reached.censored == utility.NONE else np.nan


def _interval(name: str, ends: np.ndarray) -> dict[str, float]:
    return {f"{name}low": ends[0], f"{name}high": ends[1]}


def _deviation(values: np.ndarray) -> np.ndarray:
    """Over seeds [seeds, m]; NaN of one."""
    return values.std(axis=0) if len(values) > 1 else np.full(values.shape[1], np.nan)
