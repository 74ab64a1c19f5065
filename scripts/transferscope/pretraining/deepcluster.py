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
from transferscope.pretraining.method import Method, Outcome
from transferscope.pretraining.parts import clusters as clustering
from transferscope.pretraining.parts.views import full_precision
from transferscope.training.augment import Augmentation

WIDTH = 256  # of the principal components
IMAGES_A_CLUSTER, FEWEST = 40, 100


class DeepCluster(Method):
    """A classifier of clusters, of which all begin a pass equally often.

    The pass begins with the assignment: principal components of what the network's head gives before its last
    ReLU, of variance 1 and then each image's of length 1; k-means from new random centres; a new last layer.

    Args:
        backbone: an AlexNet.
        clusters: how many; by default a fortieth of the images, but 100 at least.
        size, samples, batch_size, steps: as for ``Method``.

    Raises:
        InputError: another network, or more clusters than images.
    """

    augment = Augmentation(jitter=False, greyscale=False, crop=False, cutout=False, resized_crop=True)

    def __init__(
        self,
        backbone: nn.Module,
        *,
        size: int,
        samples: int,
        batch_size: int,
        steps: int,
        clusters: int | None = None,
    ):
        super().__init__(backbone, size=size, samples=samples, batch_size=batch_size, steps=steps)
        clusters = clusters or max(FEWEST, samples // IMAGES_A_CLUSTER)
        if clusters > samples:
            raise InputError(
                f"deepcluster makes {clusters} clusters of {samples} images, and no cluster may be without; "
                "set clusters to less, under deepcluster in the profile (`pretrain` in the configuration)"
            )
        head = alexnet.head(backbone, size)
        self.head, self.last = nn.Sequential(*list(head)[:-1]), nn.Linear(head.width, clusters)
        batches = max(1, samples // batch_size)
        passes = math.ceil(steps / batches)
        self.register_buffer("begun", torch.zeros((), dtype=torch.long))
        self.register_buffer("labels", torch.zeros(samples, dtype=torch.long))
        self.register_buffer("drawn", torch.zeros(batches * batch_size, dtype=torch.long))
        self.register_buffer("agreement", torch.full((passes,), math.nan))
        self.register_buffer("filled", torch.full((passes,), math.nan))

    def forward(self, images: Tensor, indices: Tensor) -> Outcome:
        maps = self.backbone.forward_features(images)
        scores, labels = self.last(self.head(maps).relu()).float(), self.labels[indices]
        loss = nn.functional.cross_entropy(scores, labels)
        accuracy = (scores.argmax(1) == labels).float().mean()
        return Outcome(loss, accuracy, self.backbone.forward_head(maps))

    def order(self, number: int, images: Iterable[Tensor]) -> Tensor:
        """The images of a pass, every cluster's equally often; clusters are made when the pass begins."""
        if number == self.begun:
            self.assign(images)
        return self.drawn

    def assign(self, images: Iterable[Tensor]) -> None:
        """Cluster all images, draw the order of a pass and begin a new last layer."""
        self.eval()
        features = torch.cat([self.head(self.backbone.forward_features(part)).float() for part in images])
        self.train()
        with full_precision(features):
            points = nn.functional.normalize(clustering.whiten(features, WIDTH))
            labels = clustering.k_means(points, self.last.out_features)
        if self.begun:
            self.agreement[self.begun] = normalized_mutual_info_score(self.labels.cpu(), labels.cpu())
        self.filled[self.begun] = len(labels.unique())
        self.labels.copy_(labels)
        self.drawn.copy_(clustering.balanced(labels.cpu(), len(self.drawn)))
        alexnet.initialise(self.last)
        self.begun += 1

    def groups(self) -> list[dict]:
        """The last layer, which is new each pass, has no momentum."""
        return [{"params": list(self.last.parameters()), "momentum": 0.0}]

    def by_pass(self) -> dict[str, list[float]]:
        """``nmi``, the agreement of the clusters with those of the pass before; how many are not empty."""
        return {"nmi": self.agreement.tolist(), "clusters": self.filled.tolist()}
