"""SimCLR's TensorFlow checkpoints and BYOL's pickles, in miniature."""

import codecs
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from miniatures import byol_content, features, lively, simclr_variables, write_byol, write_tensorflow

from transferscope.errors import InputError
from transferscope.models import backbones, checkpoints
from transferscope.models.formats import haiku, tensorflow

SIMCLR = {"format": "tensorflow", "prefix": "base_model/", "match": "simclr", "normalisation": "none"}
BYOL = {"format": "haiku", "prefix": "res_net50/~/", "match": "haiku", "normalisation": "imagenet"}


def convert(checkpoint: Path, arch: str, columns: dict) -> Path:
    output = checkpoint.with_name("canonical.safetensors")
    row = {"model": "tiny", "arch": arch, "container": "", "drop": "", "source": "somewhere"}
    checkpoints.convert(checkpoint, output, **row, **columns)
    return output


@pytest.mark.parametrize("arch", ["resnet18", "resnet26"])
def test_simclr_gives_identical_features(tmp_path, arch):
    module = lively(arch)
    write_tensorflow(tmp_path / "r50.zip", simclr_variables(module))
    loaded, _ = backbones.load(convert(tmp_path / "r50.zip", arch, SIMCLR))
    assert torch.equal(features(loaded), features(module))


@pytest.mark.parametrize("arch", ["resnet18", "resnet26"])
def test_byol_gives_identical_features(tmp_path, arch):
    module = lively(arch)
    write_byol(tmp_path / "byol.pkl", *byol_content(module))
    loaded, _ = backbones.load(convert(tmp_path / "byol.pkl", arch, BYOL))
    assert torch.equal(features(loaded), features(module))


def test_a_missing_and_an_extra_variable_are_named(tmp_path):
    variables = simclr_variables(lively("resnet18"))
    del variables["base_model/conv2d_3/kernel"]
    write_tensorflow(tmp_path / "r50.zip", variables)
    with pytest.raises(InputError, match=r"^tiny: tensors of resnet18 are missing: layer1.1.conv1.weight;"):
        convert(tmp_path / "r50.zip", "resnet18", SIMCLR)
    variables = simclr_variables(lively("resnet18")) | {"base_model/conv2d_99/kernel": np.ones(2, np.float32)}
    write_tensorflow(tmp_path / "r50.zip", variables)
    with pytest.raises(InputError, match=r"^tiny: tensors are left over .*: conv2d_99/kernel;"):
        convert(tmp_path / "r50.zip", "resnet18", SIMCLR)


def test_a_missing_average_is_named(tmp_path):
    parameters, averages = byol_content(lively("resnet18"))
    del averages["res_net50/~/initial_batchnorm/~/var_ema"]
    write_byol(tmp_path / "byol.pkl", parameters, averages)
    with pytest.raises(InputError, match=r"^tiny: tensors of resnet18 are missing: bn1.running_var;"):
        convert(tmp_path / "byol.pkl", "resnet18", BYOL)


def test_tensorflow_reads_every_variable_of_floating_point(tmp_path):
    variables = {f"scope/variable_{i:03d}": np.full((i % 3, 2), i, np.float32) for i in range(100)}
    variables["scalar"] = np.array(2.5, np.float32)
    variables |= {"half": np.array([1, 2.5], np.float16), "double": np.array([[1 / 3]])}
    variables["global_step"] = np.array(7, np.int64)
    write_tensorflow(tmp_path / "r50.zip", variables)
    tensors = tensorflow.read(tmp_path / "r50.zip")
    assert set(tensors) == set(variables) - {"global_step"}
    assert all(np.array_equal(tensors[name].numpy(), variables[name]) for name in tensors)


def test_damaged_tensorflow_checkpoints(tmp_path):
    path = tmp_path / "r50.zip"
    write_tensorflow(path, {"a": np.ones(3, np.float32)})
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}

    def rewrite(**changes: bytes | None) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                kept = next((changes[end] for end in changes if name.endswith(end)), content)
                if kept is not None:
                    archive.writestr(name, kept)

    index = members["r50/model.ckpt-5.index"]
    rewrite(index=index[:-20])
    with pytest.raises(InputError, match=r"r50.zip holds a damaged TensorFlow checkpoint"):
        tensorflow.read(path)
    rewrite(index=index[20:])
    with pytest.raises(InputError, match=r"r50.zip holds a damaged TensorFlow checkpoint"):
        tensorflow.read(path)
    rewrite(**{"00000-of-00002": None})
    with pytest.raises(InputError, match=r"damaged .*data-00000-of-00002"):
        tensorflow.read(path)
    rewrite(**{"00000-of-00002": b"\0\0"})
    with pytest.raises(InputError, match="damaged"):
        tensorflow.read(path)
    write_tensorflow(path, {"a": np.ones(3, np.float32)}, compression=1)
    with pytest.raises(InputError, match=r"damaged .* cut short or compressed"):
        tensorflow.read(path)
    rewrite(**{"ckpt-5.index": None})
    with pytest.raises(InputError, match=r"should hold one TensorFlow checkpoint .*; it holds none"):
        tensorflow.read(path)


def test_truncated_archive_and_pickle(tmp_path):
    path = tmp_path / "r50.zip"
    write_tensorflow(path, {"a": np.ones(3, np.float32)})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match="is truncated or no zip archive of a TensorFlow checkpoint"):
        tensorflow.read(path)
    path = tmp_path / "byol.pkl"
    write_byol(path, {"a": {"w": np.ones(3)}}, {})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match="is truncated or no pickle"):
        haiku.read(path)


class Hostile:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_hostile_pickle_is_refused_by_name_and_not_run(tmp_path, protocol):
    victim = tmp_path / "victim"
    (tmp_path / "byol.pkl").write_bytes(pickle.dumps({"step": Hostile(victim)}, protocol=protocol))
    with pytest.raises(
        InputError, match=r"byol.pkl asks for (posix|nt).mkdir, which could run code and was refused"
    ):
        haiku.read(tmp_path / "byol.pkl")
    assert not victim.exists()


@pytest.mark.parametrize(
    "content",
    [
        {"step": 1},
        {"experiment_state": {}},
        [1, 2],
        {"experiment_state": (1,)},
        {"experiment_state": ({"layer": {"w": [1.0]}}, {}, {})},
        {"experiment_state": ({"layer": {"w": np.array(["text"])}}, {}, {})},
        {"experiment_state": ({"layer": 1.0}, {}, {})},
    ],
)
def test_other_pickles_are_no_byol_checkpoint(tmp_path, content):
    (tmp_path / "byol.pkl").write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(InputError, match="does not have BYOL's layout"):
        haiku.read(tmp_path / "byol.pkl")


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(
    "value", [np.arange(3.0), np.float32(2), np.asfortranarray(np.ones((2, 3), np.float32))]
)
def test_numpy_arrays_and_scalars_are_read(tmp_path, protocol, value):
    state = ({"layer": {"w": value}}, {}, {})
    content = pickle.dumps({"experiment_state": state}, protocol=protocol)
    (tmp_path / "byol.pkl").write_bytes(content)
    tensor = haiku.read(tmp_path / "byol.pkl")["layer/w"]
    assert np.array_equal(tensor.numpy(), value)


class Encoded:
    """Asks for bytes in an encoding that pickle's own writer never uses."""

    def __reduce__(self):
        return codecs.encode, ("text", "rot13")


def test_bytes_in_another_encoding_are_refused(tmp_path):
    (tmp_path / "byol.pkl").write_bytes(pickle.dumps(Encoded(), protocol=2))
    with pytest.raises(InputError, match="is truncated or no pickle"):
        haiku.read(tmp_path / "byol.pkl")
