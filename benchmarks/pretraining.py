"""Pretraining compared to a bare loop: `python benchmarks/pretraining.py [--device cuda]`.

Each round trains a ResNet9 of Newell and Deng by rotation on pictures in memory, with all that belongs to it
(order, colours, augmentation, read-out, optimiser, records), and then only forward and backward on a batch
that is ready. What the first takes beyond the second is the share outside forward and backward. Weights and
pictures are random. On a processor its own time is measured, which load on the machine changes little.

On a GPU both run in mixed precision: `--device cuda --width 64 --size 64 --batch-size 512 --peak 989`, where
--peak is the card's TFLOP/s in it, of which the share is printed.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import torch
from page import Row, report
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from transferscope.features.images import normalise
from transferscope.models import backbones
from transferscope.pretraining import method, training
from transferscope.training.memory import Batches
from transferscope.training.resume import Resume

PICTURES = 4096
CLASSES = 10
ROUNDS = 5
RATES = {"learning_rate": 1e-3, "last_learning_rate": 1e-5, "warmup": 0.05, "weight_decay": 1e-4}


def main() -> None:
    """Print pictures a second of both loops, and the share of time outside forward and backward."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--method", default="rotation")
    parser.add_argument("--arch", default="selfstudy_resnet9")
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--peak", type=float, help="TFLOP/s of the device in the precision of the training")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    generator = torch.Generator().manual_seed(0)
    shape = (PICTURES, 3, arguments.size, arguments.size)
    part = training.Part(
        torch.randint(256, shape, dtype=torch.uint8, generator=generator),
        torch.randint(CLASSES, (PICTURES,), generator=generator),
    )
    data = training.Data(part, None, CLASSES)
    ours(arguments, data, steps=5)
    bare(arguments, data, steps=5)  # both warm up
    seconds = np.array([(ours(arguments, data), bare(arguments, data)) for _ in range(ROUNDS)])
    whole, core = np.median(seconds, axis=0)
    outside = 1 - seconds[:, 1] / seconds[:, 0]
    name = (
        f"{arguments.arch}, width {arguments.width}, {arguments.size} px, batches of {arguments.batch_size}"
    )
    print(f"{arguments.method}, {name}, {arguments.device}, {ROUNDS} rounds in turns, medians")
    print(f"  pretraining                     {1 / whole:8.0f} pictures a second")
    print(f"  forward and backward alone      {1 / core:8.0f}")
    print(
        f"  share of time outside them      {100 * np.median(outside):8.1f} %   "
        f"(from {100 * outside.min():.1f} to {100 * outside.max():.1f})"
    )
    if arguments.peak:
        rate = 3 * flops(arguments, data) / whole / 1e12  # a backward pass is two forward ones
        share = 100 * rate / arguments.peak
        print(f"  arithmetic                      {rate:8.1f} TFLOP/s, {share:.1f} % of the peak")
    report(
        Row(
            f"pretraining by {arguments.method}, a picture, {name}, {arguments.device}",
            "forward and backward alone",
            f"{np.median(seconds[:, 0] / seconds[:, 1]):.2f} of their time",
            (whole, core),
        )
    )


def clock(arguments: argparse.Namespace) -> float:
    """Seconds; of a GPU once it has nothing to do any more."""
    if arguments.device == "cuda":
        torch.cuda.synchronize()
        return perf_counter()
    return process_time() / arguments.threads


def build(arguments: argparse.Namespace, steps: int) -> tuple[method.Method, torch.nn.Module]:
    """A method around a new network, and what brings pictures into its colours."""
    torch.manual_seed(0)
    backbone = backbones.create(f"{arguments.arch}?width={arguments.width}")
    colour = backbones.take_colour(backbone).to(arguments.device)
    facts = {"size": arguments.size, "samples": PICTURES, "batch_size": arguments.batch_size, "steps": steps}
    return method.create(arguments.method, backbone, {}, **facts), colour


def ours(arguments: argparse.Namespace, data: training.Data, steps: int | None = None) -> float:
    """Seconds a picture of a training."""
    steps = steps or arguments.steps
    pretraining, colour = build(arguments, steps)
    with tempfile.TemporaryDirectory() as folder:
        started = clock(arguments)
        training.fit(
            pretraining,
            data,
            prepare=lambda pictures: colour(normalise(pictures, (0.0,) * 3, (1.0,) * 3)),
            batch_size=arguments.batch_size,
            steps=steps,
            seed=0,
            device=arguments.device,
            resume=Resume(Path(folder) / "state", {}),
            checkpoint_steps=steps,
            **RATES,
        )
        return (clock(arguments) - started) / steps / arguments.batch_size


def bare(arguments: argparse.Namespace, data: training.Data, steps: int | None = None) -> float:
    """Seconds a picture of forward and backward."""
    steps = steps or arguments.steps
    pretraining, colour = build(arguments, steps)
    network = training.Pretraining(pretraining, CLASSES)
    network = network.to(arguments.device, memory_format=torch.channels_last).train()
    batch = Batches(
        data.train.pictures,
        data.train.labels,
        prepare=lambda pictures: colour(normalise(pictures, (0.0,) * 3, (1.0,) * 3)),
        augment=pretraining.augment,
        batch_size=arguments.batch_size,
        steps=1,
        seed=0,
        device=arguments.device,
        views=pretraining.views,
    ).batch(0)
    on_gpu = arguments.device == "cuda"
    started = clock(arguments)
    for _ in range(steps):
        network.zero_grad()
        with torch.autocast(arguments.device, dtype=torch.float16, enabled=on_gpu):
            loss = network(batch)[0]
        loss.backward()
    return (clock(arguments) - started) / steps / arguments.batch_size


def flops(arguments: argparse.Namespace, data: training.Data) -> float:
    """Of a forward pass of the backbone, for each picture of a batch: two a multiplication and addition."""
    pretraining, colour = build(arguments, 1)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        pretraining.backbone.to("cpu")(colour.to("cpu")(data.train.pictures[:8].float() / 255))
    return pretraining.views * counter.get_total_flops() / 8


if __name__ == "__main__":
    main()
