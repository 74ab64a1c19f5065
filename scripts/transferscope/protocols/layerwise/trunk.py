"""The frozen network of the layerwise protocols: which layers, with which statistics, without BatchNorm."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from transferscope.datasets.base import Samples
from transferscope.errors import InputError
from transferscope.features.extraction import Pictures
from transferscope.features.images import normalise
from transferscope.models import backbones
from transferscope.models.statistics import measure
from transferscope.protocols.folding import fold_batch_norms
from transferscope.protocols.layerwise.taps import Tapped, find

OWN, TARGET = "own", "target"
MEASURED, BATCH = 1000, 250  # pictures by which statistics are measured anew, at most, and at a time


def load(
    backbone: str | Path,
    pictures: Pictures,
    *,
    seed: int,
    taps: int,
    values: int,
    statistics: str,
) -> tuple[Tapped, backbones.Metadata]:
    """A backbone with the layers that are probed, its BatchNorms folded into convolutions where they can be.

    Asano et al. (linear-probes, util.py) fold them too, so that nothing in the network can change.

    Args:
        backbone: its canonical file.
        pictures: of the dataset that the probes are trained on.
        seed: draws the training pictures by which statistics are measured.
        taps, values: as for ``find``.
        statistics: of BatchNorm: OWN, those of the backbone, or TARGET, those of up to MEASURED training
            pictures.

    Raises:
        InputError: as ``find``; a picture cannot be read.
    """
    size = pictures.resolution
    network, metadata = backbones.load(backbone, size)
    if statistics == TARGET:
        measure(network, _batches(pictures, draw(pictures.samples, seed), metadata))
    found = find(network, metadata.model, size, taps=taps, values=values)
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(1, 3, size, size, generator=generator)
    return fold_batch_norms(Tapped(network, found).eval(), image), metadata


def draw(samples: Samples, seed: int) -> np.ndarray:
    """Up to MEASURED training pictures, int [N], ascending."""
    train = np.flatnonzero(samples.splits == "train")
    return np.sort(np.random.default_rng(seed).permutation(train)[:MEASURED])


def _batches(pictures: Pictures, indices: np.ndarray, metadata: backbones.Metadata) -> Iterator[Tensor]:
    for part in np.array_split(indices, -(-len(indices) // BATCH)):
        batch = [pictures[index] for index in part.tolist()]
        for picture in batch:
            if isinstance(picture, InputError):
                raise picture
        yield normalise(torch.stack(batch), metadata.mean, metadata.std)
