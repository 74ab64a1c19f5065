"""Extract features with a frozen backbone, in order and in bounded memory."""

import logging
import platform
import time
from collections.abc import Iterator

import numpy as np
import timm
import torch
from PIL import Image
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
            return self.show(self.samples.read(index))
        except InputError as error:
            return error

    def show(self, image: Image.Image) -> torch.Tensor:
        """What the network sees of a picture."""
        return to_uint8(resize_and_crop(image, self.resolution, **self.how))


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
    """Yield batches of what the network gives, float32 [B, D], in the order of ``indices``.

    Where a picture is shown by several crops, uint8 [crops, 3, R, R], each has a row. On a GPU the network
    runs in channels-last layout with mixed precision (float16), and copying a batch overlaps with computing
    the previous one.

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
            done += len(batch)
            batch = normalise(batch.to(device, non_blocking=True), mean, std).flatten(0, -4)
            features = backbone(batch.contiguous(memory_format=torch.channels_last))
            yield features.float().cpu().numpy()
            now = time.monotonic()
            if now - reported > SECONDS_BETWEEN_REPORTS or done == len(indices):
                rate = done / (now - started)
                left = (len(indices) - done) / rate
                logging.info("%d of %d pictures, %.0f a second, %.0f s left", done, len(indices), rate, left)
                reported = now


def description(
    facts: dict, *, resolution: int, input: dict, mean: tuple[float, ...], std: tuple[float, ...]
) -> dict:
    """Attributes of a feature file that say of which dataset it is, and how pictures were shown.

    Args:
        facts: of the dataset, as for ``load_dataset``.
        input: of ``input_of``.
    """
    return {
        "dataset": facts["dataset"],
        "dataset_contents": facts.get("contents", ""),
        "transform": {
            "resize": "shorter side, bicubic",
            "crop": "centre",
            "resolution": resolution,
            **input,
            "mean": list(mean),
            "std": list(std),
        },
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "timm": timm.__version__,
        },
    }
