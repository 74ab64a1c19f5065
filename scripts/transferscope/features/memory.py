"""Pictures and labels of many samples in memory, for trainings that look at each many times."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from transferscope.errors import InputError, refused
from transferscope.features.images import crop_labels, resize_and_crop, to_uint8

BLOCK = 10_000  # samples that a reader with blocks is asked for at once


def load_pictures(read: Callable[[int], Any], indices: np.ndarray, size: int, *, threads: int = 1) -> Tensor:
    """Pictures as uint8 [N, 3, size, size]: the shorter side resized, the centre cut out.

    Args:
        read: ``Samples.read``; where it has ``block``, samples of this size are read many at a time.
        indices: of the samples, int [N].

    Raises:
        InputError: a picture cannot be read; all such are named.
    """
    if hasattr(read, "block"):
        first = read.block(indices[:1])
        if first.shape[1:3] == (size, size):
            return _blocks(read.block, indices, first).permute(0, 3, 1, 2).contiguous()
    pictures = torch.empty(len(indices), 3, size, size, dtype=torch.uint8)
    one = partial(_picture, read, size)
    with ThreadPoolExecutor(threads) as pool:
        try:
            for place, picture in enumerate(pool.map(one, indices.tolist())):
                pictures[place] = picture
        except InputError as error:
            pool.shutdown(cancel_futures=True)
            raise refused(read, indices.tolist(), threads=threads) or error from error
    return pictures


def _picture(read: Callable[[int], Any], size: int, index: int) -> Tensor:
    return to_uint8(resize_and_crop(read(index), size))


def load_labels(target: Callable[[int], np.ndarray], indices: np.ndarray, size: int) -> Tensor:
    """A label for every pixel [N, size, size], of the pictures as ``load_pictures`` has them.

    Args:
        target: ``DenseSamples.target``; where it has ``block``, labels of this size are read many at a time.
        indices: of the samples, int [N].
    """
    if hasattr(target, "block"):
        first = target.block(indices[:1])
        if first.shape[1:] == (size, size):
            return _blocks(target.block, indices, first)
    return torch.stack([torch.from_numpy(crop_labels(target(index), size)) for index in indices.tolist()])


def _blocks(block: Callable[[np.ndarray], np.ndarray], indices: np.ndarray, first: np.ndarray) -> Tensor:
    """What a reader gives for ``indices``; ``first`` is what it gave for the first of them."""
    whole = np.empty((len(indices), *first.shape[1:]), first.dtype)
    for start in range(0, len(indices), BLOCK):
        whole[start : start + BLOCK] = block(indices[start : start + BLOCK])
    return torch.from_numpy(whole)
