"""Variational autoencoder: draw the image again from its feature.

Kingma and Welling (ICLR 2014), as Newell and Deng (CVPR 2020) train it (their code, models/vae.py and
tasks/vae.py).
"""

import torch
from torch import Tensor, nn

from transferscope.errors import InputError
from transferscope.pretraining.method import Method, Outcome
from transferscope.training.augment import Augmentation


class Vae(Method):
    """Mean and log variance linear in the feature; transposed convolutions draw the image.

    Args:
        output: side of what is drawn, a power of two, to which images are brought by nearest neighbour.
        channels: of the first three layers of the decoder; each one after has half those of the one before.
        divergence: weight of an image's divergence from a normal distribution, summed over the D dimensions,
            beside the mean squared error over pixels. The authors sum over the batch too, with the weight
            1e-5: at their batches of 512 it is 5.12e-3 an image, whatever the batch is here.

    Raises:
        InputError: an output that is no power of two.
    """

    augment = Augmentation(cutout=False)

    def __init__(
        self,
        backbone: nn.Module,
        *,
        output: int = 64,
        channels: int = 256,
        divergence: float = 5.12e-3,
        **facts: int,
    ):
        super().__init__(backbone, **facts)
        if output < 4 or output & (output - 1):
            raise InputError(
                f"the pretraining method vae has output: {output}; it has to be a power of two, from 4 on"
            )
        self.output, self.divergence = output, divergence
        self.mean = nn.Linear(self.width, self.width)
        self.log_variance = nn.Linear(self.width, self.width)
        self.decoder = _decoder(self.width, output, channels)

    def forward(self, images: Tensor, indices: Tensor) -> Outcome:
        features = self.backbone(images)
        mean, log_variance = self.mean(features).float(), self.log_variance(features).float()
        codes = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        drawn = self.decoder(codes[:, :, None, None]).float()
        loss = losses(drawn, images, mean, log_variance, self.divergence).mean()
        return Outcome(loss, None, features)


def losses(drawn: Tensor, images: Tensor, mean: Tensor, log_variance: Tensor, weight: float) -> Tensor:
    """The loss of each image, [B].

    Args:
        drawn: [B, C, s, s].
        images: [B, C, S, S], brought to s where S is another.
        mean, log_variance: of the codes, [B, D].
        weight: of the divergence.
    """
    if images.shape[-1] != drawn.shape[-1]:
        images = nn.functional.interpolate(images, size=drawn.shape[-2:])
    error = (drawn - images).square().mean(dim=(1, 2, 3))
    divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)
    return error + weight * divergence


def _decoder(width: int, output: int, channels: int) -> nn.Sequential:
    """A code [B, D, 1, 1] to 4, 8, ... pixels, from the fourth on in half the channels; then to colours."""
    layers, inputs = [], width
    for number in range(output.bit_length() - 2):
        outputs = max(1, min(channels, 4 * channels >> number))
        layers += [
            nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=min(number, 1)),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        ]
        inputs = outputs
    return nn.Sequential(*layers, nn.Conv2d(inputs, 3, 1))
