"""MoCo v2 (He et al., CVPR 2020; Chen et al. 2020, arXiv 2003.04297)."""

import torch
from torch import Tensor, nn

from transferscope.errors import InputError
from transferscope.pretraining.method import Method, Outcome
from transferscope.pretraining.parts.average import MovingAverage
from transferscope.pretraining.parts.lightly import heads, losses
from transferscope.pretraining.parts.views import STRONG, full_precision, matched


class MoCo(Method):
    """Tells the other view of an image, as a moving average sees it, from earlier ones (section 3).

    Args:
        backbone: any.
        temperature: of the similarities.
        queue: how many views are kept to be told from.
        hidden, outputs: widths of the head.
        momentum: of the average, at all steps.
        parts: into how many the batch is cut for the moving average.
        samples, steps, facts: as for ``Method``.

    Raises:
        InputError: the queue is longer than the training set.
    """

    views = 2
    augment = STRONG

    def __init__(
        self,
        backbone: nn.Module,
        *,
        samples: int,
        steps: int,
        temperature: float = 0.2,
        queue: int = 65536,
        hidden: int = 2048,
        outputs: int = 128,
        momentum: float = 0.999,
        parts: int = 4,
        **facts: int,
    ):
        super().__init__(backbone, samples=samples, steps=steps, **facts)
        if queue > samples:
            raise InputError(
                f"moco's queue of {queue} views is longer than the training set of {samples} images, so "
                "every image would be told from itself; set queue to less, under moco in the profile "
                "(`pretrain` in the configuration)"
            )
        self.parts = parts
        self.head = heads.MoCoProjectionHead(self.width, hidden, outputs)
        self.average = MovingAverage(backbone, self.head, momentum=momentum, last=momentum, steps=steps)
        self.loss = losses.NTXentLoss(temperature, memory_bank_size=(queue, outputs))
        # lightly leaves the queue out of saved states, so that a resumed run would begin with a random one.
        bank = self.loss.memory_bank
        bank.register_buffer("bank", bank.bank)
        bank.register_buffer("bank_ptr", bank.bank_ptr)

    def forward(self, images: Tensor, indices: Tensor) -> Outcome:
        if self.training:
            self.average.follow(self.backbone, self.head)
        first, second = images.chunk(2)
        features = self.backbone(first)
        queries, keys = self.head(features), self._keys(second)
        with full_precision(images):
            queries, keys = queries.float(), keys.float()
            return Outcome(self.loss(queries, keys), matched(queries, keys), features)

    def _keys(self, images: Tensor) -> Tensor:
        """What the average makes of the images, in shuffled parts.

        BatchNorm over the very images of the queries would tell the right keys by their statistics (He et
        al., section 3.3); there the parts are on different cards.
        """
        order = torch.randperm(len(images), device=images.device)
        keys = torch.cat([self.average(part) for part in images[order].chunk(self.parts)])
        return keys[order.argsort()]
