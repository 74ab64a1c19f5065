"""Files that are read whole: what a disk has changed in them is never taken for what was written."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from transferscope.datasets import scenes
from transferscope.datasets.rendered.dataset import render_dataset
from transferscope.errors import InputError
from transferscope.features import store
from transferscope.protocols.reconstruction import pictures
from transferscope.protocols.saliency import maps
from transferscope.results import examples, predictions
from transferscope.training import resume

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)


def write_predictions(path: Path) -> None:
    logits, ids = RNG.normal(size=(5, 3)), np.array([f"ä{number}" for number in range(5)], dtype=object)
    split = predictions.Predictions(logits, np.arange(5) % 3, ids)
    predictions.write(path, {"val": split, "test": split}, {"model": "a", "dataset": "digits"})


def write_examples(path: Path) -> None:
    mask = np.arange(64, dtype=np.uint8).reshape(8, 8)
    rows = [(f"ä{number}", PIXELS[number], mask, mask) for number in range(2)]
    examples.write(path, rows, {"model": "a", "kind": "segmentation", "class_names": ["a", "ö"]})


def write_map(path: Path) -> None:
    errors = {"errors": RNG.random((3, 3)), "at": np.array([0, 2, 3])}
    attributes = {"model": "a", "dataset": "digits"}
    maps.write(path, attention=RNG.random((8, 8)), picture=PIXELS[0], **errors, attributes=attributes)


def write_reconstructions(path: Path) -> None:
    pictures.write(
        path,
        datasets=["a", "b"],
        samples=["ä.png", "b.png"],
        originals=PIXELS,
        reconstructions=PIXELS,
        seconds=[1.5, 2.5],
        attributes={"model": "a", "stage": -1},
    )


def write_splits(path: Path) -> None:
    store.write_splits(path, [f"ä{number}" for number in range(5)], np.array(["train"] * 3 + ["test"] * 2))


KINDS: dict[str, tuple[Callable, Callable]] = {
    "prediction file": (write_predictions, predictions.read),
    "example file": (write_examples, examples.read),
    "saliency map": (write_map, maps.read),
    "file of reconstructions": (write_reconstructions, pictures.read),
    "file of splits": (write_splits, store.read_splits),
}


@pytest.fixture(params=KINDS)
def kind(request, tmp_path):
    """What a file is, the file, and what reads it."""
    write, read = KINDS[request.param]
    write(tmp_path / "a.h5")
    return request.param, tmp_path / "a.h5", read


def first_dataset(file: h5py.File) -> h5py.Dataset:
    found = []
    file.visititems(lambda _, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
    return found[0]


def another_value(path: Path) -> None:
    with h5py.File(path, "a") as file:
        dataset = first_dataset(file)
        at = (0,) * dataset.ndim
        dataset[at] = b"x" if dataset.dtype.kind == "S" else dataset[at] + 1


def another_attribute(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file.attrs["model"] = "another"


def no_dataset(path: Path) -> None:
    with h5py.File(path, "a") as file:
        del file[first_dataset(file).name]


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def no_hdf5(path: Path) -> None:
    path.write_bytes(b"no HDF5 at all")


def zeros(path: Path) -> None:
    with h5py.File(path) as file:
        stored = first_dataset(file).id
        start, size = stored.get_offset(), stored.get_storage_size()
        start = stored.get_chunk_info(0).byte_offset if start is None else start
    content = bytearray(path.read_bytes())
    content[start : start + size] = bytes(size)
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [another_value, another_attribute, no_dataset, half, no_hdf5, zeros])
def test_damage_is_one_sentence(kind, damage):
    what, path, read = kind
    damage(path)
    with pytest.raises(InputError, match=rf"^\S+a\.h5 is no whole {what} \(.*\); remove it and rerun$"):
        read(path)


def test_flipped_bits_are_never_read(kind):
    _, path, read = kind
    rng, content, written = np.random.default_rng(0), path.read_bytes(), repr(read(path))
    for _ in range(100):
        damaged = bytearray(content)
        for place in rng.integers(len(content), size=3):
            damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            assert repr(read(path)) == written  # then it was of no consequence
        except InputError as error:
            assert str(path) in str(error)


def test_files_from_before_there_were_digests_are_read(kind):
    _, path, read = kind
    written = repr(read(path))
    with h5py.File(path, "a") as file:
        del file.attrs["digest"]
    assert repr(read(path)) == written


@pytest.mark.parametrize("name", ["split", "objects", "normals", "class_mask"])
def test_zeros_in_the_labels_of_scenes_are_one_sentence(tmp_path, name):
    render_dataset(tmp_path / "scenes", images=50, objects=1, size=32, seed=0, threads=1)
    path = tmp_path / "scenes/labels.h5"
    with h5py.File(path) as file:
        chunk = file[name].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"labels\.h5 cannot be read .*; remove the folder and render it"):
        scenes.load(tmp_path / "scenes")
        scenes.load_normals(tmp_path / "scenes").target(0)
        scenes.load_segmentation(tmp_path / "scenes").target(0)


def flipped(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_a_damaged_state_is_not_resumed_from(tmp_path, caplog):
    path = tmp_path / "a.resume"
    resume.Resume(path, {"run": 1}).save_training({"weights": torch.zeros(10_000)})
    with zipfile.ZipFile(path) as archive:
        tensor = next(entry for entry in archive.infolist() if entry.filename.endswith("data/0"))
    assert resume.Resume(path, {"run": 1}).training["weights"].sum() == 0
    flipped(path, tensor.header_offset + 20_000)
    assert torch.load(path, weights_only=True)["training"]["weights"].sum() != 0  # PyTorch does not notice
    assert resume.Resume(path, {"run": 1}).training is None
    assert "a.resume cannot be read" in caplog.text and "starting over" in caplog.text


@pytest.mark.parametrize("content", [b"", b"no state", b"PK\3\4", b"\x80\x02}."])
def test_another_file_is_no_state(tmp_path, caplog, content):
    (tmp_path / "a.resume").write_bytes(content)
    assert resume.Resume(tmp_path / "a.resume", {"run": 1}).training is None
    assert "starting over" in caplog.text


def test_a_state_of_another_layout_is_no_state(tmp_path, caplog):
    torch.save([1, 2], tmp_path / "a.resume")
    assert resume.Resume(tmp_path / "a.resume", {"run": 1}).training is None
    assert "starting over" in caplog.text
