"""PyTorch checkpoints (``torch.save``), read without executing their code."""

import re
from pathlib import Path

import torch

from transferscope.errors import InputError


class _Dropped:
    """Stands in for an object that no weight depends on; what it would be made from is dropped."""

    def __init__(self, *_: object):
        pass

    def __setstate__(self, state: object) -> None:
        pass


class _Mapping:
    """Stands in for a kind of dict; what it holds is kept."""

    def __new__(cls, *_: object) -> dict:
        return {}


# What trainers store beside the weights: modules -> names in each. Options, paths, counts and random states
# as NumPy's scalars and arrays; NumPy's own functions stay out, since the state of a dtype may call raw bytes
# pointers.
_DROPPED = {
    "argparse": "Namespace",
    "builtins": "bool bytes dict float int list str tuple",
    "datetime": "datetime timedelta",
    "numpy": "dtype ndarray",
    "numpy.core.multiarray numpy._core.multiarray": "_reconstruct scalar",
    "numpy.core.numeric numpy._core.numeric": "_frombuffer",
    "omegaconf.base": "ContainerMetadata Metadata",
    "omegaconf.dictconfig": "DictConfig",
    "omegaconf.listconfig": "ListConfig",
    "omegaconf.nodes": "AnyNode BooleanNode EnumNode FloatNode IntegerNode StringNode",
    "pathlib pathlib._local": "PosixPath PurePosixPath PureWindowsPath WindowsPath",
    "pytorch_lightning.callbacks.early_stopping lightning.pytorch.callbacks.early_stopping": "EarlyStopping",
    "pytorch_lightning.callbacks.model_checkpoint lightning.pytorch.callbacks.model_checkpoint": (
        "ModelCheckpoint"
    ),
    "types": "SimpleNamespace",
    "typing": "Any",
}
_MAPPINGS = {
    "collections": "defaultdict",
    "lightning.fabric.utilities.data lightning_fabric.utilities.data": "AttributeDict",
    "lightning.pytorch.utilities.parsing pytorch_lightning.utilities.parsing": "AttributeDict",
}
_STAND_INS = [
    (stand_in, f"{module}.{name}")
    for stand_in, table in ((_Dropped, _DROPPED), (_Mapping, _MAPPINGS))
    for modules, names in table.items()
    for module in modules.split()
    for name in names.split()
]


def read(path: str | Path) -> object:
    """Read a checkpoint with its tensors on the CPU.

    Allowed are tensors, plain containers and what trainers store beside them, which becomes inert.

    Raises:
        InputError: the file is truncated, not a checkpoint, or refers to any other object.
    """
    try:
        with torch.serialization.safe_globals(_STAND_INS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can fail in any way
        refused = re.search(r"GLOBAL ([\w.]+)", str(error))
        if refused:
            raise InputError(
                f"{path} asks for {refused[1]}, which could run code and was refused; "
                "re-save its state_dict alone with torch.save on a machine where you trust the file"
            ) from error
        raise InputError(
            f"{path} is truncated or no PyTorch checkpoint; remove it and download it again"
        ) from error
