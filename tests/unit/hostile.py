"""Pickles that no honest writer makes, with any name in them and without what it names."""

import io
import pickle
import sys
from pathlib import Path

import torch


class Name:
    """``module.name``, which need not exist."""

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name

    def __call__(self):
        raise AssertionError("only for pickle, which asks whether it is callable")


class Made:
    """What a call of ``name`` returns, with a state thereafter."""

    def __init__(self, name: Name, *args: object, state: object = None):
        self.reduced = (name, args) if state is None else (name, args, state)

    def __reduce__(self):
        return self.reduced


class Pickler(pickle._Pickler):
    def save(self, obj: object, save_persistent_id: bool = True) -> None:
        if isinstance(obj, Name):
            self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        else:
            super().save(obj, save_persistent_id)


def dumps(content: object, protocol: int = 2) -> bytes:
    file = io.BytesIO()
    Pickler(file, protocol).dump(content)
    return file.getvalue()


def save(content: object, path: Path) -> None:
    """As ``torch.save`` does."""
    torch.save(content, path, pickle_module=sys.modules[__name__])


NDARRAY = Name("numpy", "ndarray")


def dtype(code: object, *state: object) -> Made:
    """NumPy's type of this code, with a state if there is one."""
    return Made(Name("numpy", "dtype"), code, False, True, state=state or None)


def array(kind: object, shape: object, raw: object) -> Made:
    """An array in NumPy's form."""
    empty = Name("numpy.core.multiarray", "_reconstruct")
    return Made(empty, NDARRAY, (0,), b"b", state=(1, shape, kind, False, raw))


OBJECTS = dtype("O8", 3, "|", None, None, None, -1, -1, 63)
FLOATS = dtype("f4", 3, "<", None, None, None, -1, -1, 0)
POINTER = (1 << 40).to_bytes(8, "little")


def scalar(kind: object, raw: object) -> Made:
    return Made(Name("numpy.core.multiarray", "scalar"), kind, raw)
