"""Convert authors' checkpoints to canonical backbone files; missing and unexpected tensors are errors."""

import math
import re
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from transferscope.errors import InputError
from transferscope.files import sha256
from transferscope.models import backbones
from transferscope.models.formats import haiku, pytorch, recognition, safetensors, tensorflow
from transferscope.models.matching import MATCHES
from transferscope.redaction import redacted

FORMATS = {
    "pytorch": pytorch.read,
    "safetensors": safetensors.read,
    "tensorflow": tensorflow.read,
    "haiku": haiku.read,
}
MAX_KEYS_IN_MESSAGE = 5


def convert(
    checkpoint: str | Path,
    output: str | Path,
    *,
    model: str,
    arch: str,
    format: str,
    container: str,
    prefix: str,
    drop: str,
    match: str,
    normalisation: str,
    source: str,
) -> None:
    """Convert an authors' checkpoint to a canonical backbone file (see ``backbones.save``).

    Args:
        checkpoint: the authors' file.
        output: the safetensors file to write; equal inputs give equal bytes.
        model: id in the models table, for metadata and error messages.
        arch: architecture, see ``backbones.create``.
        format: a key of ``FORMATS``.
        container: space-separated paths of keys (``classy_state_dict.base_model.model.trunk``); the first one
            present holds the tensors. Empty if the tensors are at the top level.
        prefix: name prefix of the backbone's tensors; it is removed, and other tensors are ignored.
        drop: space-separated prefixes of further tensors to ignore (heads), after removing ``prefix``.
        match: how to map names to timm's; a key of ``matching.MATCHES``.
        normalisation: a key of ``backbones.NORMALISATIONS``.
        source: origin of the file, for the metadata.

    Raises:
        InputError: invalid settings or checkpoint; the message names the model, and the file or up to five
            keys.
    """
    try:
        mean, std = backbones.normalisation(normalisation)
        module = backbones.create(arch)
        expected = backbones.weights(module)
        tensors = _tensors_by_name(read(checkpoint, format), container)
        tensors = _select(tensors, prefix, drop)
        tensors = _lookup(MATCHES, match, "match")(tensors, expected)
        _check_size(tensors, expected, arch, backbones.patch_size(module))
        tensors = _check(tensors, expected, arch)
    except InputError as error:
        raise InputError(f"{model}: {error}") from error
    metadata = backbones.Metadata(
        model=model,
        arch=arch,
        source=redacted(source),
        source_sha256=sha256(checkpoint),
        mean=mean,
        std=std,
        versions=backbones.library_versions(),
    )
    backbones.save(output, tensors, metadata)


def read(path: str | Path, format: str) -> object:
    """Read an authors' file: a dict of tensors by name, or nested containers of tensors.

    Raises:
        InputError: unknown format, or the file is missing, something else, damaged or unsafe to unpickle.
    """
    reader = _lookup(FORMATS, format, "format")
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no file {path}; check the source of this model")
    recognition.check(path, format)
    return reader(path)


def _lookup(table: dict, key: str, column: str):
    if key not in table:
        raise InputError(f"unknown {column} {key!r}; choose one of {', '.join(table)}")
    return table[key]


def _tensors_by_name(content: object, container: str) -> dict[str, Tensor]:
    if not isinstance(content, dict):
        raise InputError(f"the file holds a {type(content).__name__} and not tensors by name")
    inside = "the file's top level"
    if container:
        paths = container.split()
        found = [path for path in paths if _at(content, path) is not None]
        if not found:
            raise InputError(
                f"the file has no {' or '.join(paths)} at its top level but {_summary(content)}; "
                "correct the container"
            )
        content, inside = _at(content, found[0]), repr(found[0])
    tensors = content if isinstance(content, dict) else {}
    tensors = {name: tensor for name, tensor in tensors.items() if isinstance(tensor, Tensor)}
    if not tensors:
        has = f"but {_summary(content)}" if isinstance(content, dict) and content else "at all"
        raise InputError(f"{inside} has no tensors {has}; correct the container")
    return tensors


def _at(content: dict, path: str) -> object:
    """What is under a path of keys, or None. A key may have dots itself, at the top level."""
    if path in content:
        return content[path]
    for key in path.split("."):
        content = content.get(key) if isinstance(content, dict) else None
    return content


def _select(tensors: dict[str, Tensor], prefix: str, drop: str) -> dict[str, Tensor]:
    inside = {
        name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)
    }
    if not inside:
        raise InputError(
            f"no tensor starts with {prefix!r}, they are {_summary(tensors)}; correct the prefix"
        )
    heads = tuple(drop.split())
    return {
        name: tensor
        for name, tensor in inside.items()
        if not name.startswith(heads) and not name.endswith("num_batches_tracked")
    }


def _check_size(tensors: dict[str, Tensor], expected: dict[str, Tensor], arch: str, patch: int) -> None:
    """Tell of a position embedding for pictures of another size: the architecture has an argument for it."""
    given, wanted = tensors.get("pos_embed"), expected.get("pos_embed")
    if given is None or wanted is None or given.ndim != 3 or given.shape[2] != wanted.shape[2]:
        return
    tokens = wanted.shape[1] - math.isqrt(wanted.shape[1]) ** 2  # before those of the patches
    side = math.isqrt(max(given.shape[1] - tokens, 0))
    if given.shape[1] != wanted.shape[1] and side and side**2 + tokens == given.shape[1]:
        plain = re.sub(r"([?&])img_size=\d+&?", r"\1", arch).rstrip("?&")
        raise InputError(
            f"its position embedding is of {side} x {side} patches, and {arch} has another number; write "
            f"{plain}{'&' if '?' in plain else '?'}img_size={side * patch} as the arch"
        )


def _check(tensors: dict[str, Tensor], expected: dict[str, Tensor], arch: str) -> dict[str, Tensor]:
    remedy = "check arch, prefix, drop and match"
    missing = [name for name in expected if name not in tensors]
    if missing:
        raise InputError(f"tensors of {arch} are missing: {_summary(missing)}; {remedy}")
    extra = [name for name in tensors if name not in expected]
    if extra:
        raise InputError(f"tensors are left over that {arch} does not have: {_summary(extra)}; {remedy}")
    misshapen = [
        f"{name} is {list(tensors[name].shape)} and should be {list(expected[name].shape)}"
        for name in expected
        if tensors[name].shape != expected[name].shape
    ]
    if misshapen:
        raise InputError(f"tensors have other shapes than in {arch}: {_summary(misshapen)}; {remedy}")
    tensors = {name: tensors[name].to(torch.float32).contiguous() for name in expected}
    broken = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if broken:
        raise InputError(
            f"tensors have values that are not finite: {_summary(broken)}; download the file again"
        )
    return tensors


def _summary(keys: Iterable) -> str:
    keys = [str(key) for key in keys]
    more = f" and {len(keys) - MAX_KEYS_IN_MESSAGE} more" if len(keys) > MAX_KEYS_IN_MESSAGE else ""
    return ", ".join(keys[:MAX_KEYS_IN_MESSAGE]) + more
