"""mmsegmentation's networks on our backbones: PSPNet for surface normals, UPerNet for classes of pixels."""

from pathlib import Path

import torch
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.models.decode_heads import PSPHead
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import register_all_modules
from torch import Tensor, nn

from transferscope.datasets.dense import IGNORED
from transferscope.features.images import normalise
from transferscope.protocols.openmmlab.backbone import Pyramid

NORM = {"type": "BN", "requires_grad": True}
CROSS_ENTROPY = {"type": "CrossEntropyLoss", "loss_weight": 1.0, "avg_non_ignore": True}


@MODELS.register_module()
class DirectionHead(PSPHead):
    """PSPNet's head with three outputs, the direction of the normal, and one minus the cosine as the loss."""

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: list) -> dict[str, Tensor]:
        """The mean over the pixels that have a normal; a target is float [3, H, W], NaN for the others."""
        targets = torch.stack([sample.gt_sem_seg.data for sample in batch_data_samples])
        directions = nn.functional.interpolate(
            seg_logits, targets.shape[-2:], mode="bilinear", align_corners=self.align_corners
        )
        valid = targets.isfinite().all(1)
        distance = 1 - nn.functional.cosine_similarity(directions.float(), targets.nan_to_num(), dim=1)
        return {"loss_cosine": (distance * valid).sum() / valid.sum().clamp_min(1)}


def pspnet(backbone: str | Path, *, outputs: int, head: str, channels: int) -> nn.Module:
    """PSPNet (Zhao et al., CVPR 2017) on a frozen backbone dilated to stride 8.

    Args:
        backbone: a canonical file.
        outputs: of each pixel.
        head: ``PSPHead``, a classifier, or ``DirectionHead``.
        channels: of the head's layers.
    """
    pyramid = {"type": "Pyramid", "path": str(backbone), "output_stride": 8, "frozen_stages": 4}
    decoder = {
        "type": head,
        "in_channels": Pyramid(backbone, output_stride=8).channels[-1],
        "in_index": 3,
        "channels": channels,
        "num_classes": outputs,
        "loss_decode": CROSS_ENTROPY,
    }
    return _build(pyramid, decoder)


def upernet(backbone: str | Path, *, classes: int, channels: int) -> nn.Module:
    """UPerNet (Xiao et al., ECCV 2018) as the authors have it, the backbone trained too."""
    pyramid = {"type": "Pyramid", "path": str(backbone), "frozen_norm": False}
    decoder = {
        "type": "UPerHead",
        "in_channels": Pyramid(backbone).channels,
        "in_index": [0, 1, 2, 3],
        "channels": channels,
        "num_classes": classes,
        "dropout_ratio": 0,
        "loss_decode": CROSS_ENTROPY,
    }
    return _build(pyramid, decoder)


def _build(pyramid: dict, decoder: dict) -> nn.Module:
    register_all_modules(init_default_scope=False)
    init_default_scope("mmseg")
    network = MODELS.build(
        {
            "type": "EncoderDecoder",
            "backbone": pyramid,
            "decode_head": {"norm_cfg": NORM, "dropout_ratio": 0.1, "align_corners": False} | decoder,
            "train_cfg": {},
            "test_cfg": {"mode": "whole"},
        }
    )
    network.decode_head.apply(_initialise)
    return network


def _initialise(layer: nn.Module) -> None:
    """The decoder's first weights, as in the authors' code."""
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.constant_(layer.weight, 1)
        nn.init.constant_(layer.bias, 1e-4)


class SegmentorLoss:
    """The loss of a batch: pictures uint8 [B, 3, H, W] and their targets, uint8 [B, H, W] or [B, 3, H, W]."""

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]):
        self.mean, self.std = mean, std

    def __call__(self, network: nn.Module, batch: list[Tensor]) -> Tensor:
        pictures, targets = batch
        samples = []
        for target in targets:
            sample = SegDataSample()
            sample.gt_sem_seg = PixelData(data=target if target.ndim == 3 else target.long()[None])
            samples.append(sample)
        inputs = normalise(pictures, self.mean, self.std).contiguous(memory_format=torch.channels_last)
        return network.parse_losses(network.loss(inputs, samples))[0]


def predict(
    network: nn.Module,
    pictures: Tensor,
    size: tuple[int, int],
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> Tensor:
    """The outputs float32 [B, outputs, *size] for pictures uint8 [B, 3, H, W], resized to ``size``."""
    inputs = normalise(pictures, mean, std).contiguous(memory_format=torch.channels_last)
    outputs = network(inputs, mode="tensor").float()
    return nn.functional.interpolate(outputs, size, mode="bilinear", align_corners=False)


assert IGNORED == 255, "mmsegmentation's losses leave this class out"
