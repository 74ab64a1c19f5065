"""Read and write feature files in bounded memory.

One HDF5 file per backbone and dataset, with one group per split (``train``, ``val``, ``test``, or ``all``):
``features`` float32 [N, D], ``labels`` int64 [N] or uint8 [N, C], ``ids`` UTF-8 [N], and ``checks`` uint32
[N], by which damage of the three is noticed on reading. File attributes: model, dataset, checkpoint,
transform and library versions.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from transferscope import hdf5
from transferscope.errors import InputError

VERSION = 2
WITHOUT_CHECKS = 1
"""The version before there were checks, whose files are still read."""
ROWS_PER_CHUNK = 256


@dataclass(frozen=True)
class Split:
    """Features float32 [N, D], labels int64 [N] or uint8 [N, C], and sample ids [N]."""

    features: np.ndarray
    labels: np.ndarray
    ids: np.ndarray


def write(
    path: str | Path,
    batches: Iterable[np.ndarray],
    splits: dict[str, tuple[np.ndarray, list[str]]],
    attributes: dict,
) -> None:
    """Stream features into a new file, with one batch in memory at a time.

    Args:
        path: the file to write; not atomic, so the caller passes a temporary path.
        batches: float32 [B, D] each, in the order of the splits' samples; a batch may span two splits.
        splits: split -> (labels, ids), in order.
        attributes: file attributes; dicts are stored as JSON.

    Raises:
        InputError: a feature is not finite; the message names the sample.
    """
    with hdf5.writing(path) as file:
        file.attrs["version"] = VERSION
        for key, value in attributes.items():
            file.attrs[key] = json.dumps(value) if isinstance(value, dict) else value
        rows = Rows(batches)
        for name, (labels, ids) in splits.items():
            group = file.create_group(name)
            group.attrs["split"] = name
            group["labels"] = labels
            group["ids"] = stored_ids = hdf5.texts(ids)
            checks = group.create_dataset("checks", shape=len(ids), dtype="u4")
            if not len(ids):
                group.create_dataset("features", shape=(0, rows.width), dtype="f4")
                continue
            chunks = (min(ROWS_PER_CHUNK, len(ids)), rows.width)
            features = group.create_dataset(
                "features", shape=(len(ids), rows.width), dtype="f4", chunks=chunks
            )
            start = 0
            for part in rows.take(len(ids)):
                bad = ~np.isfinite(part).all(axis=1)
                if bad.any():
                    raise InputError(
                        f"sample {ids[start + int(bad.argmax())]!r} gives features that are not finite; "
                        "check the checkpoint and the input normalisation of this model"
                    )
                rows_written = slice(start, start + len(part))
                features[rows_written] = part
                checks[rows_written] = hdf5.checks(part, labels[rows_written], stored_ids[rows_written])
                start += len(part)


class Rows:
    """Rows of a stream of batches, float32 [B, D] each, whatever the batches' sizes."""

    def __init__(self, batches: Iterable[np.ndarray]):
        self._batches = iter(batches)
        self._rest = next(self._batches)
        self.width = self._rest.shape[1]

    def take(self, count: int) -> Iterator[np.ndarray]:
        """The next ``count`` rows, in parts."""
        while count:
            if not len(self._rest):
                self._rest = next(self._batches)
            part, self._rest = self._rest[:count], self._rest[count:]
            count -= len(part)
            yield part


def join(shards: list[str | Path], output: str | Path, *, folder: str | Path) -> None:
    """Join the shards of a dataset into one file, whose features are virtual datasets over the shards.

    Args:
        shards: files written by ``write`` with the attributes ``shard`` and ``shards``, in order; each has
            a contiguous part of the samples.
        output: the (temporary) file to write.
        folder: final folder of the output; shards are referenced relative to it.

    Raises:
        InputError: shards of different models, datasets or checkpoints, or a missing or duplicate shard.
    """
    headers = [read_attributes(path) for path in shards]
    common = [{key: value for key, value in header.items() if key != "shard"} for header in headers]
    for path, header in zip(shards, common, strict=True):
        if header != common[0]:
            raise InputError(
                f"{path} does not belong with {shards[0]}: their attributes differ; remove both and rerun"
            )
    numbers = [int(header["shard"]) for header in headers]
    if numbers != list(range(int(headers[0]["shards"]))):
        raise InputError(
            f"shards {numbers} were given where 0 to {headers[0]['shards'] - 1} belong; rerun the missing"
        )
    with hdf5.writing(output) as file:
        file.attrs.update({key: value for key, value in common[0].items() if key != "shards"})
        with _open(shards[0]) as first:
            names = list(first)
        for name in names:
            _join_split(file, name, shards, folder)


def _join_split(file: h5py.File, name: str, shards: list[str | Path], folder: str | Path) -> None:
    columns, ids, sources = {"labels": [], "checks": []}, [], []
    for path in shards:
        with _open(path) as shard:
            for key, values in columns.items():
                if key in shard[name]:  # shards of version 1 have no checks
                    values.append(shard[name][key][:])
            ids += shard[name]["ids"].asstr()[:].tolist()
            shape = shard[name]["features"].shape
        sources.append(h5py.VirtualSource(os.path.relpath(path, folder), f"{name}/features", shape))
    rows = [source.shape[0] for source in sources]
    layout = h5py.VirtualLayout((sum(rows), sources[0].shape[1]), dtype="f4")
    for stop, count, source in zip(np.cumsum(rows), rows, sources, strict=True):
        if count:
            layout[stop - count : stop] = source
    group = file.create_group(name)
    group.attrs["split"] = name
    group["labels"] = np.concatenate(columns["labels"])
    group["ids"] = hdf5.texts(ids)
    if columns["checks"]:
        group["checks"] = np.concatenate(columns["checks"])
    # A missing shard reads as NaN, which fits no check.
    group.create_virtual_dataset("features", layout, fillvalue=np.nan)


def read_attributes(path: str | Path) -> dict:
    """Read the file attributes: model, dataset, checkpoint_sha256, transform, versions, ...

    Raises:
        InputError: not a feature file, truncated, or of another format version.
    """
    with _open(path) as file:
        return dict(file.attrs)


def read(path: str | Path, names: Iterable[str] | None = None) -> dict[str, Split]:
    """Read the named splits of a feature file (default: all).

    Raises:
        InputError: damaged or other file, or missing or empty split.
    """
    with _open(path) as file:
        splits = {}
        for name in file if names is None else names:
            splits[name] = _read(file, name, path, slice(None))
        return splits


@dataclass(frozen=True)
class Features:
    """A feature file, with the splits that another seed drew where ``splits_file`` names them."""

    path: str | Path
    splits_file: str | Path | None = None

    def read(self, *names: str) -> dict[str, Split]:
        """The named splits, or all.

        Raises:
            InputError: as ``read``; or the file of splits is of other samples.
        """
        if self.splits_file is None:
            return self.stored(*names)
        parts = self.stored().values()
        whole = Split(
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("features", "labels", "ids")
            )
        )
        rows = {name: row for row, name in enumerate(whole.ids)}
        drawn = read_splits(self.splits_file)
        if drawn.keys() != rows.keys():
            raise InputError(
                f"{self.splits_file} and {self.path} are of other samples; remove both and rerun"
            )
        chosen = {}
        for split in names or dict.fromkeys(drawn.values()):
            members = [rows[name] for name, other in drawn.items() if other == split]
            chosen[split] = Split(whole.features[members], whole.labels[members], whole.ids[members])
        return chosen

    def stored(self, *names: str) -> dict[str, Split]:
        """The named splits, or all, as the file divides the samples."""
        return read(self.path, names or None)


def write_splits(path: str | Path, ids: list[str], splits: np.ndarray) -> None:
    """Write which split each sample is in; samples in the order of their loader."""
    with hdf5.create(path) as file:
        file["ids"] = hdf5.texts(ids)
        file["splits"] = hdf5.texts(splits.tolist())


def read_splits(path: str | Path) -> dict[str, str]:
    """The split of each sample, by its id, in the order of the loader.

    Raises:
        InputError: the file is damaged or of another kind.
    """
    with hdf5.opened(path, "file of splits") as file:
        return dict(zip(file["ids"].asstr()[:], file["splits"].asstr()[:], strict=True))


def read_ids(path: str | Path, name: str) -> np.ndarray:
    """Read the sample ids [N] of one split.

    Raises:
        InputError: damaged or other file, or missing or empty split.
    """
    with _open(path) as file:
        return group_of(file, name, path)["ids"].asstr()[:]


def read_rows(path: str | Path, name: str, start: int, stop: int) -> np.ndarray:
    """Read the features of samples ``start`` to ``stop`` (exclusive) of one split, float32 [stop - start, D].

    Raises:
        InputError: as ``read``.
    """
    with _open(path) as file:
        return _read(file, name, path, slice(start, stop)).features


def group_of(file: h5py.File, name: str, path: str | Path) -> h5py.Group:
    """A split in the file at ``path``.

    Raises:
        InputError: it has none, or one without samples.
    """
    if name not in file or not len(file[name]["ids"]):
        raise InputError(
            f"{path} has no samples in its split {name!r}, which this protocol needs; give the "
            "dataset one (see `split_rule` in config/README.md) or take the protocol out of its row"
        )
    return file[name]


def _read(file: h5py.File, name: str, path: str | Path, rows: slice) -> Split:
    """Some rows of a split, which are checked."""
    group = group_of(file, name, path)
    features, labels = group["features"][rows], group["labels"][rows]
    if file.attrs["version"] == WITHOUT_CHECKS:
        whole = np.isfinite(features).all()
    else:
        whole = np.array_equal(hdf5.checks(features, labels, group["ids"][rows]), group["checks"][rows])
    if not whole:
        raise InputError(
            f"{path} is damaged: its split {name!r} is not what was written; remove the file (and its "
            "shards) and rerun, so that it is extracted again"
        )
    return Split(features, labels, group["ids"].asstr()[rows])


@contextmanager
def _open(path: str | Path) -> Iterator[h5py.File]:
    try:
        with h5py.File(path) as file:
            if file.attrs.get("version") not in (WITHOUT_CHECKS, VERSION):
                raise InputError(f"{path} is not a feature file of version {VERSION}; remove it and rerun")
            yield file
    except hdf5.ERRORS as error:
        raise InputError(
            f"{path} is not a whole feature file ({error}); remove it and rerun, so that it is made again"
        ) from error
