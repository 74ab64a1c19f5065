"""Cost of the backbone adaptor: time per iteration of Faster R-CNN, compared to the toolbox's own ResNet-50.

    python benchmarks/detection.py [--device cuda] [--size 800] [--batch-size 2] [--proposals 512]

Both have the same weights, images and frozen stages; iterations alternate, so that other load on the machine
affects both. The target is a ratio of at most 1.05.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.utils import register_all_modules
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from page import Row, report

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from transferscope.models import backbones
from transferscope.protocols.openmmlab import detection
from transferscope.protocols.openmmlab.backbone import Pyramid

CLASSES = 20
OBJECTS = 4


def backbone_file(folder: Path) -> Path:
    path = folder / "resnet50.safetensors"
    metadata = backbones.Metadata(
        "resnet50", "resnet50", "random", "", *backbones.NORMALISATIONS["imagenet"], {}
    )
    backbones.save(path, backbones.weights(backbones.create("resnet50")), metadata)
    return path


def toolbox_resnet(frozen_stages: int) -> dict:
    """Configuration of the toolbox's own network with equally many frozen stages."""
    return {
        "type": "mmdet.ResNet",
        "depth": 50,
        "frozen_stages": frozen_stages or -1,
        "norm_cfg": {"type": "BN", "requires_grad": False},
        "norm_eval": True,
        "style": "pytorch",
    }


def detector(backbone: dict, pyramid: Pyramid, proposals: int, device: str) -> torch.nn.Module:
    torch.manual_seed(0)
    model = detection.faster_rcnn(
        backbone,
        maps=pyramid.channels,
        channels=256,
        metadata=pyramid.metadata,
        classes=CLASSES,
        proposals=proposals,
        test_proposals=1000,
    )
    model = MODELS.build(ConfigDict(model))
    if not isinstance(model.backbone, Pyramid):
        model.backbone.load_state_dict(pyramid.network.state_dict())
    return model.to(device).train()


def batch(size: int, batch_size: int) -> dict:
    """Noise images with random boxes, in the format of a data loader."""
    rng = np.random.default_rng(0)
    inputs, samples = [], []
    for _ in range(batch_size):
        corners = rng.uniform(0, 0.6 * size, (OBJECTS, 2))
        boxes = np.hstack([corners, corners + rng.uniform(0.1 * size, 0.4 * size, (OBJECTS, 2))])
        sample = DetDataSample(
            metainfo={"img_shape": (size, size), "ori_shape": (size, size), "scale_factor": (1, 1)}
        )
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor(boxes, dtype=torch.float32),
            labels=torch.tensor(rng.integers(0, CLASSES, OBJECTS)),
        )
        inputs.append(torch.tensor(rng.integers(0, 256, (3, size, size), dtype=np.uint8)))
        samples.append(sample)
    return {"inputs": inputs, "data_samples": samples}


def iteration(model: torch.nn.Module, optimiser: torch.optim.Optimizer, data: dict, device: str) -> float:
    """Seconds of one training step."""
    if device == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    torch.manual_seed(0)  # seeds the sampling of boxes
    loss, _ = model.parse_losses(model(**model.data_preprocessor(data, training=True), mode="loss"))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=1)
    parser.add_argument("--proposals", type=int, default=64)
    parser.add_argument("--frozen-stages", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    register_all_modules()
    with tempfile.TemporaryDirectory() as folder:
        path = backbone_file(Path(folder))
        pyramid = Pyramid(path)
        ours = {"type": "Pyramid", "path": path, "frozen_stages": arguments.frozen_stages}
        theirs = toolbox_resnet(arguments.frozen_stages)
        models = {
            "adaptor": detector(ours, pyramid, arguments.proposals, arguments.device),
            "toolbox": detector(theirs, pyramid, arguments.proposals, arguments.device),
        }
    optimisers = {
        name: torch.optim.SGD(
            (weight for weight in model.parameters() if weight.requires_grad), 1e-4, momentum=0.9
        )
        for name, model in models.items()
    }
    data = batch(arguments.size, arguments.batch_size)
    seconds = {name: [] for name in models}
    for turn in range(-2, arguments.iterations):
        for name, model in models.items():
            spent = iteration(model, optimisers[name], data, arguments.device)
            if turn >= 0:
                seconds[name].append(spent)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    ratio = statistics.median(
        ours / theirs for ours, theirs in zip(seconds["adaptor"], seconds["toolbox"], strict=True)
    )
    print(
        f"Faster R-CNN, ResNet-50, {arguments.frozen_stages} stages frozen, {arguments.size} px, "
        f"{arguments.batch_size} a batch, {arguments.device}, {arguments.threads} threads"
    )
    print(f"  the toolbox's backbone  {medians['toolbox']:.3f} s an iteration")
    print(f"  the adaptor             {medians['adaptor']:.3f} s, {ratio:.3f} times as much")
    report(
        Row(
            f"a training step of Faster R-CNN on the backbone adaptor, ResNet-50 at {arguments.size} pixels",
            "the same with mmdet's own ResNet-50",
            f"{ratio:.2f} of its time",
            (medians["adaptor"], medians["toolbox"]),
        )
    )


if __name__ == "__main__":
    main()
