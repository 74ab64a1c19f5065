"""VICReg (Bardes, Ponce and LeCun, ICLR 2022)."""

from torch import nn

from transferscope.pretraining.parts.lightly import heads, losses
from transferscope.pretraining.parts.views import TwoViews


class VICReg(TwoViews):
    """Like outputs for both views, each with a variance of its own, none correlated with another (section 4).

    Args:
        backbone: any.
        invariance, variance, covariance: weights of the three terms.
        hidden, outputs: widths of the head, whose form is that of Barlow Twins.
        facts: as for ``Method``.
    """

    def __init__(
        self,
        backbone: nn.Module,
        *,
        invariance: float = 25.0,
        variance: float = 25.0,
        covariance: float = 1.0,
        hidden: int = 8192,
        outputs: int = 8192,
        **facts: int,
    ):
        super().__init__(backbone, **facts)
        self.head = heads.BarlowTwinsProjectionHead(self.width, hidden, outputs)
        self.loss = losses.VICRegLoss(invariance, variance, covariance)
