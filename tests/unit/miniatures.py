"""Miniature checkpoints in the authors' layouts, written without the libraries that wrote the real ones."""

import pickle
import struct
import sys
import types
import zipfile
from collections import namedtuple
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from transferscope.models import backbones


def lively(arch: str, seed: int = 0) -> nn.Module:
    """A backbone in eval mode of which no two tensors of a shape are alike, so that no mix-up goes unseen."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = backbones.create(arch)
        for name, tensor in backbones.weights(module).items():
            if tensor.ndim == 1:
                tensor.copy_(torch.rand_like(tensor) * 0.5 + 0.5 * ("weight" in name or "var" in name))
    return module.eval()


def features(module: nn.Module, size: int = 64) -> Tensor:
    """Features [2, D] of two fixed pictures of ``size`` pixels."""
    pictures = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(7))
    with torch.inference_mode():
        return module(pictures)


def prefixed(prefix: str, state: dict, **others: Tensor) -> dict:
    """A state dict with a prefix before each name, and other tensors beside it."""
    return {f"{prefix}{name}": tensor for name, tensor in state.items()} | others


def resnet_layers(module: nn.Module) -> list[tuple[str, str]]:
    """Names (convolution, BatchNorm) of a ResNet's layers, a block's shortcut before its other layers."""
    layers = [("conv1", "bn1")]
    for stage in ("layer1", "layer2", "layer3", "layer4"):
        for number, block in enumerate(getattr(module, stage)):
            name = f"{stage}.{number}"
            if block.downsample is not None:
                layers.append((f"{name}.downsample.0", f"{name}.downsample.1"))
            count = 3 if hasattr(block, "conv3") else 2
            layers += [(f"{name}.conv{k}", f"{name}.bn{k}") for k in range(1, count + 1)]
    return layers


def simclr_variables(module: nn.Module) -> dict[str, np.ndarray]:
    """A ResNet under the names of google-research/simclr's checkpoints, and what lies beside them."""
    state = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    variables = {"global_step": np.array(5, np.int64)}
    for number, (convolution, norm) in enumerate(resnet_layers(module)):
        suffix = f"_{number}" if number else ""
        kernel = f"base_model/conv2d{suffix}/kernel"
        variables[kernel] = state[f"{convolution}.weight"].transpose(2, 3, 1, 0)
        variables[f"{kernel}/Momentum"] = np.zeros((1,), np.float32)
        scope = f"base_model/batch_normalization{suffix}"
        variables[f"{scope}/gamma"] = state[f"{norm}.weight"]
        variables[f"{scope}/beta"] = state[f"{norm}.bias"]
        variables[f"{scope}/moving_mean"] = state[f"{norm}.running_mean"]
        variables[f"{scope}/moving_variance"] = state[f"{norm}.running_var"]
    variables["head_supervised/linear_layer/dense/bias"] = np.zeros(3, np.float32)
    return variables


def write_tensorflow(
    path: Path, variables: dict[str, np.ndarray], stem: str = "r50/model.ckpt-5", compression: int = 0
) -> None:
    """A zip archive with a tensor bundle, in two shards and several blocks of the index."""
    shards = [b"", b""]
    entries = {b"": _message((1, 2), (3, _message((1, 1))))}
    for number, name in enumerate(sorted(variables)):
        value = np.asarray(variables[name], order="C")
        shard = number % 2
        dtype = {"float32": 1, "float64": 2, "int64": 9, "float16": 19}[value.dtype.name]
        shape = b"".join(_message((2, _message((1, size)))) for size in value.shape)
        entries[name.encode()] = _message(
            (1, dtype), (2, shape), (3, shard), (4, len(shards[shard])), (5, value.nbytes)
        ) + struct.pack("<BI", 6 << 3 | 5, 0)
        shards[shard] += value.tobytes()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("r50/checkpoint", f'model_checkpoint_path: "{stem}"')
        archive.writestr("r50/hub/variables/variables.index", b"of the hub module")
        archive.writestr(f"{stem}.index", _table(entries, compression))
        for shard, data in enumerate(shards):
            archive.writestr(f"{stem}.data-{shard:05d}-of-00002", data)


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    return bytes([*digits, number])


def _message(*fields: tuple[int, int | bytes]) -> bytes:
    """Protocol-buffer encoding; a field of 0 is left out, as proto3 does."""
    encoded = b""
    for number, value in fields:
        if isinstance(value, bytes):
            encoded += _varint(number << 3 | 2) + _varint(len(value)) + value
        elif value:
            encoded += _varint(number << 3) + _varint(value)
    return encoded


def _block(entries: list[tuple[bytes, bytes]]) -> bytes:
    """A block in LevelDB's format: keys share their beginning with the one before, except at restarts."""
    block, restarts, before = b"", [], b""
    for number, (key, value) in enumerate(entries):
        shared = 0
        if number % 16 == 0:
            restarts.append(len(block))
        else:
            while shared < min(len(before), len(key)) and before[shared] == key[shared]:
                shared += 1
        block += _varint(shared) + _varint(len(key) - shared) + _varint(len(value)) + key[shared:] + value
        before = key
    return block + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))


def _table(entries: dict[bytes, bytes], compression: int) -> bytes:
    items, table, handles = sorted(entries.items()), b"", []
    for start in range(0, len(items), 40):
        part = items[start : start + 40]
        block = _block(part)
        handles.append((part[-1][0], _varint(len(table)) + _varint(len(block))))
        table += block + bytes([compression, 0, 0, 0, 0])
    footer = b""
    for block in (_block([]), _block(handles)):
        footer += _varint(len(table)) + _varint(len(block))
        table += block + bytes(5)
    return table + footer.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")


def byol_content(module: nn.Module) -> tuple[dict, dict]:
    """Haiku's parameters and state of BYOL's online network for a ResNet, projector included."""
    state = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    parameters, averages = {}, {}
    for convolution, norm in resnet_layers(module):
        if convolution == "conv1":
            layer = "res_net50/~/initial_conv"
        else:
            stage, block, kind = convolution.split(".")[:3]
            layer = "shortcut_conv" if kind == "downsample" else f"conv_{int(kind[4:]) - 1}"
            layer = f"res_net50/~/block_group_{int(stage[5:]) - 1}/~/block_{block}/~/{layer}"
        parameters[layer] = {"w": state[f"{convolution}.weight"].transpose(2, 3, 1, 0)}
        layer = layer.replace("_conv", "_batchnorm").replace("/conv", "/batchnorm")
        per_channel = {
            kind: state[f"{norm}.{kind}"].reshape(1, 1, 1, -1)
            for kind in ("weight", "bias", "running_mean", "running_var")
        }
        parameters[layer] = {"offset": per_channel["bias"], "scale": per_channel["weight"]}
        for average in ("mean", "var"):
            value = per_channel[f"running_{average}"]
            averages[f"{layer}/~/{average}_ema"] = {
                "average": value,
                "counter": np.array(3, np.int32),
                "hidden": value * 2,
            }
    parameters["projector/linear"] = {"w": np.ones((2, 2), np.float32)}
    averages["predictor/batchnorm/~/mean_ema"] = {"average": np.ones((1, 2), np.float32)}
    return parameters, averages


def write_byol(path: Path, parameters: dict, averages: dict) -> None:
    """A pickle as BYOL's checkpointer writes it, with the classes of BYOL, Haiku and Optax by name."""

    class FlatMapping:
        def __init__(self, values):
            self.values = values

        def __reduce__(self):
            return FlatMapping, (self.values,)

    State = namedtuple(
        "_ByolExperimentState", "online_params target_params online_state target_state opt_state"
    )
    ScaleState = namedtuple("ScaleByScheduleState", "count")
    homes = {
        "byol.byol_experiment": State,
        "haiku._src.data_structures": FlatMapping,
        "optax._src.transform": ScaleState,
    }
    for module, kind in homes.items():
        kind.__module__, kind.__qualname__ = module, kind.__name__
        for name in (module.partition(".")[0], module):
            sys.modules[name] = types.ModuleType(name)
        setattr(sys.modules[module], kind.__name__, kind)
    flat_parameters = FlatMapping({name: FlatMapping(values) for name, values in parameters.items()})
    flat_averages = FlatMapping({name: FlatMapping(values) for name, values in averages.items()})
    state = State(
        flat_parameters, {}, flat_averages, {}, [ScaleState(np.int32(3)), ScaleState(np.zeros(2, np.float32))]
    )
    content = {"experiment_state": state, "step": 3, "rng": np.array([0, 1], np.uint32)}
    try:
        path.write_bytes(pickle.dumps(content, protocol=2))
    finally:
        for module in homes:
            for name in (module.partition(".")[0], module):
                sys.modules.pop(name, None)
