"""Safetensors files."""

from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from transferscope.errors import InputError


def read(path: str | Path) -> dict[str, Tensor]:
    """Read all tensors by name, sorted by name.

    Raises:
        InputError: the file is truncated or has another format.
    """
    try:
        return safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise InputError(
            f"{path} is truncated or no safetensors file; remove it and download it again"
        ) from error
