"""How finetuning went on one dataset, for every model."""

from transferscope.figures.finetuning import finetuning
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.results.long_table import read_result
from transferscope.results.resolved import read_study


def main(result_files: list[str], study: str, pdf: str, png: str, *, plot: dict) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``figures.style``."""
    results = [read_result(path) for path in result_files]
    save(finetuning(results, read_study(study), plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.input.results, snakemake.input.study, *snakemake.output, plot=snakemake.params.plot)
