"""Fold BatchNorm into the preceding convolution: fewer memory accesses, same features; and its filters."""

import copy
import logging

import torch
from timm.layers import BatchNormAct2d
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

AGREEMENT = 1e-4  # maximum relative difference of the features
SMALLEST_FILTER = 5  # pixels a side, of those that are worth looking at


@torch.no_grad()
def fold_batch_norms(network: nn.Module, image: Tensor) -> nn.Module:
    """Copy a network (in eval mode) with its BatchNorms folded into convolutions where possible.

    Pairs of convolution and BatchNorm are found in a forward pass of ``image`` [1, 3, H, W]. If what the copy
    gives differs, e.g. because another layer also uses a convolution's output, returns the network.
    """
    folded = copy.deepcopy(network)
    names = {module: name for name, module in folded.named_modules()}
    for convolution, norm in _pairs(folded, image):
        convolution.weight, convolution.bias = _fused(convolution, norm)
        rest = nn.Sequential(norm.drop, norm.act) if isinstance(norm, BatchNormAct2d) else nn.Identity()
        folded.set_submodule(names[norm], rest)
    before, after = network(image), folded(image)
    if (after - before).norm() > AGREEMENT * before.norm():
        logging.info(
            "the BatchNorms of this network cannot be folded into its convolutions; it runs as it is"
        )
        return network
    return folded


@torch.no_grad()
def first_filters(network: nn.Module, image: Tensor) -> Tensor | None:
    """The filters [n, 3, k, k] of a network's first convolution, if they are of three colours and k >= 5.

    The scale of the BatchNorm behind it is in them, w g / sqrt(v + eps), as RotNet's authors draw theirs.
    ``network`` is in eval mode; a forward pass of ``image`` [1, 3, H, W] finds the BatchNorm.
    """
    first = next((module for module in network.modules() if isinstance(module, nn.Conv2d)), None)
    if first is None or first.weight.shape[1] != 3 or min(first.kernel_size) < SMALLEST_FILTER:
        return None
    norms = [norm for convolution, norm in _pairs(network, image) if convolution is first]
    weight = _fused(first, norms[0])[0] if norms else first.weight
    return weight.detach()


def _fused(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[nn.Parameter, nn.Parameter]:
    """The weight and bias of a convolution that does what both do."""
    return fuse_conv_bn_weights(
        convolution.weight,
        convolution.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
    )


def _pairs(network: nn.Module, image: Tensor) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Pairs of a convolution and the BatchNorm that takes its output."""
    outputs, pairs = [], []

    def record(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        outputs.append((output, module))

    def match(norm: nn.Module, inputs: tuple) -> None:
        pairs.extend((module, norm) for output, module in outputs if output is inputs[0])

    hooks = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(record))
        elif type(module) in (nn.BatchNorm2d, BatchNormAct2d):
            hooks.append(module.register_forward_pre_hook(match))
    network(image)
    for hook in hooks:
        hook.remove()
    return pairs
