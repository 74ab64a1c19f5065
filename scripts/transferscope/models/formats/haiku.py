"""BYOL checkpoints: pickles of Haiku parameters as NumPy arrays, read without executing their code.

Layout: https://github.com/google-deepmind/deepmind-research/tree/master/byol (byol_experiment.py and
utils/checkpointing.py).
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from transferscope import restricted_pickle
from transferscope.errors import InputError

# Field positions in BYOL's named tuple _ByolExperimentState.
ONLINE_PARAMS, ONLINE_STATE = 0, 2


class _Record(tuple):
    """Replaces the named tuples of BYOL and its optimiser by plain tuples."""

    def __new__(cls, *values):
        return super().__new__(cls, values)


def _mapping(*items) -> dict:
    """Replaces Haiku's immutable mappings, which are pickled as their class and a dict."""
    return dict(*items)


_STAND_INS = {"byol": _Record, "optax": _Record, "haiku": _mapping}


def read(path: str | Path) -> dict[str, Tensor]:
    """Read the online network's parameters and moving averages, named ``module/parameter``.

    Raises:
        InputError: the file is truncated, has another layout, or refers to objects other than NumPy arrays
            and plain containers.
    """
    with Path(path).open("rb") as file:
        content = restricted_pickle.load(file, path, stand_ins=_STAND_INS)
    try:
        state = content["experiment_state"]
        modules = [*state[ONLINE_PARAMS].items(), *state[ONLINE_STATE].items()]
        return {
            f"{module}/{name}": _tensor(value) for module, values in modules for name, value in values.items()
        }
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise InputError(
            f"{path} does not have BYOL's layout (experiment_state with online_params and online_state); "
            "check the format of this model"
        ) from error


def _tensor(value: np.ndarray | np.generic) -> Tensor:
    if not isinstance(value, np.ndarray | np.generic):
        raise TypeError(f"a {type(value).__name__} and no array")
    value = np.array(value)
    return torch.from_numpy(value.astype(value.dtype.newbyteorder("=")))
