"""Perceptual distances between images.

LPIPS (Zhang et al., CVPR 2018): squared differences of a trunk network's feature maps, normalised to unit
length at every position, are weighted by channel, averaged over positions and summed over layers. The package
``lpips`` provides the channel weights, learned from human judgements; the trunks are torchvision's.
"""

from pathlib import Path

import lpips
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from transferscope.errors import InputError
from transferscope.features.images import normalise
from transferscope.models import backbones
from transferscope.models.formats import pytorch

TRUNKS = {"alex": "alexnet", "vgg": "vgg16", "squeeze": "squeezenet1_1"}
"""LPIPS trunk -> torchvision model."""


def load_lpips(trunk: str, checkpoint: str | Path) -> lpips.LPIPS:
    """Load LPIPS 0.1 with a trunk of ``TRUNKS`` from torchvision's weights file ``checkpoint``.

    Raises:
        InputError: the file is damaged or does not contain the weights of that network.
    """
    network = getattr(torchvision.models, TRUNKS[trunk])(weights=None)
    try:
        network.load_state_dict(pytorch.read(checkpoint))
    except (RuntimeError, TypeError, AttributeError) as error:
        problem = str(error).partition("\n")[0]  # further lines list every tensor
        raise InputError(
            f"{checkpoint} does not hold torchvision's {TRUNKS[trunk]} ({problem}); remove it and rerun"
        ) from error
    # pnet_rand: ``lpips`` would otherwise download the trunk. Its layers have torchvision's indices.
    distance = lpips.LPIPS(net=trunk, pnet_rand=True, verbose=False)
    layers = network.features.state_dict()
    distance.net.load_state_dict({name: layers[name.partition(".")[2]] for name in distance.net.state_dict()})
    return distance


def lpips_distance(distance: lpips.LPIPS, pictures: Tensor, others: Tensor) -> Tensor:
    """LPIPS between two batches of images, uint8 [N, 3, R, R]: float32 [N], 0 for equal images."""
    with torch.inference_mode():
        return distance(*(2 * (batch.float() / 255) - 1 for batch in (pictures, others))).flatten()


def unweighted_distance(
    network: nn.Module, metadata: backbones.Metadata, pictures: Tensor, others: Tensor
) -> Tensor:
    """Distance as LPIPS with a backbone as trunk and without channel weights: float32 [N], in 0..1.

    A substitute if no LPIPS trunk is available: (1 - cosine similarity) / 2, a quarter of the squared
    distance of the unit feature vectors, averaged over positions and stages.

    Raises:
        InputError: timm knows no stages of the network.
    """
    if not hasattr(network, "forward_intermediates"):
        raise InputError(
            f"timm knows no stages of {metadata.model}; name another model in reconstruction.perceptual"
        )
    with torch.inference_mode():
        maps, other_maps = (
            network.forward_intermediates(
                normalise(batch, metadata.mean, metadata.std), intermediates_only=True
            )
            for batch in (pictures, others)
        )
        distances = [
            (1 - F.cosine_similarity(one, other, dim=1)).mean(dim=(1, 2)) / 2
            for one, other in zip(maps, other_maps, strict=True)
        ]
    return torch.stack(distances).mean(dim=0)
