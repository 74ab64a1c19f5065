"""Read and write the values of several layers of a frozen backbone, in bounded memory.

One HDF5 file a backbone and dataset, with a group a split as in a feature file (``features.store``): in it
``labels``, ``ids`` and, for each layer, a dataset called by its number (``1`` and on) of values float16
[N, C x positions], channel by channel. ``checks`` uint32 [N, layers] tell of damage. The attribute ``layers``
says what each layer is: a list of facts, as JSON, among them its ``name``, ``channels`` and ``values``.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from transferscope import hdf5
from transferscope.errors import InputError
from transferscope.features import store

VERSION = 1
BYTES = 2  # of a value


def write(
    path: str | Path,
    batches: Iterable[np.ndarray],
    splits: dict[str, tuple[np.ndarray, list[str]]],
    layers: list[dict],
    attributes: dict,
) -> None:
    """Stream the values of all layers into a new file, with one batch in memory at a time.

    Args:
        path: the file to write; not atomic, so the caller passes a temporary path.
        batches: float32 [B, sum of the layers' values] each, in the order of the splits' samples.
        splits: split -> (labels, ids), in order.
        layers: the facts of each.
        attributes: file attributes; dicts are stored as JSON.

    Raises:
        InputError: a value is not finite or too large for float16; names the sample and the layer.
    """
    edges = np.cumsum([layer["values"] for layer in layers])[:-1]
    with hdf5.writing(path) as file:
        file.attrs["version"] = VERSION
        for key, value in ({"layers": layers} | attributes).items():
            file.attrs[key] = json.dumps(value) if isinstance(value, dict | list) else value
        rows = store.Rows(batches)
        for name, (labels, ids) in splits.items():
            group = file.create_group(name)
            group["labels"] = labels
            group["ids"] = stored_ids = hdf5.texts(ids)
            checks = group.create_dataset("checks", shape=(len(ids), len(layers)), dtype="u4")
            columns = [
                group.create_dataset(str(number), shape=(len(ids), layer["values"]), dtype="f2")
                for number, layer in enumerate(layers, start=1)
            ]
            start = 0
            for part in rows.take(len(ids)):
                written = slice(start, start + len(part))
                for place, values in enumerate(np.split(part, edges, axis=1)):
                    with np.errstate(over="ignore"):
                        values = values.astype(np.float16)
                    bad = ~np.isfinite(values).all(axis=1)
                    if bad.any():
                        raise InputError(
                            f"sample {ids[start + int(bad.argmax())]!r} gives values at "
                            f"{layers[place]['name']} that are not finite as float16; check the checkpoint "
                            "and the input normalisation of this model, or exclude it"
                        )
                    columns[place][written] = values
                    checks[written, place] = hdf5.checks(values, labels[written], stored_ids[written])
                start += len(part)


def check_size(layers: list[dict], samples: int, limit_gb: float, where: str) -> None:
    """Refuse to write a file that would be too large; ``where`` names it.

    Raises:
        InputError: the values of so many samples take more than ``limit_gb`` gigabytes.
    """
    size_gb = BYTES * samples * sum(layer["values"] for layer in layers) / 1e9
    if size_gb > limit_gb:
        raise InputError(
            f"{where}: the layers of {samples} pictures take {size_gb:.1f} GB, and `execution.layers_gb` "
            f"allows {limit_gb:g}; raise that, lower `layerwise.values`, or take the protocol "
            "layerwise_online, which keeps none"
        )


@dataclass(frozen=True)
class Layer(store.Features):
    """One layer in a file of layers, read as features are: float32 [N, C x positions].

    Attributes:
        number: of the layer, from 1.
        facts: of the layer.
    """

    number: int = 1
    facts: dict = field(default_factory=dict)

    def stored(self, *names: str) -> dict[str, store.Split]:
        with _opened(self.path) as file:
            groups = names or list(file)
            return {name: self._read(store.group_of(file, name, self.path)) for name in groups}

    def _read(self, group: h5py.Group) -> store.Split:
        values, labels = group[str(self.number)][:], group["labels"][:]
        whole = hdf5.checks(values, labels, group["ids"][:])
        if not np.array_equal(whole, group["checks"][:, self.number - 1]):
            raise InputError(
                f"{self.path} is damaged: {self.facts['name']} in its split {group.name.lstrip('/')!r} is "
                "not what was written; remove the file and rerun, so that it is extracted again"
            )
        return store.Split(values.astype(np.float32), labels, group["ids"].asstr()[:])


def read_layers(path: str | Path, splits_file: str | Path | None = None) -> list[Layer]:
    """The layers in a file, in order; ``splits_file`` as for ``store.Features``.

    Raises:
        InputError: not a file of layers, or damaged.
    """
    layers = json.loads(read_attributes(path)["layers"])
    return [Layer(path, splits_file, number, facts) for number, facts in enumerate(layers, start=1)]


def read_attributes(path: str | Path) -> dict:
    """The file's attributes: model, dataset, layers, ...

    Raises:
        InputError: as ``read_layers``.
    """
    with _opened(path) as file:
        return dict(file.attrs)


@contextmanager
def _opened(path: str | Path) -> Iterator[h5py.File]:
    try:
        with h5py.File(path) as file:
            if file.attrs.get("version") != VERSION or "layers" not in file.attrs:
                raise InputError(f"{path} is no file of layers of version {VERSION}; remove it and rerun")
            yield file
    except hdf5.ERRORS as error:
        raise InputError(f"{path} is no whole file of layers ({error}); remove it and rerun") from error
