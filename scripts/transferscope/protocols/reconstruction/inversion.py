"""Feature inversion: reconstruct images from their features at a stage of a backbone.

Ericsson et al. (CVPR 2021, section 4.7): a deep image prior is trained to minimise the mean squared error
between the features of its output and of the original image; Adam, 3000 steps.
"""

import hashlib
from collections.abc import Callable, Iterator
from itertools import repeat

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ConstantLR

from transferscope.errors import InputError
from transferscope.features.images import normalise
from transferscope.protocols.reconstruction.prior import create_priors
from transferscope.training.loop import CHECKPOINT_STEPS, train

LEARNING_RATE = 1e-3


class Stage(nn.Module):
    """A frozen backbone up to one of its stages: normalised images [N, 3, R, R] to maps [N, C, h, w].

    Args:
        network: a network from ``backbones.load``.
        stage: index of a timm stage; -1 is the last.

    Raises:
        InputError: the network has no such stage.
    """

    def __init__(self, network: nn.Module, stage: int):
        super().__init__()
        stages = len(network.feature_info) if hasattr(network, "forward_intermediates") else 0
        if not -stages <= stage < stages:
            raise InputError(
                f"timm knows {stages} stages of this network, and reconstruction.stage is {stage}; "
                f"set it to {-stages}..{stages - 1}"
                if stages
                else "timm knows no stages of this network; exclude it from reconstruction"
            )
        self.network = network.requires_grad_(False).eval()
        self.stage = stage

    def forward(self, pictures: Tensor) -> Tensor:
        return self.network.forward_intermediates(
            pictures, indices=[self.stage], intermediates_only=True, stop_early=True
        )[0]


def invert(
    stage: Stage,
    pictures: Tensor,
    *,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    seeds: list[int],
    steps: int,
    output: str,
    device: str,
    state: dict | None = None,
    save: Callable[[dict], None] = lambda state: None,
    checkpoint_steps: int = CHECKPOINT_STEPS,
) -> tuple[Tensor, list[float]]:
    """Reconstruct images from their features, in one batch with a separate prior per image.

    The loss is the sum of the images' mean squared errors, so the gradient of each prior, and with Adam its
    whole training, is independent of the batch.

    Args:
        stage: backbone stage, on the device.
        pictures: images, uint8 [N, 3, R, R].
        mean, std: the backbone's normalisation.
        seeds: one per image.
        steps: Adam steps.
        output: ``normalised``, the prior's output is the normalised image, which is clipped when all is done,
            as in the authors' code; or ``sigmoid``, it is squashed into 0..1 throughout.
        state, save, checkpoint_steps: as for ``training.loop.train``.

    Returns:
        Reconstructions, uint8 [N, 3, R, R], and the losses (see ``training.loop.Trained``).

    Raises:
        InputError: the training diverged.
    """
    with torch.no_grad():
        target = stage(normalise(pictures.to(device), mean, std))
    prior, noise = create_priors(pictures.shape[2], seeds)
    mean_, std_ = (torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (mean, std))
    squash, normalised = {
        "normalised": (lambda made: (made * std_ + mean_).clamp(0, 1), lambda made: made),
        "sigmoid": (torch.sigmoid, lambda made: (made.sigmoid() - mean_) / std_),
    }[output]

    def loss(prior: nn.Module, batch: list[Tensor]) -> Tensor:
        features = stage(normalised(prior(batch[0])))
        return (features.float() - target).square().mean(dim=(1, 2, 3)).sum()

    def batches(start: int) -> Iterator[list[Tensor]]:
        return repeat([noise.to(device)], steps - start)

    trained = train(
        prior,
        batches,
        loss,
        steps=steps,
        optimiser=lambda weights: torch.optim.Adam(weights, lr=LEARNING_RATE),
        schedule=lambda optimiser: ConstantLR(optimiser, factor=1),
        device=device,
        seed=0,  # training a prior is deterministic
        state=state,
        save=save,
        checkpoint_steps=checkpoint_steps,
    )
    if trained.diverged:
        raise InputError(
            f"the reconstruction diverged at step {trained.diverged}; "
            "check the backbone's checkpoint, or reconstruct from another stage (reconstruction.stage)"
        )
    with torch.inference_mode():
        made = squash(trained.network(noise.to(device)))
    return (255 * made).round().byte().cpu(), trained.losses


def image_seed(seed: int, sample: str) -> int:
    """Seed of an image, derived from the study's seed and the sample name."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{sample}".encode()).digest()[:4], "little")
