"""What differs between the tasks that a network is finetuned for with few labels."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from transferscope.training.augment import Augmentation


@dataclass(frozen=True, eq=False)
class Task:
    """A task on a dataset.

    Attributes:
        read: index to RGB picture, as of ``Samples``.
        splits: of the samples, str [N].
        targets: indices [n] to what is learned of these samples, [n, ...]; of a map uint8 or float32
            [n, size, size].
        outputs: of the head.
        maps: whether the head is at every position of the network's map, and targets are of pixels.
        augment: what happens to training images.
        loss: head's outputs, targets of a batch, whether each was mirrored (bool [B]), to the mean loss.
            Outputs are float32 [B, outputs] or, of a map, [B, outputs, h, w].
        measure: outputs and targets of a whole split to measurements of ``results.run``, the headline first.
    """

    read: Callable[[int], Any]
    splits: np.ndarray
    targets: Callable[[np.ndarray], Tensor]
    outputs: int
    maps: bool
    augment: Augmentation
    loss: Callable[[Tensor, Tensor, Tensor], Tensor]
    measure: Callable[[Tensor, Tensor], list[dict]]


def cells(target: Tensor, height: int, width: int) -> Tensor:
    """A label for every pixel [N, H, W] reduced to a map's grid [N, h, w].

    Cell (r, c) takes the pixel at (floor(r H / h), floor(c W / w)), the upper left one of its square (their
    code, tasks/classify.py).
    """
    rows = [row * target.shape[1] // height for row in range(height)]
    columns = [column * target.shape[2] // width for column in range(width)]
    return target[:, rows][:, :, columns]
