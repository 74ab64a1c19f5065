"""Labels and pictures that do not fit: all of a dataset are named in one sentence, before any training."""

import pickle
import re
from functools import partial

import numpy as np
import pytest
import torch
from official_layouts import voc0712 as voc0712_archives
from PIL import Image

from transferscope.datasets import ade20k, load_boxes, load_dense, voc0712
from transferscope.datasets.boxes import Boxes
from transferscope.datasets.dense import IGNORED, DenseSamples, check_labels
from transferscope.datasets.image_folder import load
from transferscope.errors import NAMED, InputError, SampleError, refused
from transferscope.features.extraction import Pictures, extract
from transferscope.sources.fetching import fetch_dataset
from transferscope.training.stream import Stream, batches

HEIGHT, WIDTH = 4, 6
RIGHT = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
NORMALS = np.tile(np.array([0, 0, 1], dtype=np.float32), (HEIGHT, WIDTH, 1))


def blank(index: int) -> Image.Image:
    return Image.new("RGB", (WIDTH, HEIGHT))


def samples(targets: list[np.ndarray], class_names: list[str], read=blank) -> DenseSamples:
    """Two pictures for training, of val and of test one each."""
    ids, splits = ["first", "second", "third", "fourth"], np.array(["train", "train", "val", "test"])
    return DenseSamples(ids, splits, read, targets.__getitem__, class_names)


def changed(target: np.ndarray, place: tuple, value: float) -> np.ndarray:
    target = target.copy()
    target[place] = value
    return target


@pytest.mark.parametrize(
    ("task", "target"),
    [
        ("segmentation", changed(RIGHT, (0, 0), 2)),
        ("segmentation", changed(RIGHT, (0, 0), IGNORED)),
        ("normals", NORMALS),
        ("normals", changed(NORMALS, (0, 0), np.nan)),
        ("normals", (NORMALS * np.float32(1.005))),
        ("depth", np.zeros((HEIGHT, WIDTH))),
    ],
)
def test_right_labels_pass(task, target):
    names = ["a", "b", "c"] if task == "segmentation" else []
    check_labels(samples([target] * 4, names), task, threads=2)


@pytest.mark.parametrize(
    ("task", "target", "said"),
    [
        (
            "segmentation",
            changed(RIGHT, (1, 2), 126),
            "are of a class 126, where the dataset has 0 to 2, and",
        ),
        (
            "segmentation",
            changed(RIGHT, (1, 2), 3),
            "are of a class 3, where the dataset has 0 to 2, and",
        ),
        (
            "segmentation",
            RIGHT.astype(np.int64),
            "are int64 of 4 x 6, where the picture asks for uint8 of 4 x 6",
        ),
        ("segmentation", RIGHT.astype(bool), "are bool of 4 x 6, where the picture asks for uint8 of 4 x 6"),
        ("segmentation", RIGHT.astype(np.float32), "are float32 of 4 x 6, where the picture asks for uint8"),
        (
            "segmentation",
            np.dstack([RIGHT] * 3),
            "are uint8 of 4 x 6 x 3, where the picture asks for uint8 of",
        ),
        ("segmentation", RIGHT.T.copy(), "are uint8 of 6 x 4, where the picture asks for uint8 of 4 x 6"),
        ("segmentation", RIGHT[:2], "are uint8 of 2 x 6, where the picture asks for uint8 of 4 x 6"),
        (
            "normals",
            NORMALS.astype(np.float64),
            "are float64 of 4 x 6 x 3, where the picture asks for float32",
        ),
        ("normals", RIGHT, "are uint8 of 4 x 6, where the picture asks for float32 of 4 x 6 x 3"),
        (
            "normals",
            NORMALS[:, :3],
            "are float32 of 4 x 3 x 3, where the picture asks for float32 of 4 x 6 x 3",
        ),
        ("normals", NORMALS * np.float32(127), "are no unit vectors (one has a length of 127)"),
        ("normals", changed(NORMALS, (0, 0), 0), "are no unit vectors (one has a length of 0)"),
        ("normals", changed(NORMALS, (0, 0), np.inf), "are no unit vectors (one has a length of inf)"),
        ("depth", np.zeros((WIDTH, HEIGHT)), "are float64 of 6 x 4, where the picture has 4 x 6 pixels"),
    ],
)
def test_wrong_labels_are_named_with_all_that_have_them(task, target, said):
    names, right = (["a", "b", "c"], RIGHT) if task == "segmentation" else ([], NORMALS)
    with pytest.raises(InputError) as caught:
        check_labels(samples([target, target, right, right], names), task, threads=2)
    assert str(caught.value).startswith(f"the labels of first {said}")
    assert "and so it is with 1 more: second; correct them, or what the loader makes of them" in str(
        caught.value
    )
    with pytest.raises(InputError, match="the labels of fourth are"):
        check_labels(samples([right, right, target, target], names), task, threads=2)


@pytest.mark.parametrize(
    ("task", "right", "none"),
    [
        ("segmentation", RIGHT, np.full_like(RIGHT, IGNORED)),
        ("normals", NORMALS, np.full_like(NORMALS, np.nan)),
    ],
)
def test_a_split_without_any_label_is_named(task, right, none):
    names = ["a", "b", "c"] if task == "segmentation" else []
    with pytest.raises(InputError, match=f"no pixel of the split 'test' has a label for {task}; check which"):
        check_labels(samples([right, none, right, none], names), task, threads=1)
    with pytest.raises(InputError, match="no pixel of the split 'train' has a label"):
        check_labels(samples([none, none, right, right], names), task, threads=1)


@pytest.mark.parametrize(("classes", "fits"), [(0, True), (2, True), (3, True), (1, False), (4, False)])
def test_classes_of_pixels_are_held_against_the_row(monkeypatch, classes, fits):
    monkeypatch.setattr(ade20k, "load_segmentation", lambda root: samples([RIGHT] * 4, ["a", "b", "c"]))
    facts = {"dataset": "rooms", "loader": "ade20k", "counts": {}, "classes": classes}
    if fits:
        assert load_dense("segmentation", "folder", **facts).class_names == ["a", "b", "c"]
    else:
        with pytest.raises(
            InputError, match=f"rooms has 3 classes of pixels in folder, expected {classes}, or"
        ):
            load_dense("segmentation", "folder", **facts)


def test_more_classes_than_a_label_takes_are_refused():
    with pytest.raises(InputError, match="256 class names; pixels take 255 at most"):
        samples([RIGHT] * 4, [str(number) for number in range(256)])


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (Image.new("1", (WIDTH, HEIGHT)), "are bool and no 8-bit numbers; store them as such"),
        (Image.new("I;16", (WIDTH, HEIGHT)), "are uint16 and no 8-bit numbers; store them as such"),
        (None, "cannot be read (cannot identify image file"),
    ],
)
def test_masks_of_ade_that_are_no_8_bit_pictures_are_named(tmp_path, mask, said):
    path = tmp_path / "a.png"
    if mask:
        mask.save(path)
    else:
        path.write_bytes(b"no picture")
    with pytest.raises(InputError) as caught:
        ade20k._Classes(tmp_path, ["a"])(0)
    assert f"the labels {path} {said}" in str(caught.value)


@pytest.fixture
def voc(tmp_path):
    archives = voc0712_archives(tmp_path)
    fetch_dataset([str(path) for path in archives], [], tmp_path / "voc")
    return tmp_path / "voc"


def without_objects(root, lists: str) -> None:
    for name in root.glob(f"VOCdevkit/*/ImageSets/Main/{lists}.txt"):
        for number in name.read_text().split():
            path = name.parents[2] / f"Annotations/{number}.xml"
            path.write_text(re.sub("<object>.*</object>", "", path.read_text()))


def test_a_voc_tree_without_any_object_is_a_sentence(voc):
    facts = {"loader": "voc0712", "split_rule": "official", "classes": 20, "counts": {}}
    for split in ("test", "train"):
        without_objects(voc, split)
        with pytest.raises(InputError, match=f"voc0712 has no object in its split '{split}' in "):
            load_boxes("voc0712", voc, **facts)
        if split == "test":
            voc0712.load_detection(voc)
    without_objects(voc, "*")
    with pytest.raises(
        InputError, match=r"voc0712: no annotation in .* has an object; fetch the dataset again"
    ):
        load_boxes("voc0712", voc, **facts)


def test_a_loader_that_returns_no_box_is_named(tmp_path):
    none = np.zeros(0, dtype=np.int64)
    with pytest.raises(InputError, match="has no box of an object"):
        Boxes(tmp_path, [], none, none, none, none.reshape(0, 4), none, none, ["cat"])


@pytest.fixture
def folder(tmp_path):
    """Pictures of two classes; three of the four cats are damaged, one of them cut off."""
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for number in range(4):
            pixels = np.random.default_rng(number).integers(0, 256, (12, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    for number in (0, 2):
        (tmp_path / f"cat/{number}.png").write_bytes(b"")
    whole = (tmp_path / "cat/3.png").read_bytes()
    (tmp_path / "cat/3.png").write_bytes(whole[:100])
    return tmp_path


DAMAGED = r"^the picture cat/0\.png of the dataset in .* cannot be read \(.*\), and so it is with 2 more: "
DAMAGED += r"cat/2\.png, cat/3\.png; replace the file, or fetch the dataset again$"


@pytest.mark.parametrize("workers", [0, 2])
def test_every_damaged_picture_of_a_dataset_is_named_at_once(folder, workers):
    everything = extract(
        torch.nn.Flatten(),
        Pictures(load(folder), 8),
        [7, 1, 2],
        mean=(0, 0, 0),
        std=(1, 1, 1),
        batch_size=1,
        device="cpu",
        workers=workers,
    )
    with pytest.raises(InputError, match=DAMAGED):
        list(everything)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_training_names_every_damaged_picture_too(folder, workers):
    found = load(folder)
    stream = Stream(np.arange(len(found)), partial(_draw, found), seed=0)
    steps = batches(stream, batch_size=2, start=0, stop=20, workers=workers, pin_memory=False)
    with pytest.raises(InputError, match=DAMAGED):
        list(steps)


def _draw(found, index: int) -> torch.Tensor:
    return torch.from_numpy(np.array(found.read(index)))


def test_an_error_about_samples_crosses_processes_and_stays_short():
    error = SampleError(
        "the picture", [f"{number}.jpg" for number in range(NAMED + 50)], "is torn", "mend it"
    )
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, SampleError)
    assert str(again) == str(error)
    assert str(error).startswith("the picture 0.jpg is torn, and so it is with 149 more: 1.jpg, 2.jpg, ")
    assert str(error).endswith("99.jpg, 100.jpg ...; mend it")


def test_another_error_than_of_samples_goes_before(folder):
    def read(index: int) -> None:
        if index == 5:
            raise InputError("the disk is gone")
        raise SampleError("the picture", [str(index)], "is torn", "mend it")

    assert str(refused(read, range(9), threads=2)) == "the disk is gone"
    assert (
        str(refused(read, range(2), threads=2))
        == "the picture 0 is torn, and so it is with 1 more: 1; mend it"
    )
    assert refused(lambda index: None, range(9), threads=2) is None
