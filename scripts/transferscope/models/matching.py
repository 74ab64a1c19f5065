"""Map authors' tensor names to timm's: one function per value of the ``match`` column.

Each function takes the given tensors and the expected ones (``backbones.weights`` of the architecture), both
by name, and returns the given tensors under timm's names. Unmatched names are kept for the caller to report.
"""

import re

from torch import Tensor

from transferscope.errors import InputError

# Tensors of a normalisation layer: timm's name -> name in the other library.
SIMCLR_NORM = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
HAIKU_NORM = {
    "weight": "scale",
    "bias": "offset",
    "running_mean": "~/mean_ema/average",
    "running_var": "~/var_ema/average",
}


def by_name(given: dict[str, Tensor], expected: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names are already timm's."""
    return given


def by_order(given: dict[str, Tensor], expected: dict[str, Tensor]) -> dict[str, Tensor]:
    """Match by position: same layers in the same order, as in torchvision's MobileNetV2.

    Raises:
        InputError: the number of tensors, a kind (last part of the name) or a shape differs.
    """
    if len(given) != len(expected):
        raise InputError(
            f"it has {len(given)} backbone tensors and the architecture {len(expected)}, so they cannot be "
            "matched in order; check arch, prefix and drop"
        )
    for ours, theirs in zip(expected, given, strict=True):
        kinds_agree = ours.rpartition(".")[2] == theirs.rpartition(".")[2]
        if not kinds_agree or given[theirs].shape != expected[ours].shape:
            raise InputError(
                f"in order, {theirs} {list(given[theirs].shape)} would become "
                f"{ours} {list(expected[ours].shape)}, which does not fit; check arch, prefix and drop"
            )
    return dict(zip(expected, given.values(), strict=True))


def by_simclr(given: dict[str, Tensor], expected: dict[str, Tensor]) -> dict[str, Tensor]:
    """ResNet of google-research/simclr (TensorFlow 1): layers are numbered in graph creation order.

    A block creates its shortcut before its other convolutions; in timm it comes last. The optimiser's
    ``Momentum`` slots are ignored.
    """
    convolutions = [name for name in expected if expected[name].ndim == 4]
    position = {name: number for number, name in enumerate(convolutions)}
    block_position = {_block(name): position[name] for name in reversed(convolutions)}
    created = sorted(
        convolutions,
        key=lambda name: (block_position[_block(name)], "downsample" not in name, position[name]),
    )
    names = {}
    for number, convolution in enumerate(created):
        suffix = f"_{number}" if number else ""
        names[f"conv2d{suffix}/kernel"] = convolution
        for ours, theirs in SIMCLR_NORM.items():
            names[f"batch_normalization{suffix}/{theirs}"] = f"{_norm(convolution)}.{ours}"
    kept = {name: tensor for name, tensor in given.items() if not name.endswith("/Momentum")}
    return _rename(kept, names, expected)


def by_haiku(given: dict[str, Tensor], expected: dict[str, Tensor]) -> dict[str, Tensor]:
    """ResNet of DeepMind's Haiku, as in BYOL: layers are named by group and block.

    The training state of moving averages (``hidden``, ``counter``) is ignored.
    """
    names = {}
    for convolution in (name for name in expected if expected[name].ndim == 4):
        layer = _haiku_layer(convolution)
        names[f"{layer}/w"] = convolution
        norm = "batchnorm".join(layer.rsplit("conv", 1))
        for ours, theirs in HAIKU_NORM.items():
            names[f"{norm}/{theirs}"] = f"{_norm(convolution)}.{ours}"
    training = ("_ema/hidden", "_ema/counter")
    kept = {name: tensor for name, tensor in given.items() if not name.endswith(training)}
    return _rename(kept, names, expected)


def by_dinov2(given: dict[str, Tensor], expected: dict[str, Tensor]) -> dict[str, Tensor]:
    """DINOv2 as its authors train and publish it.

    Blocks may lie in chunks (``blocks.CHUNK.NUMBER``), the gated MLP of the largest model has other names,
    and with registers timm adds the class token's position embedding to the token itself. The mask's token
    is ignored.
    """
    names = {"register_tokens": "reg_token"}
    renamed = {
        names.get(name, re.sub(r"^blocks\.\d+\.(\d+)\.", r"blocks.\1.", name))
        .replace(".mlp.w12.", ".mlp.fc1.")
        .replace(".mlp.w3.", ".mlp.fc2."): tensor
        for name, tensor in given.items()
        if name != "mask_token"
    }
    if "reg_token" in renamed and {"cls_token", "pos_embed"} <= renamed.keys():
        position = renamed["pos_embed"]
        renamed["cls_token"] = renamed["cls_token"] + position[:, :1]
        renamed["pos_embed"] = position[:, 1:]
    return renamed


MATCHES = {
    "names": by_name,
    "order": by_order,
    "simclr": by_simclr,
    "haiku": by_haiku,
    "dinov2": by_dinov2,
}


def _block(convolution: str) -> str:
    # layer1.0.conv2.weight and layer1.0.downsample.0.weight belong to layer1.0.
    return ".".join(convolution.split(".")[:2])


def _norm(convolution: str) -> str:
    """Name of the BatchNorm layer after a convolution in timm's ResNet."""
    layer = convolution.removesuffix(".weight")
    if layer.endswith("downsample.0"):
        return layer.removesuffix("0") + "1"
    return "bn".join(layer.rsplit("conv", 1))


def _haiku_layer(convolution: str) -> str:
    parts = convolution.removesuffix(".weight").split(".")
    if not parts[0].startswith("layer"):
        return "initial_conv"
    block = f"block_group_{int(parts[0].removeprefix('layer')) - 1}/~/block_{parts[1]}/~"
    if parts[2] == "downsample":
        return f"{block}/shortcut_conv"
    return f"{block}/conv_{int(parts[2].removeprefix('conv')) - 1}"


def _rename(
    given: dict[str, Tensor], names: dict[str, str], expected: dict[str, Tensor]
) -> dict[str, Tensor]:
    renamed = {}
    for name, tensor in given.items():
        ours = names.get(name)
        if ours is None:
            renamed[name] = tensor
        elif expected[ours].ndim == 4 and tensor.ndim == 4:
            renamed[ours] = tensor.permute(3, 2, 0, 1)  # height, width, in, out -> out, in, height, width
        elif expected[ours].ndim == 1:
            renamed[ours] = tensor.reshape(-1)
        else:
            renamed[ours] = tensor
    return renamed
