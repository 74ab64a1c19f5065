"""Every dataset against the reference, one figure a setting."""

from transferscope.figures.dataset_scatter import dataset_scatter
from transferscope.figures.style import save
from transferscope.files import atomic_path
from transferscope.job import logged
from transferscope.results.parts import split
from transferscope.results.reference import read_reference
from transferscope.results.resolved import read_settings, read_study


def main(table: str, study: str, folder: str, *, reference: dict[str, str], plot: dict) -> None:
    """Draw each part of the table into ``folder`` as ``NAME.pdf`` and ``NAME.png``.

    Which parts there are is known only from the results, hence a folder. ``reference`` is that of
    ``study.reference.resolve``; ``plot`` holds the settings of ``figures.style``.
    """
    rows = read_study(study)
    results = read_settings(table, rows)
    against = read_reference(reference, results, rows)
    with atomic_path(folder) as temporary:
        for part in split(results, rows):
            figure = dataset_scatter(part, rows, against, plot)
            save(figure, temporary / f"{part.name}.pdf", temporary / f"{part.name}.png", plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.table,
            snakemake.input.study,
            snakemake.output[0],
            reference=snakemake.params.reference,
            plot=snakemake.params.plot,
        )
