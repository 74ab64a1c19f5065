"""Barlow Twins (Zbontar et al., ICML 2021)."""

from torch import nn

from transferscope.pretraining.parts.lightly import heads, losses
from transferscope.pretraining.parts.views import TwoViews


class BarlowTwins(TwoViews):
    """Brings the correlations of outputs between the two views to the identity (section 2).

    Args:
        backbone: any.
        redundancy: weight of the correlations between different outputs.
        hidden, outputs: widths of the head.
        facts: as for ``Method``.
    """

    def __init__(
        self,
        backbone: nn.Module,
        *,
        redundancy: float = 0.005,
        hidden: int = 8192,
        outputs: int = 8192,
        **facts: int,
    ):
        super().__init__(backbone, **facts)
        self.head = heads.BarlowTwinsProjectionHead(self.width, hidden, outputs)
        self.loss = losses.BarlowTwinsLoss(redundancy)
