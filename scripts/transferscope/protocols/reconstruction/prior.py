"""Deep image priors: convolutional networks whose weights parametrise an image.

Ulyanov, Vedaldi and Lempitsky (CVPR 2018), with their architecture for feature inversion, which Ericsson et
al. (CVPR 2021, section 4.7) use: an encoder-decoder with skip connections maps fixed noise to an image.
"""

import torch
from torch import Tensor, nn

NOISE_CHANNELS, NOISE_SCALE = 32, 0.1
WIDTHS = (16, 32, 64, 128, 128, 128)
KERNELS = (7, 7, 5, 5, 3, 3)
SKIP_CHANNELS = 4
SLOPE = 0.2  # of LeakyReLU


class Priors(nn.Module):
    """Independent priors of N images, batched with grouped layers.

    Maps noise [N, 32, S, S] to unbounded images [N, 3, R, R], cropped from S x S.

    Args:
        pictures: number of images N.
        resolution: R in pixels. S (attribute ``side``) is R rounded up so that every level can halve it.
            Levels with maps of one pixel, which BatchNorm would set to zero, are omitted.
    """

    def __init__(self, pictures: int, resolution: int):
        super().__init__()
        depth = min(len(WIDTHS), (resolution - 1).bit_length() - 1)
        self.pictures, self.resolution = pictures, resolution
        self.side = -(-resolution // 2**depth) * 2**depth
        self.levels = _Level(
            pictures, NOISE_CHANNELS, list(zip(WIDTHS[:depth], KERNELS[:depth], strict=True))
        )
        self.colours = nn.Conv2d(pictures * WIDTHS[0], pictures * 3, 1, groups=pictures)

    def forward(self, noise: Tensor) -> Tensor:
        made = self.colours(self.levels(noise.flatten(0, 1)[None]))
        return made.unflatten(1, (self.pictures, 3))[0, :, :, : self.resolution, : self.resolution]


class _Level(nn.Module):
    """One level: downsample, apply the lower levels, upsample; beside a narrow skip connection."""

    def __init__(self, pictures: int, channels: int, levels: list[tuple[int, int]]):
        super().__init__()
        (width, kernel), below = levels[0], levels[1:]
        self.pictures = pictures
        self.skip = _layer(pictures, channels, SKIP_CHANNELS, 1)
        self.down = nn.Sequential(
            _layer(pictures, channels, width, kernel, nn.AvgPool2d(2)),
            _layer(pictures, width, width, kernel),
            _Level(pictures, width, below) if below else nn.Identity(),
            nn.Upsample(scale_factor=2),
        )
        joined = SKIP_CHANNELS + (below[0][0] if below else width)
        self.up = nn.Sequential(
            _norm(pictures * joined),
            _layer(pictures, joined, width, kernel),
            _layer(pictures, width, width, 1),
        )

    def forward(self, maps: Tensor) -> Tensor:
        # Concatenate per image, to keep each image's channels in one group.
        parts = [part.unflatten(1, (self.pictures, -1)) for part in (self.skip(maps), self.down(maps))]
        return self.up(torch.cat(parts, dim=2).flatten(1, 2))


def _layer(pictures: int, channels: int, width: int, kernel: int, *pooling: nn.Module) -> nn.Sequential:
    convolution = nn.Conv2d(
        pictures * channels, pictures * width, kernel, padding=kernel // 2, groups=pictures
    )
    return nn.Sequential(convolution, *pooling, _norm(pictures * width), nn.LeakyReLU(SLOPE, inplace=True))


def _norm(channels: int) -> nn.BatchNorm2d:
    """BatchNorm with the statistics of the current map, in training and evaluation."""
    return nn.BatchNorm2d(channels, track_running_stats=False)


def create_priors(resolution: int, seeds: list[int]) -> tuple[Priors, Tensor]:
    """Create untrained priors and their input noise [N, 32, S, S].

    Args:
        resolution: image resolution in pixels.
        seeds: one per image; weights and noise of an image do not depend on the other seeds.
    """
    batched = Priors(len(seeds), resolution)
    states, noises = [], []
    with torch.random.fork_rng(devices=[]):
        for seed in seeds:
            torch.manual_seed(seed)
            states.append(Priors(1, resolution).state_dict())
            noises.append(NOISE_SCALE * torch.rand(1, NOISE_CHANNELS, batched.side, batched.side))
    batched.load_state_dict(
        {name: torch.cat([weights[name] for weights in states]) for name in batched.state_dict()}
    )
    return batched, torch.cat(noises)
