"""DeepCluster (Caron, Bojanowski, Joulin and Douze, ECCV 2018): in which cluster of features is the image?

Before each pass over the images their features are clustered anew (their code, main.py, clustering.py and
util.py); the mathematics is in ``parts.clusters``.
"""

import math
from collections.abc import Iterable

import torch
from sklearn.metrics import normalized_mutual_info_score
from torch import Tensor, nn

from transferscope.errors import InputError
from transferscope.models import alexnet
from transferscope.pretraining.method import Outcome
from transferscope.pretraining.parts import clusters as clustering
from transferscope.pretraining.parts.headed import Headed
from transferscope.pretraining.parts.views import full_precision

COMPONENTS = 256
IMAGES_A_CLUSTER, FEWEST = 40, 100


class DeepCluster(Headed):
    """Tells the clusters apart, each of which comes equally often in a pass.

    A pass begins with new clusters: of what the head gives before its last ReLU the principal components, of
    variance 1 and then each image's of length 1; k-means from new random centres; a new last layer.

    Args:
        clusters: how many; None for a fortieth of the images, but 100 at least.
        augment, smallest_area: as for ``Headed``.
        samples, batch_size, steps, facts: as for ``Method``.

    Raises:
        InputError: there are more clusters than images.
    """

    def __init__(
        self,
        backbone: nn.Module,
        *,
        samples: int,
        batch_size: int,
        steps: int,
        clusters: int | None = None,
        augment: bool = True,
        smallest_area: float = 0.08,
        **facts: int,
    ):
        clusters = clusters or max(FEWEST, samples // IMAGES_A_CLUSTER)
        if clusters > samples:
            raise InputError(
                f"deepcluster would make {clusters} clusters of {samples} images; set clusters to at most as "
                "many, under deepcluster in the profile (`pretrain` in the configuration)"
            )
        facts |= {"samples": samples, "batch_size": batch_size, "steps": steps}
        super().__init__(backbone, clusters, augment=augment, smallest_area=smallest_area, **facts)
        self.batches = max(1, samples // batch_size)
        passes = math.ceil(steps / self.batches)
        self.register_buffer("begun", torch.zeros((), dtype=torch.long))  # passes
        self.register_buffer("labels", torch.zeros(samples, dtype=torch.long))
        self.register_buffer("drawn", torch.zeros(self.batches * batch_size, dtype=torch.long))
        self.register_buffer("agreement", torch.full((passes,), math.nan))
        self.register_buffer("filled", torch.full((passes,), math.nan))

    def forward(self, images: Tensor, indices: Tensor) -> Outcome:
        scores, features = self.scores(images)
        labels = self.labels[indices]
        loss = nn.functional.cross_entropy(scores, labels)
        return Outcome(loss, (scores.argmax(1) == labels).float().mean(), features)

    def order(self, number: int, images: Iterable[Tensor]) -> Tensor:
        """The images of a pass, by clusters that are made when it begins."""
        if number == self.begun:
            self._assign(images)
        return self.drawn

    def _assign(self, images: Iterable[Tensor]) -> None:
        self.eval()
        features = torch.cat([self._clustered(part).float() for part in images])
        self.train()
        with full_precision(features):
            points = nn.functional.normalize(clustering.whiten(features, COMPONENTS))
            labels = clustering.k_means(points, self.top.out_features)
        if self.begun:
            self.agreement[self.begun] = normalized_mutual_info_score(self.labels.cpu(), labels.cpu())
        self.filled[self.begun] = len(labels.unique())
        self.labels.copy_(labels)
        self.drawn.copy_(clustering.balanced(labels.cpu(), len(self.drawn)))
        alexnet.initialise(self.top)
        self.begun += 1

    def _clustered(self, images: Tensor) -> Tensor:
        maps = self.backbone.forward_features(images)
        return self.head.before_relu(maps) if self.head else self.backbone.forward_head(maps, pre_logits=True)

    def groups(self) -> list[dict]:
        """The last layer, which is new each pass, has no momentum."""
        return [{"params": list(self.top.parameters()), "momentum": 0.0}]

    def by_pass(self) -> dict[str, list[float]]:
        """Its first step; how far its clusters agree with the last ones, in 0..1; how many are not empty."""
        return {
            "step": [number * self.batches for number in range(len(self.agreement))],
            "nmi": self.agreement.tolist(),
            "clusters": self.filled.tolist(),
        }
