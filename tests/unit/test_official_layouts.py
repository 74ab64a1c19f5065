"""The benchmark's datasets, from archives in the official layout to samples, by their rows of the table."""

import shutil
from collections import Counter
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from official_layouts import MINIATURES, VOC_CLASSES, matlab

from transferscope.datasets import load_boxes, load_dataset
from transferscope.datasets.base import Samples
from transferscope.datasets.boxes import Boxes
from transferscope.datasets.splits import RULES
from transferscope.errors import InputError
from transferscope.sources.fetching import fetch_dataset, place_dataset
from transferscope.study import catalogue
from transferscope.study.protocols import admits, read_protocols

CONFIG = Path(__file__).parents[2] / "config"
ROWS = catalogue.read_datasets(CONFIG / "datasets.tsv", CONFIG / "schemas")
PROTOCOLS = read_protocols(CONFIG / "protocols.tsv", CONFIG / "schemas")

# Images before any split rule: training with validation and test, or all (Ericsson et al. 2021).
OFFICIAL = {
    "aircraft": (3334 + 3333, 3333),
    "caltech101": (102 * 30, 9144 - 102 * 30),
    "cars": (8144, 8041),
    "cifar10": (50000, 10000),
    "cifar100": (50000, 10000),
    "dtd": (1880 + 1880, 1880),
    "flowers": (1020 + 1020, 6149),
    "food101": (75750, 25250),
    "pets": (3680, 3669),
    "sun397": (19850, 19850),
    "voc0712": (2501 + 2510 + 5717 + 5823, 4952),
    "voc2007": (2501 + 2510, 4952),
    "cropdiseases": (43456,),
    "eurosat": (27000,),
    "isic": (10015,),
    "chestx": (25848,),
}


PROPERTIES = {"reconstruction", "saliency", "invariance"}  # which need no split


@pytest.mark.parametrize("dataset", ROWS.index)
def test_facts_of_the_table(dataset):
    row = ROWS.loc[dataset]
    counts = {split: row[split] for split in catalogue.COUNTS if row[split] >= 0}
    admitted = {name for name, protocol in PROTOCOLS.iterrows() if admits(row, protocol)}
    assert set(row["task"]) <= catalogue.loaders()[row["loader"]]
    assert row["split_rule"] in RULES
    assert bool(row["shots"]) == ("fewshot" in admitted)
    if row["split_rule"] == "pooled":
        assert set(counts) == {"all"}
        assert admitted - PROPERTIES == {"fewshot"}
    else:
        assert set(counts) in ({"train", "val", "test"}, {"train", "test"})
        assert "val" in counts or not {"recognition", "detection"} & set(row["task"])
    if row["split_rule"] in ("val20", "draw30"):
        assert counts["val"] == (counts["train"] + counts["val"]) // 5
    if row["metric"] == "map11":
        assert not {"fewshot", "calibration_linear", "calibration_finetune"} & admitted
    assert min(counts.values()) >= row["classes"]


@pytest.mark.parametrize("dataset", OFFICIAL)
def test_counts_are_the_official_ones(dataset):
    row = ROWS.loc[dataset]
    if row["split_rule"] == "pooled":
        assert (row["all"],) == OFFICIAL[dataset]
    else:
        assert (row["train"] + row["val"], row["test"]) == OFFICIAL[dataset]


def load(dataset: str, root: Path) -> Samples | Boxes:
    row = ROWS.loc[dataset]
    facts = {"loader": row["loader"], "split_rule": row["split_rule"], "classes": int(row["classes"])}
    if row["task"] == ["detection"]:
        return load_boxes(dataset, root, **facts, counts={})
    return load_dataset(dataset, root, **facts, seed=0, counts={})


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """The folder of a dataset, made from its miniature archives as its row says; made once."""
    made = {}

    def make(dataset: str) -> Path:
        if dataset not in made:
            folder = tmp_path_factory.mktemp(dataset)
            archives = MINIATURES[dataset](folder)
            made[dataset] = tmp_path_factory.mktemp(f"{dataset}-unpacked") / dataset
            if ROWS.at[dataset, "origin"] == "manual":
                place_dataset(folder, made[dataset])
            else:
                names = [PurePosixPath(source).name for source in ROWS.at[dataset, "source"]]
                assert [archive.name for archive in archives] == names
                fetch_dataset([str(archive) for archive in archives], [], made[dataset])
        return made[dataset]

    return make


# The first samples with their classes, in the official order, and the size of each split.
EXPECTED = {
    "aircraft": (
        {"1000099.jpg": "Variant 96", "1000098.jpg": "Variant 95"},
        {"train": 100, "val": 100, "test": 100},
    ),
    "caltech101": (
        {"BACKGROUND_Google/image_0001.jpg": "BACKGROUND_Google"},
        {"train": 2448, "val": 612, "test": 103},
    ),
    "cars": (
        {"cars_train/00001.jpg": "Car 196", "cars_train/00002.jpg": "Car 195"},
        {"train": 157, "val": 39, "test": 196},
    ),
    "cifar10": ({"train/00000": "class 9", "train/00001": "class 8"}, {"train": 40, "val": 10, "test": 10}),
    "cifar100": ({"train/00000": "fine 99", "train/00001": "fine 98"}, {"train": 80, "val": 20, "test": 100}),
    "dtd": (
        {"texture46/texture46_0000.jpg": "texture46", "texture45/texture45_0000.jpg": "texture45"},
        {"train": 47, "val": 47, "test": 47},
    ),
    "flowers": (
        {"image_00304.jpg": "blackberry lily", "image_00301.jpg": "trumpet creeper"},
        {"train": 102, "val": 102, "test": 102},
    ),
    "food101": (
        {"dish_199/200.jpg": "dish_199", "dish_198/199.jpg": "dish_198"},
        {"train": 81, "val": 20, "test": 101},
    ),
    "pets": (
        {"some_breed33_100.jpg": "some_breed33", "some_breed32_100.jpg": "some_breed32"},
        {"train": 30, "val": 7, "test": 37},
    ),
    "sun397": (
        {"s/scene394/sun_a.jpg": "scene394", "s/scene393/sun_a.jpg": "scene393"},
        {"train": 318, "val": 79, "test": 397},
    ),
    "cropdiseases": ({"Plant___disease_00/leaf.JPG": "Plant___disease_00"}, {"all": 38}),
    "eurosat": ({"2750/Cover0/Cover0_1.jpg": "Cover0"}, {"all": 10}),
    "isic": ({"ISIC_0024312.jpg": "VASC", "ISIC_0024311.jpg": "DF"}, {"all": 7}),
    "chestx": ({"images/00000001_000.png": "Pneumothorax", "images/00000002_000.png": "Nodule"}, {"all": 8}),
}


@pytest.mark.parametrize("dataset", EXPECTED)
def test_from_official_archives_to_samples(unpacked, dataset):
    samples = load(dataset, unpacked(dataset))
    first, sizes = EXPECTED[dataset]
    assert not samples.multilabel
    assert Counter(samples.splits.tolist()) == sizes
    labels = samples.labels[: len(first)]
    assert dict(zip(samples.ids, (samples.class_names[label] for label in labels), strict=False)) == first
    for index in (0, len(samples) - 1):
        assert samples.read(index).mode == "RGB"
        assert samples.read(index).size in {(8, 6), (32, 32)}


def test_voc2007_has_several_labels_and_counts_the_difficult_as_absent(unpacked):
    samples = load("voc2007", unpacked("voc2007"))
    assert samples.class_names == VOC_CLASSES
    assert samples.ids == [f"{n:06d}.jpg" for n in (18, 12, 15, 11, 5, 8, 7, 1, 4)]
    assert samples.splits.tolist() == ["train"] * 3 + ["val"] * 3 + ["test"] * 3
    even = [1, 0] * 10
    assert samples.labels.tolist() == [even, [0] * 20, [1] * 20] * 3


def test_voc0712_has_the_boxes_of_both_years(unpacked):
    boxes = load("voc0712", unpacked("voc0712"))
    assert boxes.class_names == VOC_CLASSES
    assert boxes.names[0] == "VOCdevkit/VOC2007/JPEGImages/000012.jpg"
    assert boxes.names[-1] == "VOCdevkit/VOC2012/JPEGImages/2008_000001.jpg"
    assert boxes.splits[::2].tolist() == ["train", "val", "test", "train", "val"]
    # The parts of a person have boxes of their own, which are no objects.
    assert len(boxes.labels) == 5 * (20 + 2)
    assert boxes.labels[20:22].tolist() == [VOC_CLASSES.index("person"), VOC_CLASSES.index("dog")]
    assert boxes.boxes[[0, 20, 21]].tolist() == [[0, 0, 8, 6], [1, 2, 4, 5], [0.5, 0, 8, 5.5]]
    assert boxes.difficult[20:22].tolist() == [True, False]


def test_class_names_and_their_order(unpacked):
    assert load("aircraft", unpacked("aircraft")).class_names[:3] == ["707-320", "F/A-18", "Falcon 2000"]
    assert load("pets", unpacked("pets")).class_names[:3] == ["Abyssinian", "american_bulldog", "Bengal"]
    assert load("sun397", unpacked("sun397")).class_names[:2] == ["abbey", "apartment_building/outdoor"]
    assert load("flowers", unpacked("flowers")).class_names[0] == "pink primrose"


def test_caltech101_draws_thirty_of_each_class(unpacked):
    samples = load("caltech101", unpacked("caltech101"))
    assert len(samples) == 102 * 31 + 1
    assert set(np.bincount(samples.labels[samples.splits != "test"])) == {30}


def test_cifar_planes_are_red_green_blue(unpacked):
    samples = load("cifar100", unpacked("cifar100"))
    assert samples.read(3).getpixel((31, 31)) == (3, 103, 203)
    assert samples.ids[-1] == "test/00099"


def test_chestx_leaves_out_none_several_and_other_findings(unpacked):
    samples = load("chestx", unpacked("chestx"))
    assert samples.ids == [f"images/{number:08d}_000.png" for number in (1, 2, 3, 4, 5, 6, 7, 12)]
    assert samples.labels.tolist() == [6, 5, 4, 3, 2, 1, 0, 4]


def test_chestx_in_the_folders_of_its_other_distributor(unpacked, tmp_path):
    root = tmp_path / "chestx"
    shutil.copytree(unpacked("chestx"), root)
    (root / "images_001").mkdir()
    (root / "images").rename(root / "images_001/images")
    assert load("chestx", root).ids[0] == "images_001/images/00000001_000.png"


def test_cars_labels_of_the_test_pictures_in_the_devkit(unpacked, tmp_path):
    root = tmp_path / "cars"
    shutil.copytree(unpacked("cars"), root)
    (root / "cars_test_annos_withlabels.mat").rename(root / "devkit/cars_test_annos_withlabels.mat")
    assert len(load("cars", root)) == 2 * 196


def remove(name):
    return lambda root: (root / name).unlink()


def replace(name, old, new):
    def spoil(root):
        path = root / name
        text = path.read_bytes()
        assert old.encode() in text
        path.write_bytes(text.replace(old.encode(), new.encode(), 1))

    return spoil


def cut(name):
    return lambda root: (root / name).write_bytes((root / name).read_bytes()[:-100])


AIRCRAFT = "fgvc-aircraft-2013b/data"
CIFAR10, CIFAR100 = "cifar-10-batches-bin", "cifar-100-binary"
FOOD = "food-101/meta"
VOC = "VOCdevkit/VOC2007/ImageSets/Main"
VOC12 = "VOCdevkit/VOC2012"
ISIC = "ISIC2018_Task3_Training_GroundTruth/ISIC2018_Task3_Training_GroundTruth.csv"
CHESTX = "Data_Entry_2017.csv"
HERNIA = "png,Hernia,0,1,058Y,M,PA,2682,2749,0.143,0.143,"


LONG = "n" * 300
OUTSIDE = [
    (
        "food101",
        replace(f"{FOOD}/train.txt", "dish_199/200", "dish_199/../../../../secret"),
        "names 'dish_199/../../../../secret.jpg', which lies outside its folder",
    ),
    ("food101", replace(f"{FOOD}/train.txt", "dish_199/200", f"dish_199/{LONG}"), "no file dish_199/nnn"),
    ("food101", replace(f"{FOOD}/train.txt", "dish_199/200", "dish_199/a\0b"), "no file dish_199/a"),
    ("pets", replace("annotations/test.txt", "Bengal_1 ", "../Bengal_1 "), "which lies outside"),
    ("voc0712", replace(f"{VOC}/test.txt", "000001", "../../../secret"), "which lies outside its folder"),
    ("voc0712", replace(f"{VOC}/test.txt", "000001", "..\\secret"), "which lies outside its folder"),
    (
        "voc0712",
        replace(f"{VOC12}/Annotations/2008_000001.xml", "<width>", f"<width>{'9' * 30}"),
        "2008_000001.xml is not a Pascal VOC annotation",
    ),
]


@pytest.mark.parametrize(
    ("dataset", "spoil", "message"),
    [
        ("aircraft", remove(f"{AIRCRAFT}/images_variant_val.txt"), "no file images_variant_val.txt"),
        ("aircraft", remove(f"{AIRCRAFT}/images/1000007.jpg"), "no file 1000007.jpg"),
        *((name, *out) for name, *out in OUTSIDE),
        (
            "aircraft",
            replace(f"{AIRCRAFT}/images_variant_test.txt", "F/A-18", "F-18"),
            "images_variant_test.txt line 99 is '3000001 F-18', expected a picture and a variant",
        ),
        ("caltech101", lambda root: shutil.rmtree(root / "caltech-101"), "no folder caltech-101/101_Obj"),
        ("cars", remove("cars_test_annos_withlabels.mat"), "no file cars_test_annos_withlabels.mat or"),
        ("cars", cut("devkit/cars_train_annos.mat"), "cars_train_annos.mat has no annotations.fname"),
        ("cars", cut("devkit/cars_meta.mat"), "cars_meta.mat has no class_names"),
        ("cifar10", cut(f"{CIFAR10}/data_batch_3.bin"), "not a multiple of the record length 3073"),
        ("cifar100", remove(f"{CIFAR100}/fine_label_names.txt"), "no file fine_label_names.txt"),
        (
            "cifar100",
            replace(f"{CIFAR100}/fine_label_names.txt", "fine 0\n", ""),
            "cifar100: the loader returned labels that do not fit its 99 class names",
        ),
        ("dtd", replace("dtd/labels/val1.txt", "texture46/", "velvet/"), "val1.txt line 1 is 'velvet/"),
        ("flowers", cut("setid.mat"), "setid.mat has no"),
        ("food101", replace(f"{FOOD}/train.txt", "dish_199/200", "dish_199/7"), "no file dish_199/7.jpg"),
        ("food101", replace(f"{FOOD}/test.txt", "apple_pie", "pie"), "line 101 is 'pie/900', expected a cl"),
        ("pets", replace("annotations/test.txt", "l_1 3 1 1", "l_1 38 1 1"), "line 35 is 'Bengal_1 38 1 1'"),
        ("pets", replace("annotations/trainval.txt", "l_100 3 1 1", "l_100"), "is 'Bengal_100', expected"),
        ("sun397", remove("Training_01.txt"), "no file Training_01.txt"),
        ("sun397", replace("Testing_01.txt", "/a/abbey/", "/a/abba/"), "line 397 is '/a/abba/sun_b.jpg'"),
        ("voc2007", replace(f"{VOC}/dog_val.txt", " 1", " 2"), "dog_val.txt line 3 is '000008  2', expect"),
        ("voc2007", replace(f"{VOC}/dog_val.txt", "000008", "000009"), "dog_val.txt lists other pictures"),
        ("voc0712", remove(f"{VOC12}/ImageSets/Main/val.txt"), "no file val.txt"),
        ("voc0712", remove(f"{VOC12}/Annotations/2008_000002.xml"), "no file Annotations/2008_000002.xml"),
        ("voc0712", remove(f"{VOC12}/JPEGImages/2008_000002.jpg"), "no file VOCdevkit/VOC2012/JPEGIm"),
        ("voc0712", replace(f"{VOC}/test.txt", "000001", "000001 1"), "line 2 is '000001 1', expected the n"),
        (
            "voc0712",
            cut(f"{VOC12}/Annotations/2008_000001.xml"),
            "2008_000001.xml is not a Pascal VOC",
        ),
        (
            "voc0712",
            replace(f"{VOC12}/Annotations/2008_000001.xml", ">dog<", ">hot dog<"),
            "2008_000001.xml is not a Pascal VOC annotation .*hot dog",
        ),
        (
            "voc0712",
            replace(f"{VOC12}/Annotations/2008_000001.xml", "<xmax>8<", "<xmax>9<"),
            r"box \[0.5, 0.0, 9.0, 5.5\] of the picture .*/2008_000001.jpg .* is empty or not within",
        ),
        (
            "voc0712",
            replace(f"{VOC12}/Annotations/2008_000001.xml", "<width>", "<breadth>"),
            "2008_000001.xml is not a Pascal VOC annotation",
        ),
        ("isic", replace(ISIC, ",1.0", ",0.0"), "line 2 is 'ISIC_0024312,.*expected a picture, one 1.0"),
        ("isic", replace(ISIC, "image,MEL", "image,NV"), "does not begin with the columns image,MEL"),
        ("chestx", replace(CHESTX, HERNIA, "png"), "line 11 is '00000010_000.png', expected a picture"),
        ("chestx", remove("images/00000002_000.png"), "no file images/00000002_000.png"),
        ("cropdiseases", lambda root: shutil.rmtree(root / "dataset"), "no folder dataset/train or train"),
    ],
)
def test_what_is_wrong_is_said(unpacked, tmp_path, dataset, spoil, message):
    root = tmp_path / dataset
    shutil.copytree(unpacked(dataset), root)
    spoil(root)
    with pytest.raises(InputError, match=message) as caught:
        load(dataset, root)
    assert str(caught.value).startswith(dataset)
    assert "\n" not in str(caught.value)


def test_flowers_parts_that_leave_pictures_out(unpacked, tmp_path):
    root = tmp_path / "flowers"
    shutil.copytree(unpacked("flowers"), root)
    (root / "setid.mat").write_bytes(matlab({"trnid": [1, 2], "valid": [3, 4], "tstid": [4, 5]}))
    with pytest.raises(InputError, match=r"setid\.mat .* does not divide the pictures 1 to 306"):
        load("flowers", root)
