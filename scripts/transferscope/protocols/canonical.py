"""Similarity of layers: canonical correlations and linear CKA, from one decomposition of each layer.

Of values X [N, D] of N pictures with centred columns, X = U S V'. The canonical correlations of two layers
are the singular values of U1' U2, so any invertible linear map of a layer changes nothing. Their mean is over
the fewer directions of the two. SVCCA (Raghu et al., NeurIPS 2017) takes of each layer the directions that
hold 99 % of its variance; PWCCA (Morcos, Raghu and Bengio, NeurIPS 2018, section 3) weights each correlation
by how much of the layer its direction accounts for. In the code that was released for these two papers
(google/svcca, pwcca.py) those directions lack the whitening that section 3 has; here they have it.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from transferscope.errors import InputError
from transferscope.protocols.similarity import MIN_IMAGES, linear

KEPT = 0.99
"""The share of the variance that SVCCA keeps."""


@dataclass(frozen=True)
class Layer:
    """Values of N pictures [N, D], with centred columns, as ``basis`` @ diag(``scale``) @ ``axes``.

    Attributes:
        basis: orthonormal columns, [N, R].
        scale: falling, [R].
        axes: orthonormal rows, [R, D].
    """

    basis: np.ndarray
    scale: np.ndarray
    axes: np.ndarray

    @property
    def leading(self) -> int:
        """How many of the first directions hold the share KEPT of the variance."""
        held = np.cumsum(np.square(self.scale))
        return int(np.searchsorted(held, KEPT * held[-1])) + 1


def decompose(values: np.ndarray) -> Layer:
    """Decompose values [N, D], in float64; directions without variance are left out."""
    values = torch.as_tensor(values, dtype=torch.float64)
    u, s, vh = torch.linalg.svd(values - values.mean(0), full_matrices=False)
    rank = int((s > s[0] * max(values.shape) * torch.finfo(s.dtype).eps).sum())
    return Layer(u[:, :rank].numpy(), s[:rank].numpy(), vh[:rank].numpy())


def compare(one: Layer, other: Layer) -> dict[str, float]:
    """``cca``, ``svcca`` and ``pwcca`` of two layers.

    PWCCA is weighted by the layer with fewer directions, the first of equals. With as many directions as
    pictures (less one) any two layers correlate perfectly, so a measure is NaN there, and where a layer has
    no direction at all.
    """
    product = one.basis.T @ other.basis
    most = len(one.basis) - 2
    found = dict.fromkeys(("cca", "svcca", "pwcca"), float("nan"))
    if not product.size:
        return found
    leading = product[: one.leading, : other.leading]
    if max(leading.shape) <= most:
        found["svcca"] = np.linalg.svd(leading, compute_uv=False).clip(max=1).mean()
    if max(product.shape) <= most:
        left, correlations, right = np.linalg.svd(product, full_matrices=False)
        correlations = correlations.clip(max=1)
        # The canonical variates are orthonormal: basis @ left. So their products with the columns are:
        narrow, turned = (one, left.T) if one.scale.size <= other.scale.size else (other, right)
        weights = np.abs(turned @ (narrow.scale[:, None] * narrow.axes)).sum(axis=1)
        found |= {"cca": correlations.mean(), "pwcca": weights @ correlations / weights.sum()}
    return {name: float(value) for name, value in found.items()}


def table(layers: list[Layer]) -> pd.DataFrame:
    """How alike layers are: a row for each ordered pair.

    Returns:
        ``one`` and ``other``, their places in ``layers``; ``cka debiased_cka cca svcca pwcca``.

    Raises:
        InputError: there are fewer than MIN_IMAGES pictures.
    """
    count = len(layers[0].basis)
    if count < MIN_IMAGES:
        raise InputError(
            f"the similarity of layers needs {MIN_IMAGES} test pictures, and there are {count}; leave the "
            "dataset out"
        )
    pairs = list(itertools.product(range(len(layers)), repeat=2))
    squares = np.zeros((len(layers), len(layers)))
    for i, j in pairs:
        scales = np.outer(layers[i].scale, layers[j].scale)
        squares[i, j] = np.square(scales * (layers[i].basis.T @ layers[j].basis)).sum()
    lengths = np.stack([np.square(layer.basis) @ np.square(layer.scale) for layer in layers])
    plain, debiased = linear(squares, lengths)
    rows = [
        {"one": i, "other": j, "cka": plain[i, j], "debiased_cka": debiased[i, j]}
        | compare(layers[i], layers[j])
        for i, j in pairs
    ]
    return pd.DataFrame(rows)
