"""The scripts of the layerwise protocols on tiny inputs, from pictures to results, tables and figures."""

import json
from pathlib import Path

import pandas as pd
import pytest
from test_scripts import backbone, facts, pictures, run  # noqa: F401 (two are fixtures)

import extract_layers
import measure_layer_similarity
import probe_layers
import train_probes
from transferscope.errors import InputError
from transferscope.features.layers import read_layers

SETTINGS = {"taps": 4, "values": 300, "statistics": "own"}
ONLINE = {
    "steps": 12,
    "batch_size": 8,
    "learning_rate": 0.01,
    "milestones": [8],
    "momentum": 0.9,
    "weight_decay": 1e-5,
    "augmentation": "flip",
    "test_crop": 1.0,
    "ten_crops": False,
}
LABELS = {"metric": "top1", "classes": 3, "shots": []}
NAMES = ["act1", "layer1", "layer3", "layer4"]  # of five, evenly spread


def extract(network: Path, folder: Path, output: Path, **changes) -> Path:
    settings = {"facts": facts(), "seed": 0, "resolution": 32, "input": {}, "settings": SETTINGS}
    settings |= {"batch_size": 7, "limit_gb": 1, "version": 1} | changes
    extract_layers.main(network, folder, output, **settings)
    return output


@pytest.fixture(scope="module")
def layer_file(backbone, pictures, tmp_path_factory) -> Path:  # noqa: F811
    return extract(backbone, pictures, tmp_path_factory.mktemp("layers") / "tiny.h5")


def test_layers_are_extracted_and_probed(layer_file, tmp_path):
    layers = read_layers(layer_file)
    assert [layer.facts["name"] for layer in layers] == NAMES
    assert layers[0].read("train")["train"].features.shape == (24, layers[0].facts["values"])
    settings = SETTINGS | {"strengths": [1, 100]}
    how = {"module": "layerwise.cached", "labels": LABELS, "settings": settings}
    output = tmp_path / "layerwise.json"
    probe_layers.main(layer_file, None, output, run=run("layerwise"), **how)
    result = json.loads(output.read_text())
    assert (result["model"], result["dataset"], result["mode"]) == ("tiny", "colours", "cached")
    assert [one["layer"] for one in result["measurements"]] == [1, 2, 3, 4]
    assert max(one["value"] for one in result["measurements"]) == 100  # colours
    assert [one["name"] for one in result["details"]["layers"]] == NAMES
    assert result["details"]["settings"] == SETTINGS


def test_statistics_of_the_target_change_the_layers(backbone, pictures, layer_file, tmp_path):  # noqa: F811
    settings = SETTINGS | {"statistics": "target"}
    other = extract(backbone, pictures, tmp_path / "other.h5", settings=settings)
    own, target = (read_layers(path)[0].read("test")["test"].features for path in (layer_file, other))
    assert own.shape == target.shape and (own != target).any()


def test_layers_that_take_too_much_are_refused(backbone, pictures, tmp_path):  # noqa: F811
    with pytest.raises(InputError, match="tiny on colours: the layers of 51 pictures take"):
        extract(backbone, pictures, tmp_path / "layers.h5", limit_gb=1e-6)


def test_similarity_has_every_pair_of_layers(layer_file, tmp_path):
    output = tmp_path / "layers.tsv"
    measure_layer_similarity.main([layer_file, layer_file], output, split="test", version=1)
    table = pd.read_csv(output, sep="\t")
    assert list(table.columns[:4]) == ["model", "layer", "other", "other_layer"]
    assert len(table) == 8**2 and table["layer"].max() == 4
    same = table[table["layer"] == table["other_layer"]]
    assert same["cka"].to_numpy() == pytest.approx(1, abs=1e-5)


def test_probes_are_trained_and_tested(backbone, pictures, tmp_path):  # noqa: F811
    output = tmp_path / "layerwise_online.json"
    how = {"facts": facts(), "metric": "top1", "settings": SETTINGS | ONLINE, "resolution": 32}
    train_probes.main(
        backbone, pictures, output, run=run("layerwise_online"), **how, batch_size=8, checkpoint_steps=5
    )
    result = json.loads(output.read_text())
    assert (result["mode"], result["n_test"]) == ("online", 15)
    assert [one["layer"] for one in result["measurements"]] == [1, 2, 3, 4]
    assert max(one["value"] for one in result["measurements"]) > 80
    assert [one["name"] for one in result["details"]["layers"]] == NAMES
    assert not list(tmp_path.glob("*.resume"))
