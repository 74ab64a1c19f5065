"""BYOL (Grill et al., NeurIPS 2020)."""

from torch import Tensor, nn

from transferscope.pretraining.method import Method, Outcome
from transferscope.pretraining.parts.average import MovingAverage
from transferscope.pretraining.parts.lightly import heads, losses
from transferscope.pretraining.parts.views import STRONG, crosswise, full_precision, matched


class BYOL(Method):
    """Predicts, from one view, what a moving average of the network makes of the other (section 3).

    The loss is half of theirs less 1: the negative cosine.

    Args:
        backbone: any.
        hidden, outputs: widths of the head, and of the predictor.
        momentum: of the average at the first step; 1 at the last.
        steps, facts: as for ``Method``.
    """

    views = 2
    augment = STRONG

    def __init__(
        self,
        backbone: nn.Module,
        *,
        steps: int,
        hidden: int = 4096,
        outputs: int = 256,
        momentum: float = 0.996,
        **facts: int,
    ):
        super().__init__(backbone, steps=steps, **facts)
        self.head = heads.BYOLProjectionHead(self.width, hidden, outputs)
        self.predictor = heads.BYOLPredictionHead(outputs, hidden, outputs)
        self.average = MovingAverage(backbone, self.head, momentum=momentum, last=1.0, steps=steps)
        self.loss = losses.NegativeCosineSimilarity()

    def forward(self, images: Tensor, indices: Tensor) -> Outcome:
        if self.training:
            self.average.follow(self.backbone, self.head)
        features = self.backbone(images)
        predictions = self.predictor(self.head(features))
        targets = self.average(images)
        with full_precision(images):
            predictions, targets = predictions.float(), targets.float()
            loss = crosswise(self.loss, predictions, targets)
            pretext = matched(predictions.chunk(2)[0], targets.chunk(2)[1])
            return Outcome(loss, pretext, features.chunk(2)[0])
