"""Extraction: the paper's transform, the samples' order, shards that partition, bad pictures named."""

import resource
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import create_transform
from torchvision.transforms import v2

from transferscope.datasets.base import Samples
from transferscope.errors import InputError
from transferscope.features import images
from transferscope.features.extraction import Pictures, extract, order_by_split, take_shard
from transferscope.features.images import normalise, resize_and_crop, to_uint8
from transferscope.study.inputs import input_of


def picture(index: int, width: int = 40, height: int = 30) -> Image.Image:
    rng = np.random.default_rng(index)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def broken(index: int, *, bad: int) -> Image.Image:
    if index == bad:
        raise InputError(f"sample 'p/{index}' cannot be decoded")
    return picture(index)


def samples(count: int, read=picture) -> Samples:
    splits = np.array(["train", "test", "val"])[np.arange(count) % 3]
    labels = np.arange(count, dtype=np.int64) % 2
    return Samples([f"p/{i}" for i in range(count)], labels, splits, read, ["a", "b"])


def test_the_transform_is_torchvisions_to_the_pixel():
    rng = np.random.default_rng(0)
    for _ in range(500):
        width, height = rng.integers(20, 400, 2)
        resolution = int(rng.choice([24, 48, 96]))
        image = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
        resize = v2.Resize(resolution, interpolation=v2.InterpolationMode.BICUBIC, antialias=True)
        reference = v2.CenterCrop(resolution)(resize(image))
        np.testing.assert_array_equal(resize_and_crop(image, resolution), reference)


def sizes_and_image(rng: np.random.Generator) -> tuple[int, Image.Image]:
    width, height = rng.integers(20, 400, 2)
    pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return int(rng.choice([24, 48, 96])), Image.fromarray(pixels)


@pytest.mark.parametrize("crop", [0.875, 0.882, 0.89, 0.9, 1])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_a_models_own_input_is_timms_to_the_pixel(crop, interpolation):
    rng = np.random.default_rng(0)
    for _ in range(40):
        resolution, image = sizes_and_image(rng)
        given = input_of("model", resolution, {"crop": crop, "interpolation": interpolation})
        reference = create_transform(
            resolution, is_training=False, crop_pct=crop, interpolation=interpolation, normalize=False
        )(image)
        found = to_uint8(resize_and_crop(image, resolution, **given))
        np.testing.assert_array_equal(found, np.asarray(reference))


def test_the_fewshot_codes_input_is_torchvisions_to_the_pixel():
    rng = np.random.default_rng(0)
    for _ in range(100):
        resolution, image = sizes_and_image(rng)
        side = int(resolution * 1.15)
        resize = v2.Resize([side, side], interpolation=v2.InterpolationMode.BILINEAR, antialias=True)
        found = resize_and_crop(image, resolution, **input_of("squash", resolution, {}))
        np.testing.assert_array_equal(found, v2.CenterCrop(resolution)(resize(image)))


def test_without_a_wish_the_input_is_the_studys():
    assert input_of("model", 224, {}) == input_of("study", 224, {"crop": 0.9}) == {}
    assert input_of("model", 224, {"crop": 0.9}) == {"shorter_side": 248, "interpolation": "bicubic"}
    assert input_of("squash", 224, {"crop": 0.9})["shorter_side"] == 257


def test_a_panorama_is_cropped_before_it_is_resized(monkeypatch):
    column = np.linspace(0, 255, 4000).astype(np.uint8)
    image = Image.fromarray(np.broadcast_to(column[None, :, None], (6, 4000, 3)).copy())
    whole = resize_and_crop(image, 24)
    monkeypatch.setattr(images, "_MOST_RESIZED", 100)
    np.testing.assert_allclose(
        np.asarray(resize_and_crop(image, 24), dtype=int), np.asarray(whole, dtype=int), atol=1
    )
    monkeypatch.undo()
    started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    resize_and_crop(Image.new("RGB", (60_000, 6)), 224)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - started < 300_000  # kB, of 1.5 GB otherwise


def test_normalise():
    batch = torch.tensor([0, 255, 51], dtype=torch.uint8).view(1, 3, 1, 1)
    result = normalise(batch, (0.5, 0.5, 0.0), (0.5, 0.25, 0.1)).flatten()
    torch.testing.assert_close(result, torch.tensor([-1.0, 2.0, 2.0]))


@pytest.mark.parametrize("workers", [0, 2])
def test_features_come_in_order(workers):
    pictures = Pictures(samples(10), 16)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 16 * 16, 5))
    indices = [7, 2, 9, 0, 1]
    batches = extract(
        network, pictures, indices, mean=(0, 0, 0), std=(1, 1, 1), batch_size=2, device="cpu", workers=workers
    )
    expected = torch.stack([to_uint8(resize_and_crop(picture(i), 16)) for i in indices]).float() / 255
    np.testing.assert_allclose(
        np.concatenate(list(batches)), network(expected).detach().numpy(), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("workers", [0, 2])
def test_a_corrupt_picture_reaches_the_user_as_one_sentence(workers):
    pictures = Pictures(samples(10, partial(broken, bad=6)), 16)
    batches = extract(
        torch.nn.Flatten(),
        pictures,
        list(range(10)),
        mean=(0, 0, 0),
        std=(1, 1, 1),
        batch_size=4,
        device="cpu",
        workers=workers,
    )
    with pytest.raises(InputError) as caught:
        list(batches)
    assert str(caught.value) == "sample 'p/6' cannot be decoded"


def test_order_by_split_and_shards_partition_the_samples():
    ordered = order_by_split(samples(20))
    assert list(ordered) == ["train", "val", "test"]
    whole = np.concatenate(list(ordered.values()))
    assert sorted(whole) == list(range(20))
    for shards in (1, 3, 7):
        parts = [take_shard(ordered, shard, shards) for shard in range(shards)]
        joined = np.concatenate([values for part in parts for values in part.values()])
        np.testing.assert_array_equal(joined, whole)
        sizes = [sum(map(len, part.values())) for part in parts]
        assert max(sizes) - min(sizes) <= 1


def test_a_network_that_was_trained_last_is_put_into_eval_mode():
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(0.5)).train()
    batches = extract(
        network,
        Pictures(samples(2), 16),
        [0, 1],
        mean=(-1,) * 3,
        std=(1,) * 3,
        batch_size=2,
        device="cpu",
        workers=0,
    )
    assert (next(batches) >= 1).all()
