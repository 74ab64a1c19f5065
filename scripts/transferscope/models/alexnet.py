"""The AlexNets of Asano, Rupprecht and Vedaldi (ICLR 2020, section 4), for timm.

``alexnet`` is that of DeepCluster and of their linear probes (linear-probes alexnet.py, size "big", without
Sobel filters), ``alexnet_small`` that of RotNet (FeatureLearningRotNet, architectures/AlexNet.py; "small"
there), ``alexnet_32`` one for pictures of 32 pixels, which is ours. No groups and no local normalisation;
every convolution has a bias and is followed by BatchNorm and ReLU.

The backbone ends with the last convolution: its feature is the mean of that map. The fully connected layers
are no part of it, since no layer is probed after them; a pretraining method that has them between the map and
its own last layer builds them by ``head``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models._features import feature_take_indices
from torch import Tensor, nn

from transferscope.errors import InputError

LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5")
NARROW = (1, 3, 6, 4, 4)  # channels over those of the first layer, where these are 64 or less


@dataclass(frozen=True)
class Design:
    """What differs between the networks.

    Attributes:
        channels: of the five convolutions.
        first: side and stride of the first convolution's filters; the others' are 5, 3, 3 and 3, and 1.
        pool: side and stride of the windows of max-pooling, and what is added on each side, if anything.
        pooled: the layers that take a pooled map.
        windows: of the max-pooling by which the authors' linear probes see each layer: side, stride, margin;
            empty where they have none for this network.
        fully: of the map [N, C, h, w], flattened to so many numbers, the fully connected layers.
        normal: whether weights begin as ``initialise`` has it, or as PyTorch does.
    """

    channels: tuple[int, ...]
    first: tuple[int, int]
    pool: tuple[int, int]
    pooled: tuple[str, ...]
    fully: Callable[[int], list[nn.Module]]
    normal: bool
    windows: tuple[tuple[int, int, int], ...] = ()


class AlexNet(nn.Module):
    """Images [N, 3, S, S] to features [N, D], the mean of the last map.

    Args:
        num_classes: of a linear layer on the feature; 0 for none.
        drop_rate, in_chans, global_pool: for timm, which calls every network with them.

    Attributes:
        feature_info: as timm's networks have it: the five layers, whose output is that of their ReLU, with
            their ``window`` if the design has one.
    """

    def __init__(self, design: Design, *, num_classes: int = 0, **_):
        super().__init__()
        self.design = design
        self.pool = nn.MaxPool2d(*design.pool)
        self.feature_info = []
        inputs, reduction = 3, 1
        kernels = (design.first[0], 5, 3, 3, 3)
        for name, outputs, kernel in zip(LAYERS, design.channels, kernels, strict=True):
            stride = design.first[1] if name == LAYERS[0] else 1
            self.add_module(name, self.layer(name, inputs, outputs, kernel, stride))
            reduction *= stride * (design.pool[1] if name in design.pooled else 1)
            self.feature_info.append({"module": name, "num_chs": outputs, "reduction": reduction})
            inputs = outputs
        for layer, window in zip(self.feature_info, design.windows, strict=False):
            layer["window"] = window
        if design.normal:
            initialise(self)
        self.num_features = self.head_hidden_size = inputs
        self.reset_classifier(num_classes)

    def layer(self, name: str, inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
        """A convolution and what follows it, but for pooling; a subclass may have another."""
        # The first filters of 11 pixels have a margin of 2 as well.
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=min(kernel // 2, 2))
        return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))

    def get_classifier(self) -> nn.Module:
        return self.classifier

    def reset_classifier(self, num_classes: int, global_pool: str = "avg") -> None:
        self.num_classes = num_classes
        self.classifier = nn.Linear(self.num_features, num_classes) if num_classes else nn.Identity()

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """Every convolution is a stage of its own, and there is no stem before them."""
        return {"stem": r"^(?!)", "blocks": r"^conv(\d+)"}

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | list[int] | None = None,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> list[Tensor] | tuple[Tensor, list[Tensor]]:
        """The last map and those of the layers ``indices``, after their ReLU; arguments are timm's."""
        if output_fmt != "NCHW":
            raise ValueError(f"maps of an AlexNet are NCHW and not {output_fmt}")
        taken, last = feature_take_indices(len(LAYERS), indices)
        maps = []
        for index, name in enumerate(LAYERS[: last + 1] if stop_early else LAYERS):
            if name in self.design.pooled:
                x = self.pool(x)
            x = getattr(self, name)(x)
            if index in taken:
                maps.append(x)
        return maps if intermediates_only else (x, maps)

    def forward_features(self, images: Tensor) -> Tensor:
        """The last map [N, D, h, w], after its ReLU."""
        return self.forward_intermediates(images, [len(LAYERS) - 1])[0]

    def forward_head(self, maps: Tensor, pre_logits: bool = False) -> Tensor:
        features = maps.mean(dim=(2, 3))
        return features if pre_logits else self.classifier(features)

    def forward(self, images: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(images))


class Head(nn.Sequential):
    """The fully connected layers on the last map: [N, D, h, w] to [N, ``width``]; the last one is a ReLU."""

    def __init__(self, network: AlexNet, layers: list[nn.Module]):
        super().__init__(network.pool, nn.Flatten(), *layers)
        self.width = [layer.out_features for layer in layers if isinstance(layer, nn.Linear)][-1]
        self.normal = network.design.normal
        if self.normal:
            initialise(self)

    def before_relu(self, maps: Tensor) -> Tensor:
        """What the last ReLU is given, [N, ``width``]."""
        for layer in list(self)[:-1]:
            maps = layer(maps)
        return maps

    def top(self, outputs: int) -> nn.Linear:
        """A linear layer on what the head gives, with weights that begin as the head's."""
        layer = nn.Linear(self.width, outputs)
        return initialise(layer) if self.normal else layer


def head(network: AlexNet, size: int) -> Head:
    """The fully connected layers that belong to a network, for images of a side of ``size`` pixels.

    Raises:
        InputError: the last map is smaller than a window of the pooling.
    """
    training = network.training
    with torch.no_grad():
        maps = network.eval().forward_features(torch.zeros(1, 3, size, size))
    network.train(training)
    if maps.shape[-1] < network.pool.kernel_size:
        raise InputError(
            f"of images of {size} pixels this AlexNet has too small a last map for its head; choose a "
            "profile of another size, or the network alexnet_32"
        )
    return Head(network, network.design.fully(network.pool(maps).numel()))


def initialise(module: nn.Module) -> nn.Module:
    """Weights as in DeepCluster and in the linear probes (alexnet.py), BatchNorm as PyTorch has it.

    Filters are normal with a variance of 2 over their pixels times the output channels, linear layers normal
    with a deviation of 0.01; biases are 0.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            values = layer.kernel_size[0] * layer.kernel_size[1] * layer.out_channels
            nn.init.normal_(layer.weight, 0, math.sqrt(2 / values))
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, 0, 0.01)
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return module


def with_dropout(values: int) -> list[nn.Module]:
    """AlexNet's own fully connected layers, on so many numbers."""
    first = [nn.Dropout(0.5), nn.Linear(values, 4096), nn.ReLU(inplace=True)]
    return [*first, nn.Dropout(0.5), nn.Linear(4096, 4096), nn.ReLU(inplace=True)]


def _normalised(values: int, *widths: int) -> list[nn.Module]:
    layers = []
    for width in widths:
        layers += [nn.Linear(values, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(inplace=True)]
        values = width
    return layers


def _cfg(size: int) -> dict:
    return {
        "input_size": (3, size, size),
        "num_classes": 0,
        "mean": IMAGENET_DEFAULT_MEAN,
        "std": IMAGENET_DEFAULT_STD,
        "classifier": "classifier",
        "first_conv": "conv1.0",
    }


default_cfgs = generate_default_cfgs(
    {"alexnet": _cfg(224), "alexnet_small": _cfg(224), "alexnet_32": _cfg(32)},
)


@register_model
def alexnet(pretrained: bool = False, **kwargs) -> AlexNet:
    """3,749,952 parameters; 58,284,096 with its head at 224 pixels."""
    design = Design(
        channels=(96, 256, 384, 384, 256),
        first=(11, 4),
        pool=(3, 2),
        pooled=("conv2", "conv3"),
        fully=with_dropout,
        normal=True,
        windows=((6, 6, 3), (4, 4, 0), (3, 3, 1), (3, 3, 1), (2, 2, 0)),
    )
    return build_model_with_cfg(AlexNet, "alexnet", pretrained, design=design, **kwargs)


@register_model
def alexnet_small(pretrained: bool = False, **kwargs) -> AlexNet:
    """2,472,000 parameters."""
    design = Design(
        channels=tuple(64 * ratio for ratio in NARROW),
        first=(11, 4),
        pool=(3, 2),
        pooled=("conv2", "conv3"),
        fully=lambda values: _normalised(values, 4096, 4096),
        normal=False,
    )
    return build_model_with_cfg(AlexNet, "alexnet_small", pretrained, design=design, **kwargs)


@register_model
def alexnet_32(pretrained: bool = False, width: int = 64, **kwargs) -> AlexNet:
    """For 32 pixels: ``width`` filters in the first layer, 16 x ``width`` units in the head.

    A quarter of the width, ``alexnet_32?width=16``, has 154,896 parameters.
    """
    design = Design(
        channels=tuple(width * ratio for ratio in NARROW),
        first=(5, 2),
        pool=(2, 2),
        pooled=("conv3",),
        fully=lambda values: _normalised(values, 16 * width),
        normal=True,
    )
    return build_model_with_cfg(AlexNet, "alexnet_32", pretrained, design=design, **kwargs)
