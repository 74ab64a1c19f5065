"""Boxes of the rendered scenes, the facts that they are held against, and the form that the toolbox reads."""

import h5py
import numpy as np
import pytest

from transferscope.datasets import load_boxes, load_dataset
from transferscope.datasets.boxes import Boxes
from transferscope.datasets.rendered.dataset import render_dataset
from transferscope.errors import InputError

FACTS = {"loader": "scenes", "split_rule": "official", "classes": 10, "counts": {}, "version": "1"}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    root = tmp_path_factory.mktemp("scenes") / "scenes"
    render_dataset(root, images=50, objects=2, size=32, seed=0, threads=1)
    return root


def test_the_boxes_of_the_scenes_are_those_of_their_masks(scenes):
    boxes = load_boxes("scenes", scenes, **FACTS)
    assert (boxes.sizes == 32).all()
    with h5py.File(scenes / "labels.h5") as file:
        masks, instances = file["instance_mask"][:], file["objects"]["instance"]
    for picture, instance, (x0, y0, x1, y1) in zip(boxes.pictures, instances, boxes.boxes, strict=True):
        rows, columns = np.nonzero(masks[picture] == instance)
        assert (x0, y0, x1, y1) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_boxes_and_labels_of_recognition_agree(scenes):
    boxes, samples = load_boxes("scenes", scenes, **FACTS), load_dataset("scenes", scenes, **FACTS, seed=0)
    assert boxes.class_names == samples.class_names
    assert boxes.splits.tolist() == samples.splits.tolist()
    assert boxes.ids[3] == "images/00003.png"
    there = np.zeros_like(samples.labels)
    there[boxes.pictures, boxes.labels] = 1
    np.testing.assert_array_equal(there, samples.labels)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"loader": "digits"}, r"scenes: the loader 'digits' has no function load_detection\(root\)"),
        ({"split_rule": "val20"}, "detection takes the split rule 'official'"),
        ({"classes": 9}, "scenes has 10 classes"),
        ({"counts": {"test": 11}}, "scenes has 10 samples in its split 'test'"),
    ],
)
def test_facts_are_asserted(scenes, changes, sentence):
    with pytest.raises(InputError, match=sentence):
        load_boxes("scenes", scenes, **FACTS | changes)


def some_boxes(root, **changes) -> Boxes:
    """Three pictures of 20 x 10 pixels, the second without an object, the third with a difficult one."""
    names = ["a.png", "b.png", "c.png"]
    for name in names:
        (root / name).touch()
    content = {
        "sizes": np.array([[20, 10]] * 3),
        "splits": np.array(["train", "val", "test"]),
        "pictures": np.array([0, 2, 2]),
        "boxes": np.array([[0, 0, 20, 10], [1, 2, 4, 6], [5, 5, 7, 8]], dtype=float),
        "labels": np.array([1, 0, 1]),
        "difficult": np.array([True, False, True]),
        "class_names": ["cat", "dog"],
    }
    return Boxes(root, names, **content | changes)


def test_the_annotations_are_cocos(tmp_path):
    boxes = some_boxes(tmp_path)
    test = boxes.annotations("test", ignore_difficult=True)
    assert test["images"] == [{"id": 2, "file_name": "c.png", "width": 20, "height": 10}]
    assert [one["name"] for one in test["categories"]] == ["cat", "dog"]
    assert [(one["bbox"], one["area"], one["iscrowd"]) for one in test["annotations"]] == [
        ([1, 2, 3, 4], 12, 0),
        ([5, 5, 2, 3], 6, 1),
    ]
    train = boxes.annotations("train", "val", ignore_difficult=False)
    assert [one["id"] for one in train["images"]] == [0, 1]
    assert [(one["image_id"], one["iscrowd"]) for one in train["annotations"]] == [(0, 0)]
    assert all(one["id"] > 0 for one in train["annotations"])


def test_an_impossible_label_is_refused(tmp_path):
    for label in (2, -1):
        with pytest.raises(InputError, match=f"the label {label}, which is none of its 2 classes"):
            some_boxes(tmp_path, labels=np.array([1, 0, label]))


@pytest.mark.parametrize(
    "box",
    [[-1, 0, 5, 5], [5, 0, 5, 5], [0, 0, 21, 5], [0, -1, 5, 5], [0, 5, 5, 5], [0, 0, 5, 11]],
    ids=["left", "without width", "right", "above", "without height", "below"],
)
def test_a_box_beyond_its_picture_or_without_area_is_refused(tmp_path, box):
    boxes = np.array([[0, 0, 20, 10], box, [5, 5, 7, 8]], dtype=float)
    with pytest.raises(InputError, match=r"of the picture c\.png in .* is empty or not within the picture"):
        some_boxes(tmp_path, boxes=boxes)
