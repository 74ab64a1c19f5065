"""A page a dataset, for the report and for a browser."""

import pandas as pd
from transferscope.results.names import read_dataset_facts, read_datasets, read_models

from transferscope.figures.pages import task_page
from transferscope.files import atomic_path
from transferscope.job import logged
from transferscope.results import long_table as results
from transferscope.results.parts import split_by_dataset


def main(
    table: str,
    correlations: str,
    models: str | list[str],
    datasets: str | list[str],
    compare: str | None,
    folder: str,
    *,
    plot: dict,
) -> None:
    """Write a page for each dataset of the long table into ``folder`` as ``DATASET.html``.

    ``correlations`` is what the rule of that name made of the long table; ``compare`` is a long table of
    published results to print beside the measured ones, or None; ``plot`` holds the settings of
    ``plotting.style``.
    """
    names, backbones, facts = read_datasets(datasets), read_models(models), read_dataset_facts(datasets)
    coefficients = pd.read_csv(correlations, sep="\t", dtype={"left_out": "str"}).fillna({"left_out": ""})
    published = results.read_table(compare) if compare else None
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        for part in split_by_dataset(results.read_table(table), names):
            page = task_page(part, backbones, facts, coefficients, published, plot)
            (temporary / f"{part.name}.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.table,
            snakemake.input.correlations,
            snakemake.input.models,
            snakemake.input.datasets,
            snakemake.input.compare or None,
            snakemake.output[0],
            plot=snakemake.params.plot,
        )
