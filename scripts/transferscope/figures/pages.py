"""A page a dataset: what it is, how well every model does on it, and what the reference says of that."""

import math
from html import escape
from string import Template

import pandas as pd

from transferscope.figures.dataset_scatter import dataset_scatter
from transferscope.figures.style import to_svg
from transferscope.figures.tables import Table, build_table, cells
from transferscope.results.parts import Part, measurement
from transferscope.results.reference import Reference
from transferscope.results.resolved import Study
from transferscope.study.metrics import METRICS

_SPLITS = {"train": "train", "val": "val", "test": "test", "all": "in one pool"}

_READING = (
    "Pearson’s coefficient is of the log-odds, Spearman’s of the ranks. Intervals are over the "
    "models; fewer than six have none. Of errors {errors}; "
    "angles are negated beforehand. Left out are random baselines and {lacking}."
)

_PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #333; background: #fff; max-width: 75rem;
  margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2rem }
p, figcaption { max-width: 45rem }
dl { display: grid; grid-template-columns: max-content auto; gap: 0 1.5rem }
dt, small { color: #666 }
dd { margin: 0 }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .2rem .7rem; text-align: right; vertical-align: baseline; white-space: nowrap }
th:first-child, .words td:last-child { text-align: left }
thead th, .words td:last-child { white-space: normal }
thead th { vertical-align: bottom; border-bottom: 1px solid }
tbody th { font-weight: normal }
tbody tr:hover { background: #f3f3f3 }
figure { margin: 0 }
svg { max-width: 100%; height: auto }
@media print {
  @page { size: landscape; margin: 1.5cm }
  body { font-size: 8pt; margin: 0; padding: 0; max-width: none }
  th, td { padding: .1rem .4rem; white-space: normal }
  tr, figure { break-inside: avoid }
  h2 { break-after: avoid }
  .wide { overflow: visible }
  svg { max-height: 14cm }
}
</style>
</head>
<body>
<h1>$title</h1>
$facts
<h2>Results</h2>
$results
<h2>Correlation with $reference</h2>
$correlations
<figure>
$scatter
<figcaption>Log-odds of the scores against $axis, both labelled in their units; angles
and colour errors are on plain axes. Circles are self-supervised models, diamonds supervised ones, dashed
lines random baselines; a triangle on the right edge is a model whose $reference is unknown. The line is
least squares, the band its 95% confidence band, r Pearson’s coefficient.</figcaption>
</figure>
</body>
</html>
""")


def task_page(
    part: Part,
    study: Study,
    correlations: pd.DataFrame,
    reference: Reference,
    compare: pd.DataFrame | None,
    plot: dict,
) -> str:
    """One dataset's page as HTML that needs no other file; the same arguments give the same text.

    Args:
        part: all that is measured on the dataset (``parts.split_by_dataset``).
        study: its models and datasets; a dataset that it lacks has no facts.
        correlations: ``correlation.read_correlations`` of the results that ``part`` is of.
        reference: that they are of.
        compare: published results by setting, to print beside the measured ones, or None.
        plot: plot settings (``figures.style``).
    """
    table = build_table(part, study, compare)
    here = correlations[(correlations["against"] == reference.key) & (correlations["dataset"] == part.name)]
    return _PAGE.substitute(
        title=escape(part.title),
        facts=_facts(study.datasets.loc[part.name]) if part.name in study.datasets.index else "",
        results=_results(table),
        correlations=_correlations(here, table, study.models["name"], reference),
        scatter=to_svg(dataset_scatter(part, study, reference, plot), plot),
        reference=escape(reference.name),
        axis=f"the logit of {escape(reference.name)}"
        if METRICS[reference.metric].bounded
        else escape(reference.name),
    )


def _facts(row: pd.Series) -> str:
    images = [f"{row[split]:,} {words}" for split, words in _SPLITS.items() if row[split] >= 0]
    facts = {
        "Classes": str(row["classes"] or ""),
        "Metric": METRICS[row["metric"]].label if row["metric"] else "",
        "Images": ", ".join(images),
        "Licence": row["licence"],
        "Citation": row["citation"],
    }
    known = [f"<dt>{name}</dt><dd>{escape(fact)}</dd>" for name, fact in facts.items() if fact]
    return "\n".join(["<dl>", *known, "</dl>"])


def _results(table: Table) -> str:
    """Every model in every setting, and how to read it."""
    rows = cells(table, "<b>{}</b>", "<u>{}</u>", "<br><small>({}, {})</small>")
    notes = ["The best value is bold, the second best underlined; of ↑ more is better, of ↓ less."]
    if table.interval_note:
        notes.append(table.interval_note)
    if table.published is not None:
        notes.append("In parentheses: the published value, and the measured one less it.")
    rows = [[escape(name), *printed] for name, *printed in rows]
    return f"{_html(table.header, rows)}\n<p>{escape(' '.join([*notes, table.note]).strip())}</p>"


def _correlations(correlations: pd.DataFrame, table: Table, names: pd.Series, reference: Reference) -> str:
    """The coefficients of every column of ``table``, in its order, and how to read them."""
    by_key = correlations.set_index(measurement(correlations))
    itself = reference.is_itself(by_key)
    rows = []
    for column in table.columns:
        row = by_key.loc[column.key]
        left_out = [names[model] for model in row["left_out"].split(",")] if row["left_out"] else []
        if itself[row.name]:
            left_out = ["all models, since this is the reference itself"]
        rows.append(
            [
                escape(column.label),
                str(row["n"]),
                _coefficient(row, "pearson"),
                _coefficient(row, "spearman"),
                escape(", ".join(left_out)) or "–",
            ]
        )
    header = ["Setting", "Models", "Pearson [95% interval]", "Spearman [95% interval]", "Left out"]
    reading = _READING.format(errors=reference.errors, lacking=reference.lacking)
    return f"{_html(header, rows, 'wide words')}\n<p>{reading}</p>"


def _coefficient(row: pd.Series, name: str) -> str:
    value, low, high = row[name], row[f"{name}_low"], row[f"{name}_high"]
    if math.isnan(value):
        return "–"
    interval = "" if math.isnan(low) else f" [{low:.2f}, {high:.2f}]"
    return f"{value:.2f}{interval}".replace("-", "−")


def _html(header: list[str], rows: list[list[str]], kind: str = "wide") -> str:
    """A table; ``header`` is text, the cells of ``rows`` are HTML and the first of each row heads it."""
    columns = "".join(f'<th scope="col">{escape(text)}</th>' for text in header)
    body = [
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'
        for first, *rest in rows
    ]
    lines = [f'<div class="{kind}">', "<table>", f"<thead><tr>{columns}</tr></thead>"]
    return "\n".join([*lines, "<tbody>", *body, "</tbody>", "</table>", "</div>"])
