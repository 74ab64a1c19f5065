"""PyTorch checkpoints (``torch.save``), read without executing their code."""

import argparse
import pickle
import re
import struct
from pathlib import Path

import torch

from transferscope.errors import InputError

# Further exceptions of torch.load, depending on where a file is truncated.
_READ_ERRORS = (RuntimeError, OSError, EOFError, ValueError, KeyError, IndexError, struct.error)


def read(path: str | Path) -> object:
    """Read a checkpoint with its tensors on the CPU.

    Allowed are tensors, plain containers and ``argparse.Namespace``, in which authors store their options.

    Raises:
        InputError: the file is truncated, not a checkpoint, or refers to any other object.
    """
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        refused = re.search(r"GLOBAL ([\w.]+)", str(error))
        if refused:
            raise InputError(
                f"{path} asks for {refused[1]}, which could run code and was refused; "
                "re-save its state_dict alone with torch.save on a machine where you trust the file"
            ) from error
        raise InputError(_damaged(path)) from error
    except _READ_ERRORS as error:
        raise InputError(_damaged(path)) from error


def _damaged(path: str | Path) -> str:
    return f"{path} is truncated or no PyTorch checkpoint; remove it and download it again"
