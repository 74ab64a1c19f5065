"""The results as the paper's tables: models by datasets, the best bold, the second best underlined."""

import io
from dataclasses import dataclass

import pandas as pd

from transferscope.results.long_table import KEY
from transferscope.results.parts import AVERAGE, KEPT, Column, Part, kept, split
from transferscope.study.metrics import METRICS

_DECIMALS = {"mse_red": 0, "mse_green": 0, "mse_blue": 0}
_LATEX = {
    "&": r"\&",
    "%": r"\%",
    "_": r"\_",
    "#": r"\#",
    "°": r"$^\circ$",
    "±": r"$\pm$",
    "−": "$-$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
}


@dataclass(frozen=True)
class Table:
    """One table. Each frame is [models, columns], indexed by model id, its columns the columns' keys.

    ``value`` is rounded as it is printed, and ``rank`` ranks what is printed: 1 is the best, equal values
    share a rank and the next gets the following one. ``ci95`` and ``published`` are NaN where unknown;
    ``published`` is None where no comparison is asked for.
    """

    name: str
    title: str
    columns: list[Column]
    models: pd.Series
    value: pd.DataFrame
    rank: pd.DataFrame
    ci95: pd.DataFrame
    published: pd.DataFrame | None

    @property
    def header(self) -> list[str]:
        """The printed first row; an arrow says whether more or less is better."""
        return ["Model", *(f"{column.label} {column.arrow}" for column in self.columns)]

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


def build_tables(
    results: pd.DataFrame, models: pd.DataFrame, datasets: dict[str, str], compare: pd.DataFrame | None
) -> list[Table]:
    """The tables of a long table, setting by setting: one a part (``parts.split``), at last ``parts.kept``.

    Arguments as for ``parts.split`` and ``build_table``.
    """
    parts = split(results, datasets)
    averages = kept(results)
    if averages is not None:
        # What is published as an average alone is all in that table.
        parts = [part for part in parts if part.name not in KEPT] + [averages]
    return [build_table(part, models, compare) for part in parts]


def build_table(part: Part, models: pd.DataFrame, compare: pd.DataFrame | None) -> Table:
    """The table of one part; where its columns are datasets, their average is the last.

    Args:
        part: what is shown together.
        models: ``names.read_models``; its order is that of the rows. The random baseline competes too.
        compare: a long table of published results to print beside the measured ones, or None.
    """
    rows, across, columns = part.rows, part.across, part.columns
    if across == "dataset":
        columns = [*columns, Column(AVERAGE, "Average", columns[0].metric)]
    present = [model for model in models.index if model in set(rows["model"])]
    published = None
    if compare is not None:
        # Only the very same number is compared: another dataset or metric is another quantity.
        same = rows.drop(columns="value").merge(compare[[*KEY, "value"]], on=KEY, how="left")
        published = _spread(same, "value", columns, across, present)
    value = _spread(rows, "value", columns, across, present)
    ranks = {
        column.key: value[column.key].rank(
            method="dense", ascending=not METRICS[column.metric].higher_is_better
        )
        for column in columns
    }
    ci95 = _spread(rows, "ci95", columns, across, present)
    if AVERAGE in ci95:
        ci95[AVERAGE] = float("nan")  # the mean of half-widths is not the half-width of the mean
    names = models.loc[present, "name"]
    return Table(part.name, part.title, columns, names, value, pd.DataFrame(ranks), ci95, published)


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
            decimals = _decimals(column)
            cell = frames.get(rank, "{}").format(f"{value:.{decimals}f}")
            if pd.notna(table.ci95.loc[model, column.key]):
                cell += f" ± {table.ci95.loc[model, column.key]:.{decimals}f}"
            if table.published is not None and pd.notna(table.published.loc[model, column.key]):
                reference = table.published.loc[model, column.key]
                difference = f"{value - reference:+.{decimals}f}".replace("-", "−")
                cell += beside.format(f"{reference:.{decimals}f}", difference)
            row.append(cell)
        rows.append(row)
    return rows


def to_tsv(table: Table) -> str:
    """Tab separated, ids for names; beside a value its ci95, published and difference, where any."""
    columns = {}
    for column in table.columns:
        value = table.value[column.key]
        columns[column.key] = value
        if table.ci95[column.key].notna().any():
            columns[f"{column.key} ci95"] = table.ci95[column.key]
        if table.published is not None:
            columns[f"{column.key} published"] = table.published[column.key]
            difference = value - table.published[column.key]
            columns[f"{column.key} difference"] = difference.round(_decimals(column))
    text = io.StringIO()
    pd.DataFrame(columns).to_csv(text, sep="\t", index_label="model", lineterminator="\n")
    return text.getvalue()


def to_markdown(table: Table) -> str:
    """A heading, a pipe table and the note on metrics: best **bold**, second best <u>underlined</u>."""
    rows = [table.header, ["---", *("---:" for _ in table.columns)]]
    rows += cells(table, "**{}**", "<u>{}</u>")
    lines = [f"## {table.title}", "", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join([*lines, "", *([table.note, ""] if table.note else [])])


def to_latex(table: Table) -> str:
    """A ``table`` with a booktabs ``tabular``; needs \\usepackage{booktabs}."""
    rows = cells(table, r"\textbf{{{}}}", r"\underline{{{}}}")
    caption = f"{table.title}. {table.note}".strip()
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_escape(caption)}}}",
            rf"\label{{tab:{table.name}}}",
            rf"\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
            r"\toprule",
            " & ".join(map(_escape, table.header)) + r" \\",
            r"\midrule",
            *(" & ".join(map(_escape, row)) + r" \\" for row in rows),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _spread(
    rows: pd.DataFrame, field: str, columns: list[Column], across: str, models: list[str]
) -> pd.DataFrame:
    """One field as [models, columns]; the average is of the unrounded values, where a model has them all."""
    frame = rows.pivot(index="model", columns=across, values=field).reindex(models)
    if columns[-1].key == AVERAGE:
        frame[AVERAGE] = frame.mean(axis=1, skipna=False)
    frame = frame[[column.key for column in columns]]
    return frame.round({column.key: _decimals(column) for column in columns})


def _decimals(column: Column) -> int:
    return _DECIMALS.get(column.metric, 2)


def _escape(text: str) -> str:
    """Printed text as LaTeX; markup that is LaTeX already has none of these characters."""
    return "".join(_LATEX.get(character, character) for character in text)
