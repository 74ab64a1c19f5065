"""A few test pictures with the truth and the prediction for every pixel."""

from transferscope.figures import dense
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.results import examples


def main(example_file: str, pdf: str, png: str, *, plot: dict) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``figures.style``."""
    rows, attributes = examples.read(example_file)
    figure = dense.KINDS[attributes["kind"]](rows, attributes["class_names"], plot)
    save(figure, pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.input[0], *snakemake.output, plot=snakemake.params.plot)
