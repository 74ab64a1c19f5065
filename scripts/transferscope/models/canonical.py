"""The canonical form of weights: a safetensors file whose bytes follow from its content.

Its metadata are sorted, and have a digest of all else in the file: a disk's damage must not read as weights.
"""

import hashlib
import json
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from transferscope.errors import InputError
from transferscope.files import atomic_path

DIGEST = "sha256"
"""The entry of the metadata that is the digest."""
REMEDY = "remove it and run prepare_backbone or initialise_backbone again"


def write(path: str | Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a file atomically; equal content gives equal bytes."""
    content = safetensors.torch.save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, metadata
    )
    _write(path, *_parts(content))


def set_metadata(path: str | Path, name: str, text: str) -> None:
    """Set an entry in the metadata of a whole file, atomically."""
    header, data = _parts(Path(path).read_bytes())
    header["__metadata__"][name] = text
    _write(path, header, data)


def read(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read tensors and metadata; a file from before there were digests is not checked.

    Raises:
        InputError: truncated, damaged, or no safetensors file.
    """
    try:
        content = Path(path).read_bytes()
        tensors = safetensors.torch.load(content)
        header, data = _parts(content)
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise InputError(f"{path} is not a whole safetensors file ({error}); {REMEDY}") from error
    metadata = header.get("__metadata__", {})
    if DIGEST in metadata and metadata[DIGEST] != _digest(header, data):
        raise InputError(f"{path} is damaged: its content is not what was written; {REMEDY}")
    return tensors, metadata


def _write(path: str | Path, header: dict, data: memoryview) -> None:
    header["__metadata__"][DIGEST] = _digest(header, data)
    # safetensors writes metadata in hash map order, which differs between runs.
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.write(data)


def _parts(content: bytes) -> tuple[dict, memoryview]:
    """Header and data of a safetensors file."""
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), memoryview(content)[end:]


def _digest(header: dict, data: memoryview) -> str:
    """SHA-256 of all that is in a file beside it."""
    metadata = {name: text for name, text in header["__metadata__"].items() if name != DIGEST}
    digest = hashlib.sha256(json.dumps(header | {"__metadata__": metadata}, sort_keys=True).encode())
    digest.update(data)
    return digest.hexdigest()
