"""BiGAN (Donahue, Krähenbühl and Darrell, ICLR 2017): an encoder and a generator against a discriminator.

As their code trains it on ImageNet (train_gan.py, gan.py and net.py, by train_imagenet.sh): the discriminator
sees pairs of an image and its code, real images with what the encoder makes of them and codes with what the
generator makes of them.
"""

from collections.abc import Iterator
from itertools import islice, pairwise

import torch
from torch import Tensor, nn

from transferscope.errors import InputError
from transferscope.models import statistics
from transferscope.models.bigan import EPSILON, LEAK, initialise
from transferscope.pretraining.method import Method, Outcome
from transferscope.pretraining.parts.views import full_precision
from transferscope.training.augment import NONE

SHARE = 8, 9  # of the side, of a window: 64 of 72 pixels
START = 4  # side of the smallest maps
FILTER = 5  # side of the filters of the generator and the discriminator
CODED = 0.02 * FILTER**2  # deviation at the start of what a code adds to a map


class BiGAN(Method):
    """From one forward pass the discriminator takes a step by its loss, and the two others by theirs.

    Both losses are 0.693 at the start. The accuracy is the discriminator's.

    Args:
        backbone: the encoder but for its last layer, any network with a last map; ``bigan_encoder``. Images
            have to be in -1..1.
        size: of the images, which are cut to random windows of 8/9 of the side; that has to be a power of 2.
        codes: dimensions of a code, each uniform in -1..1.
        width: filters of the discriminator's first layer, and of the last but one of the generator.
        statistics: batches over which the encoder's BatchNorm statistics are averaged in the end.
        facts: as for ``Method``.

    Raises:
        InputError: for another size; while training, for images that are not in -1..1.
    """

    augment = NONE

    def __init__(
        self,
        backbone: nn.Module,
        *,
        size: int,
        codes: int = 200,
        width: int = 64,
        statistics: int = 1000,
        **facts: int,
    ):
        side = size * SHARE[0] // SHARE[1]
        if size % SHARE[1] or side < 4 * START or side & (side - 1):
            raise InputError(
                f"bigan cuts windows of 8/9 of the side out of images, and of {size} pixels that is no power "
                "of 2 from 16 on; set size of its profile to 36, 72 or 144 (`pretrain` in the configuration)"
            )
        super().__init__(backbone, size=side, **facts)
        self.side, self.statistics = side, statistics
        doublings = (side // START).bit_length() - 1
        training = backbone.training
        with torch.no_grad():
            maps = backbone.eval().forward_features(torch.zeros(1, 3, side, side))
        backbone.train(training)
        self.encode = initialise(nn.Linear(maps.numel(), codes, bias=False))
        self.generator = Generator(codes, width, doublings)
        self.opponent = Discriminator(codes, width, doublings)
        self.looked = False

    def forward(self, images: Tensor, indices: Tensor) -> Outcome:
        self._look(images)
        images = windows(images, self.side)
        maps = self.backbone.forward_features(images)
        codes = 2 * self.encode(maps.flatten(1)).sigmoid() - 1
        noise = torch.empty_like(codes, dtype=torch.float32).uniform_(-1, 1)
        real = self.opponent(images, codes)
        drawn = self.opponent(self.generator(noise), noise)
        with full_precision(images):
            real, drawn = real.float(), drawn.float()
            loss, opposed = losses(real, drawn)
            accuracy = ((real > 0).float().mean() + (drawn <= 0).float().mean()) / 2
        return Outcome(loss, accuracy, self.backbone.forward_head(maps, pre_logits=True), opposed)

    def _look(self, images: Tensor) -> None:
        """The generator draws in -1..1, and could be told from other images by that alone."""
        if not self.looked and images.abs().max() > 1.01:
            raise InputError(
                "bigan draws images in -1..1, and those of this model's normalisation go beyond; write half "
                "into the column normalisation of its row"
            )
        self.looked = True

    def groups(self) -> list[dict]:
        """The gains of BatchNorm have no weight decay."""
        norms = [layer for layer in self.modules() if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)]
        return [{"params": [layer.weight for layer in norms], "weight_decay": 0.0}]

    def finish(self, batches: Iterator[Tensor]) -> None:
        """Average the encoder's BatchNorm statistics (their code, train_gan.py, deploy)."""
        images = (windows(batch, self.side) for batch in islice(batches, self.statistics))
        statistics.measure(self.backbone, images)


def losses(real: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
    """The losses of the encoder and generator, and of the discriminator.

    Args:
        real: the discriminator's scores of images and their codes, [B, 1].
        drawn: those of codes and their images.
    """
    softplus = nn.functional.softplus
    ours = (softplus(real) + softplus(-drawn)).mean() / 2
    theirs = (softplus(-real) + softplus(drawn)).mean() / 2
    return ours, theirs


def windows(images: Tensor, side: int) -> Tensor:
    """A random window of each image, [N, C, side, side]."""
    places = images.shape[-1] - side + 1
    rows, columns = torch.randint(places, (2, len(images)), device=images.device)
    every = images.unfold(2, side, 1).unfold(3, side, 1)
    return every[torch.arange(len(images), device=images.device), :, rows, columns]


class Coded(nn.Module):
    """A convolution to which a code adds a value of each channel, then BatchNorm and a ReLU.

    Args:
        convolution: without bias.
        outputs: its channels.
        codes: dimensions of a code.
        leak: of the ReLU.
    """

    def __init__(self, convolution: nn.Module, outputs: int, codes: int, leak: float):
        super().__init__()
        self.convolution, self.norm = convolution, nn.BatchNorm2d(outputs, EPSILON)
        self.code = nn.Linear(codes, outputs, bias=False)
        self.relu = nn.LeakyReLU(leak, inplace=True)

    def forward(self, maps: Tensor, codes: Tensor) -> Tensor:
        return self.relu(self.norm(self.convolution(maps) + self.code(codes)[:, :, None, None]))


class Generator(nn.Module):
    """Codes [N, ``codes``] to images [N, 3, S, S] in -1..1, S = 4 << ``doublings``.

    Args:
        width: channels of the last maps but the image, of S / 2; those of half the side have twice as many.
    """

    def __init__(self, codes: int, width: int, doublings: int):
        super().__init__()
        channels = [width << place for place in reversed(range(doublings))]
        self.start = nn.Sequential(
            nn.Linear(codes, channels[0] * START**2, bias=False),
            nn.BatchNorm1d(channels[0] * START**2, EPSILON),
            nn.ReLU(inplace=True),
            nn.Unflatten(1, (channels[0], START, START)),
        )
        self.layers = nn.ModuleList(
            Coded(_doubled(inputs, outputs), outputs, codes, leak=0.0)
            for inputs, outputs in pairwise(channels)
        )
        self.draw = _doubled(channels[-1], 3)
        _begin(self)

    def forward(self, codes: Tensor) -> Tensor:
        maps = self.start(codes)
        for layer in self.layers:
            maps = layer(maps, codes)
        return 2 * self.draw(maps).sigmoid() - 1


class Discriminator(nn.Module):
    """Images [N, 3, S, S] and codes [N, ``codes``] to scores [N, 1], S = 4 << ``doublings``.

    Args:
        width: channels of the first maps, of S / 2; those of half the side have twice as many.
    """

    def __init__(self, codes: int, width: int, doublings: int):
        super().__init__()
        channels = [width << place for place in range(doublings)]
        self.first = nn.Sequential(_halved(3, width), nn.LeakyReLU(LEAK, inplace=True))
        self.layers = nn.ModuleList(
            Coded(_halved(inputs, outputs), outputs, codes, LEAK) for inputs, outputs in pairwise(channels)
        )
        self.score = nn.Linear(channels[-1] * START**2, 1, bias=False)
        _begin(self)
        nn.init.zeros_(self.score.weight)  # their code, gan.py, LinearPredictor

    def forward(self, images: Tensor, codes: Tensor) -> Tensor:
        maps = self.first(images)
        for layer in self.layers:
            maps = layer(maps, codes)
        return self.score(maps.flatten(1))


def _begin(network: nn.Module) -> None:
    initialise(network)
    for layer in network.layers:
        nn.init.normal_(layer.code.weight, 0, CODED)


def _halved(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, FILTER, 2, FILTER // 2, bias=False)


def _doubled(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, FILTER, 2, FILTER // 2, output_padding=1, bias=False)
