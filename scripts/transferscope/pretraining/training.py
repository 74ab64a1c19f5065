"""Train a method on pictures in memory, with a read-out beside, and tell how it went."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from transferscope.datasets import load_for
from transferscope.errors import InputError
from transferscope.features.memory import load_pictures
from transferscope.pretraining.method import Method
from transferscope.study.catalogue import RECOGNITION
from transferscope.training.loop import Trained, train
from transferscope.training.memory import Batches
from transferscope.training.recipe import optimisation
from transferscope.training.resume import Resume


@dataclass(frozen=True)
class Part:
    """Pictures uint8 [N, 3, S, S] of a split; labels int64 [N] or uint8 [N, C], None where there are none."""

    pictures: Tensor
    labels: Tensor | None

    def batches(self, size: int) -> zip:
        """Pictures and labels, ``size`` at a time, in order."""
        return zip(self.pictures.split(size), self.labels.split(size), strict=True)


@dataclass(frozen=True)
class Data:
    """What is trained on, and what the read-out is tested on, if anything; of how many classes."""

    train: Part
    val: Part | None
    classes: int


def load(
    root: str | Path, *, task: str, facts: dict, size: int, seed: int, images: int | None, threads: int
) -> Data:
    """The pictures of a dataset, and labels for recognition where it has them.

    Args:
        task, facts: as for ``datasets.load_for``.
        size: of the pictures.
        seed: of a split that is drawn.
        images: train on the first so many alone.
        threads: that read.

    Raises:
        InputError: there are fewer training images; or as ``load_for`` and ``load_pictures``.
    """
    samples = load_for(task, root, seed=seed, **facts)
    labels = samples.labels if task == RECOGNITION else None

    def part(indices: np.ndarray) -> Part:
        pictures = load_pictures(samples.read, indices, size, threads=threads)
        return Part(pictures, None if labels is None else torch.from_numpy(labels[indices]))

    train, val = (np.flatnonzero(samples.splits == split) for split in ("train", "val"))
    if images and images > len(train):
        raise InputError(
            f"{facts['dataset']} has {len(train)} training images, and the source asks for images={images}; "
            "write a smaller number into the source of the model's row, or none"
        )
    tested = part(val) if labels is not None and len(val) else None
    return Data(part(train[:images]), tested, len(samples.class_names))


class ReadOut(nn.Module):
    """Classes read from features [B, D] by a linear layer, and by two (their code, models/wrapper.py).

    A monitor: no gradient reaches the backbone, and it is no part of it.
    """

    def __init__(self, width: int, classes: int):
        super().__init__()
        self.linear = nn.Linear(width, classes)
        self.mlp = nn.Sequential(
            nn.Linear(width, width, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(inplace=True),
            nn.Linear(width, classes),
        )

    def forward(self, features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss of both, and the accuracy of each, [2].

        With several labels an image, a loss a class, and the share of classes that are rightly told present
        or absent.
        """
        features = features.detach()
        scores = torch.stack([self.linear(features).float(), self.mlp(features).float()])
        both = labels.expand(2, *labels.shape)
        if labels.ndim == 2:
            loss = nn.functional.binary_cross_entropy_with_logits(scores, both.float())
            return loss, ((scores > 0) == both.bool()).float().mean(dim=(1, 2))
        loss = nn.functional.cross_entropy(scores.flatten(0, 1), both.flatten())
        return loss, (scores.argmax(2) == both).float().mean(dim=1)


class Pretraining(nn.Module):
    """A method and the read-out beside it, which there is where the images have labels."""

    def __init__(self, method: Method, classes: int | None):
        super().__init__()
        self.method = method
        self.read_out = ReadOut(method.width, classes) if classes else None

    def forward(self, batch: list[Tensor]) -> Tensor:
        """What is minimised; the same by the opponent, if there is one; and what is told (``told``)."""
        images, *labels, _, indices = batch
        given = labels if self.method.labelled else []
        outcome = self.method(images.contiguous(memory_format=torch.channels_last), indices, *given)
        loss, unknown = outcome.loss.float(), images.new_tensor(math.nan)
        accuracy = unknown if outcome.accuracy is None else outcome.accuracy
        total, accuracies = loss, unknown.expand(2)
        if self.read_out:
            beside, accuracies = self.read_out(outcome.features, labels[0][: len(outcome.features)])
            total = loss + beside
        opposed = [] if outcome.opposed is None else [outcome.opposed.float()]
        return torch.cat([torch.stack([total, *opposed, loss.detach(), accuracy]), accuracies])

    @property
    def told(self) -> list[str]:
        """What ``forward`` returns behind the first entry: NaN where there is none."""
        return [*(["opponent"] if self.method.opponent else []), "loss", "accuracy", "linear", "mlp"]

    def players(self) -> list[list[nn.Parameter] | None]:
        """Who minimises the first entries of what ``forward`` returns, for ``training.loop.train``."""
        if self.method.opponent is None:
            return [None]
        theirs = list(self.method.opponent.parameters())
        known = {id(weight) for weight in theirs}
        return [[weight for weight in self.parameters() if id(weight) not in known], theirs]


def fit(
    method: Method,
    data: Data,
    *,
    prepare: Callable[[Tensor], Tensor],
    batch_size: int,
    steps: int,
    seed: int,
    device: str,
    resume: Resume,
    checkpoint_steps: int,
    **rates,
) -> dict:
    """Train a method in place, from scratch or from a saved state.

    Args:
        prepare: pictures uint8 [B, 3, S, S] to normalised images in the colours of the backbone.
        seed: of the order, of the augmentation and of what the method draws.
        rates: as for ``training.recipe.optimisation``.

    Returns:
        How it went: ``window`` in steps, and by window ``loss``, ``accuracy`` (of the pretext task) and the
        accuracies of the read-out, ``linear`` and ``mlp``; ``val`` has these two of the split val in the end.
        Accuracies are in 0..1, and None where there are none. A method with an opponent has its loss by
        window, ``opponent``; one that tells of its passes has ``passes``, lists by pass.

    Raises:
        InputError: the loss is no longer finite.
    """
    labels = data.train.labels
    torch.manual_seed(seed)
    network = Pretraining(method, None if labels is None else data.classes)
    batches = Batches(
        data.train.pictures,
        *([] if labels is None else [labels]),
        prepare=prepare,
        augment=method.augment,
        batch_size=batch_size,
        steps=steps,
        seed=seed,
        device=device,
        views=method.views,
        order=method.order and partial(_order, method, data.train.pictures, prepare, batch_size, device),
    )
    recipe = optimisation(steps=steps, **rates)
    recipe["optimiser"] = partial(_grouped, recipe["optimiser"], method)
    trained = train(
        network,
        batches,
        Pretraining.__call__,
        steps=steps,
        **recipe,
        device=device,
        seed=seed,
        state=resume.training,
        save=resume.save_training,
        checkpoint_steps=checkpoint_steps,
        players=Pretraining.players,
    )
    if trained.diverged is not None:
        raise InputError(
            f"the loss of the pretraining is no longer finite at step {trained.diverged}; lower the "
            "learning_rate of its profile (`pretrain` in the configuration), or that of the method in it"
        )
    with torch.no_grad(), torch.autocast(device, dtype=torch.float16, enabled=device == "cuda"):
        method.finish(batches.batch(step)[0] for step in count(steps))
    val = _test(network, data.val, prepare, batch_size, device) if data.val else [math.nan] * 2
    return _history(trained, network, val)


def _grouped(
    make: Callable[[list[dict]], Optimizer], method: Method, weights: list[nn.Parameter]
) -> Optimizer:
    """An optimiser that has the method's groups beside all other weights."""
    groups = method.groups()
    known = {id(weight) for group in groups for weight in group["params"]}
    return make([{"params": [weight for weight in weights if id(weight) not in known]}, *groups])


@torch.no_grad()
def _order(
    method: Method,
    pictures: Tensor,
    prepare: Callable[[Tensor], Tensor],
    batch_size: int,
    device: str,
    number: int,
) -> np.ndarray:
    """The order of a pass, as ``Batches`` takes it, by a method that may look at all images first."""
    images = (prepare(part.to(device)) for part in pictures.split(batch_size))
    with torch.autocast(device, dtype=torch.float16, enabled=device == "cuda"):
        return method.order(number, images).cpu().numpy()


@torch.inference_mode()
def _test(
    network: Pretraining, part: Part, prepare: Callable[[Tensor], Tensor], batch_size: int, device: str
) -> list[float]:
    """Accuracies of the read-out on images as they are."""
    right = torch.zeros(2)
    for pictures, labels in part.batches(batch_size):
        with torch.autocast(device, dtype=torch.float16, enabled=device == "cuda"):
            features = network.method.backbone(prepare(pictures.to(device)))
            right += len(pictures) * network.read_out(features, labels.to(device))[1].cpu()
    return (right / len(part.pictures)).tolist()


def _history(trained: Trained, network: Pretraining, val: list[float]) -> dict:
    curves = [[_known(value) for value in curve] for curve in zip(*trained.watched, strict=True)]
    passes = {name: [_known(value) for value in told] for name, told in network.method.by_pass().items()}
    return {
        "window": trained.window,
        **dict(zip(network.told, curves, strict=True)),
        "val": dict(zip(("linear", "mlp"), map(_known, val), strict=True)),
        **({"passes": passes} if passes else {}),
    }


def _known(value: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(value) else value
