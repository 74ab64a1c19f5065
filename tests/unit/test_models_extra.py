"""The rows of config/models-extra.tsv against the authors' files in miniature: same names, small shapes."""

import re
from pathlib import Path

import pandas as pd
import pytest
import safetensors.torch
import torch
import torchvision
from miniatures import features, lively, prefixed
from torch import Tensor

from transferscope.models import backbones, checkpoints
from transferscope.sources import forms as sources

TABLE = Path(__file__).parents[2] / "config" / "models-extra.tsv"
ROWS = pd.read_csv(TABLE, sep="\t", dtype=str, keep_default_na=False).set_index("id")
CONVERSION = ["arch", "format", "container", "prefix", "drop", "match", "normalisation", "source"]

# A shallow and narrow network of the same family: no tensor of a block is named differently.
SMALL = {"resnet": "layers=(1,1,1,1)&base_width=8", "vit": "embed_dim=48&depth=2"}

# Of the authors' ViTs: width, depth, heads, patch, side of the pictures, and further tensors of a block.
VITS = {
    "moco-v3-vits16": (384, 12, 12, 16, 224, []),
    "moco-v3-vitb16": (768, 12, 12, 16, 224, []),
    "dino-vits16": (384, 12, 6, 16, 224, []),
    "dino-vitb16": (768, 12, 12, 16, 224, []),
    "mae-vitb16": (768, 12, 12, 16, 224, []),
    "dinov2-vits14": (384, 12, 6, 14, 518, ["ls1.gamma", "ls2.gamma"]),
    "dinov2-vitb14": (768, 12, 12, 14, 518, ["ls1.gamma", "ls2.gamma"]),
    "dinov2-vitl14": (1024, 24, 16, 14, 518, ["ls1.gamma", "ls2.gamma"]),
}
CLIP = "clip-vitb16"
RESNETS = [model for model, arch in ROWS["arch"].items() if arch == "resnet50"]


def small(arch: str) -> str:
    family = re.match("[a-z]+", arch)[0]
    return f"{arch}{'&' if '?' in arch else '?'}{SMALL[family]}"


def flat(state: dict) -> object:
    return state


def swav(state: dict) -> object:
    heads = {"projection_head.0.weight": torch.ones(2), "prototypes.weight": torch.ones(2)}
    return prefixed("module.", state | heads)


def moco_v3(state: dict, head: str) -> object:
    heads = {f"{head}.0.weight": torch.ones(2, 2), f"{head}.1.running_mean": torch.ones(2)}
    momentum = {name: tensor + 1 for name, tensor in state.items()}
    weights = prefixed("module.base_encoder.", state | heads)
    weights |= prefixed("module.momentum_encoder.", momentum | heads)
    return {
        "epoch": 300,
        "arch": "vit_small",
        "state_dict": weights | {"module.predictor.0.weight": torch.ones(2, 2)},
        "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}, "param_groups": [{"lr": 0.1}]},
        "scaler": {"scale": 65536.0, "growth_factor": 2.0},
    }


def mae(state: dict) -> object:
    return {"model": state}


def dinov2(state: dict) -> object:
    return state | {"mask_token": torch.zeros(1, 48)}


def clip(state: dict) -> object:
    return state | {"head.weight": torch.ones(3, 48), "head.bias": torch.zeros(3)}


LAYOUTS = {
    "swav-400ep": swav,
    "barlow-twins": flat,
    "vicreg": flat,
    "moco-v3-resnet50": lambda state: moco_v3(state, "fc"),
    "moco-v3-vits16": lambda state: moco_v3(state, "head"),
    "moco-v3-vitb16": lambda state: moco_v3(state, "head"),
    "dino-resnet50": flat,
    "dino-vits16": flat,
    "dino-vitb16": flat,
    "mae-vitb16": mae,
    "dinov2-vits14": dinov2,
    "dinov2-vitb14": dinov2,
    "dinov2-vitl14": dinov2,
    CLIP: clip,
}


@pytest.mark.parametrize("model", ROWS.index)
def test_the_authors_layout_gives_identical_features(tmp_path, model):
    row = ROWS.loc[model]
    arch = small(row["arch"])
    source = lively(arch)
    write = safetensors.torch.save_file if row["format"] == "safetensors" else torch.save
    write(LAYOUTS[model](source.state_dict()), tmp_path / "checkpoint")
    columns = {column: row[column] for column in CONVERSION} | {"arch": arch}
    checkpoints.convert(tmp_path / "checkpoint", tmp_path / "canonical", model=model, **columns)
    loaded, metadata = backbones.load(tmp_path / "canonical")
    size = loaded.default_cfg["input_size"][-1]
    assert torch.equal(features(loaded, size), features(source, size))
    assert (metadata.model, metadata.source) == (model, row["source"])
    assert (metadata.mean, metadata.std) == backbones.NORMALISATIONS[row["normalisation"]]


def vit_shapes(
    width: int, depth: int, patch: int, size: int, further: list[str]
) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a ViT's tensors in the authors' code."""
    layers = {
        "norm1": (width,),
        "attn.qkv": (3 * width, width),
        "attn.proj": (width, width),
        "norm2": (width,),
        "mlp.fc1": (4 * width, width),
        "mlp.fc2": (width, 4 * width),
    }
    block = {f"{name}.weight": shape for name, shape in layers.items()}
    block |= {f"{name}.bias": shape[:1] for name, shape in layers.items()}
    block |= {name: (width,) for name in further}
    return {
        "cls_token": (1, 1, width),
        "pos_embed": (1, 1 + (size // patch) ** 2, width),
        "patch_embed.proj.weight": (width, 3, patch, patch),
        "patch_embed.proj.bias": (width,),
        **{f"blocks.{number}.{name}": shape for number in range(depth) for name, shape in block.items()},
        "norm.weight": (width,),
        "norm.bias": (width,),
    }


def described(model: str) -> tuple[torch.nn.Module, dict[str, tuple[int, ...]]]:
    """The row's network in full size, without memory for its tensors, and their shapes."""
    with torch.device("meta"):
        module = backbones.create(ROWS.at[model, "arch"])
    return module, {name: tuple(tensor.shape) for name, tensor in backbones.weights(module).items()}


@pytest.mark.parametrize("model", VITS)
def test_a_vit_has_the_authors_tensors_and_heads(model):
    width, depth, heads, patch, size, further = VITS[model]
    module, shapes = described(model)
    assert shapes == vit_shapes(width, depth, patch, size, further)
    assert {block.attn.num_heads for block in module.blocks} == {heads}
    assert module.norm.eps == 1e-6


def test_clips_vit_has_the_authors_tensors_and_activation():
    module, shapes = described(CLIP)
    expected = vit_shapes(768, 12, 16, 224, []) | {"norm_pre.weight": (768,), "norm_pre.bias": (768,)}
    del expected["patch_embed.proj.bias"]
    assert shapes == expected
    assert {block.attn.num_heads for block in module.blocks} == {12}
    assert module.norm.eps == 1e-5
    x = torch.linspace(-4, 4, 9)
    torch.testing.assert_close(module.blocks[0].mlp.act(x), x * torch.sigmoid(1.702 * x))


@pytest.mark.parametrize("model", RESNETS)
def test_a_resnet_has_torchvisions_tensors(model):
    with torch.device("meta"):
        reference = torchvision.models.resnet50()
    reference.fc = torch.nn.Identity()
    expected = {name: tuple(tensor.shape) for name, tensor in backbones.weights(reference).items()}
    assert described(model)[1] == expected


@pytest.mark.parametrize("model", [*VITS, CLIP])
def test_the_feature_is_the_class_token_after_the_last_norm(model):
    module = lively(small(ROWS.at[model, "arch"]))
    tokens: list[Tensor] = []
    module.norm.register_forward_hook(lambda layer, inputs, output: tokens.append(output))
    pooled = features(module, module.default_cfg["input_size"][-1])
    assert torch.equal(pooled, tokens[0][:, 0])


@pytest.mark.parametrize("model", ROWS.index)
def test_sources_are_addresses_of_files(model):
    source = ROWS.at[model, "source"]
    assert sources.check_source(source) == "url"
    assert source.startswith("https://")
    assert source.endswith((".pth", ".pth.tar", ".safetensors"))
