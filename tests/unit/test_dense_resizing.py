"""Pictures and labels of dense tasks, at the sizes of the authors' code, held against Pillow."""

import random

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from transferscope.datasets.dense import IGNORED, DenseSamples
from transferscope.errors import InputError
from transferscope.models.backbones import NORMALISATIONS, Metadata
from transferscope.protocols.dense.resizing import Sizes, opencv, pillow, reduced, resized, round_up
from transferscope.protocols.dense.tasks import Sgd

MEAN = (124, 116, 104)
SIZES = [(33, 47), (64, 40), (51, 80), (90, 60), (70, 70)]  # height, width


def samples(sizes: list[tuple[int, int]] = SIZES, normals: bool = False) -> DenseSamples:
    """Pictures of a random colour a pixel, with as random classes or directions."""
    rng = np.random.default_rng(0)
    pixels = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    labels = [rng.integers(0, 5, size, dtype=np.uint8) for size in sizes]
    if normals:
        labels = [rng.normal(size=(*size, 3)).astype(np.float32) for size in sizes]
    return DenseSamples(
        ids=[str(index) for index in range(len(sizes))],
        splits=np.array(["train"] * len(sizes)),
        read=lambda index: Image.fromarray(pixels[index]),
        target=labels.__getitem__,
        class_names=[] if normals else list("abcde"),
    )


def shown(samples: DenseSamples, *, batch_size: int = 1, flip: bool = False, **sizes):
    sizes = {
        "train_scales": [48],
        "test_scales": [48],
        "longest_side": 70,
        "multiple": 8,
        "label_stride": 4,
    } | sizes
    metadata = Metadata("tiny", "arch", "random", "", *NORMALISATIONS["imagenet"], {})
    return resized(
        samples, samples.target, metadata, Sizes(**sizes), batch_size=batch_size, flip=flip, resize=pillow
    )


def theirs(picture: Image.Image, labels: np.ndarray, shorter: int, stride: int, multiple: int) -> tuple:
    """One picture as the authors' code prepares it: sizes, padding and two steps for the labels."""
    scale = min(shorter / min(picture.size), 70 / max(picture.size))
    width, height = int(picture.width * scale), int(picture.height * scale)
    padded = np.tile(np.array(MEAN, np.uint8), (round_up(height, multiple), round_up(width, multiple), 1))
    padded[:height, :width] = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))
    target = Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST)
    rounded = Image.new("L", (round_up(width, stride), round_up(height, stride)), IGNORED)
    rounded.paste(target, (0, 0))
    smaller = rounded.resize((rounded.width // stride, rounded.height // stride), Image.Resampling.NEAREST)
    full = np.full((padded.shape[0] // stride, padded.shape[1] // stride), IGNORED, np.uint8)
    full[: smaller.height, : smaller.width] = np.asarray(smaller)
    return padded, full


@pytest.mark.parametrize(("stride", "multiple"), [(4, 32), (8, 8)])
@pytest.mark.parametrize("index", range(len(SIZES)))
@pytest.mark.parametrize("shorter", [30, 37, 48, 60])
def test_a_training_picture_is_the_authors(index, shorter, stride, multiple):
    given = samples()
    pictures, labels = shown(given, train_scales=[shorter], multiple=multiple, label_stride=stride).draw(
        (index,)
    )
    padded, target = theirs(given.read(index), given.target(index), shorter, stride, multiple)
    np.testing.assert_array_equal(pictures[0].permute(1, 2, 0), padded)
    np.testing.assert_array_equal(labels[0], target)


def test_a_batch_has_one_scale_and_is_as_large_as_its_largest_picture():
    given = samples([(40, 50), (40, 60)])
    draw = shown(given, train_scales=[24, 40], multiple=8).draw
    random.seed(0)
    drawn = [draw((0, 1)) for _ in range(20)]
    assert {tuple(pictures.shape) for pictures, _ in drawn} == {(2, 3, 24, 40), (2, 3, 40, 64)}
    for pictures, labels in drawn:
        assert labels.shape == (2, pictures.shape[2] // 4, pictures.shape[3] // 4)
        assert (labels[0, :, -1] == IGNORED).all()
        assert (pictures[0, :, :, -1] == torch.tensor(MEAN)[:, None]).all()


def test_half_of_the_pictures_are_mirrored_with_their_labels():
    given = samples([(48, 48)])
    picture, labels = given.read(0), given.target(0)
    draw = shown(given, flip=True, label_stride=1).draw
    random.seed(0)
    mirrored = 0
    for _ in range(40):
        (pixels,), (target,) = draw((0,))
        flipped = np.array_equal(target, labels[:, ::-1])
        mirrored += flipped
        assert flipped or np.array_equal(target, labels)
        expected = ImageOps.mirror(picture) if flipped else picture
        np.testing.assert_array_equal(pixels.permute(1, 2, 0), np.asarray(expected))
    assert 10 < mirrored < 30
    assert all(np.array_equal(shown(given, label_stride=1).draw((0,))[1][0], labels) for _ in range(9))


def test_normals_keep_their_directions_and_have_none_beside_the_picture():
    given = samples([(44, 60)], normals=True)
    _, labels = shown(given, train_scales=[22], multiple=8, label_stride=2).draw((0,))
    assert labels.shape == (1, 3, 12, 16)
    np.testing.assert_array_equal(
        labels[0, :, :11, :15].permute(1, 2, 0), reduced(given.target(0), (22, 30), 2)
    )
    assert labels[0, :, 11:].isnan().all()
    assert labels[0, :, :, 15:].isnan().all()


def test_batches_are_of_one_orientation_and_always_as_many():
    given = samples([(60, 40), (40, 60), (40, 40), (60, 40), (40, 60), (60, 40), (40, 60)])
    arrange = shown(given, batch_size=2).arrange
    rng = np.random.default_rng(0)
    for _ in range(20):
        batches = arrange(rng.permutation(7))
        assert len(batches) == 3
        upright = [{index in (0, 3, 5) for index in batch} for batch in batches]
        assert sorted(upright, key=max) == [{False}, {False}, {True}]
        assert len({index for batch in batches for index in batch}) == 6


def test_too_few_pictures_of_an_orientation_are_said():
    with pytest.raises(
        InputError, match="no 2 pictures that are all upright, or all not; lower the batch_size"
    ):
        shown(samples([(60, 40), (40, 60)]), batch_size=2)


@pytest.mark.parametrize("resize", [pillow, opencv])
def test_a_test_picture_is_stretched_to_multiples_at_each_scale(resize):
    given = samples([(50, 90)])
    sizes = Sizes([1], [30, 48], longest_side=70, multiple=8, label_stride=4)
    metadata = Metadata("tiny", "arch", "random", "", *NORMALISATIONS["imagenet"], {})
    pictures = resized(given, given.target, metadata, sizes, batch_size=1, flip=False, resize=resize)
    views = list(pictures.views(given.read(0)))
    # At 30: 30 x 54; at 48 the longer side allows 38 x 70.
    assert [tuple(view.shape) for view in views] == [(3, 32, 56), (3, 40, 72)]
    np.testing.assert_array_equal(views[0].permute(1, 2, 0), np.asarray(resize(given.read(0), (56, 32))))


def test_shrinking_smooths_in_one_and_not_in_the_other():
    stripes = Image.fromarray(np.tile(np.array([[[0] * 3, [255] * 3]], np.uint8), (16, 32, 1)))
    smooth, rough = (np.asarray(resize(stripes, (8, 8))).astype(int) for resize in (pillow, opencv))
    assert np.ptp(smooth) < np.ptp(np.asarray(stripes)) / 2
    assert not np.array_equal(smooth, rough)


def test_biases_and_batchnorm_do_not_decay():
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4))
    sgd = Sgd(steps=1, batch_size=1, learning_rate=0.1, power=1, momentum=0, weight_decay=0.5)
    optimiser = sgd.optimiser(network.parameters())
    before = [weight.detach().clone() for weight in network.parameters()]
    for weight in network.parameters():
        weight.grad = torch.zeros_like(weight)
    optimiser.step()
    shrunk = [not torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True)]
    assert shrunk == [True, False, False, False]
