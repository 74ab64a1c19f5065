"""Deep image priors: convolutional networks whose weights stand for a picture.

Ulyanov, Vedaldi and Lempitsky (CVPR 2018), in the shape in which they invert features and which Ericsson et
al. (CVPR 2021, section 4.7) take over: an encoder-decoder with skips makes a picture of fixed noise.
"""

import torch
from torch import Tensor, nn

NOISE_CHANNELS, NOISE_SCALE = 32, 0.1
WIDTHS = (16, 32, 64, 128, 128, 128)
KERNELS = (7, 7, 5, 5, 3, 3)
SKIP_CHANNELS = 4
SLOPE = 0.2  # of LeakyReLU


class Priors(nn.Module):
    """A prior a picture, side by side: every layer is grouped, so that none sees another's picture.

    Noise [N, 32, S, S] to pictures [N, 3, R, R] in 0..1, cut from the S x S that the layers make.

    Args:
        pictures: N.
        resolution: R in pixels. S, the attribute ``side``, is the next number that all levels can halve; a
            level whose map would be of one pixel, of which a BatchNorm leaves nothing, is left out.
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
        made = self.colours(self.levels(noise.flatten(0, 1)[None])).sigmoid()
        return made.unflatten(1, (self.pictures, 3))[0, :, :, : self.resolution, : self.resolution]


class _Level(nn.Module):
    """Half the size and back, through the levels below, beside a few channels that skip them."""

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
        # Each picture's channels have to stay together.
        parts = [part.unflatten(1, (self.pictures, -1)) for part in (self.skip(maps), self.down(maps))]
        return self.up(torch.cat(parts, dim=2).flatten(1, 2))


def _layer(pictures: int, channels: int, width: int, kernel: int, *pooling: nn.Module) -> nn.Sequential:
    convolution = nn.Conv2d(
        pictures * channels, pictures * width, kernel, padding=kernel // 2, groups=pictures
    )
    return nn.Sequential(convolution, *pooling, _norm(pictures * width), nn.LeakyReLU(SLOPE, inplace=True))


def _norm(channels: int) -> nn.BatchNorm2d:
    """It has the statistics of the one map that a channel ever sees, in training and afterwards."""
    return nn.BatchNorm2d(channels, track_running_stats=False)


def untrained(resolution: int, seeds: list[int]) -> tuple[Priors, Tensor]:
    """Untrained priors and the noise [N, 32, S, S] that they start from.

    Args:
        resolution: of the pictures, in pixels.
        seeds: one a picture; its weights and noise are the same in any company.
    """
    together = Priors(len(seeds), resolution)
    alone, noises = [], []
    with torch.random.fork_rng(devices=[]):
        for seed in seeds:
            torch.manual_seed(seed)
            alone.append(Priors(1, resolution).state_dict())
            noises.append(NOISE_SCALE * torch.rand(1, NOISE_CHANNELS, together.side, together.side))
    together.load_state_dict(
        {name: torch.cat([weights[name] for weights in alone]) for name in together.state_dict()}
    )
    return together, torch.cat(noises)
