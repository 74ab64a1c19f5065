"""Saliency maps compared to a well-batched naive loop: `python benchmarks/saliency.py [--device cuda]`.

Exact mode, ResNet-50 at 242 pixels: random tiles of neighbouring occluders, compared to full passes. The
naive loop uses its best batch size and is also timed with folded BatchNorms, as in exact mode. Exact mode
must reproduce its error at one position of each tile.

Fast mode, MobileNetV2 at 130 pixels, full map: strided maps compared to the exact map.

Weights are random (or from a canonical file: `--backbone FILE`, for both); the image is a photograph.
"""

import argparse
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from page import Row, report
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from transferscope.features.images import normalise, to_uint8
from transferscope.models import backbones
from transferscope.protocols.folding import fold_batch_norms
from transferscope.protocols.saliency.maps import attention, diffusion
from transferscope.protocols.saliency.occlusion import Occlusion

OCCLUDER = 10
POSITIONS = 64  # timed in the naive loop
BATCHES = (4, 8, 16, 32, 64)  # batch sizes tried for the naive loop
ROUNDS = 7


def load(arch: str, size: int, arguments: argparse.Namespace) -> tuple[nn.Module, torch.Tensor]:
    """A network in eval mode and its input, a normalised photograph [1, 3, size, size]."""
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
    """Print the time per occluder and the deviation of the errors from full passes."""
    network, image = load("resnet50", 242, arguments)
    settings = {"occluder": OCCLUDER, "stride": 1}
    ours = Occlusion(network, image, **settings, batch_size=arguments.batch_size)
    rng = np.random.default_rng(0)
    tiles = [[ours.tiles[place] for place in rng.integers(len(ours.tiles), size=2)] for _ in range(ROUNDS)]
    ours.errors(*tiles[0])  # records the clean activations on the tape

    loops = {batch: Occlusion(network, image, **settings, batch_size=batch) for batch in BATCHES}
    for loop in loops.values():
        naive_seconds(loop)  # warms up
    first = {batch: naive_seconds(loop) for batch, loop in loops.items()}
    batch = min(first, key=first.get)
    loop = loops[batch]
    folded = Occlusion(fold_batch_norms(network, image), image, **settings, batch_size=batch)
    # Alternate, so that other load on the machine affects all of them.
    found, seconds = [], []
    for tile in tiles:
        started = perf_counter()
        found.append(ours.errors(*tile))
        exact = (perf_counter() - started) / found[-1].size
        seconds.append((naive_seconds(loop), naive_seconds(folded), exact))
    naive, to_folded, exact = np.median(seconds, axis=0)
    ratios, folded_ratios = ([row[place] / row[2] for row in seconds] for place in (0, 1))
    expected = loop.naive([(int(rows[-1]), int(columns[-1])) for rows, columns in tiles])
    error = np.abs([errors[-1, -1] for errors in found] / expected - 1).max()
    print(f"exact mode, ResNet-50, {arguments.threads} threads, {ROUNDS} rounds in turns, medians")
    print(f"  naive loop, batches of {batch:2d}        {1e3 * naive:6.1f} ms a position")
    print(f"  the same, BatchNorms folded     {1e3 * to_folded:6.1f} ms")
    print(f"  exact mode                      {1e3 * exact:6.1f} ms, {len(ours.positions) ** 2} positions")
    print(
        f"  ratio                           {np.median(ratios):6.2f}   "
        f"(from {min(ratios):.2f} to {max(ratios):.2f})"
    )
    print(f"  ratio to the folded             {np.median(folded_ratios):6.2f}")
    print(f"  multiply-adds left at the centre{ours.flop_fraction():6.2f}")
    print(f"  largest relative error         {error:7.0e}   at {len(tiles)} positions", flush=True)
    report(
        Row(
            "saliency, an occluder of the exact map, ResNet-50 at 242 pixels",
            f"whole passes in batches of {batch}, the best of {', '.join(map(str, BATCHES))}",
            f"{np.median(ratios):.1f} times faster",
            (exact, naive),
            f"{min(ratios):.1f} to {max(ratios):.1f} in {ROUNDS} rounds; largest relative error {error:.0e}",
        )
    )


def naive_seconds(occlusion: Occlusion) -> float:
    """Seconds per full pass, in batches."""
    corners = [(3 * index, 2 * index) for index in range(POSITIONS)]
    started = perf_counter()
    occlusion.naive(corners)
    # The loop also passes the clean image.
    return (perf_counter() - started) / (POSITIONS + 1)


def compare_fast(arguments: argparse.Namespace) -> None:
    """Print the number of passes per stride and the agreement of its map with the exact one."""
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
        seen = attention(errors, occlusion.positions, OCCLUDER)
        if stride == 1:
            exact, passes, exact_seconds = seen, errors.size, seconds
        r = np.corrcoef(seen.ravel(), exact.ravel())[0, 1]
        off = 100 * (diffusion(seen) - diffusion(exact))
        print(
            f"  {stride:2d} {errors.size:6d} {passes / errors.size:6.1f} {seconds:7.1f} {r:8.4f} {off:+7.2f}",
            flush=True,
        )
        if stride == 5:
            report(
                Row(
                    f"saliency, a map at a stride of {stride}, MobileNetV2 at 130 pixels",
                    "its exact map",
                    f"{passes / errors.size:.0f} times fewer passes",
                    (seconds, exact_seconds),
                    f"maps correlate by {r:.3f}, attentive diffusion is off by {abs(off):.1f} points",
                )
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--backbone")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.backends.cudnn.allow_tf32 = False
    compare_exact(arguments)
    compare_fast(arguments)


if __name__ == "__main__":
    main()
