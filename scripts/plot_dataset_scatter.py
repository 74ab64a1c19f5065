"""Every dataset against ImageNet top-1, one figure a setting."""

from transferscope.results.names import read_datasets, read_models

from transferscope.figures.dataset_scatter import dataset_scatter
from transferscope.figures.style import save
from transferscope.files import atomic_path
from transferscope.job import logged
from transferscope.results.long_table import read_table
from transferscope.results.parts import split


def main(table: str, models: str | list[str], datasets: str | list[str], folder: str, *, plot: dict) -> None:
    """Draw each part of the table into ``folder`` as ``NAME.pdf`` and ``NAME.png``.

    Which parts there are is known only from the results, hence a folder. ``plot`` holds the settings of
    ``plotting.style``.
    """
    facts, names = read_models(models), read_datasets(datasets)
    with atomic_path(folder) as temporary:
        for part in split(read_table(table), names):
            figure = dataset_scatter(part, facts, plot)
            save(figure, temporary / f"{part.name}.pdf", temporary / f"{part.name}.png", plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.table,
            snakemake.input.models,
            snakemake.input.datasets,
            snakemake.output[0],
            plot=snakemake.params.plot,
        )
