"""Dense labels pixel by pixel: the classes of a prediction, the directions of normals."""

from collections.abc import Callable

import numpy as np
import torch

from transferscope.datasets.dense import IGNORED, DenseSamples
from transferscope.protocols.dense.classes import most_common, most_likely
from transferscope.protocols.dense.directions import Encoded


def dense(splits: list[str], target: Callable) -> DenseSamples:
    ids = [str(index) for index in range(len(splits))]
    return DenseSamples(ids, np.array(splits), None, target, ["a", "b", "c", "d"])


def test_the_most_common_class_is_of_the_training_pixels_that_have_one():
    # More pixels have none than have any one class.
    maps = np.array([[[3, 3, 1, *[IGNORED] * 4]], [[1, 3, 0, *[IGNORED] * 4]], [[0] * 7]], dtype=np.uint8)
    found = most_common(dense(["train", "train", "test"], maps.__getitem__))
    assert found == 3
    assert found.dtype == np.uint8


def test_the_class_of_a_pixel_is_that_of_its_largest_logit():
    logits = torch.zeros(1, 3, 1, 2)
    logits[0, 2, 0, 0] = logits[0, 1, 0, 1] = 1
    found = most_likely([logits])
    assert found.tolist() == [[2, 1]]
    assert found.dtype == torch.uint8


def test_the_class_of_a_pixel_seen_at_several_sizes_is_that_of_the_largest_mean_probability():
    logits = [torch.tensor(values).reshape(1, 2, 1, 1) for values in ([5.0, 0.0], [0.0, 9.0], [1.0, 0.0])]
    # Adding the logits would give the second class.
    assert most_likely(logits).tolist() == [[0]]


def test_normals_are_learned_as_the_nearest_direction():
    normals = np.zeros((2, 3, 3), dtype=np.float32)
    normals[0, :, 0], normals[1, :, 2] = 1, 1
    normals[1, 2] = np.nan
    codes = Encoded(dense(["train"], lambda index: normals), np.eye(3, dtype=np.float32)[::-1])(0)
    assert codes.tolist() == [[2, 2, 2], [0, 0, IGNORED]]
