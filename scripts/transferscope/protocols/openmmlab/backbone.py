"""A canonical backbone as the toolboxes want it: four maps of features from one picture, parts of it frozen.

Registered once, with MMEngine, it is found from mmdet and mmsegmentation alike: ``dict(type="Pyramid",
path=...)``.
"""

from pathlib import Path

from mmengine.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from transferscope.errors import InputError
from transferscope.models import backbones

STRIDES = (4, 8, 16, 32)


@MODELS.register_module()
class Pyramid(nn.Module):
    """Pictures float32 [N, 3, H, W] to maps [N, C, H / s, W / s] at the strides s of 4, 8, 16 and 32.

    The weights are those of the probes' network, loaded by the same code; what comes after the last map (a
    convolution to the pooled feature, say) is left out. ``channels`` has each map's C, ``metadata`` what the
    file says.

    Args:
        path: a canonical backbone file.
        output_stride: the stride beyond which layers are dilated in place of striding, which makes the maps
            of greater strides as large as this one's; 32 dilates none.
        frozen_stages: 0 trains the whole network; with k, the stem and stages 1 to k stay as they are.
        frozen_norm: BatchNorm keeps its statistics, scales and shifts, in stages that are trained too.

    Raises:
        InputError: as ``backbones.load``, or the network has no maps at these strides.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        output_stride: int = STRIDES[-1],
        frozen_stages: int = 0,
        frozen_norm: bool = True,
    ):
        super().__init__()
        dilation = {"output_stride": output_stride} if output_stride < STRIDES[-1] else {}
        network, self.metadata = backbones.load(path, **dilation)
        infos = network.feature_info[-len(STRIDES) :] if hasattr(network, "forward_intermediates") else []
        if [info["reduction"] for info in infos] != [min(stride, output_stride) for stride in STRIDES]:
            raise InputError(
                f"{self.metadata.model}: timm's {self.metadata.arch} has no maps at the strides "
                f"{', '.join(map(str, STRIDES))}, which detection and dense tasks need; exclude it from these"
            )
        self.channels = [info["num_chs"] for info in infos]
        frozen_modules = up_to(network, infos[frozen_stages - 1]["module"]) if frozen_stages else []
        if frozen_norm:
            frozen_modules += [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]
        for layer in frozen_modules:
            layer.requires_grad_(False)
        self.frozen_modules = frozen_modules  # a plain list, since these are modules of ``network`` already
        count = len(network.feature_info)
        self.indices = network.prune_intermediate_layers(
            list(range(count - len(STRIDES), count)), prune_norm=True
        )
        self.network = network
        self.train()

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.network.forward_intermediates(pictures, self.indices, intermediates_only=True))

    def train(self, mode: bool = True) -> "Pyramid":
        """As of every module; the frozen parts stay in eval mode."""
        super().train(mode)
        for layer in self.frozen_modules:
            layer.eval()
        return self


def up_to(network: nn.Module, name: str) -> list[nn.Module]:
    """The modules of a network up to the one called ``name``; timm lists them in the order of execution."""
    modules = list(network.named_modules())
    last = max(place for place, (other, _) in enumerate(modules) if f"{other}.".startswith(f"{name}."))
    # Without the modules that hold this one: they hold later ones too.
    return [module for other, module in modules[: last + 1] if other and not name.startswith(f"{other}.")]
