"""Does ImageNet accuracy, or another reference, tell how well a model transfers?

Ericsson et al. 2021, section 4.5.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from transferscope.errors import InputError
from transferscope.files import atomic_path
from transferscope.results.intervals import pearson_interval, spearman_interval
from transferscope.results.long_table import SETTING, with_numbers
from transferscope.results.reference import Reference
from transferscope.results.resolved import TRANSFER, Study, measurement_name, with_settings
from transferscope.results.scores import add_scores
from transferscope.study import protocols
from transferscope.study.axes import AXES
from transferscope.study.metrics import METRICS
from transferscope.study.tables import read_cells

MANY_SHOT = "linear"
"""The protocol that whole settings are also correlated with, on all labels."""
MEAN = "(mean)"
"""Stands in the dataset column of a whole setting; the parentheses keep it from being an id."""
OWN = "(own)"
"""Stands in the metric column of a whole recognition setting, where each dataset has its own metric."""

PRINTED_COLUMNS = ["against", "protocol", "metric", "pearson"]

# Fewer models say next to nothing: the interval of five is wider than 1 unless they are on a line.
FEWEST_FOR_INTERVAL = 6


def setting_scores(results: pd.DataFrame) -> pd.DataFrame:
    """One row a whole setting, metric and model: ``score`` is the mean over the setting's datasets.

    Recognition metrics are averaged together (metric OWN), since each dataset has its own; a metric that
    another represents (``study.metrics.Metric``) is left out; every other is averaged by itself. ``datasets``
    counts the setting's datasets. A model that lacks one of them has score NaN: its mean would be over easier
    or harder ones. ``deviation`` is that of the mean, the datasets' seeds being independent draws.
    """
    table = add_scores(results)
    represented = np.array([bool(METRICS[metric].represented_by) for metric in table["metric"]], dtype=bool)
    table = table[~represented]
    own = np.array([METRICS[metric].recognition for metric in table["metric"]], dtype=bool)
    table = table.assign(metric=table["metric"].mask(own, OWN))
    keys = [*SETTING, "setting", "title", "family", "metric"]
    datasets = table.groupby(keys)["dataset"].transform("nunique")
    means = table.assign(datasets=datasets).groupby([*keys, "model"], sort=False, as_index=False)
    means = means.agg(
        score=("score", "mean"),
        deviation=("deviation", _deviation_of_mean),
        seeds=("seeds", "max"),
        here=("dataset", "nunique"),
        datasets=("datasets", "first"),
    )
    means["score"] = means["score"].where(means["here"] == means["datasets"])
    return means.drop(columns="here")


def _deviation_of_mean(deviations: pd.Series) -> float:
    """Of a mean of independent scores; one without a deviation has none. NaN where none has any."""
    return np.sqrt((deviations**2).sum(min_count=1)) / len(deviations)


def transfer_scores(results: pd.DataFrame, study: Study) -> pd.DataFrame:
    """The rows of ``setting_scores`` that say how well a model transfers: one a setting and model.

    They are those of the family TRANSFER in the metric by which their protocol is judged.
    """
    scores = setting_scores(results)
    return scores[_judges_transfer(scores, study)]


def _judges_transfer(table: pd.DataFrame, study: Study) -> pd.Series:
    headline = table["protocol"].map(study.protocols["metric"])
    return (table["family"] == TRANSFER) & ((table["metric"] == OWN) | (table["metric"] == headline))


def direction(metric: str) -> int:
    """1 where a higher score in this metric (or OWN) is better, -1 where a lower one is, else 0."""
    return 1 if metric == OWN else METRICS[metric].direction


def pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's coefficient of ``x`` and ``y``, each [n]; NaN for n < 3 and for constant x or y."""
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan
    return float(np.corrcoef(x, y)[0, 1])


def correlate(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Pearson's and Spearman's coefficient of ``x`` and ``y``, each [n], with p-value and 95% interval.

    The intervals (``results.intervals``) are NaN below ``FEWEST_FOR_INTERVAL`` models; everything is for
    n < 3, where a straight line always fits, and for constant x or y.
    """
    from scipy import stats  # takes longer to import than all that the figures need of this module

    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    n = len(x)
    names = [f"{kind}{what}" for kind in ("pearson", "spearman") for what in ("", "_low", "_high", "_p")]
    if n < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return {"n": n} | dict.fromkeys(names, np.nan)
    values = []
    for found, interval in (
        (stats.pearsonr(x, y), pearson_interval),
        (stats.spearmanr(x, y), spearman_interval),
    ):
        low, high = interval(found.statistic, n) if n >= FEWEST_FOR_INTERVAL else (np.nan, np.nan)
        values += [found.statistic, low, high, found.pvalue]
    return {"n": n} | dict(zip(names, map(float, values), strict=True))


def correlations(results: pd.DataFrame, study: Study, reference: Reference) -> pd.DataFrame:
    """Correlation of every dataset and whole setting with the reference and with many-shot transfer.

    Args:
        results: the results by setting (``resolved.by_setting``).
        study: its models.
        reference: of these results.

    Returns:
        ``against``, SETTING, ``dataset metric n`` and, for pearson and spearman, the coefficient, ``_low``,
        ``_high`` and ``_p``; then ``left_out``, the models of that row, comma separated, that have no x (the
        random baseline always) or no y. ``against`` is the reference's key or MANY_SHOT (that whole setting's
        score, where the table has it). A whole setting has dataset MEAN. Against the reference, its own rows
        leave out every model, and a whole setting leaves out its dataset.

    Raises:
        InputError: the results name a model that the study lacks.
    """
    models = study.models
    unknown = set(results["model"]) - set(models.index)
    if unknown:
        raise InputError(
            f"the results name model {min(unknown)}, which the table of models lacks; add it there"
        )
    scores = add_scores(results)
    whole, whole_others = (
        setting_scores(table).assign(dataset=MEAN) for table in (results, reference.others(results))
    )
    others = scores.assign(score=scores["score"].mask(reference.is_itself(scores)))
    variables = [(reference.key, reference.scores, pd.concat([others, whole_others]))]
    many_shot = whole[(whole["setting"] == MANY_SHOT) & (whole["metric"] == OWN)]
    if len(many_shot):
        variables.append((MANY_SHOT, many_shot.set_index("model")["score"], pd.concat([scores, whole])))
    # An untrained network is a floor to read values against; as a point it would decide every coefficient.
    random = models.index[models["supervision"] == "random"]

    keys = [*SETTING, "dataset", "metric"]
    rows = []
    for against, x, scores in variables:
        usable = x.drop(random, errors="ignore").dropna()
        for (setting, *names), group in scores.groupby(["setting", *keys], sort=False):
            if setting == against:
                continue
            y = group.set_index("model")["score"]
            both = [model for model in y.dropna().index if model in usable.index]
            left_out = [model for model in y.index if model not in both]
            name = {"against": against} | dict(zip(keys, names, strict=True))
            coefficients = correlate(usable[both], y[both])
            rows.append(name | coefficients | {"left_out": ",".join(left_out)})
    return pd.DataFrame(rows)


def write_correlations(path: str | Path, table: pd.DataFrame) -> None:
    """Write the table of ``correlations``, tab separated, with empty fields for what there is not."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, sep="\t", index=False, float_format="%.6g", lineterminator="\n")


def read_correlations(path: str | Path, study: Study) -> pd.DataFrame:
    """The table that ``write_correlations`` wrote, with the columns of ``resolved.with_settings``."""
    text = [*AXES, "left_out"]
    table = pd.read_csv(path, sep="\t", dtype=dict.fromkeys(text, "str"))
    return with_settings(table.fillna(dict.fromkeys(text, "")), study)


def read_printed(path: str | Path) -> pd.DataFrame:
    """Coefficients that a paper prints, a file of ``config/published/correlations``: of whole settings.

    Raises:
        InputError: its columns are others, or a coefficient is no number.
    """
    table = read_cells(path, ",")
    if list(table.columns) != PRINTED_COLUMNS:
        raise InputError(
            f"{path} has the columns {', '.join(table.columns)}; it needs {', '.join(PRINTED_COLUMNS)}"
        )
    return with_numbers(table, ["pearson"], path).reset_index(drop=True)


def add_printed(coefficients: pd.DataFrame, printed: pd.DataFrame) -> pd.DataFrame:
    """The table of ``correlations`` with a column ``printed``, NaN where ``read_printed`` has nothing.

    What is printed is of settings whose place on every axis is empty.
    """
    printed = printed.rename(columns={"pearson": "printed"}).assign(dataset=MEAN, **dict.fromkeys(AXES, ""))
    return coefficients.merge(printed, how="left", on=["against", *SETTING, "dataset", "metric"])


def regression_band(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least-squares line of ``y`` on ``x`` (both [n], n >= 3) and its 95% half-width, at ``at`` [m].

    The half-width is of the line, not of a new point: t(n - 2) s sqrt(1/n + (at - mean x)^2 / Sxx).
    """
    n, spread = len(x), ((x - x.mean()) ** 2).sum()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / spread
    residuals = y - y.mean() - slope * (x - x.mean())
    s = np.sqrt((residuals**2).sum() / (n - 2))
    half_width = stdtrit(n - 2, 0.975) * s * np.sqrt(1 / n + (at - x.mean()) ** 2 / spread)
    return y.mean() + slope * (at - x.mean()), half_width


def summary(table: pd.DataFrame, study: Study, reference: Reference) -> str:
    """The whole settings' coefficients of ``correlations`` as text for a terminal, one line each.

    Where the table has a column ``printed`` (``add_printed``), Pearson's as the paper prints it comes last.
    """
    held_against = table["against"].unique()
    table = with_settings(table[table["dataset"] == MEAN], study)
    # Where the setting's name says enough, no metric follows it.
    alone = _judges_transfer(table, study) | (table["metric"] == OWN)
    labels = []
    for row, by_name in zip(table.itertuples(), alone, strict=True):
        label = row.title if by_name else measurement_name(row.title, row.metric)
        labels.append(reference.title(row.setting, label) if row.against == reference.key else label)
    table = table.assign(label=labels)
    titles = {}
    for against in held_against:
        x = reference.name
        if against != reference.key:
            x = f"mean {protocols.title(study.protocols, against, {}).lower()} transfer"
        titles[against] = f"Correlation with {x}"
    width = max(40, *map(len, table["label"]), *map(len, titles.values()))
    blocks = []
    for against in held_against:
        rows = table[table["against"] == against]
        lines = [f"{titles[against]:{width}} {'n':>3} {'Pearson':>8} {'95% interval':>15} {'Spearman':>9}"]
        if rows.get("printed", pd.Series(dtype=float)).notna().any():
            lines[0] += f" {'printed':>8}"
        for _, row in rows.iterrows():
            interval = f"[{row['pearson_low']:.2f}, {row['pearson_high']:.2f}]"
            if np.isnan(row["pearson_low"]):
                interval = "too few"
            coefficients = f"{row['pearson']:>8.2f} {interval:>15} {row['spearman']:>9.2f}"
            lines.append(f"{row['label']:{width}} {row['n']:>3} {coefficients}")
            if pd.notna(row.get("printed")):
                lines[-1] += f" {row['printed']:>8.2f}"
        if against == reference.key and reference.setting:
            lines.append(f"Left out is the reference itself, {reference.name}.")
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)
