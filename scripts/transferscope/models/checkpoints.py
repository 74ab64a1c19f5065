"""From any authors' checkpoint to the canonical backbone file: no tensor missing, none left over."""

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from transferscope.errors import InputError
from transferscope.files import sha256
from transferscope.models import backbones
from transferscope.models.formats import haiku, pytorch, safetensors, tensorflow
from transferscope.models.matching import MATCHES

FORMATS = {
    "pytorch": pytorch.read,
    "safetensors": safetensors.read,
    "tensorflow": tensorflow.read,
    "haiku": haiku.read,
}
KEYS_IN_A_SENTENCE = 5


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
    """Write a canonical backbone file (see ``backbones.save``) from an authors' file.

    Args:
        checkpoint: the authors' file.
        output: the safetensors file to write; the same inputs give the same bytes.
        model: id of the models table, for metadata and errors.
        arch: as ``backbones.create`` takes it.
        format: a key of ``FORMATS``.
        container: keys of the file's top level separated by blanks, the first present of which holds the
            tensors; empty where the file itself does.
        prefix: what the backbone's names start with; other tensors are left out, and the prefix too.
        drop: starts of names to leave out after that (heads), separated by blanks.
        match: how names become timm's; a key of ``matching.MATCHES``.
        normalisation: a key of ``backbones.NORMALISATIONS``.
        source: where the file comes from, for the metadata.

    Raises:
        InputError: names the model, and the file or up to five keys.
    """
    try:
        mean, std = backbones.normalisation(normalisation)
        expected = backbones.weights(backbones.create(arch))
        tensors = _open(read(checkpoint, format), container)
        tensors = _strip(tensors, prefix, drop)
        tensors = _choose(MATCHES, match, "match")(tensors, expected)
        tensors = _check(tensors, expected, arch)
    except InputError as error:
        raise InputError(f"{model}: {error}") from error
    metadata = backbones.Metadata(
        model=model,
        arch=arch,
        source=source,
        source_sha256=sha256(checkpoint),
        mean=mean,
        std=std,
        versions=backbones.library_versions(),
    )
    backbones.save(output, tensors, metadata)


def read(path: str | Path, format: str) -> object:
    """The content of an authors' file: names to tensors, or containers of such.

    Raises:
        InputError: the format is unknown, or the file is absent, a web page, damaged or hostile.
    """
    reader = _choose(FORMATS, format, "format")
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no file {path}; check the source of this model")
    with path.open("rb") as file:
        start = file.read(512).lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise InputError(f"{path} is a web page, not a checkpoint; remove it and check this model's source")
    return reader(path)


def _choose(table: dict, key: str, column: str):
    if key not in table:
        raise InputError(f"unknown {column} {key!r}; choose one of {', '.join(table)}")
    return table[key]


def _open(content: object, container: str) -> dict[str, Tensor]:
    if not isinstance(content, dict):
        raise InputError(f"the file holds a {type(content).__name__} and not tensors by name")
    if container:
        found = [key for key in container.split() if key in content]
        if not found:
            raise InputError(
                f"the file has no {' or '.join(container.split())} at its top level but {_some(content)}; "
                "correct the container"
            )
        content = content[found[0]]
    tensors = content if isinstance(content, dict) else {}
    tensors = {name: tensor for name, tensor in tensors.items() if isinstance(tensor, Tensor)}
    if not tensors:
        inside = f"{found[0]!r}" if container else "the file's top level"
        has = f"but {_some(content)}" if isinstance(content, dict) and content else "at all"
        raise InputError(f"{inside} has no tensors {has}; correct the container")
    return tensors


def _strip(tensors: dict[str, Tensor], prefix: str, drop: str) -> dict[str, Tensor]:
    inside = {
        name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)
    }
    if not inside:
        raise InputError(f"no tensor starts with {prefix!r}, they are {_some(tensors)}; correct the prefix")
    heads = tuple(drop.split())
    return {
        name: tensor
        for name, tensor in inside.items()
        if not name.startswith(heads) and not name.endswith("num_batches_tracked")
    }


def _check(tensors: dict[str, Tensor], expected: dict[str, Tensor], arch: str) -> dict[str, Tensor]:
    remedy = "check arch, prefix, drop and match"
    missing = [name for name in expected if name not in tensors]
    if missing:
        raise InputError(f"tensors of {arch} are missing: {_some(missing)}; {remedy}")
    extra = [name for name in tensors if name not in expected]
    if extra:
        raise InputError(f"tensors are left over that {arch} has not: {_some(extra)}; {remedy}")
    misshapen = [
        f"{name} is {list(tensors[name].shape)} and should be {list(expected[name].shape)}"
        for name in expected
        if tensors[name].shape != expected[name].shape
    ]
    if misshapen:
        raise InputError(f"tensors have other shapes than in {arch}: {_some(misshapen)}; {remedy}")
    tensors = {name: tensors[name].to(torch.float32).contiguous() for name in expected}
    broken = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if broken:
        raise InputError(f"tensors have values that are not finite: {_some(broken)}; download the file again")
    return tensors


def _some(keys: Iterable) -> str:
    keys = [str(key) for key in keys]
    more = f" and {len(keys) - KEYS_IN_A_SENTENCE} more" if len(keys) > KEYS_IN_A_SENTENCE else ""
    return ", ".join(keys[:KEYS_IN_A_SENTENCE]) + more
