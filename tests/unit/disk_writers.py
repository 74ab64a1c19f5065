"""Writers of every kind of file, and what each does on a full disk; for a process that imports little."""

from pathlib import Path

import numpy as np
import pytest

from transferscope import hdf5
from transferscope.errors import InputError
from transferscope.features import store
from transferscope.files import atomic_path, write_json

SAID = r"^no space left on the device for \S+ \([^\n]+\); free some and run the same command again[^\n]+$"
SAMPLES, WIDTH = 2000, 200  # 1.6 MB


def text(path: Path) -> None:
    write_json(path, ["a word"] * SAMPLES * WIDTH)


def folder(path: Path) -> None:
    with atomic_path(path) as temporary:
        temporary.mkdir()
        for number in range(100):
            (temporary / str(number)).write_bytes(b"0" * 4096)


def one_block(path: Path) -> None:
    with hdf5.create(path) as file:
        file["maps"] = np.random.default_rng(0).random((SAMPLES, WIDTH))


def many_chunks(path: Path) -> None:
    with hdf5.create(path) as file:
        maps = file.create_dataset("maps", (SAMPLES, WIDTH), "f4", chunks=(10, WIDTH))
        for start in range(0, SAMPLES, 10):
            maps[start : start + 10] = np.random.default_rng(0).random((10, WIDTH))


def large_chunks(path: Path) -> None:
    with hdf5.create(path) as file:
        maps = file.create_dataset("maps", (SAMPLES, WIDTH), "f4", chunks=(200, WIDTH))
        for start in range(0, SAMPLES, 10):
            maps[start : start + 10] = np.random.default_rng(0).random((10, WIDTH))


def on_closing(path: Path) -> None:
    """HDF5 keeps it all in memory until the end."""
    with hdf5.create(path) as file:
        for name in range(100):
            file.create_dataset(str(name), data=np.ones((10, 50)), chunks=(10, 50))


def features(path: Path) -> None:
    with atomic_path(path) as temporary:
        labels, ids = np.arange(SAMPLES), [str(number) for number in range(SAMPLES)]
        batches = (np.ones((100, WIDTH), np.float32) for _ in range(SAMPLES // 100))
        store.write(temporary, batches, {"train": (labels, ids)}, {"model": "a"})


WRITERS = {
    writer.__name__: writer
    for writer in (text, folder, one_block, many_chunks, large_chunks, on_closing, features)
}


def check(disk: Path, write) -> None:
    """Write more than the disk holds; what was there stays, and nothing comes to it."""
    output = disk / "output.h5"
    output.write_text("before")
    with pytest.raises(InputError, match=SAID):
        write(output)
    assert output.read_text() == "before"
    assert list(disk.iterdir()) == [output]
