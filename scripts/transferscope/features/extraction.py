"""Extract features with a frozen backbone, in order and in bounded memory."""

import logging
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Subset

from transferscope.datasets.base import Samples
from transferscope.errors import InputError, refused
from transferscope.features.images import normalise, resize_and_crop, to_uint8

SECONDS_BETWEEN_REPORTS = 10


class Pictures(Dataset):
    """Images of samples, resized and cropped to uint8 [3, R, R].

    ``how`` are further arguments of ``resize_and_crop``.
    """

    def __init__(self, samples: Samples, resolution: int, **how):
        self.samples = samples
        self.resolution = resolution
        self.how = how

    def __len__(self) -> int:
        return len(self.samples.ids)

    def __getitem__(self, index: int) -> torch.Tensor | InputError:
        # Returned, not raised: DataLoader would wrap a worker's exception in a traceback.
        try:
            return to_uint8(resize_and_crop(self.samples.read(index), self.resolution, **self.how))
        except InputError as error:
            return error


def _stack(pictures: list[torch.Tensor | InputError]) -> torch.Tensor | InputError:
    errors = [picture for picture in pictures if isinstance(picture, InputError)]
    return errors[0] if errors else torch.stack(pictures)


def order_by_split(samples: Samples) -> dict[str, np.ndarray]:
    """Ascending sample indices per split, in the order train, val, test, all."""
    present = [name for name in ("train", "val", "test", "all") if (samples.splits == name).any()]
    return {name: np.flatnonzero(samples.splits == name) for name in present}


def take_shard(indices: dict[str, np.ndarray], shard: int, shards: int) -> dict[str, np.ndarray]:
    """Select one of ``shards`` contiguous parts of nearly equal size from the concatenated splits."""
    total = sum(map(len, indices.values()))
    first, last = total * shard // shards, total * (shard + 1) // shards
    parts, start = {}, 0
    for name, values in indices.items():
        parts[name] = values[max(first - start, 0) : max(last - start, 0)]
        start += len(values)
    return parts


def extract(
    backbone: torch.nn.Module,
    pictures: Pictures,
    indices: list[int],
    *,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    batch_size: int,
    device: str,
    workers: int,
) -> Iterator[np.ndarray]:
    """Yield batches of pooled features, float32 [B, D], in the order of ``indices``.

    On a GPU the network runs in channels-last layout with mixed precision (float16), and copying a batch
    overlaps with computing the previous one.

    Raises:
        InputError: an image cannot be decoded; the message names every such image of the dataset.
    """
    on_gpu = device == "cuda"
    loader = DataLoader(
        Subset(pictures, indices),
        batch_size=batch_size,
        num_workers=workers,
        pin_memory=on_gpu,
        collate_fn=_stack,
    )
    backbone = backbone.to(device, memory_format=torch.channels_last).eval()
    done, started = 0, time.monotonic()
    reported = started
    with torch.inference_mode(), torch.autocast(device, dtype=torch.float16, enabled=on_gpu):
        for batch in loader:
            if isinstance(batch, InputError):
                every = range(len(pictures))
                raise refused(pictures.samples.read, every, threads=max(1, workers)) or batch
            batch = normalise(batch.to(device, non_blocking=True), mean, std)
            features = backbone(batch.contiguous(memory_format=torch.channels_last))
            yield features.float().cpu().numpy()
            done += len(batch)
            now = time.monotonic()
            if now - reported > SECONDS_BETWEEN_REPORTS or done == len(indices):
                rate = done / (now - started)
                left = (len(indices) - done) / rate
                logging.info("%d of %d images, %.0f a second, %.0f s left", done, len(indices), rate, left)
                reported = now
