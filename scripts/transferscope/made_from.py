"""What a file was made from, said in the file itself: the params of its rule, and the same of its inputs.

``made_from`` is a dict: ``params``, by name, and ``inputs``, for each input of the job, in their order, the
digest of its ``made_from``, or None where it says nothing (what was downloaded or obtained by hand). As that
of an input has those of its own inputs in it, a file is tied to all that it goes back to, by no path.

It stands in a JSON file, as text in the attributes of an HDF5 file and the metadata of a safetensors file,
and in a hidden file in a folder; no other file has it. The controller reads it where Snakemake has no record.
"""

import functools
import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from transferscope import files
from transferscope.redaction import redacted

NAME = "made_from"
DIGEST = "sha256"
"""The entry of a JSON file that is the digest of all else in it."""
IN_FOLDER = f".{NAME}.json"


def describe(params: dict, inputs: Iterable[str | Path]) -> dict:
    """The ``made_from`` of a job's outputs."""
    return {"params": _plain(params), "inputs": [_digest_of(path) for path in inputs]}


def digest(content: object) -> str:
    """SHA-256 of anything that JSON can hold; the order of keys makes no difference."""
    text = json.dumps(_plain(content), sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def read(path: str | Path) -> dict | None:
    """The ``made_from`` of a file or folder; None where it has none, or cannot be read."""
    try:
        return _read(Path(path), Path(path).stat().st_mtime_ns)
    except OSError:
        return None


def write(path: str | Path, made_from: dict) -> None:
    """Write ``made_from`` into a file or folder that is whole; any that can have none is left as it is."""
    path = Path(path)
    if path.is_dir():
        files.write_json(path / IN_FOLDER, {NAME: made_from})
    elif path.suffix == ".json":
        content = json.loads(path.read_text(encoding="utf-8")) | {NAME: made_from}
        files.write_json(path, content | {DIGEST: digest(content)})
    elif path.suffix == ".h5":
        from transferscope import hdf5  # the controller only reads, and only where it has to

        hdf5.set_attribute(path, NAME, json.dumps(made_from))


def differences(then: object, now: object, name: str = "") -> Iterator[tuple[str, object, object]]:
    """Where two nested dicts differ: the names of what does, with dots, and both values."""
    if isinstance(then, dict) and isinstance(now, dict):
        for key in then | now:
            below = f"{name}.{key}" if name else key
            yield from differences(then.get(key, "nothing"), now.get(key, "nothing"), below)
    elif then != now:
        yield name, then, now


def changes(
    outputs: Iterable[str | Path], params: dict, inputs: Iterable[str | Path]
) -> list[tuple[str, object, object]] | None:
    """What a job's outputs say they were made from, where it is not what the job would make them from.

    Returns:
        ``differences`` of the params and, by their paths, inputs that are others; None where no output says
        what it was made from. An input that does not say it, now or then, is taken for the same.
    """
    described = [made_from for made_from in map(read, outputs) if made_from]
    if not described:
        return None
    inputs = [str(path) for path in inputs]
    now = _plain(params)
    found = {}
    for made_from in described:
        for name, before, after in differences(made_from["params"], now):
            found[name] = name, before, after
        if len(made_from["inputs"]) != len(inputs):
            found["inputs"] = "inputs", len(made_from["inputs"]), len(inputs)
            continue
        for path, before in zip(inputs, made_from["inputs"], strict=True):
            after = _digest_of(path)
            if before and after and before != after:
                found[path] = path, before[:8], after[:8]
    return list(found.values())


def _digest_of(path: str | Path) -> str | None:
    made_from = read(path)
    return made_from and digest(made_from)


def _plain(value: object) -> object:
    """As JSON gives it back, and without the secrets of addresses."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, str) and "://" in value:
        return redacted(value)
    return value


@functools.cache
def _read(path: Path, _changed: int) -> dict | None:
    try:
        if path.is_dir():
            return _of_json(path / IN_FOLDER)
        if path.suffix == ".json":
            return _of_json(path)
        if path.suffix == ".safetensors":
            return _of_safetensors(path)
        if path.suffix == ".h5":
            return _of_hdf5(path)
    except (OSError, ValueError, LookupError, TypeError):  # damaged, which is for its reader to say
        pass
    return None


def _of_json(path: Path) -> dict | None:
    content = json.loads(path.read_text(encoding="utf-8"))
    return content.get(NAME) if isinstance(content, dict) else None


def _of_safetensors(path: Path) -> dict | None:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(min(length, path.stat().st_size)))
    text = header["__metadata__"].get(NAME)
    return text and json.loads(text)


def _of_hdf5(path: Path) -> dict | None:
    import h5py  # the controller only reads, and only where it has to

    with h5py.File(path) as file:
        text = file.attrs.get(NAME)
    return text and json.loads(text)
