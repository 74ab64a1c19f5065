"""Surface normals: PSPNet on a frozen backbone (Ericsson et al. 2021, section 4.4)."""

from pathlib import Path

import numpy as np
import torch

from transferscope.datasets.dense import DenseSamples
from transferscope.errors import InputError
from transferscope.protocols.dense import directions
from transferscope.protocols.dense.resizing import Sizes, opencv, resized
from transferscope.protocols.dense.tasks import DenseTask, Sgd
from transferscope.protocols.openmmlab.segmentors import pspnet

STRIDE = 8  # of PSPNet's outputs


def task(
    samples: DenseSamples,
    backbone: str | Path,
    *,
    seed: int,
    target: str,
    codebook: str,
    iterations: int,
    channels: int,
    batch_size: int,
    train_scales: list[int],
    test_scales: list[int],
    longest_side: int,
    **sgd: float,
) -> DenseTask:
    """The task on ``samples`` of normals.

    Args:
        backbone: a canonical file.
        seed: of the codebook.
        target: ``codebook``, pixels are classified among directions; or ``regression`` of the direction.
        codebook: ``kmeans`` of the training normals, or ``published``, the one that comes with the dataset.
        channels: of PSPNet's head.
        train_scales, test_scales, longest_side: as of ``Sizes``.
        sgd: the other settings of ``Sgd``.

    Raises:
        InputError: the dataset comes without a codebook.
    """
    train = np.flatnonzero(samples.splits == "train")
    if target == "regression":
        outputs, head = 3, "DirectionHead"
        encoded, decode = samples.target, directions.unit
    else:
        codes = _codebook(samples, codebook, seed=seed)
        outputs, head = len(codes), "PSPHead"
        encoded, decode = directions.Encoded(samples, codes), directions.Decode(torch.from_numpy(codes))
    network = pspnet(backbone, outputs=outputs, head=head, channels=channels)
    pictures = resized(
        samples,
        encoded,
        network.backbone.metadata,
        Sizes(train_scales, test_scales, longest_side, multiple=STRIDE, label_stride=STRIDE),
        batch_size=batch_size,
        flip=False,
        resize=opencv,
    )
    return DenseTask(
        samples=samples,
        network=network,
        pictures=pictures,
        decode=decode,
        score=directions.NormalsScore,
        baseline=directions.mean_direction(samples.target(index) for index in train),
        optimisation=Sgd(steps=iterations, batch_size=batch_size, **sgd),
        mode=target,
        kind="normals",
    )


def _codebook(samples: DenseSamples, name: str, *, seed: int) -> np.ndarray:
    if name == "kmeans":
        train = np.flatnonzero(samples.splits == "train")
        return directions.fit_codebook((samples.target(index) for index in train), len(train), seed=seed)
    if samples.codebook is None:
        raise InputError(
            "the dataset comes without a codebook of normals; set `normals.codebook` to kmeans, or leave the "
            "dataset out"
        )
    return samples.codebook()
