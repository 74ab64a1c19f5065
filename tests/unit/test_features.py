"""The feature file: what is written is read, in bounded memory, and damage is named."""

import tracemalloc

import h5py
import numpy as np
import pytest

from transferscope.errors import InputError
from transferscope.features import store as features

ATTRIBUTES = {"model": "m", "dataset": "d", "transform": {"resolution": 32}}


def splits_of(sizes: dict[str, int]) -> dict[str, tuple[np.ndarray, list[str]]]:
    return {
        name: (np.arange(size, dtype=np.int64) % 3, [f"{name}/{i}" for i in range(size)])
        for name, size in sizes.items()
    }


def rows(total: int, width: int = 4) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(total, width)).astype(np.float32)


def in_batches(array: np.ndarray, size: int) -> list[np.ndarray]:
    return [array[start : start + size] for start in range(0, len(array), size)]


@pytest.mark.parametrize("batch", [1, 4, 7, 100])
def test_what_is_written_is_read_whatever_the_batches(tmp_path, batch):
    sizes = {"train": 10, "val": 3, "test": 6}
    expected = rows(19)
    features.write(tmp_path / "f.h5", in_batches(expected, batch), splits_of(sizes), ATTRIBUTES)
    read = features.read(tmp_path / "f.h5")
    assert list(read) == ["test", "train", "val"]  # HDF5 lists groups by name
    stacked = np.concatenate([read[name].features for name in sizes])
    np.testing.assert_array_equal(stacked, expected)
    assert list(read["val"].ids) == ["val/0", "val/1", "val/2"]
    np.testing.assert_array_equal(read["test"].labels, np.arange(6) % 3)
    attributes = features.read_attributes(tmp_path / "f.h5")
    assert attributes["model"] == "m"
    assert attributes["transform"] == '{"resolution": 32}'


def test_memory_does_not_grow_with_the_dataset(tmp_path):
    batch_bytes, batches = 1 << 20, 64

    def stream():
        for start in range(batches):
            yield np.full((256, 1024), start, dtype=np.float32)

    tracemalloc.start()
    features.write(tmp_path / "f.h5", stream(), splits_of({"train": 256 * batches}), ATTRIBUTES)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * batch_bytes


def test_a_feature_that_is_not_finite_names_the_sample(tmp_path):
    bad = rows(10)
    bad[7, 2] = np.inf
    with pytest.raises(InputError, match="'train/7'"):
        features.write(tmp_path / "f.h5", in_batches(bad, 4), splits_of({"train": 10}), ATTRIBUTES)


def test_nan_features_are_refused_on_reading(tmp_path):
    features.write(tmp_path / "f.h5", [rows(10)], splits_of({"train": 10}), ATTRIBUTES)
    with h5py.File(tmp_path / "f.h5", "a") as file:
        file["train/features"][3, 1] = np.nan
    with pytest.raises(InputError, match=r"f\.h5 is damaged: its split 'train' is not what was written"):
        features.read(tmp_path / "f.h5")


def test_a_truncated_file_is_named(tmp_path):
    path = tmp_path / "f.h5"
    features.write(path, [rows(1000, 64)], splits_of({"train": 1000}), ATTRIBUTES)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=r"f\.h5 is not a whole feature file"):
        features.read(path)


def test_a_foreign_file_is_named(tmp_path):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["train"] = 1
    with pytest.raises(InputError, match="not a feature file of version"):
        features.read(tmp_path / "f.h5")


def test_an_absent_split_is_named(tmp_path):
    features.write(tmp_path / "f.h5", [rows(3)], splits_of({"all": 3}), ATTRIBUTES)
    with pytest.raises(InputError, match="no samples in its split 'train'"):
        features.read(tmp_path / "f.h5", ["train"])


def write_shards(folder, total: int, shards: int, **differing) -> tuple[list, np.ndarray]:
    """Shards of one split of ``total`` rows, written as extraction writes them."""
    expected, paths = rows(total), []
    ids = [f"train/{i}" for i in range(total)]
    for shard in range(shards):
        part = slice(total * shard // shards, total * (shard + 1) // shards)
        paths.append(folder / f"{shard}-of-{shards}.h5")
        attributes = ATTRIBUTES | {"shard": shard, "shards": shards} | differing.get(f"shard{shard}", {})
        labels = np.arange(total, dtype=np.int64)[part]
        features.write(paths[-1], [expected[part]], {"train": (labels, ids[part])}, attributes)
    return paths, expected


def test_joined_shards_read_as_one_file(tmp_path):
    folder = tmp_path / "m.shards"
    folder.mkdir()
    paths, expected = write_shards(folder, 11, 3)
    features.join(paths, tmp_path / "m.h5", folder=tmp_path)
    joined = features.read(tmp_path / "m.h5")["train"]
    np.testing.assert_array_equal(joined.features, expected)
    np.testing.assert_array_equal(joined.labels, np.arange(11))
    assert list(joined.ids) == [f"train/{i}" for i in range(11)]
    assert "shard" not in features.read_attributes(tmp_path / "m.h5")


def test_joined_shards_may_move_together(tmp_path):
    (tmp_path / "a" / "m.shards").mkdir(parents=True)
    paths, expected = write_shards(tmp_path / "a" / "m.shards", 6, 2)
    features.join(paths, tmp_path / "a" / "m.h5", folder=tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "b")
    np.testing.assert_array_equal(features.read(tmp_path / "b" / "m.h5")["train"].features, expected)


def test_a_lost_shard_does_not_read_as_zeros(tmp_path):
    paths, _ = write_shards(tmp_path, 6, 2)
    features.join(paths, tmp_path / "m.h5", folder=tmp_path)
    paths[1].unlink()
    with pytest.raises(InputError, match=r"m\.h5 is damaged: .*; remove the file \(and its shards\)"):
        features.read(tmp_path / "m.h5")


def test_a_missing_or_foreign_shard_is_named(tmp_path):
    paths, _ = write_shards(tmp_path, 6, 3)
    with pytest.raises(InputError, match=r"shards \[0, 2\] were given"):
        features.join([paths[0], paths[2]], tmp_path / "m.h5", folder=tmp_path)
    (tmp_path / "other").mkdir()
    paths, _ = write_shards(tmp_path / "other", 6, 2, shard1={"model": "another"})
    with pytest.raises(InputError, match="does not belong with"):
        features.join(paths, tmp_path / "m.h5", folder=tmp_path)


def test_an_empty_split_is_written_and_refused_on_reading(tmp_path):
    features.write(tmp_path / "f.h5", [rows(3)], splits_of({"train": 3, "test": 0}), ATTRIBUTES)
    assert len(features.read(tmp_path / "f.h5", ["train"])["train"].ids) == 3
    for read in (features.read, lambda path, names: features.read_ids(path, names[0])):
        with pytest.raises(InputError, match="no samples in its split 'test'"):
            read(tmp_path / "f.h5", ["test"])


def test_rows_are_those_from_start_to_before_stop_and_whole(tmp_path):
    features.write(tmp_path / "f.h5", [rows(10)], splits_of({"train": 10}), ATTRIBUTES)
    np.testing.assert_array_equal(features.read_rows(tmp_path / "f.h5", "train", 3, 6), rows(10)[3:6])
    with h5py.File(tmp_path / "f.h5", "a") as file:
        file["train/features"][5, 1] = np.nan
    assert len(features.read_rows(tmp_path / "f.h5", "train", 0, 5)) == 5
    with pytest.raises(InputError, match="is damaged: its split 'train'"):
        features.read_rows(tmp_path / "f.h5", "train", 3, 6)


def older(path) -> None:
    """Make a file as it was before there were checks."""
    with h5py.File(path, "a") as file:
        file.attrs["version"] = features.WITHOUT_CHECKS
        for name in file:
            del file[name]["checks"]


def test_files_from_before_the_checks_are_read_and_joined(tmp_path):
    paths, expected = write_shards(tmp_path, 6, 2)
    for path in paths:
        older(path)
    features.join(paths, tmp_path / "m.h5", folder=tmp_path)
    np.testing.assert_array_equal(features.read(tmp_path / "m.h5")["train"].features, expected)
    with h5py.File(paths[1], "a") as file:
        file["train/features"][0, 0] = np.inf
    with pytest.raises(InputError, match="is damaged"):
        features.read(tmp_path / "m.h5")


def test_a_block_of_zeros_is_noticed(tmp_path):
    """A whole chunk of zeros has a right Fletcher checksum."""
    path = tmp_path / "f.h5"
    features.write(path, [rows(512, 256)], splits_of({"train": 512}), ATTRIBUTES)
    with h5py.File(path) as file:
        chunk = file["train/features"].id.get_chunk_info(1)
    assert chunk.size == 256 * 1024
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    path.write_bytes(content)
    assert len(features.read_rows(path, "train", 0, 256)) == 256
    for read in (lambda: features.read(path), lambda: features.read_rows(path, "train", 200, 300)):
        with pytest.raises(InputError, match=r"f\.h5 is damaged: its split 'train' is not what was written"):
            read()


@pytest.mark.parametrize("column", ["features", "labels", "ids", "checks"])
def test_another_value_of_one_sample_is_noticed(tmp_path, column):
    path = tmp_path / "f.h5"
    features.write(path, [rows(10)], splits_of({"train": 10}), ATTRIBUTES)
    with h5py.File(path, "a") as file:
        file["train"][column][7] = file["train"][column][6]
    with pytest.raises(InputError, match="is damaged"):
        features.read(path)


@pytest.mark.parametrize("seed", range(4))
def test_flipped_bits_are_never_read(tmp_path, seed):
    path, rng = tmp_path / "f.h5", np.random.default_rng(seed)
    features.write(path, [rows(64, 8)], splits_of({"train": 40, "test": 24}), ATTRIBUTES)
    written, content = features.read(path), path.read_bytes()
    for _ in range(100):
        damaged = bytearray(content)
        for place in rng.integers(len(content), size=1 + seed * 13):
            damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            found = features.read(path, ["train", "test"])
        except InputError as error:
            assert str(path) in str(error)
            continue
        for name, split in written.items():  # then it was of no consequence
            for key in ("features", "labels", "ids"):
                np.testing.assert_array_equal(getattr(found[name], key), getattr(split, key))
