"""Accuracy of each layer against the number of pictures that networks learned from, of one protocol."""

from transferscope.figures.images_needed import images_needed
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.results.layers import by_layer, read_rows
from transferscope.results.learned import by_pictures, levels
from transferscope.results.resolved import read_study


def main(table: str, study: str, pdf: str, png: str, *, protocol: str, plot: dict) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``figures.style``."""
    facts = read_study(study)
    rows = read_rows(table, facts)
    rows = rows[rows["protocol"] == protocol]
    around = levels(by_layer(rows, facts), facts)
    save(images_needed(by_pictures(rows, facts), around, facts, plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.table,
            snakemake.input.study,
            *snakemake.output,
            protocol=snakemake.wildcards.protocol,
            plot=snakemake.params.plot,
        )
