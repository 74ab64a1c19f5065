"""What a file is by its content: a checkpoint's name and row may say something else."""

import tarfile
import zipfile
from pathlib import Path

from transferscope.errors import InputError
from transferscope.files import placeholder

SIGNATURES = {
    b"\x89HDF\r\n\x1a\n": "hdf5",
    b"\x1f\x8b": "compressed",
    b"BZh": "compressed",
    b"\xfd7zXZ\0": "compressed",
    b"\x93NUMPY": "numpy",
    b"GGUF": "gguf",
}

KINDS = {
    "pytorch": ("a PyTorch checkpoint", "write pytorch as its format"),
    "safetensors": ("a safetensors file", "write safetensors as its format"),
    "tensorflow": ("a zip archive of a TensorFlow checkpoint", "write tensorflow as its format"),
    "torchscript": (
        "TorchScript, which is code and is not loaded",
        "save its state_dict() with torch.save on a machine where you trust it",
    ),
    "numpy": ("an archive of NumPy's", "convert it to safetensors"),
    "hdf5": ("an HDF5 file, perhaps of Keras", "convert it to safetensors"),
    "gguf": ("a GGUF file", "convert it to safetensors"),
    "zip": ("a zip archive", "unpack it, and name the checkpoint inside as the source"),
    "tar": ("a tar archive", "unpack it, and name the checkpoint inside as the source"),
    "compressed": ("compressed", "decompress it, and name the checkpoint inside as the source"),
}
"""Kind -> what it is, and what to do where another format is expected."""

ADMITTED = {
    "pytorch": {"pytorch"},
    "safetensors": {"safetensors"},
    "tensorflow": {"tensorflow", "zip"},  # its reader says which files the archive lacks
    "haiku": set(),
}


def check(path: Path, format: str) -> None:
    """Refuse a file that is known to be something else than ``format``; its reader tells of a damaged one.

    Raises:
        InputError: says what the file is and what to do.
    """
    found = placeholder(path)
    if found:
        raise InputError(f"{path} is {found}, not a checkpoint; remove it and check this model's source")
    kind = _kind(path)
    if kind and kind not in ADMITTED[format]:
        what, remedy = KINDS[kind]
        raise InputError(f"{path} is {what}, and the row's format is {format}; {remedy}")


def _kind(path: Path) -> str | None:
    """A key of ``KINDS``, or None: a pickle may be of several formats."""
    with path.open("rb") as file:
        head = file.read(16)
    for signature, kind in SIGNATURES.items():
        if head.startswith(signature):
            return kind
    if zipfile.is_zipfile(path):
        return _kind_of_zip(path)
    # A safetensors file begins with the length of its header, which is JSON.
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size:
        return "safetensors"
    return "tar" if tarfile.is_tarfile(path) else None


def _kind_of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return "zip"
    if any(name.endswith("constants.pkl") for name in names):
        return "torchscript"
    if any(name.endswith("data.pkl") for name in names):
        return "pytorch"
    if any(name.endswith(".index") for name in names):
        return "tensorflow"
    return "numpy" if all(name.endswith(".npy") for name in names) and names else "zip"
