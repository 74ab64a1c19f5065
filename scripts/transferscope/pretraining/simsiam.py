"""SimSiam (Chen and He, CVPR 2021)."""

from torch import Tensor, nn

from transferscope.pretraining.method import Method, Outcome
from transferscope.pretraining.parts.lightly import heads, losses
from transferscope.pretraining.parts.views import STRONG, crosswise, full_precision, matched


class SimSiam(Method):
    """Predicts the output for one view from that for the other, which passes no gradient on (section 3).

    Args:
        backbone: any.
        hidden, outputs: widths of the head.
        bottleneck: hidden width of the predictor.
        facts: as for ``Method``.
    """

    views = 2
    augment = STRONG

    def __init__(
        self,
        backbone: nn.Module,
        *,
        hidden: int = 2048,
        outputs: int = 2048,
        bottleneck: int = 512,
        **facts: int,
    ):
        super().__init__(backbone, **facts)
        self.head = heads.SimSiamProjectionHead(self.width, hidden, outputs)
        self.predictor = heads.SimSiamPredictionHead(outputs, bottleneck, outputs)
        self.loss = losses.NegativeCosineSimilarity()

    def forward(self, images: Tensor, indices: Tensor) -> Outcome:
        features = self.backbone(images)
        outputs = self.head(features)
        predictions = self.predictor(outputs)
        with full_precision(images):
            targets = outputs.detach().float()
            loss = crosswise(self.loss, predictions.float(), targets)
            return Outcome(loss, matched(*targets.chunk(2)), features.chunk(2)[0])
