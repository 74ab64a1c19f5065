"""A page a dataset, for the report and for a browser."""

from transferscope.figures.pages import task_page
from transferscope.files import atomic_path
from transferscope.job import logged
from transferscope.results.correlation import read_correlations
from transferscope.results.parts import split_by_dataset
from transferscope.results.reference import read_reference
from transferscope.results.resolved import read_settings, read_study


def main(
    table: str,
    study: str,
    correlations: str,
    compare: str | None,
    folder: str,
    *,
    reference: dict[str, str],
    plot: dict,
) -> None:
    """Write a page for each dataset of the results into ``folder`` as ``DATASET.html``.

    ``correlations`` is what the rule of that name made of them; ``compare`` is a long table of published
    results to print beside the measured ones, or None; ``reference`` is that of ``study.reference.resolve``;
    ``plot`` holds the settings of ``figures.style``.
    """
    rows = read_study(study)
    results = read_settings(table, rows)
    against = read_reference(reference, results, rows)
    coefficients = read_correlations(correlations, rows)
    published = read_settings(compare, rows) if compare else None
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        for part in split_by_dataset(results, rows):
            page = task_page(part, rows, coefficients, against, published, plot)
            (temporary / f"{part.name}.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.table,
            snakemake.input.study,
            snakemake.input.correlations,
            snakemake.input.compare or None,
            snakemake.output[0],
            reference=snakemake.params.reference,
            plot=snakemake.params.plot,
        )
