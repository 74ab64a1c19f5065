"""How finetuning went on one dataset, for every model."""

from transferscope.results.names import read_models

from transferscope.figures.finetuning import finetuning
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.results.long_table import read_result


def main(models: str, result_files: list[str], pdf: str, png: str, *, plot: dict) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``plotting.style``."""
    results = [read_result(path) for path in result_files]
    save(finetuning(results, read_models(models), plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.input.models, snakemake.input.results, *snakemake.output, plot=snakemake.params.plot)
