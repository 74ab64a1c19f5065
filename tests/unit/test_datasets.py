import gzip
import pickle
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from transferscope.datasets import digits, elpv, image_folder, load_dataset, mnist5k
from transferscope.datasets.base import Samples
from transferscope.errors import InputError


def save(path, image=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    (image or Image.new("RGB", (6, 4), "red")).save(path)


def make_folder(root, *, splits=("",), classes=("cat", "dog"), count=5):
    for split in splits:
        for name in classes:
            for number in range(count):
                save(root / split / name / f"{number}.png")
    return root


def write_table(path, rows):
    with gzip.open(path, "wt") as file:
        file.writelines(",".join(map(str, row)) + "\n" for row in rows)


def make_digits(root, rows=None):
    rows = rows or [[16] + [0] * 63 + [n % 10] for n in range(50)]
    write_table(root / "digits.csv.gz", rows)
    return root


def make_elpv(root, lines=None):
    probabilities = ["0.0", "0.3333333333333333", "0.6666666666666666", "1.0"] * 5
    lines = lines or [f"images/cell{n:04d}.png  {p}   mono" for n, p in enumerate(probabilities)]
    for line in lines:
        save(root / "elpv_dataset/data" / line.split()[0], Image.new("L", (300, 300), 7))
    (root / "elpv_dataset/data/labels.csv").write_text("\n".join(lines) + "\n")
    return root


def samples(**changes):
    facts = {
        "ids": ["a", "b", "c"],
        "labels": np.array([0, 1, 1]),
        "splits": np.array(["train", "val", "test"]),
        "read": None,
        "class_names": ["x", "y"],
    }
    return Samples(**facts | changes)


class TestSamples:
    def test_multilabel(self):
        assert not samples().multilabel
        assert samples(labels=np.eye(3, 2, dtype=np.uint8)).multilabel
        assert len(samples()) == 3

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"ids": []}, "no samples"),
            ({"ids": ["a", "b"]}, "2 ids, 3 labels and 3 splits"),
            ({"ids": ["a", "b", "a"]}, "'a' occurs 2 times"),
            ({"splits": np.array(["train", "val", "dev"])}, "split 'dev'"),
            ({"labels": np.array([0, 1, 2])}, "do not fit its 2 class names"),
            ({"labels": np.array([0, 1, -1])}, "do not fit"),
            ({"labels": np.full((3, 2), 2, dtype=np.uint8)}, "do not fit"),
            ({"labels": np.zeros((3, 3), dtype=np.uint8)}, "do not fit"),
            ({"labels": np.array([0.0, 1.0, 1.0])}, "type float64"),
        ],
    )
    def test_what_does_not_fit_together(self, changes, message):
        with pytest.raises(InputError, match=message):
            samples(**changes)


class TestImageFolder:
    def test_without_splits(self, tmp_path):
        loaded = image_folder.load(make_folder(tmp_path, count=2))
        assert loaded.ids == ["cat/0.png", "cat/1.png", "dog/0.png", "dog/1.png"]
        assert loaded.labels.tolist() == [0, 0, 1, 1]
        assert loaded.class_names == ["cat", "dog"]
        assert set(loaded.splits) == {"all"}
        assert loaded.read(0).getpixel((0, 0)) == (255, 0, 0)

    def test_with_splits(self, tmp_path):
        loaded = image_folder.load(make_folder(tmp_path, splits=("train", "val", "test"), count=1))
        assert loaded.ids[:3] == ["test/cat/0.png", "test/dog/0.png", "train/cat/0.png"]
        assert loaded.splits.tolist() == ["test"] * 2 + ["train"] * 2 + ["val"] * 2

    def test_steps_into_an_enclosing_folder_and_passes_over_hidden_entries(self, tmp_path):
        make_folder(tmp_path / "mydata", count=1)
        (tmp_path / ".DS_Store").touch()
        (tmp_path / "mydata/cat/.DS_Store").touch()
        assert image_folder.load(tmp_path).ids == ["mydata/cat/0.png", "mydata/dog/0.png"]

    def test_a_single_class(self, tmp_path):
        assert image_folder.load(make_folder(tmp_path, classes=("cat",))).class_names == ["cat"]

    def test_reader_survives_pickling(self, tmp_path):
        loaded = image_folder.load(make_folder(tmp_path))
        assert pickle.loads(pickle.dumps(loaded.read))(0).size == (6, 4)

    @pytest.mark.parametrize(
        ("spoil", "message"),
        [
            (lambda root: (root / "cat/notes.txt").touch(), r"notes\.txt is no picture"),
            (lambda root: (root / "cat/nested").mkdir(), "nested is no picture"),
            (lambda root: (root / "README").touch(), "README lies where class folders are expected"),
            (lambda root: (root / "empty").mkdir(), "class folder .*empty holds no pictures"),
            (lambda root: (root / "train").mkdir(), "holds the folder 'cat' beside its splits"),
        ],
    )
    def test_odd_entries(self, tmp_path, spoil, message):
        spoil(make_folder(tmp_path))
        with pytest.raises(InputError, match=message):
            image_folder.load(tmp_path)

    def test_nothing_there(self, tmp_path):
        with pytest.raises(InputError, match="holds no class folders"):
            image_folder.load(tmp_path)
        (tmp_path / "train").mkdir()
        with pytest.raises(InputError, match="train holds no class folders"):
            image_folder.load(tmp_path)
        with pytest.raises(InputError, match=r"there is no folder .*absent"):
            image_folder.load(tmp_path / "absent")

    def test_a_class_in_one_split_alone(self, tmp_path):
        make_folder(tmp_path, splits=("train", "test"))
        make_folder(tmp_path, splits=("test",), classes=("emu",))
        with pytest.raises(InputError, match="class 'emu' is not in every split"):
            image_folder.load(tmp_path)


class TestPixelTables:
    def test_digits(self, tmp_path):
        loaded = digits.load(make_digits(tmp_path))
        assert loaded.labels.tolist() == [n % 10 for n in range(50)]
        picture = pickle.loads(pickle.dumps(loaded.read))(0)
        assert (picture.mode, picture.size) == ("RGB", (8, 8))
        assert picture.getpixel((0, 0)) == (255, 255, 255)
        assert picture.getpixel((1, 0)) == (0, 0, 0)

    def test_mnist5k(self, tmp_path):
        write_table(tmp_path / "mnist_5k.csv.gz", [[0] * 28 + [255] + [0] * 755 + [n] for n in range(10)])
        loaded = mnist5k.load(tmp_path)
        assert loaded.labels.tolist() == list(range(10))
        assert loaded.read(9).size == (28, 28)
        assert loaded.read(9).getpixel((0, 1)) == (255, 255, 255)

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ([[0] * 63 + [1]], "has 64 columns, expected 64 pixels and a label"),
            ([[17] + [0] * 64], r"pixels outside 0\.\.16"),
            ([[-1] + [0] * 64], r"pixels outside 0\.\.16"),
            ([["x"] + [0] * 64], "cannot be read"),
            ([[0] * 64 + [10]], "do not fit its 10 class names"),
        ],
    )
    def test_other_content(self, tmp_path, rows, message):
        with pytest.raises(InputError, match=message):
            digits.load(make_digits(tmp_path, rows))

    def test_truncated_or_absent(self, tmp_path):
        path = make_digits(tmp_path) / "digits.csv.gz"
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(InputError, match=r"digits\.csv\.gz cannot be read"):
            digits.load(tmp_path)
        path.unlink()
        with pytest.raises(InputError, match=r"has no file digits\.csv\.gz"):
            digits.load(tmp_path)


class TestElpv:
    def test_grades(self, tmp_path):
        loaded = elpv.load(make_elpv(tmp_path))
        assert loaded.ids[0] == "images/cell0000.png"
        assert loaded.labels.tolist() == [0, 1, 2, 3] * 5
        assert loaded.class_names == ["0", "1/3", "2/3", "1"]
        assert loaded.read(3).getpixel((0, 0)) == (7, 7, 7)

    @pytest.mark.parametrize(
        "line",
        ["images/a.png 0.5 mono", "images/a.png 0.34 x", "images/a.png 1.0", "images/a.png -0.333333 x"],
    )
    def test_other_lines(self, tmp_path, line):
        with pytest.raises(InputError, match=r"labels\.csv line 2 is 'images/a\.png"):
            elpv.load(make_elpv(tmp_path, ["images/cell0001.png 1.0 mono", line]))

    def test_absent_picture(self, tmp_path):
        (make_elpv(tmp_path) / "elpv_dataset/data/images/cell0002.png").unlink()
        with pytest.raises(InputError, match=r"has no file images/cell0002\.png"):
            elpv.load(tmp_path)


ROW = {"loader": "image_folder", "split_rule": "stratified", "seed": 0, "classes": 2, "counts": {}}


class TestLoadDataset:
    def test_splits_and_facts(self, tmp_path):
        counts = {"train": 6, "val": 2, "test": 2}
        loaded = load_dataset("pets", make_folder(tmp_path), **ROW | {"counts": counts})
        assert {split: np.count_nonzero(loaded.splits == split) for split in counts} == counts
        again = load_dataset("pets", tmp_path, **ROW)
        assert again.splits.tolist() == loaded.splits.tolist()

    def test_pooled(self, tmp_path):
        row = ROW | {"split_rule": "pooled", "counts": {"all": 10}}
        assert set(load_dataset("pets", make_folder(tmp_path), **row).splits) == {"all"}

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"loader": "folder"}, "pets: the loader 'folder' has no function load"),
            ({"split_rule": "random"}, "pets: there is no split rule 'random'"),
            ({"classes": 3}, "pets has 2 classes in .*, expected 3"),
            ({"counts": {"test": 3}}, "pets has 2 samples in its split 'test' in .*, expected 3"),
            ({"split_rule": "pooled", "counts": {"all": 9}}, "10 samples in its split 'all' .* expected 9"),
            ({"split_rule": "official"}, "pets has no samples in its split 'train'"),
        ],
    )
    def test_facts_that_differ(self, tmp_path, changes, message):
        with pytest.raises(InputError, match=message):
            load_dataset("pets", make_folder(tmp_path), **ROW | changes)

    def test_no_official_validation_samples(self, tmp_path):
        make_folder(tmp_path, splits=("train", "test"))
        with pytest.raises(
            InputError, match="pets has no samples in its split 'val' under the rule 'official'"
        ):
            load_dataset("pets", tmp_path, **ROW | {"split_rule": "official"})
        assert len(load_dataset("pets", tmp_path, **ROW | {"split_rule": "val20"})) == 20

    @pytest.mark.parametrize("multilabel", [False, True])
    def test_a_class_without_samples(self, tmp_path, monkeypatch, multilabel):
        loaded = image_folder.load(make_folder(tmp_path, splits=("train", "val", "test")))
        labels = np.eye(3, dtype=np.uint8)[loaded.labels] if multilabel else loaded.labels
        odd = replace(loaded, labels=labels, class_names=["cat", "dog", "emu"])
        monkeypatch.setattr(image_folder, "load", lambda root: odd)
        with pytest.raises(InputError, match="pets has no sample of its class 'emu'"):
            load_dataset("pets", tmp_path, **ROW | {"split_rule": "official", "classes": 3})
