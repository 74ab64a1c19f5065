"""Linear probes against finetuning on the same labels: the figure, and how far the two orders agree."""

from transferscope.figures.linear_rank import linear_rank
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.results.efficiency import read_utility, write
from transferscope.results.linear_rank import coefficients, pairs
from transferscope.results.resolved import read_study


def main(utility: str, study: str, *, table: str, pdf: str, png: str, plot: dict) -> None:
    """Write ``table`` and draw the figure as PDF and PNG; ``plot``: the settings of ``figures.style``."""
    rows = read_study(study)
    both = pairs(read_utility(utility, rows), rows)
    write(table, coefficients(both))
    save(linear_rank(both, rows, plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.utility,
            snakemake.input.study,
            **dict(snakemake.output),
            plot=snakemake.params.plot,
        )
