"""DINO (Caron et al., ICCV 2021)."""

import torch
from torch import Tensor, nn

from transferscope.errors import InputError
from transferscope.pretraining.method import Method, Outcome
from transferscope.pretraining.parts.average import MovingAverage
from transferscope.pretraining.parts.lightly import heads, losses
from transferscope.pretraining.parts.views import STRONG, full_precision, matched


class DINO(Method):
    """Gives a view the distribution that a moving average gives to another one (section 3.1).

    Args:
        backbone: any; with local views, one that takes images of half the side too.
        hidden, bottleneck, outputs: widths of the head.
        student_temperature, teacher_temperature: of the network's distributions and of the average's.
        centre: momentum of the mean of the average's outputs, which is taken off them.
        momentum: of the average at the first step; 1 at the last.
        frozen: passes over the training set in which the last layer stays (their code, main_dino.py).
        local_views: how many views of a quarter of the area are added.
        size, samples, batch_size, steps: as for ``Method``.

    Raises:
        InputError: local views are asked for, and the network does not take them.
    """

    views = 2
    augment = STRONG

    def __init__(
        self,
        backbone: nn.Module,
        *,
        size: int,
        samples: int,
        batch_size: int,
        steps: int,
        hidden: int = 2048,
        bottleneck: int = 256,
        outputs: int = 65536,
        student_temperature: float = 0.1,
        teacher_temperature: float = 0.04,
        centre: float = 0.9,
        momentum: float = 0.996,
        frozen: float = 1.0,
        local_views: int = 0,
    ):
        super().__init__(backbone, size=size, samples=samples, batch_size=batch_size, steps=steps)
        if local_views:
            _check_takes(backbone, size // 2)
        self.views = 2 + local_views
        self.frozen_steps = frozen * samples / batch_size
        # The last layer keeps what it computes from its weights; with a history that could not be copied.
        with torch.no_grad():
            self.head = heads.DINOProjectionHead(self.width, hidden, bottleneck, outputs)
        self.average = MovingAverage(backbone, self.head, momentum=momentum, last=1.0, steps=steps)
        self.loss = losses.DINOLoss(
            outputs,
            teacher_temp=teacher_temperature,
            student_temp=student_temperature,
            center_momentum=centre,
        )

    def forward(self, images: Tensor, indices: Tensor) -> Outcome:
        if self.training:
            # The optimiser passes over what has no gradient.
            self.head.last_layer.weight_v.requires_grad_(int(self.average.step) >= self.frozen_steps)
            self.average.follow(self.backbone, self.head)
        batch = len(indices)
        whole, others = images[: 2 * batch], images[2 * batch :]
        features, targets = self.backbone(whole), self.average(whole)
        outputs = self.head(features)
        if len(others):
            outputs = torch.cat([outputs, self.head(self.backbone(_window(others)))])
        with full_precision(images):
            targets, outputs = targets.float().split(batch), outputs.float().split(batch)
            loss = self.loss(list(targets), list(outputs))
            return Outcome(loss, matched(outputs[0], targets[1]), features[:batch])


def _window(images: Tensor) -> Tensor:
    """A window of half the side, [N, C, S // 2, S // 2], the same for all, since each is a random crop."""
    side = images.shape[-1]
    row, column = torch.randint(side - side // 2 + 1, (2,)).tolist()
    return images[..., row : row + side // 2, column : column + side // 2]


def _check_takes(backbone: nn.Module, size: int) -> None:
    try:
        with torch.no_grad():
            backbone.eval()(torch.zeros(1, 3, size, size))
    except (AssertionError, RuntimeError) as error:
        raise InputError(
            f"dino's local views are of {size} pixels, and the network does not take them ({error}); set "
            "local_views to 0 or, for a vision transformer, add dynamic_img_size=True to its arch and take a "
            "size of which half is a multiple of the patches"
        ) from error
