"""Against ImageNet top-1: a setting's datasets (Ericsson et al. 2021, figures 5, 6), a dataset's settings."""

from matplotlib.figure import Figure

from transferscope.figures.scatter import deviation_key, scatter
from transferscope.figures.style import drawing, grid, model_key, number_models, shared_labels
from transferscope.results.correlation import add_scores
from transferscope.results.parts import Part
from transferscope.results.resolved import Study
from transferscope.study.metrics import METRICS


def dataset_scatter(part: Part, study: Study, plot: dict) -> Figure:
    """A panel for each of the part's columns.

    Bounded metrics stand on an axis of log-odds labelled in their unit; the angles' axis is turned, so that
    up is better.

    Args:
        part: what is shown together (``parts.split``, ``parts.split_by_dataset``).
        study: its models.
        plot: plot settings (``figures.style``).
    """
    rows = add_scores(part.rows)
    models = number_models(study.models, set(rows["model"]))
    titles = [column.label for column in part.columns]
    # One label where one metric or, in recognition, one unit serves all panels; else the titles say it.
    labels = {METRICS[column.metric].label for column in part.columns}
    titled = all(column.says_metric for column in part.columns)
    shared = labels.pop() if len(labels) == 1 else "" if titled else "Score (%)"
    with drawing(plot):
        key = [*model_key(models), *deviation_key(rows)]
        figure, axes = grid(titles, plot, columns=4, aspect=0.9, key=key)
        for ax, column in zip(axes, part.columns, strict=True):
            scores = rows[rows[part.across] == column.key].set_index("model")
            scatter(ax, [scores], models, METRICS[column.metric], plot)
        shared_labels(figure, axes, "ImageNet top-1 (%)", shared, plot)
    return figure
