"""A few test pictures with true and predicted classes."""

from transferscope.figures.dense import classes_examples
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.results import examples


def main(example_file: str, pdf: str, png: str, *, plot: dict) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``plotting.style``."""
    rows, attributes = examples.read(example_file)
    save(classes_examples(rows, list(attributes["class_names"]), plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.input[0], *snakemake.output, plot=snakemake.params.plot)
