"""Files of ``torch.save``, read without running anything that they contain."""

import argparse
import pickle
import re
import struct
from pathlib import Path

import torch

from transferscope.errors import InputError

# What torch.load raises besides, depending on where the file ends.
_DAMAGE = (RuntimeError, OSError, EOFError, ValueError, KeyError, IndexError, struct.error)


def read(path: str | Path) -> object:
    """What was saved, with its tensors on the CPU.

    Admitted are tensors, plain containers and ``argparse.Namespace``, in which authors keep their options
    beside the weights.

    Raises:
        InputError: the file is truncated or no checkpoint, or asks for any other object (names it).
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
    except _DAMAGE as error:
        raise InputError(_damaged(path)) from error


def _damaged(path: str | Path) -> str:
    return f"{path} is truncated or no PyTorch checkpoint; remove it and download it again"
