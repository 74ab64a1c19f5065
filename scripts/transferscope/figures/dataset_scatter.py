"""Against the reference: a setting's datasets (Ericsson et al. 2021, figures 5, 6), a dataset's settings."""

from matplotlib.figure import Figure

from transferscope.figures.scatter import deviation_key, scatter
from transferscope.figures.style import drawing, grid, model_key, note, number_models, shared_labels
from transferscope.results.parts import Part
from transferscope.results.reference import Reference
from transferscope.results.resolved import Study
from transferscope.results.scores import add_scores
from transferscope.study.metrics import METRICS


def dataset_scatter(part: Part, study: Study, reference: Reference, plot: dict) -> Figure:
    """A panel for each of the part's columns that is not the reference itself.

    Bounded metrics stand on an axis of log-odds labelled in their unit; the angles' axis is turned, so that
    up is better.

    Args:
        part: what is shown together (``parts.split``, ``parts.split_by_dataset``).
        study: its models.
        reference: of the results that the part is of.
        plot: plot settings (``figures.style``).
    """
    part = reference.other_columns(part)
    if not part.columns:
        with drawing(plot):
            return note(f"Here is nothing but the reference itself: {reference.name}.", plot)
    rows = add_scores(part.rows)
    models = number_models(study.models, set(rows["model"]), reference)
    titles = [column.label for column in part.columns]
    # One label where one metric or, in recognition, one unit serves all panels; else the titles say it.
    labels = {METRICS[column.metric].label for column in part.columns}
    titled = all(column.says_metric for column in part.columns)
    shared = labels.pop() if len(labels) == 1 else "" if titled else "Score (%)"
    with drawing(plot):
        key = [*model_key(models, reference), *deviation_key(rows)]
        figure, axes = grid(titles, plot, columns=4, aspect=0.9, key=key, x_label=reference.label)
        for ax, column in zip(axes, part.columns, strict=True):
            scores = rows[rows[part.across] == column.key].set_index("model")
            scatter(ax, [scores], models, reference, METRICS[column.metric], plot)
        shared_labels(figure, axes, reference.label, shared, plot)
    return figure
