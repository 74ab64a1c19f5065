"""AMDIM: tell the places of another view of the image from those of all other images.

Bachman, Hjelm and Buchwalter (NeurIPS 2019), as Newell and Deng (CVPR 2020) train it (their code,
models/amdim.py and tasks/amdim.py): with the backbone as it is, and the feature itself for the global vector.
"""

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from transferscope.errors import InputError
from transferscope.pretraining.method import Method, Outcome

PENALTY = 0.05


class Amdim(Method):
    """Two maps of the backbone, brought to the feature's width, and to 7 x 7 and 5 x 5 places.

    They are those of the layers that the network names in ``amdim``, else of the last two that timm lists in
    its ``feature_info``.

    Args:
        clip: c, what scores are softly held within.

    Raises:
        InputError: the network names no such layers, or what they give is no map.
    """

    views = 2

    def __init__(self, backbone: nn.Module, *, size: int, clip: float = 30.0, **facts: int):
        super().__init__(backbone, size=size, **facts)
        self.clip = clip
        self._layers, self._maps = layers(backbone), {}
        for name in self._layers:
            backbone.get_submodule(name).register_forward_hook(partial(self._keep, name))
        finer, coarser = self._channels(size)
        self.finer, self.coarser = nn.Conv2d(finer, self.width, 1), nn.Conv2d(coarser, self.width, 1)

    def _keep(self, name: str, layer: nn.Module, inputs: tuple, output: Tensor) -> None:
        self._maps[name] = output

    def _channels(self, size: int) -> list[int]:
        training = self.backbone.training
        with torch.no_grad():
            self.backbone.eval()(torch.zeros(1, 3, size, size))
        self.backbone.train(training)
        maps = [self._maps.pop(name) for name in self._layers]
        if any(one.ndim != 4 for one in maps):
            raise InputError(
                f"the pretraining method amdim needs maps [N, C, H, W] of {' and '.join(self._layers)}, and "
                "this network gives something else there; take a convolutional one"
            )
        return [one.shape[1] for one in maps]

    def forward(self, images: Tensor, indices: Tensor) -> Outcome:
        features = self.backbone(images)
        finer, coarser = (self._maps.pop(name) for name in self._layers)
        places_5 = adaptive_avg_pool2d(self.coarser(coarser), 5).flatten(2)
        places_7 = adaptive_avg_pool2d(self.finer(finer), 7).flatten(2)
        # Exponentials of scores are summed, for which half precision is too coarse.
        with torch.autocast(images.device.type, enabled=False):
            halves = [part.float().chunk(2) for part in (features, places_5, places_7)]
            one, other = (View(*parts) for parts in zip(*halves, strict=True))
            losses, accuracies = zip(
                predict(one, other, self.clip), predict(other, one, self.clip), strict=True
            )
        return Outcome(sum(losses) / 2, sum(accuracies) / 2, one.feature)


class View(NamedTuple):
    """One view of B images: the feature [B, D], 5 x 5 and 7 x 7 places [B, D, 25] and [B, D, 49]."""

    feature: Tensor
    places_5: Tensor
    places_7: Tensor


def layers(backbone: nn.Module) -> tuple[str, str]:
    """Names of the layers with the finer and the coarser map.

    Raises:
        InputError: the network names none.
    """
    listed = [one["module"] for one in getattr(backbone, "feature_info", [])]
    names = getattr(backbone, "amdim", ()) or tuple(listed[-2:])
    if len(names) != 2:
        raise InputError(
            "the pretraining method amdim needs a network of one branch with two maps that it, or timm, "
            "names, and this one has none; take another `arch`, such as selfstudy_resnet9 or resnet18"
        )
    return names


def predict(source: View, target: View, clip: float) -> tuple[Tensor, Tensor]:
    """A view's feature, and one of its 5 x 5 places for each image, against the places of the other view.

    Returns:
        The sum of three losses with their penalties, and the accuracy of the first.
    """
    shape = (len(source.places_5), 1, 1)
    drawn = torch.randint(source.places_5.shape[2], shape, device=source.places_5.device)
    place = source.places_5.take_along_dim(drawn, dim=2)[:, :, 0]
    parts = [
        contrast(source.feature, target.places_5, clip),
        contrast(source.feature, target.places_7, clip),
        contrast(place, target.places_5, clip),
    ]
    return sum(loss + penalty for loss, penalty, _ in parts), parts[0][2].detach()


def contrast(sources: Tensor, targets: Tensor, clip: float) -> tuple[Tensor, Tensor, Tensor]:
    """Each place of an image's target against all places of all other images', by a vector of the image.

    Args:
        sources: [B, D].
        targets: [B, D, L]. A place is never compared with the others of its own image.
        clip: scores are ``clip * tanh(score / clip)``.

    Returns:
        The loss, mean over B x L places; the penalty on large scores, before the clipping; and the share of
        places whose score is above those of all other images.
    """
    raw = torch.einsum("bd,jdl->bjl", sources, targets) / sources.shape[1] ** 0.5
    penalty = PENALTY * raw.square().mean()
    scores = clip * torch.tanh(raw / clip)
    right = scores.diagonal(dim1=0, dim2=1).T
    same = torch.eye(len(scores), dtype=torch.bool, device=scores.device)[:, :, None]
    others = scores.masked_fill(same, -torch.inf).flatten(1)
    loss = torch.logaddexp(right, others.logsumexp(dim=1, keepdim=True)) - right
    accuracy = (right > others.amax(dim=1, keepdim=True)).float().mean()
    return loss.mean(), penalty, accuracy
