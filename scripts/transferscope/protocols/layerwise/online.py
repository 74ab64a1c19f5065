"""Linear probes on all layers of a frozen backbone at once, trained on augmented pictures.

The protocol of Asano, Rupprecht and Vedaldi (ICLR 2020; linear-probes, eval_linear_probes.py). The losses of
the probes are added; they share nothing, so each is trained as if alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.optim import SGD
from torch.optim.lr_scheduler import MultiStepLR
from torchvision.transforms import v2

from transferscope.datasets.base import Samples
from transferscope.errors import InputError
from transferscope.features.extraction import Pictures, extract
from transferscope.features.images import normalise, to_uint8
from transferscope.models.backbones import Metadata
from transferscope.protocols.finetuning.draw import Draw, cross_entropy
from transferscope.protocols.layerwise.taps import Tap, Tapped
from transferscope.training.loop import Trained, train
from transferscope.training.resume import Resume
from transferscope.training.stream import Stream, batches

MODE = "online"
CROPS = 10


@dataclass(frozen=True)
class Recipe:
    """How probes are trained and tested.

    Attributes:
        steps, batch_size: of the training.
        learning_rate: of the first step; a tenth of it from each of the steps ``milestones`` on.
        momentum, weight_decay: of SGD; the decay is on biases too.
        augmentation: of ``finetuning.draw.AUGMENTATIONS``.
        test_crop: the share of a test picture's shorter side that a crop keeps.
        ten_crops: whether a picture is tested by its corners and centre, mirrored too, the logits averaged;
            else by its centre.
    """

    steps: int
    batch_size: int
    learning_rate: float
    milestones: list[int]
    momentum: float
    weight_decay: float
    augmentation: str
    test_crop: float
    ten_crops: bool

    def optimiser(self, weights: Iterable[nn.Parameter]) -> SGD:
        return SGD(weights, self.learning_rate, momentum=self.momentum, weight_decay=self.weight_decay)

    def schedule(self, optimiser: SGD) -> MultiStepLR:
        return MultiStepLR(optimiser, self.milestones)


class Probe(nn.Module):
    """Values of a tap [N, C x positions] to logits [N, classes].

    BatchNorm without scale and shift, then a linear layer. Its weights are drawn by ``seed`` and the tap's
    name, so they are the same whatever else is probed.
    """

    def __init__(self, tap: Tap, classes: int, seed: int):
        super().__init__()
        self.norm = nn.BatchNorm1d(tap.channels, affine=False)
        self.linear = nn.Linear(tap.values, classes)
        drawn = np.random.SeedSequence([seed, *tap.name.encode()]).generate_state(1)
        generator = torch.Generator().manual_seed(int(drawn[0]))
        # As of the authors' convolution, whose filters are as large as the map.
        filters = self.linear.weight.data.view(classes, tap.channels, tap.grid.rows, tap.grid.columns)
        nn.init.xavier_uniform_(filters, generator=generator)
        nn.init.zeros_(self.linear.bias)

    def forward(self, values: Tensor) -> Tensor:
        return self.linear(self.norm(values.unflatten(1, (self.norm.num_features, -1))).flatten(1))


class Probes(nn.Module):
    """Values of all taps, as ``Tapped`` gives them, to logits [N, taps, classes]."""

    def __init__(self, taps: list[Tap], classes: int, seed: int):
        super().__init__()
        self.widths = [tap.values for tap in taps]
        self.probes = nn.ModuleList(Probe(tap, classes, seed) for tap in taps)

    def forward(self, values: Tensor) -> Tensor:
        parts = values.split(self.widths, dim=1)
        return torch.stack([probe(part) for probe, part in zip(self.probes, parts, strict=True)], dim=1)


class TenCrops(Pictures):
    """Corners and centre of resized pictures, then the same mirrored: uint8 [10, 3, R, R].

    Args:
        shorter_side: in pixels, at least ``resolution``.
    """

    def __init__(self, samples: Samples, resolution: int, *, shorter_side: int):
        super().__init__(samples, resolution)
        self.resize = v2.Resize(shorter_side, interpolation=v2.InterpolationMode.BICUBIC)

    def show(self, image: Image.Image) -> Tensor:
        crops = v2.functional.ten_crop(self.resize(image), self.resolution)
        return torch.stack([to_uint8(crop) for crop in crops])


@dataclass(frozen=True, eq=False)
class Loss:
    """The sum of all probes' losses, followed by each of them."""

    trunk: Tapped
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, probes: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        pictures, labels = batch
        inputs = normalise(pictures, self.mean, self.std)
        values = self.trunk(inputs.contiguous(memory_format=torch.channels_last))
        logits = probes(values).float()
        losses = torch.stack([cross_entropy(one, labels) for one in logits.unbind(1)])
        return torch.cat([losses.sum()[None], losses])


def fit(
    trunk: Tapped,
    metadata: Metadata,
    samples: Samples,
    recipe: Recipe,
    *,
    resolution: int,
    seed: int,
    device: str,
    workers: int,
    resume: Resume,
    checkpoint_steps: int,
) -> Trained:
    """Train on train and val together, since nothing is chosen; or resume.

    Raises:
        InputError: the loss is no longer finite.
    """
    indices = np.flatnonzero(np.isin(samples.splits, ["train", "val"]))
    stream = Stream(indices, Draw(samples, recipe.augmentation, resolution), seed=seed)
    trunk = trunk.to(device, memory_format=torch.channels_last)
    trained = train(
        Probes(trunk.taps, len(samples.class_names), seed),
        lambda start: batches(
            stream,
            batch_size=recipe.batch_size,
            start=start,
            stop=recipe.steps,
            workers=workers,
            pin_memory=device == "cuda",
        ),
        Loss(trunk, metadata.mean, metadata.std),
        steps=recipe.steps,
        optimiser=recipe.optimiser,
        schedule=recipe.schedule,
        device=device,
        seed=seed,
        state=resume.training,
        save=resume.save_training,
        checkpoint_steps=checkpoint_steps,
    )
    if trained.diverged is not None:
        raise InputError(
            f"the loss of the probes on {metadata.model} is no longer finite at step {trained.diverged}; "
            "lower `layerwise_online.learning_rate`"
        )
    return trained


def test(
    trunk: Tapped,
    probes: nn.Module,
    metadata: Metadata,
    samples: Samples,
    recipe: Recipe,
    *,
    resolution: int,
    batch_size: int,
    device: str,
    workers: int,
) -> np.ndarray:
    """The logits of the test pictures, float32 [N, taps, classes], means over the crops of each."""
    shown = partial(TenCrops if recipe.ten_crops else Pictures, samples, resolution)
    tested = np.flatnonzero(samples.splits == "test")
    rows = extract(
        nn.Sequential(trunk, probes, nn.Flatten()),
        shown(shorter_side=round(resolution / recipe.test_crop)),
        tested.tolist(),
        mean=metadata.mean,
        std=metadata.std,
        batch_size=max(1, batch_size // CROPS) if recipe.ten_crops else batch_size,
        device=device,
        workers=workers,
    )
    logits = np.concatenate(list(rows)).reshape(len(tested), -1, len(trunk.taps), len(samples.class_names))
    return logits.mean(axis=1)
