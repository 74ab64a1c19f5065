"""Throughput of feature extraction relative to the hardware limit, and memory versus dataset size.

    python benchmarks/extraction.py [--device cuda] [--arch resnet50] [--resolution 224]

The limit is measured on the same images: the loader alone (decode, resize, crop) and the forward pass alone,
on a batch in memory. On a CPU both share the cores, so the times per image add up; on a GPU they overlap, so
the slower one counts.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from page import Row, report
from PIL import Image
from torch.utils.data import DataLoader

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from transferscope.datasets.base import Samples
from transferscope.datasets.pictures import read
from transferscope.features import store as features
from transferscope.features.extraction import Pictures, extract
from transferscope.features.images import normalise
from transferscope.models import backbones

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def read_jpeg(index: int, *, files: list[Path]) -> Image.Image:
    return read(files[index % len(files)])


def photographs(folder: Path, count: int) -> list[Path]:
    """Create JPEG files of a typical size, 500 x 375 pixels, with structure at all scales."""
    rng = np.random.default_rng(0)
    for index in range(count):
        coarse = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((500, 375), Image.Resampling.BICUBIC)
        noisy = np.asarray(picture, dtype=np.int16) + rng.integers(-12, 13, (375, 500, 3), dtype=np.int16)
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / f"{index}.jpg", quality=90)
    return sorted(folder.iterdir())


def samples_of(files: list[Path], count: int) -> Samples:
    return Samples(
        [str(index) for index in range(count)],
        np.zeros(count, dtype=np.int64),
        np.full(count, "train"),
        partial(read_jpeg, files=files),
        ["only"],
    )


def loader_seconds(pictures: Pictures, batch_size: int, workers: int) -> float:
    loader = DataLoader(pictures, batch_size=batch_size, num_workers=workers)
    started = time.perf_counter()
    for _ in loader:
        pass
    return (time.perf_counter() - started) / len(pictures)


@torch.inference_mode()
def forward_seconds(network: torch.nn.Module, batch: torch.Tensor, device: str, repeats: int) -> float:
    network = network.to(device, memory_format=torch.channels_last).eval()
    batch = normalise(batch.to(device), MEAN, STD).contiguous(memory_format=torch.channels_last)
    with torch.autocast(device, dtype=torch.float16, enabled=device == "cuda"):
        for repeat in range(-2, repeats):
            if repeat == 0:
                started = time.perf_counter()
            # The copy to the CPU synchronises with the GPU.
            network(batch).float().cpu()
    return (time.perf_counter() - started) / (repeats * len(batch))


def extract_seconds(
    network, pictures: Pictures, batch_size: int, device: str, workers: int, folder: Path
) -> float:
    started = time.perf_counter()
    batches = extract(
        network,
        pictures,
        list(range(len(pictures))),
        mean=MEAN,
        std=STD,
        batch_size=batch_size,
        device=device,
        workers=workers,
    )
    split = (pictures.samples.labels, pictures.samples.ids)
    features.write(folder / "features.h5", batches, {"train": split}, {})
    return (time.perf_counter() - started) / len(pictures)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--arch", default="mobilenetv2_100")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--resolution", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--images", type=int, default=1280)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    workers = arguments.threads - 1
    network = backbones.create(arguments.arch)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "jpeg").mkdir()
        files = photographs(folder / "jpeg", 64)
        pictures = Pictures(samples_of(files, arguments.images), arguments.resolution)
        batch = torch.stack([pictures[index] for index in range(arguments.batch_size)])
        repeats = max(2, arguments.images // (4 * arguments.batch_size))

        extract_seconds(
            network,
            Pictures(samples_of(files, 128), arguments.resolution),
            64,
            arguments.device,
            workers,
            folder,
        )
        ours = extract_seconds(network, pictures, arguments.batch_size, arguments.device, workers, folder)
        loader = loader_seconds(pictures, arguments.batch_size, workers)
        forward = forward_seconds(network, batch, arguments.device, repeats)
        bound = max(loader, forward) if arguments.device == "cuda" else loader + forward

        small = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        larger = Pictures(samples_of(files, 3 * arguments.images), arguments.resolution)
        extract_seconds(network, larger, arguments.batch_size, arguments.device, workers, folder)
        large = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    print(f"{arguments.arch}, {arguments.resolution} px, {arguments.device}, {arguments.threads} threads")
    print(f"  loader alone          {1 / loader:8.1f} images/s")
    print(f"  bare forward          {1 / forward:8.1f} images/s")
    print(f"  the machine allows    {1 / bound:8.1f} images/s")
    print(f"  extraction            {1 / ours:8.1f} images/s   ratio {bound / ours:.2f} of what it allows")
    print(f"  peak memory           {small / 1024:8.0f} MiB for {len(pictures)} images,")
    print(f"                        {large / 1024:8.0f} MiB for {len(larger)}   ratio {large / small:.2f}")
    report(
        Row(
            f"extraction of a picture, {arguments.arch} at {arguments.resolution} pixels, {arguments.device}",
            "what decoding and the forward pass allow",
            f"{bound / ours:.2f} of their speed",
            (ours, bound),
            f"three times the pictures take {large / small:.2f} of the memory",
        )
    )


if __name__ == "__main__":
    main()
