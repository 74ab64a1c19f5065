"""How alike two pictures look: perceptual distances.

LPIPS (Zhang et al., CVPR 2018): a trunk network looks at both pictures; its maps of features, of unit length
at every position, are subtracted and squared, weighted by channel, averaged over the positions and summed
over the layers. The package ``lpips`` has the weights that human judgements taught; the trunks are
torchvision's.
"""

import pickle
from pathlib import Path

import lpips
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from transferscope.errors import InputError
from transferscope.features.images import normalise
from transferscope.models import backbones

TRUNKS = {"alex": "alexnet", "vgg": "vgg16", "squeeze": "squeezenet1_1"}
"""Trunks of LPIPS, and what torchvision calls them."""


def load_lpips(trunk: str, checkpoint: str | Path) -> lpips.LPIPS:
    """LPIPS 0.1 with a trunk of ``TRUNKS``, whose weights are in torchvision's file ``checkpoint``.

    Raises:
        InputError: the file holds no weights of that network.
    """
    network = getattr(torchvision.models, TRUNKS[trunk])(weights=None)
    try:
        network.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True))
    except (OSError, EOFError, RuntimeError, TypeError, pickle.UnpicklingError) as error:
        problem = str(error).partition("\n")[0]  # the lines after it list every tensor
        raise InputError(
            f"{checkpoint} does not hold torchvision's {TRUNKS[trunk]} ({problem}); remove it and rerun"
        ) from error
    # ``lpips`` itself would fetch the trunk from the internet; its layers keep their numbers of torchvision.
    distance = lpips.LPIPS(net=trunk, pnet_rand=True, verbose=False)
    layers = network.features.state_dict()
    distance.net.load_state_dict({name: layers[name.partition(".")[2]] for name in distance.net.state_dict()})
    return distance


def lpips_distance(distance: lpips.LPIPS, pictures: Tensor, others: Tensor) -> Tensor:
    """LPIPS between uint8 [N, 3, R, R] and as many others, float32 [N]; from 0, the same."""
    with torch.inference_mode():
        return distance(*(2 * (batch.float() / 255) - 1 for batch in (pictures, others))).flatten()


def unweighted_distance(
    network: nn.Module, metadata: backbones.Metadata, pictures: Tensor, others: Tensor
) -> Tensor:
    """The same with all stages of a backbone for a trunk, and their channels averaged: float32 [N], in 0..1.

    For where no trunk of LPIPS is to be had. A quarter of the squared distance of two vectors of unit length,
    which is half of what their cosine lacks of 1, averaged over the positions of a stage and over the stages.

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
