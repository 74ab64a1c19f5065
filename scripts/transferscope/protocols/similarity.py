"""Model similarity: linear centred kernel alignment of cached features, streamed in bounded memory.

Kornblith et al. (ICML 2019): of features X [N, D] and Y [N, E] with centred columns,
CKA = |Y'X|^2 / (|X'X| |Y'Y|) in Frobenius norms. It is near 1 for any two models where N is below D; the
debiased form has the unbiased estimator of each term in its place (Song et al., JMLR 2012; Nguyen et al.,
ICLR 2021) and is near 0 for unrelated features of any width.
"""

from pathlib import Path

import numpy as np
import torch

from transferscope.errors import InputError
from transferscope.features import store as features

FEWEST = 4  # images, below which the unbiased estimator does not exist
ROWS = 4096  # of features in memory at a time


def linear_cka(
    paths: list[str | Path], split: str, *, rows: int = ROWS, device: str = "cpu"
) -> tuple[np.ndarray, np.ndarray]:
    """Linear CKA of every pair of models, plain and debiased, each float64 [M, M].

    In memory are ``rows`` features of two models and the products of one model with the others, [D, E] each,
    however many images there are.

    Args:
        paths: feature files of one dataset, one a model.
        split: which of the files' splits is read.
        rows: how many features of a model are read at a time.
        device: where they are multiplied.

    Raises:
        InputError: the files hold other samples than each other, or fewer than four.
    """
    count = _count(paths, split)
    starts = range(0, count, rows)

    def read(path: str | Path, start: int) -> torch.Tensor:
        return torch.from_numpy(features.read_rows(path, split, start, start + rows)).to(device)

    means = [sum(read(path, start).double().sum(0) for start in starts) / count for path in paths]
    squares = np.zeros((len(paths), len(paths)))
    # The squared lengths of the centred features, the diagonals of the kernels.
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
    return _aligned(squares), _aligned(_unbiased(squares, lengths))


def _count(paths: list[str | Path], split: str) -> int:
    """How many samples the files have in common, which is all of them."""
    ids = features.read_ids(paths[0], split)
    for path in paths[1:]:
        if not np.array_equal(features.read_ids(path, split), ids):
            raise InputError(
                f"{path} and {paths[0]} hold other samples in their split {split!r}; remove both and rerun"
            )
    if len(ids) < FEWEST:
        raise InputError(
            f"the similarity of models needs {FEWEST} images, and {paths[0]} has {len(ids)} in its split "
            f"{split!r}; leave the dataset out"
        )
    return len(ids)


def _unbiased(squares: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """HSIC_1 of Song et al. (2012), times n (n - 3), from |X'Y|^2 [M, M] and the kernels' diagonals [M, n].

    The rows of a centred kernel K sum to zero; so without its diagonal k they sum to -k.
    """
    n = lengths.shape[1]
    both, alone = lengths @ lengths.T, lengths.sum(axis=1)
    return squares - both + np.outer(alone, alone) / ((n - 1) * (n - 2)) - 2 / (n - 2) * both


def _aligned(terms: np.ndarray) -> np.ndarray:
    scale = np.sqrt(terms.diagonal())
    return terms / np.outer(scale, scale)
