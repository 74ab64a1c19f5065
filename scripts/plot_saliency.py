"""Where every model attends, on one picture of every dataset."""

from transferscope.results.names import read_datasets, read_models

from transferscope.figures.saliency import saliency
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.protocols.saliency import maps


def main(
    models: str | list[str],
    datasets: str | list[str],
    map_files: list[str],
    pdf: str,
    png: str,
    *,
    plot: dict,
) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``plotting.style``."""
    figure = saliency(
        [maps.read(path) for path in map_files], read_models(models), read_datasets(datasets), plot
    )
    save(figure, pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.models,
            snakemake.input.datasets,
            snakemake.input.maps,
            *snakemake.output,
            plot=snakemake.params.plot,
        )
