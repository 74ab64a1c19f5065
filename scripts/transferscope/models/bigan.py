"""The encoder of BiGAN (Donahue, Krähenbühl and Darrell, ICLR 2017; their code, net.py), for timm.

It is AlexNet with two groups in three layers and leaky ReLUs; BatchNorm follows all convolutions but the
first, none of which has a bias. ``bigan_encoder`` is for 64 pixels, ``alexnet_group_padpool`` in their code;
``bigan_encoder_32``, which is ours, has filters of 5 pixels and half the stride in the first layer, so that
images of 32 pixels have maps of the same sizes. Both take other sizes too.

As of any AlexNet here, the feature is the mean of the last map.
"""

from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import nn

from transferscope.models.alexnet import LAYERS, AlexNet, Design, with_dropout

GROUPS = {"conv2": 2, "conv4": 2, "conv5": 2}
LEAK = 0.2
EPSILON = 1e-8  # of all BatchNorms


class Encoder(AlexNet):
    """Images [N, 3, S, S] to features [N, D]; arguments are those of ``AlexNet``."""

    def __init__(self, design: Design, **others):
        super().__init__(design, **others)
        initialise(self)

    def layer(self, name: str, inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
        convolution = nn.Conv2d(
            inputs, outputs, kernel, stride, padding=kernel // 2, groups=GROUPS.get(name, 1), bias=False
        )
        norms = [] if name == LAYERS[0] else [nn.BatchNorm2d(outputs, EPSILON)]
        return nn.Sequential(convolution, *norms, nn.LeakyReLU(LEAK, inplace=True))


def initialise(module: nn.Module) -> nn.Module:
    """All filters and linear weights normal with a deviation of 0.02; BatchNorm as PyTorch has it."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, 0, 0.02)
    return module


def _cfg(size: int) -> dict:
    return {
        "input_size": (3, size, size),
        "num_classes": 0,
        "mean": (0.5,) * 3,
        "std": (0.5,) * 3,
        "classifier": "classifier",
        "first_conv": "conv1.0",
    }


default_cfgs = generate_default_cfgs({"bigan_encoder": _cfg(64), "bigan_encoder_32": _cfg(32)})


def _build(variant: str, pretrained: bool, width: int, first: tuple[int, int], kwargs: dict) -> Encoder:
    if width < 6 or width % 6:
        raise ValueError(
            f"width={width} is no multiple of 6, and the next layer has two groups and 8/3 as many filters"
        )
    design = Design(
        channels=(width, 8 * width // 3, 4 * width, 4 * width, 8 * width // 3),
        first=first,
        pool=(3, 2, 1),
        pooled=("conv2", "conv3"),
        fully=with_dropout,
        normal=False,
    )
    return build_model_with_cfg(Encoder, variant, pretrained, design=design, **kwargs)


@register_model
def bigan_encoder(pretrained: bool = False, width: int = 96, **kwargs) -> Encoder:
    """For 64 pixels, with ``width`` filters in the first layer: 2,335,264 parameters."""
    return _build("bigan_encoder", pretrained, width, (11, 4), kwargs)


@register_model
def bigan_encoder_32(pretrained: bool = False, width: int = 96, **kwargs) -> Encoder:
    """For 32 pixels: 2,307,616 parameters; a quarter of the width, ``?width=24``, has 146,056."""
    return _build("bigan_encoder_32", pretrained, width, (5, 2), kwargs)
