"""Dense labels pixel by pixel: what is drawn for a training, and the classes of a prediction."""

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image

from transferscope.datasets.dense import IGNORED, DenseSamples
from transferscope.protocols.dense.classes import ClassesDraw, most_common, most_likely
from transferscope.protocols.dense.directions import NormalsDraw

RED, BLUE = (230, 20, 20), (20, 20, 230)


def dense(splits: list[str], target: Callable, read: Callable | None = None) -> DenseSamples:
    ids = [str(index) for index in range(len(splits))]
    return DenseSamples(ids, np.array(splits), read, target, ["a", "b", "c", "d"])


def test_the_most_common_class_is_of_the_training_pixels_that_have_one():
    # More pixels have none than have any one class.
    maps = np.array([[[3, 3, 1, *[IGNORED] * 4]], [[1, 3, 0, *[IGNORED] * 4]], [[0] * 7]], dtype=np.uint8)
    found = most_common(dense(["train", "train", "test"], maps.__getitem__))
    assert found == 3
    assert found.dtype == np.uint8


def test_the_class_of_a_pixel_is_that_of_its_largest_logit():
    logits = torch.zeros(1, 3, 1, 2)
    logits[0, 2, 0, 0] = logits[0, 1, 0, 1] = 1
    found = most_likely(logits)
    assert found.tolist() == [[2, 1]]
    assert found.dtype == torch.uint8


def test_normals_are_learned_as_they_are_or_as_the_nearest_direction():
    normals = np.zeros((2, 3, 3), dtype=np.float32)
    normals[0, :, 0], normals[1, :, 2] = 1, 1
    normals[1, 2] = np.nan
    picture = Image.new("RGB", (3, 2), RED)
    samples = dense(["train"], lambda index: normals, lambda index: picture)
    image, target = NormalsDraw(samples, None)(0)
    assert image[:, 0, 0].tolist() == list(RED)
    np.testing.assert_array_equal(target.permute(1, 2, 0), normals)
    _, codes = NormalsDraw(samples, np.eye(3, dtype=np.float32)[::-1])(0)
    assert codes.tolist() == [[2, 2, 2], [0, 0, IGNORED]]


def test_a_crop_keeps_the_classes_on_their_pixels_and_red_red():
    # Narrower than the crop where it is made smaller, so that some of it is filled.
    pixels = np.array([RED] * 10 + [BLUE] * 14, dtype=np.uint8)
    picture = Image.fromarray(np.broadcast_to(pixels, (24, 24, 3)).copy())
    classes = np.broadcast_to((np.arange(24) >= 10).astype(np.uint8), (24, 24))
    draw = ClassesDraw(dense(["train"], lambda index: classes, lambda index: picture), 24)
    np.random.seed(0)  # noqa: NPY002 (the toolbox draws from it)
    seen = [draw(0) for _ in range(20)]
    for image, target in seen:
        assert image.shape == (3, 24, 24)
        assert target.shape == (24, 24)
        filled = target == IGNORED
        assert (image[:, filled] == 0).all()
        red_rather_than_blue = image[0].int() > image[2].int()
        agree = (red_rather_than_blue == (target == 0))[~filled].float().mean()
        assert agree > 0.9  # all but the seam, where scaling mixes the colours
    assert any((target == IGNORED).any() for _, target in seen)
    rows = [[label for label in target[0].tolist() if label != IGNORED] for _, target in seen]
    assert {(0, 1), (1, 0)} <= {(row[0], row[-1]) for row in rows}  # some are flipped
