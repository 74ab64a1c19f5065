"""Random backbones whose BatchNorm does nothing: as they are drawn, or with weights rescaled by data."""

import torch
from torch import Tensor, nn

from transferscope.models import backbones

BIAS = 0.1
"""Mean of what each unit gives before its ReLU (magic_init.py, option ``--bias``)."""


def draw(
    arch: str, *, rescaled: bool, mean: tuple[float, ...], std: tuple[float, ...], seed: int
) -> nn.Module:
    """A random backbone in eval mode as its architecture begins, deterministic given the seed.

    BatchNorm has the mean 0 and the variance 1 that it begins with; ``backbones.initialise`` estimates them.

    Args:
        arch: architecture, see ``backbones.create``.
        rescaled: by ``rescale`` on synthetic images, normalised by ``mean`` and ``std``.

    Raises:
        InputError: as ``backbones.create``.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = backbones.create(arch).eval()
        if rescaled:
            size = module.default_cfg["input_size"][-1]
            images = torch.cat(list(backbones.synthetic_images(size, seed)))
            centre, spread = (torch.tensor(values).view(3, 1, 1) for values in (mean, std))
            rescale(module, (images - centre) / spread)
    return module


@torch.no_grad()
def rescale(module: nn.Module, images: Tensor) -> None:
    """Give each unit of a network a mean of ``BIAS`` and a deviation of 1 over images [N, 3, S, S].

    The normalisation within layers of Krähenbühl, Doersch, Donahue and Darrell (ICLR 2016, section 3.1; their
    code, magic_init.py, ``initializeLayer``), layer by layer, each on what the rescaled ones before it give.
    Between layers they then balance rates of change, by one factor for all weights and biases of a layer; in
    a network of convolutions, ReLU and pooling that scales the maps alone, and no probe on standardised
    features sees it, so it is left out.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(_rescaled) for layer in layers]
    try:
        module(images)
    finally:
        for hook in hooks:
            hook.remove()


def _rescaled(layer: nn.Conv2d | nn.Linear, inputs: tuple[Tensor], outputs: Tensor) -> Tensor:
    """What a layer gives after it has been rescaled by what it gave, [N, C, ...] or, of Linear, [..., C]."""
    channel = 1 if isinstance(layer, nn.Conv2d) else outputs.ndim - 1
    others = [axis for axis in range(outputs.ndim) if axis != channel]
    mean, std = outputs.mean(others), outputs.std(others, correction=0)
    layer.weight /= std.view(-1, *[1] * (layer.weight.ndim - 1))
    if layer.bias is not None:
        layer.bias.copy_((layer.bias - mean) / std + BIAS)
    return layer.forward(*inputs)
