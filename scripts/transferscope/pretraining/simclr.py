"""SimCLR (Chen et al., ICML 2020)."""

from torch import nn

from transferscope.pretraining.parts.lightly import heads, losses
from transferscope.pretraining.parts.views import TwoViews


class SimCLR(TwoViews):
    """Tells the other view of an image from the views of all other images in the batch (section 2).

    Args:
        backbone: any.
        temperature: of the similarities.
        hidden, outputs: widths of the head.
        facts: as for ``Method``.
    """

    def __init__(
        self,
        backbone: nn.Module,
        *,
        temperature: float = 0.1,
        hidden: int = 2048,
        outputs: int = 128,
        **facts: int,
    ):
        super().__init__(backbone, **facts)
        self.head = heads.SimCLRProjectionHead(self.width, hidden, outputs)
        self.loss = losses.NTXentLoss(temperature)
