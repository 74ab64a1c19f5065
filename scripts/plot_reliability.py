"""Reliability diagrams of one model's probes."""

from transferscope.results.names import read_datasets

from transferscope.figures.reliability import reliability
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.results.long_table import read_result


def main(datasets: str | list[str], result_files: list[str], pdf: str, png: str, *, plot: dict) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``plotting.style``."""
    results = [read_result(path) for path in result_files]
    save(reliability(results, read_datasets(datasets), plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.datasets,
            snakemake.input.results,
            *snakemake.output,
            plot=snakemake.params.plot,
        )
