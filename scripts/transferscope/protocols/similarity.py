"""Model similarity: linear centred kernel alignment (CKA) of cached features, in bounded memory.

Kornblith et al. (ICML 2019): for features X [N, D] and Y [N, E] with centred columns,
CKA = |Y'X|^2 / (|X'X| |Y'Y|) with Frobenius norms. It is near 1 for any two models if N < D. Debiased CKA
uses unbiased estimators of the terms (Song et al., JMLR 2012; Nguyen et al., ICLR 2021) and is near 0 for
unrelated features of any dimension.
"""

from pathlib import Path

import numpy as np
import torch

from transferscope.errors import InputError
from transferscope.features import store as features

MIN_IMAGES = 4  # required by the unbiased estimator
ROWS = 4096  # feature rows in memory at a time


def linear_cka(
    paths: list[str | Path], split: str, *, rows: int = ROWS, device: str = "cpu"
) -> tuple[np.ndarray, np.ndarray]:
    """Linear CKA of all pairs of models, plain and debiased, each float64 [M, M].

    Memory is independent of the number of images: ``rows`` features of two models and the products of one
    model with the others, [D, E] each.

    Args:
        paths: feature files of one dataset, one per model.
        split: the split to read.
        rows: number of features per model to read at a time.
        device: torch device for the products.

    Raises:
        InputError: the files have different samples, or fewer than four.
    """
    count = _count(paths, split)
    starts = range(0, count, rows)

    def read(path: str | Path, start: int) -> torch.Tensor:
        return torch.from_numpy(features.read_rows(path, split, start, start + rows)).to(device)

    means = [sum(read(path, start).double().sum(0) for start in starts) / count for path in paths]
    squares = np.zeros((len(paths), len(paths)))
    # Squared norms of the centred features, i.e. the diagonals of the kernels.
    lengths = np.zeros((len(paths), count))
    for first in range(len(paths)):
        products = [0.0] * len(paths)
        for start in starts:
            centred = read(paths[first], start) - means[first].float()
            lengths[first, start : start + rows] = centred.double().square().sum(1).cpu()
            for other in range(first, len(paths)):
                products[other] += centred.T @ (read(paths[other], start) - means[other].float())
        for other in range(first, len(paths)):
            squares[first, other] = squares[other, first] = products[other].double().square().sum()
    return linear(squares, lengths)


def linear(squares: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Linear CKA, plain and debiased, each [M, M], of M sets of centred features.

    Args:
        squares: |X'Y|^2 of all pairs, [M, M].
        lengths: squared norms of the features of each image, [M, N].
    """
    return _normalise(squares), _normalise(_unbiased(squares, lengths))


def _count(paths: list[str | Path], split: str) -> int:
    """Number of samples, after checking that all files have the same ones."""
    ids = features.read_ids(paths[0], split)
    for path in paths[1:]:
        if not np.array_equal(features.read_ids(path, split), ids):
            raise InputError(
                f"{path} and {paths[0]} hold other samples in their split {split!r}; remove both and rerun"
            )
    if len(ids) < MIN_IMAGES:
        raise InputError(
            f"the similarity of models needs {MIN_IMAGES} images, and {paths[0]} has {len(ids)} in its split "
            f"{split!r}; leave the dataset out"
        )
    return len(ids)


def _unbiased(squares: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """HSIC_1 of Song et al. (2012), times n (n - 3), from |X'Y|^2 [M, M] and the kernels' diagonals [M, n].

    Rows of a centred kernel K sum to zero, hence to -k without its diagonal k.
    """
    n = lengths.shape[1]
    products, sums = lengths @ lengths.T, lengths.sum(axis=1)
    return squares - products + np.outer(sums, sums) / ((n - 1) * (n - 2)) - 2 / (n - 2) * products


def _normalise(terms: np.ndarray) -> np.ndarray:
    scale = np.sqrt(terms.diagonal())
    return terms / np.outer(scale, scale)
