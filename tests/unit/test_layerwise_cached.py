"""Probes on layers in a file: the file, standardised values, what is chosen, and the rows that come of it."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from transferscope.errors import InputError
from transferscope.features import layers, store
from transferscope.protocols.layerwise import cached, each
from transferscope.protocols.probes import knn
from transferscope.results import long_table
from transferscope.results.run import Evaluation, Run, measurement
from transferscope.study.configuration import check_layers

FACTS = [
    {"name": "first", "channels": 3, "values": 3 * 9},  # an odd number
    {"name": "second", "channels": 4, "values": 4 * 4},
]
ON = {"metric": "top1", "classes": 3, "shots": [], "seed": 0, "device": "cpu"}


def drawn(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 43)).astype(np.float32)


def divided(count: int) -> dict[str, tuple[np.ndarray, list[str]]]:
    """Three fifths train, a fifth val, a fifth test; labels of three classes."""
    parts = np.split(np.arange(count), [3 * count // 5, 4 * count // 5])
    return {
        name: (part % 3, [f"picture-{index}" for index in part])
        for name, part in zip(("train", "val", "test"), parts, strict=True)
    }


def written(path, values: np.ndarray, splits: dict | None = None, batch: int = 7):
    batches = np.array_split(values, range(batch, len(values), batch))
    attributes = {"model": "m", "dataset": "d", "backbone_sha256": "0", "settings": {"taps": 5}}
    layers.write(path, batches, splits or divided(len(values)), FACTS, attributes)
    return path


def test_layers_are_read_as_they_were_written(tmp_path):
    values = drawn(50)
    first, second = layers.read_layers(written(tmp_path / "m.h5", values))
    assert (first.number, second.number, second.facts) == (1, 2, FACTS[1])
    read = second.read("val", "test")
    assert list(read) == ["val", "test"] and read["val"].features.dtype == np.float32
    np.testing.assert_array_equal(read["test"].features, values[40:, 27:].astype(np.float16))
    np.testing.assert_array_equal(first.read("train")["train"].features, values[:30, :27].astype(np.float16))
    assert read["test"].ids[0] == "picture-40" and read["test"].labels.tolist() == [
        i % 3 for i in range(40, 50)
    ]
    assert json.loads(layers.read_attributes(tmp_path / "m.h5")["settings"]) == {"taps": 5}


def test_another_seeds_splits_divide_layers_too(tmp_path):
    values = drawn(50)
    path = written(tmp_path / "m.h5", values)
    splits = np.array(["test", "train"])[np.arange(50) % 2]
    store.write_splits(tmp_path / "splits.h5", [f"picture-{index}" for index in range(50)], splits)
    layer = layers.read_layers(path, tmp_path / "splits.h5")[1]
    np.testing.assert_array_equal(layer.read("test")["test"].features, values[::2, 27:].astype(np.float16))


@pytest.mark.parametrize("place", ["train/1", "test/labels"])
def test_damage_is_noticed(tmp_path, place):
    path = written(tmp_path / "m.h5", drawn(50))
    with h5py.File(path, "r+") as file:
        file[place][3] = 0 if place == "train/1" else 1 - file[place][3] % 2
    layer = layers.read_layers(path)[0]
    with pytest.raises(InputError, match=f"damaged: first in its split '{place.partition('/')[0]}'"):
        layer.read()


def test_other_files_and_empty_splits_are_refused(tmp_path):
    other = tmp_path / "features.h5"
    store.write(other, [drawn(3)], {"test": (np.zeros(3, int), list("abc"))}, {})
    with pytest.raises(InputError, match="no file of layers"):
        layers.read_layers(other)
    path = written(tmp_path / "m.h5", drawn(3), {"test": (np.zeros(3, int), list("abc"))})
    with pytest.raises(InputError, match="no samples in its split 'val'"):
        layers.read_layers(path)[0].read("val")


def test_a_value_beyond_float16_is_named(tmp_path):
    values = drawn(50)
    values[12, 30] = 1e5
    with pytest.raises(InputError, match="'picture-12' gives values at second that are not finite"):
        written(tmp_path / "m.h5", values)


def test_a_file_that_would_be_too_large_is_refused():
    layers.check_size(FACTS, 1000, 2 * 43 * 1000 / 1e9, "m on d")
    with pytest.raises(InputError, match=r"m on d: the layers of 1001 pictures .* layerwise_online"):
        layers.check_size(FACTS, 1001, 2 * 43 * 1000 / 1e9, "m on d")


def test_layers_without_room_are_refused_before_any_job():
    datasets = pd.DataFrame(
        {"images": [1_331_167, 50_000], "assumed": [False, True]}, index=["imagenet", "mine"]
    )
    settings = {"taps": 5, "values": 9600, "statistics": "own"}
    with pytest.raises(InputError, match=r"imagenet has 1331167 images, whose layers may take 127.8 GB"):
        check_layers(datasets, settings, 20)
    check_layers(datasets.loc[["mine"]], settings, 0.1)  # nobody knows how many it has
    check_layers(datasets, settings | {"values": 1024}, 20)


def test_values_are_standardised_as_by_batch_norm_without_scale_and_shift():
    values = drawn(200)[:, :27] * 3 + 1
    norm = nn.BatchNorm1d(3, affine=False)
    expected = norm(torch.from_numpy(values).unflatten(1, (3, 9))).flatten(1)
    found = cached.Standardisation.of(values, 3)(values)
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-5)


def test_each_layer_has_its_own_measurement(tmp_path):
    """The first layer tells the label in its channels; the second knows nothing."""
    values, splits = drawn(600), divided(600)
    labels = np.concatenate([labels for labels, _ in splits.values()])
    values[:, :27] = np.repeat(np.eye(3)[labels], 9, axis=1)
    path = written(tmp_path / "m.h5", values, splits)
    found = each.evaluate(layers.read_layers(path), cached.evaluate, **ON, strengths=[1, 100], taps=5)
    assert (found.mode, found.n_test) == ("cached", 120)
    told, blind = found.measurements
    assert (told["layer"], told["value"], blind["layer"]) == (1, 100, 2)
    # Chance, within three standard errors.
    assert abs(blind["value"] / 100 - 1 / 3) < 3 * np.sqrt(2 / 9 / 120)
    first = found.details["layers"][0]
    assert first["name"] == "first" and first["lambdas"] == [1, 100] and first["lambda"] in (1, 100)


def test_permuted_labels_give_chance(tmp_path):
    splits = divided(900)
    labels = np.concatenate([labels for labels, _ in splits.values()])
    values = np.repeat(np.eye(43)[:3], 1, axis=0)[labels].astype(np.float32) + drawn(900)
    rng = np.random.default_rng(3)
    permuted = {name: (rng.permutation(of), ids) for name, (of, ids) in splits.items()}
    path = written(tmp_path / "m.h5", values, permuted)
    for one in each.evaluate(layers.read_layers(path), cached.evaluate, **ON, strengths=[10]).measurements:
        assert abs(one["value"] / 100 - 1 / 3) < 3 * np.sqrt(2 / 9 / 180)


def test_a_layers_result_is_that_of_itself_alone(tmp_path):
    both = layers.read_layers(written(tmp_path / "m.h5", drawn(100)))
    together = each.evaluate(both, cached.evaluate, **ON, strengths=[1]).measurements
    alone = each.evaluate(both[1:], cached.evaluate, **ON, strengths=[1]).measurements
    assert together[1:] == alone


def test_other_protocols_on_features_work_on_layers(tmp_path):
    both = layers.read_layers(written(tmp_path / "m.h5", drawn(100)))
    settings = {"neighbours": [1, 5], "temperature": 0.1, "taps": 5, "values": 9600, "statistics": "own"}
    found = each.evaluate(both, knn.evaluate, **ON, **settings)
    assert [one["layer"] for one in found.measurements] == [1, 2] and found.mode == "cosine"
    assert found.details["layers"][1]["k"] in (1, 5)


def result(path, model: str, count: int, metric: str = "top1"):
    run = Run(model, "d", "layerwise", "default", version=1, seed=0)
    measured = [measurement(metric, 10.0 * number, layer=number) for number in range(1, count + 1)]
    run.write(path, Evaluation("cached", 9, measured))
    return path


def test_a_model_may_have_other_layers_than_another(tmp_path):
    paths = [result(tmp_path / f"{model}.json", model, count) for model, count in (("vit", 5), ("swin", 4))]
    key = {"dataset": "d", "protocol": "layerwise", "variant": "default"}
    table = long_table.collect(paths, [key | {"model": model} for model in ("vit", "swin")])
    layered = table.groupby("model", sort=False)["layer"].apply(list).to_dict()
    assert layered == {"vit": list("12345"), "swin": list("1234")}
    result(tmp_path / "swin.json", "swin", 4, "mean_per_class")
    with pytest.raises(InputError, match="lacks"):
        long_table.collect(paths, [key | {"model": model} for model in ("vit", "swin")])
