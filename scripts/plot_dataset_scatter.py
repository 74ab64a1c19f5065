"""Every dataset against ImageNet top-1, one figure a setting."""

from transferscope.figures.dataset_scatter import dataset_scatter
from transferscope.figures.style import save
from transferscope.files import atomic_path
from transferscope.job import logged
from transferscope.results.parts import split
from transferscope.results.resolved import read_settings, read_study


def main(table: str, study: str, folder: str, *, plot: dict) -> None:
    """Draw each part of the table into ``folder`` as ``NAME.pdf`` and ``NAME.png``.

    Which parts there are is known only from the results, hence a folder. ``plot`` holds the settings of
    ``figures.style``.
    """
    rows = read_study(study)
    with atomic_path(folder) as temporary:
        for part in split(read_settings(table, rows), rows):
            figure = dataset_scatter(part, rows, plot)
            save(figure, temporary / f"{part.name}.pdf", temporary / f"{part.name}.png", plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.input.table, snakemake.input.study, snakemake.output[0], plot=snakemake.params.plot)
