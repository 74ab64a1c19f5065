"""The boxes that a detector found in a few test pictures."""

import json
from pathlib import Path

from transferscope.datasets.pictures import Files
from transferscope.figures.detections import detections
from transferscope.figures.style import save
from transferscope.job import logged


def main(examples: str, root: str, pdf: str, png: str, *, plot: dict) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``figures.style``."""
    content = json.loads(Path(examples).read_text(encoding="utf-8"))
    pictures = content["pictures"]
    read = Files(Path(root), [picture["name"] for picture in pictures])
    images = [read(index) for index in range(len(pictures))]
    save(detections(pictures, images, content["class_names"], plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(*snakemake.input, *snakemake.output, plot=snakemake.params.plot)
