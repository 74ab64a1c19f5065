"""Which layers of a backbone are probed: those that timm names, whatever the architecture."""

from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor, nn

from transferscope.errors import InputError
from transferscope.protocols.layerwise import grids

RECTIFIERS = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.ELU, nn.CELU, nn.SELU, nn.Softplus),
    *(nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish),
)
OF_TIMM = ("timm.layers.activations", "timm.layers.activations_me")
"""Modules with activations of the same kinds."""


@dataclass(frozen=True)
class Tap:
    """A layer that is probed.

    Attributes:
        name: of the module, as timm's ``feature_info`` has it.
        index: in ``feature_info``.
        channels, height, width: of its map.
        grid: of what a probe sees of it.
    """

    name: str
    index: int
    channels: int
    height: int
    width: int
    grid: grids.Grid

    @property
    def values(self) -> int:
        """How many values a probe sees."""
        return self.channels * self.grid.rows * self.grid.columns

    @property
    def facts(self) -> dict:
        """What files and results say of it, as JSON."""
        map_facts = {key: getattr(self, key) for key in ("name", "channels", "height", "width", "values")}
        return map_facts | asdict(self.grid)


def find(network: nn.Module, name: str, size: int, *, taps: int, values: int) -> list[Tap]:
    """The layers that are probed: all that timm names, or ``taps`` of them, evenly spread.

    Args:
        network: a backbone in eval mode.
        name: of the model, for messages.
        size: side of the images in pixels.
        taps: layers at most.
        values: that a probe may see of a layer.

    Raises:
        InputError: the network does not tell its layers, or one of them is no map [N, C, H, W].
    """
    named = list(getattr(network, "feature_info", []))
    if not named or not hasattr(network, "forward_intermediates"):
        raise InputError(
            f"{name} does not tell its layers (timm's forward_intermediates and feature_info); exclude it "
            "from the layerwise protocols, or give its network both"
        )
    chosen = range(len(named))
    if len(named) > taps:
        chosen = np.round(np.linspace(0, len(named) - 1, taps)).astype(int).tolist()
    rectified: list[Tensor] = []
    hooks = [
        module.register_forward_hook(lambda _, inputs, output: rectified.append(output))
        for module in network.modules()
        if isinstance(module, RECTIFIERS) or type(module).__module__ in OF_TIMM
    ]
    try:
        maps = intermediates(network, torch.zeros(1, 3, size, size), list(chosen))
    finally:
        for hook in hooks:
            hook.remove()
    found = []
    for index, one in zip(chosen, maps, strict=True):
        module = named[index]["module"]
        if one.ndim != 4:
            raise InputError(
                f"{name} gives {list(one.shape)} at {module} and no map [N, C, H, W]; exclude it from the "
                "layerwise protocols"
            )
        grid = grids.choose(
            *one.shape[1:],
            values=values,
            rectified=any(one is output for output in rectified),
            window=named[index].get("window"),
        )
        found.append(Tap(module, index, *one.shape[1:], grid))
    return found


@torch.no_grad()
def intermediates(network: nn.Module, images: Tensor, indices: list[int]) -> list[Tensor]:
    """The maps [N, C, H, W] of the layers ``indices`` of ``feature_info``, before any last norm."""
    return network.forward_intermediates(
        images, indices=indices, norm=False, stop_early=True, output_fmt="NCHW", intermediates_only=True
    )


class Tapped(nn.Module):
    """A frozen backbone: normalised images [N, 3, S, S] to the values of all taps, [N, sum of ``values``].

    Those of a tap lie side by side, in the order of ``taps``, channel by channel.
    """

    def __init__(self, network: nn.Module, taps: list[Tap]):
        super().__init__()
        self.network, self.taps = network, taps
        for module in network.modules():
            # What follows a tap must not change it.
            if getattr(module, "inplace", False):
                module.inplace = False

    def forward(self, images: Tensor) -> Tensor:
        maps = intermediates(self.network, images, [tap.index for tap in self.taps])
        return torch.cat([tap.grid(one).flatten(1) for tap, one in zip(self.taps, maps, strict=True)], dim=1)
