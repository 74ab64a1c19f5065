"""BYOL's checkpoints: a pickle of Haiku parameters as NumPy arrays, read without running what it contains.

Layout: https://github.com/google-deepmind/deepmind-research/tree/master/byol (byol_experiment.py and
utils/checkpointing.py).
"""

import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from transferscope.errors import InputError

# The positions of the fields of BYOL's named tuple _ByolExperimentState that are read.
ONLINE_PARAMS, ONLINE_STATE = 0, 2


class _Record(tuple):
    """Stands in for a named tuple of BYOL or its optimiser: the values, and nothing else."""

    def __new__(cls, *values):
        return super().__new__(cls, values)


def _mapping(*items) -> dict:
    """Stands in for Haiku's immutable mappings, which pickle as their class and a dict."""
    return dict(*items)


def _latin1(text: str, encoding: str) -> bytes:
    """Stands in for ``codecs.encode``, by which pickle's protocol 2 stores bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes in the encoding {encoding!r}")
    return text.encode("latin1")


# NumPy's own two functions here only build arrays and scalars from the bytes that follow.
_ADMITTED = {
    ("_codecs", "encode"): _latin1,
    ("collections", "OrderedDict"): OrderedDict,
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): np.ndarray,
} | {
    (f"numpy.{core}.multiarray", name): getattr(np._core.multiarray, name)
    for core in ("core", "_core")
    for name in ("_reconstruct", "scalar")
}
_STAND_INS = {"byol": _Record, "optax": _Record, "haiku": _mapping}


class _RestrictedUnpickler(pickle.Unpickler):
    refused = ""

    def find_class(self, module: str, name: str):
        # Nothing is imported: every name is either in these tables or refused.
        found = _ADMITTED.get((module, name)) or _STAND_INS.get(module.partition(".")[0])
        if found is None:
            self.refused = f"{module}.{name}"
            raise pickle.UnpicklingError(self.refused)
        return found


def read(path: str | Path) -> dict[str, Tensor]:
    """The online network's parameters and moving averages, named ``module/parameter`` as Haiku has them.

    Raises:
        InputError: the file is truncated or of another layout, or asks for any object but NumPy arrays and
            plain containers (names it).
    """
    with Path(path).open("rb") as file:
        unpickler = _RestrictedUnpickler(file)
        try:
            content = unpickler.load()
        except Exception as error:  # a damaged pickle can fail in any way
            if unpickler.refused:
                raise InputError(
                    f"{path} asks for {unpickler.refused}, which could run code and was refused; "
                    "only NumPy arrays and plain containers are admitted"
                ) from error
            raise InputError(f"{path} is truncated or no pickle; remove it and download it again") from error
    try:
        state = content["experiment_state"]
        modules = [*state[ONLINE_PARAMS].items(), *state[ONLINE_STATE].items()]
        return {
            f"{module}/{name}": torch.from_numpy(np.array(value))
            for module, values in modules
            for name, value in values.items()
        }
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} has not BYOL's layout (experiment_state with online_params and online_state); "
            "check the format of this model"
        ) from error
