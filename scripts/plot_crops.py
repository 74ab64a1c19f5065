"""Some crops of each set that a model is pretrained on."""

from pathlib import Path

from transferscope.datasets.crops import load_pretraining
from transferscope.figures.crops import crops, drawn
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.results.resolved import read_study


def main(folders: list[str], study: str, pdf: str, png: str, *, datasets: list[str], plot: dict) -> None:
    """Draw the figure as PDF and PNG.

    Args:
        datasets: ids of the sets in ``folders``.
        plot: settings of ``figures.style``.
    """
    names = [read_study(study).dataset_name(dataset) for dataset in datasets]
    shown = [drawn(load_pretraining(Path(folder))) for folder in folders]
    save(crops(dict(zip(names, shown, strict=True)), plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.sets,
            snakemake.input.study,
            *snakemake.output,
            datasets=snakemake.params.datasets,
            plot=snakemake.params.plot,
        )
