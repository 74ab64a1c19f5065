"""The results as the paper's tables: models by datasets, the best bold, the second best underlined."""

import io
from dataclasses import dataclass

import numpy as np
import pandas as pd

from transferscope.results.parts import Column, Part, kept, split
from transferscope.results.resolved import AVERAGE, FEATURES, SEEDS, TEST, Study, deviation_name
from transferscope.study.metrics import METRICS, Metric

OF_ONE_RUN = "†"
"""Marks an interval over test images in a table that also has deviations over seeds."""
_LATEX = {
    "&": r"\&",
    "%": r"\%",
    "_": r"\_",
    "#": r"\#",
    "°": r"$^\circ$",
    OF_ONE_RUN: r"$^\dagger$",
    "±": r"$\pm$",
    "−": "$-$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
}
_LATEX_IN_NAMES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}
"""Beside ``_LATEX``; in a cell that has markup already these are the markup."""
_MARKDOWN = {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {mark: f"\\{mark}" for mark in r"\`*_[]|~$#!"}


@dataclass(frozen=True)
class Table:
    """One table. Each frame is [models, columns], indexed by model id, its columns the columns' keys.

    ``value`` is rounded as it is printed, and ``rank`` ranks what is printed: 1 is the best, equal values
    share a rank and the next gets the following one; it is NaN where neither more nor less is better, and of
    one model. ``ci95``, the half-width of the 95% interval over test images, ``deviation``, the standard
    deviation over seeds, and ``published`` are NaN where unknown; a cell has at most one of the first two.
    ``published`` is None where no comparison is asked for. ``over_seeds`` names the deviations
    (``resolved.deviation_name``).
    """

    name: str
    title: str
    columns: list[Column]
    models: pd.Series
    value: pd.DataFrame
    rank: pd.DataFrame
    ci95: pd.DataFrame
    deviation: pd.DataFrame
    published: pd.DataFrame | None
    over_seeds: str

    @property
    def header(self) -> list[str]:
        """The printed first row; an arrow says whether more or less is better."""
        return ["Model", *(f"{column.label} {column.arrow}".rstrip() for column in self.columns)]

    @property
    def note(self) -> str:
        """Which column is in which metric, where neither the title nor the column's label says it."""
        labels = {}
        for column in self.columns:
            if column.key != AVERAGE and not column.says_metric:
                labels.setdefault(METRICS[column.metric].label, []).append(column.label)
        if not labels or self.title.endswith(tuple(labels)):
            return ""
        return "; ".join(f"{label}: {', '.join(names)}" for label, names in labels.items()) + "."

    @property
    def mark(self) -> str:
        """What follows an interval over test images: something where the table also has deviations."""
        return OF_ONE_RUN if self.deviation.notna().any(axis=None) else ""

    @property
    def interval_note(self) -> str:
        """What the intervals are; nothing where there are none."""
        notes = []
        if self.deviation.notna().any(axis=None):
            notes.append(f"± is the {self.over_seeds}.")
        if self.ci95.notna().any(axis=None):
            over = f" over {TEST}" if self.mark else ""
            notes.append(f"{self.mark or '±'} is half of the 95% interval{over}.")
        return " ".join(notes)

    @property
    def notes(self) -> str:
        """What stands below the table: ``note`` and, where there are deviations, what the intervals are."""
        return f"{self.note} {self.interval_note if self.mark else ''}".strip()


def build_tables(results: pd.DataFrame, study: Study, compare: pd.DataFrame | None) -> list[Table]:
    """The tables of the results, setting by setting: one a part (``parts.split``), at last ``parts.kept``.

    Arguments as for ``parts.split`` and ``build_table``.
    """
    parts = split(results, study)
    averages = kept(results)
    if averages is not None:
        # What is measured on one dataset, or published as an average alone, is all in that table.
        others = [part for part in parts if part.across == "dataset" or part.family != FEATURES]
        parts = [*others, averages]
    return [build_table(part, study, compare) for part in parts]


def build_table(part: Part, study: Study, compare: pd.DataFrame | None) -> Table:
    """The table of one part; where its columns are datasets, their average is the last.

    Args:
        part: what is shown together.
        study: its models, in the order of the rows. The random baseline competes too.
        compare: published results by setting, to print beside the measured ones, or None.
    """
    rows, across, columns = part.rows, part.across, part.columns
    if across == "dataset":
        columns = [*columns, Column(AVERAGE, "Average", columns[0].metric)]
    measured = set(rows["model"])
    present = [model for model in study.models.index if model in measured]

    def spread(rows: pd.DataFrame, field: str) -> pd.DataFrame:
        return _spread(rows, field, columns, across, present)

    published = None
    if compare is not None:
        # Only the very same number is compared: another dataset or metric is another quantity.
        number = ["setting", "dataset", "metric", "model"]
        same = rows.drop(columns="value").merge(compare[[*number, "value"]], on=number, how="left")
        published = spread(same, "value")
    value = spread(rows, "value")
    ranks = {column.key: _ranks(value[column.key], METRICS[column.metric]) for column in columns}
    over_seeds = rows["interval_over"] == SEEDS
    return Table(
        part.name,
        part.title,
        columns,
        models=study.models.loc[present, "name"],
        value=value,
        rank=pd.DataFrame(ranks),
        ci95=spread(rows.assign(interval=rows["interval"].mask(over_seeds)), "interval"),
        deviation=spread(rows.assign(interval=rows["interval"].where(over_seeds)), "interval"),
        published=published,
        over_seeds=deviation_name(rows),
    )


def means_table(
    name: str, title: str, rows: pd.DataFrame, columns: list[Column], across: str, names: pd.Series
) -> Table:
    """A table of means over seeds.

    Args:
        rows: of ``resolved.means``, with a ``model`` each, and the key of its column in ``across``.
        names: of the rows of the table by ``model``, in their order.
    """
    value, deviation = (
        _spread(rows, field, columns, across, list(names.index)) for field in ("value", "deviation")
    )
    rank = {column.key: _ranks(value[column.key], METRICS[column.metric]) for column in columns}
    over_seeds = deviation_name(rows.rename(columns={"runs": "seeds"}))
    nothing = value * np.nan
    return Table(name, title, columns, names, value, pd.DataFrame(rank), nothing, deviation, None, over_seeds)


def _ranks(values: pd.Series, metric: Metric) -> pd.Series:
    """1 for the best of ``values``; NaN for all where a metric has no direction or there is one model."""
    if metric.higher_is_better is None or values.count() < 2:
        return pd.Series(np.nan, values.index)
    return values.rank(method="dense", ascending=not metric.higher_is_better)


def cells(table: Table, bold: str, underlined: str, beside: str = " ({}, {})") -> list[list[str]]:
    """The printed rows: each model's name and cells.

    Args:
        table: what to print.
        bold, underlined: formats of the best and of the second best value.
        beside: the format of the published value and of the difference from it, after the measured one.
    """
    frames = {1: bold, 2: underlined}
    rows = []
    for model, name in table.models.items():
        row = [name]
        for column in table.columns:
            value, rank = table.value.loc[model, column.key], table.rank.loc[model, column.key]
            if pd.isna(value):
                row.append("–")
                continue
            decimals = METRICS[column.metric].decimals
            cell = frames.get(rank, "{}").format(f"{value:.{decimals}f}")
            for widths, mark in ((table.ci95, table.mark), (table.deviation, "")):
                if pd.notna(widths.loc[model, column.key]):
                    cell += f" ± {widths.loc[model, column.key]:.{decimals}f}{mark}"
            if table.published is not None and pd.notna(table.published.loc[model, column.key]):
                reference = table.published.loc[model, column.key]
                difference = f"{value - reference:+.{decimals}f}".replace("-", "−")
                cell += beside.format(f"{reference:.{decimals}f}", difference)
            row.append(cell)
        rows.append(row)
    return rows


def to_tsv(table: Table) -> str:
    """Tab separated, ids for names; beside a value its ci95, deviation, published, difference, where any."""
    columns = {}
    for column in table.columns:
        value = table.value[column.key]
        columns[column.key] = value
        for name, widths in (("ci95", table.ci95), ("deviation", table.deviation)):
            if widths[column.key].notna().any():
                columns[f"{column.key} {name}"] = widths[column.key]
        if table.published is not None:
            columns[f"{column.key} published"] = table.published[column.key]
            difference = value - table.published[column.key]
            columns[f"{column.key} difference"] = difference.round(METRICS[column.metric].decimals)
    text = io.StringIO()
    pd.DataFrame(columns).to_csv(text, sep="\t", index_label="model", lineterminator="\n")
    return text.getvalue()


def to_markdown(table: Table) -> str:
    """A heading, a pipe table and its notes: best **bold**, second best <u>underlined</u>."""
    rows = [[_markdown(text) for text in table.header], ["---", *("---:" for _ in table.columns)]]
    rows += [[_markdown(name), *printed] for name, *printed in cells(table, "**{}**", "<u>{}</u>")]
    lines = [f"## {_markdown(table.title)}", "", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join([*lines, "", *([_markdown(table.notes), ""] if table.notes else [])])


def to_latex(table: Table) -> str:
    """A ``table`` with a booktabs ``tabular``; needs \\usepackage{booktabs}."""
    rows = cells(table, r"\textbf{{{}}}", r"\underline{{{}}}")
    caption = f"{table.title}. {table.notes}".strip()
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_latex(caption)}}}",
            rf"\label{{tab:{table.name}}}",
            rf"\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
            r"\toprule",
            " & ".join(map(_latex, table.header)) + r" \\",
            r"\midrule",
            *(" & ".join([_latex(name), *map(_escape, printed)]) + r" \\" for name, *printed in rows),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _spread(
    rows: pd.DataFrame, field: str, columns: list[Column], across: str, models: list[str]
) -> pd.DataFrame:
    """One field as [models, columns], rounded; an average is of unrounded values, where a model has all."""
    frame = rows.pivot(index="model", columns=across, values=field).reindex(models)
    if columns[-1].key == AVERAGE:
        # The mean of half-widths is not the half-width of the mean.
        frame[AVERAGE] = frame.mean(axis=1, skipna=False) if field == "value" else float("nan")
    frame = frame[[column.key for column in columns]]
    return frame.round({column.key: METRICS[column.metric].decimals for column in columns})


def _escape(text: str) -> str:
    """A cell as LaTeX; the markup that it has already has none of these characters."""
    return _translated(text, _LATEX)


def _latex(text: str) -> str:
    """A name or a sentence as LaTeX, whatever it holds."""
    return _translated(text, _LATEX | _LATEX_IN_NAMES)


def _markdown(text: str) -> str:
    """A name or a sentence as Markdown, whatever it holds."""
    return _translated(text, _MARKDOWN)


def _translated(text: str, table: dict[str, str]) -> str:
    # A line break would end a row.
    return "".join(table.get(character, character) for character in " ".join(text.split()))
