"""What a pretraining method is: networks and a loss around a backbone."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import NamedTuple

import torch
from torch import Tensor, nn

from transferscope.errors import InputError
from transferscope.training.augment import Augmentation


class Outcome(NamedTuple):
    """What a method makes of a batch.

    Attributes:
        loss: scalar, what is minimised.
        accuracy: of the pretext task, in 0..1 and detached; None where the method has none.
        features: [B, D] of the first view of each image, for the read-out beside.
        opposed: scalar, what the method's ``opponent`` minimises; None where there is none.
    """

    loss: Tensor
    accuracy: Tensor | None
    features: Tensor
    opposed: Tensor | None = None


class Method(nn.Module):
    """A backbone, and what the method trains it with.

    What no gradient moves (banks, queues, moving averages) has to be in buffers or submodules, where it is
    saved and resumed with all else; random numbers come from PyTorch's global generator for the same reason.

    Args:
        backbone: normalised images [N, C, S, S], in its own colours (``backbones.take_colour``), to features
            [N, D].
        size: the side S of the images.
        samples: how many images there are to train on.
        batch_size: of images, without regard to views.
        steps: of the whole training.

    A method's own settings are further keyword arguments of its ``__init__``, all with defaults.

    Attributes:
        labelled: whether it is trained with labels for recognition; it is then told of how many ``classes``
            they are, 0 of none, and ``forward`` gets those of the images as well, [B] or [B, C].
        views: of each image in a batch.
        augment: what the images go through.
        backbone: what becomes the backbone.
        width: D.
        opponent: the part, if any, that minimises a loss of its own while all others minimise theirs, each
            gradient from the same forward pass.
        order: what the passes over the images consist of, if the method says so: the number of a pass and
            all images as they are, in order and some at a time, to indices int64 [P x batch_size], P = max(1,
            samples // batch_size). It is asked when a pass begins and, in a run that goes on within the pass,
            once more; nothing has a gradient then.

    Raises:
        InputError: the backbone does not take images of this size.
    """

    labelled: bool = False
    views: int = 1
    augment: Augmentation = Augmentation()
    order: Callable[[int, Iterable[Tensor]], Tensor] | None = None

    def __init__(self, backbone: nn.Module, *, size: int, samples: int, batch_size: int, steps: int):
        super().__init__()
        self.backbone = backbone
        self.width = _width(backbone, size)
        self.opponent: nn.Module | None = None

    def forward(self, images: Tensor, indices: Tensor) -> Outcome:
        """Images [V x B, C, S, S], view by view, and which of the training images they are, [B]."""
        raise NotImplementedError

    def groups(self) -> list[dict]:
        """Parameters that the optimiser treats otherwise than the profile says, as PyTorch's groups."""
        return []

    def by_pass(self) -> dict[str, list[float]]:
        """What is told of each pass over the images, for the history; NaN where there is nothing to tell."""
        return {}

    def finish(self, batches: Iterator[Tensor]) -> None:
        """What is done after the last step, given as many further batches of images as are wanted."""


def _width(backbone: nn.Module, size: int) -> int:
    training = backbone.training
    try:
        with torch.no_grad():
            return backbone.eval()(torch.zeros(1, 3, size, size)).shape[1]
    except (AssertionError, RuntimeError, ValueError) as error:
        raise InputError(
            f"the network takes no images of {size} pixels ({error}); choose a profile of another size, or "
            f"tell the network after its name in `arch`, as in ?img_size={size}"
        ) from error
    finally:
        backbone.train(training)


def create(name: str, backbone: nn.Module, settings: dict, *, classes: int = 0, **facts: int) -> Method:
    """The method of a module of this package, around a backbone.

    Args:
        settings: the method's own.
        classes: of the images' labels, for a method that is ``labelled``.
        facts: what every ``Method`` is told.

    Raises:
        InputError: a setting that the method does not have, or the method does not take the backbone.
    """
    module = import_module(f"transferscope.pretraining.{name}")
    (kind,) = (
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Method) and value.__module__ == module.__name__
    )
    facts |= {"classes": classes} if kind.labelled else {}
    parameters = inspect.signature(kind.__init__).parameters.values()
    known = {one.name for one in parameters if one.kind is one.KEYWORD_ONLY} - set(facts)
    unknown = sorted(set(settings) - known)
    if unknown:
        others = ", ".join(sorted(known)) or "none"
        raise InputError(
            f"the pretraining method {name} has no setting {unknown[0]!r}, only {others}; correct "
            "`pretrain` in the configuration"
        )
    return kind(backbone, **facts, **settings)
