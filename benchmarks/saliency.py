"""Saliency maps against a well-batched naive loop: `python benchmarks/saliency.py [--device cuda]`.

Exact mode, ResNet-50 at 242 pixels: tiles of neighbouring occluders, drawn at random, against whole passes.
The naive loop has the batch size that suits it best, and is timed again with its BatchNorms folded into the
convolutions, as exact mode has them. Its errors at a position of each tile are what exact mode has to match.

Fast mode, MobileNetV2 at 130 pixels in full: maps at strides against the exact map.

Weights are random (`--backbone FILE` takes a canonical file instead, for both); the picture is a photograph.
"""

import argparse
import os
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from transferscope import backbones
from transferscope.images import normalise, to_uint8
from transferscope.saliency.folding import fold_batch_norms
from transferscope.saliency.maps import attention, diffusion
from transferscope.saliency.occlusion import Occlusion

OCCLUDER = 10
POSITIONS = 64  # of the naive loop


def load(arch: str, size: int, arguments: argparse.Namespace) -> tuple[nn.Module, torch.Tensor]:
    """A network in eval mode and the photograph that it sees, [1, 3, size, size]."""
    mean, std = backbones.normalisation("imagenet")
    if arguments.backbone:
        network, metadata = backbones.load(arguments.backbone, size, pad=True)
        mean, std = metadata.mean, metadata.std
    else:
        network = backbones.initialise(arch, mean=mean, std=std, seed=0)
        torch.manual_seed(0)
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                nn.init.uniform_(layer.weight, 0.5, 1.0)  # timm starts residual branches at zero
    picture = Image.fromarray(load_sample_image("flower.jpg")).resize((size, size), Image.Resampling.BICUBIC)
    image = normalise(to_uint8(picture)[None].to(arguments.device), mean, std)
    return network.to(arguments.device), image


def compare_exact(arguments: argparse.Namespace) -> None:
    """Print how long an occluder takes, and how far the errors are from those of whole passes."""
    network, image = load("resnet50", 242, arguments)
    settings = {"occluder": OCCLUDER, "stride": 1}
    ours = Occlusion(network, image, **settings, batch_size=arguments.batch_size)
    rng = np.random.default_rng(0)
    tiles = [[ours.tiles[place] for place in rng.integers(len(ours.tiles), size=2)] for _ in range(8)]
    ours.errors(*tiles[0])  # after which the clean activations are on the tape
    started, found = perf_counter(), [ours.errors(*tile) for tile in tiles]
    exact = (perf_counter() - started) / sum(errors.size for errors in found)

    naive = {
        batch: naive_seconds(Occlusion(network, image, **settings, batch_size=batch))
        for batch in (16, 32, 64)
    }
    batch = min(naive, key=naive.get)
    reference = Occlusion(network, image, **settings, batch_size=batch)
    expected = reference.naive([(int(rows[-1]), int(columns[-1])) for rows, columns in tiles])
    error = np.abs([errors[-1, -1] for errors in found] / expected - 1).max()
    folded = naive_seconds(Occlusion(fold_batch_norms(network, image), image, **settings, batch_size=batch))
    print(f"exact mode, {len(ours.at) ** 2} positions, of which {len(tiles)} tiles are timed")
    print(f"  naive loop, batches of {batch:2d}        {1e3 * naive[batch]:6.1f} ms a position")
    print(f"  the same, BatchNorms folded     {1e3 * folded:6.1f} ms")
    print(f"  exact mode                      {1e3 * exact:6.1f} ms")
    ratio, to_folded = naive[batch] / exact, folded / exact
    print(f"  ratio                           {ratio:6.2f}   ({to_folded:.2f} to the folded)")
    print(f"  multiply-adds left at the centre{ours.arithmetic():6.2f}")
    print(f"  largest relative error         {error:7.0e}   at {len(tiles)} positions", flush=True)


def naive_seconds(occlusion: Occlusion) -> float:
    """Of a whole pass, in batches."""
    corners = [(3 * index, 2 * index) for index in range(POSITIONS)]
    occlusion.naive(corners[: occlusion.batch_size])
    started = perf_counter()
    occlusion.naive(corners)
    return (perf_counter() - started) / POSITIONS


def compare_fast(arguments: argparse.Namespace) -> None:
    """Print how many passes a stride leaves, and how well its map agrees with the exact one."""
    network, image = load("mobilenetv2_100", 130, arguments)
    print(
        "fast mode: stride, passes, times fewer, seconds, correlation of maps, error of diffusion in points"
    )
    for stride in (1, 3, 5, 7):
        occlusion = Occlusion(
            network, image, occluder=OCCLUDER, stride=stride, batch_size=arguments.batch_size
        )
        started = perf_counter()
        errors = np.concatenate(list(occlusion.bands()))
        seconds = perf_counter() - started
        seen = attention(errors, occlusion.at, OCCLUDER)
        if stride == 1:
            exact, passes = seen, errors.size
        r = np.corrcoef(seen.ravel(), exact.ravel())[0, 1]
        off = 100 * (diffusion(seen) - diffusion(exact))
        print(
            f"  {stride:2d} {errors.size:6d} {passes / errors.size:6.1f} {seconds:7.1f} {r:8.4f} {off:+7.2f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--backbone")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.backends.cudnn.allow_tf32 = False
    compare_exact(arguments)
    compare_fast(arguments)


if __name__ == "__main__":
    main()
