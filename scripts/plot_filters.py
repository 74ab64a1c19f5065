"""The filters of each backbone's first layer."""

import numpy as np
import torch

from transferscope.figures.filters import filters
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.models import backbones
from transferscope.protocols.folding import first_filters
from transferscope.results.resolved import read_study


def main(backbone_files: list[str], study: str, pdf: str, png: str, *, plot: dict) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``figures.style``."""
    names, found = read_study(study).models["name"], {}
    for path in backbone_files:
        network, metadata = backbones.load(path)
        size = network.default_cfg["input_size"][-1]
        weights = first_filters(network, torch.zeros(1, 3, size, size))
        if weights is not None:
            found[names[metadata.model]] = np.moveaxis(weights.numpy(), 1, -1)
    save(filters(found, plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.input.backbones, snakemake.input.study, *snakemake.output, plot=snakemake.params.plot)
