"""Miniatures of the official archives: their names and layouts, every class, few pictures.

Each function writes the archives of one dataset into a folder and returns them, in the order of its row's
sources. Lists are not sorted, so that a loader that sorts goes wrong.
"""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat


def picture(kind: str) -> bytes:
    """A picture of 8 x 6 pixels."""
    file = io.BytesIO()
    Image.new("RGB", (8, 6), (200, 100, 50)).save(file, kind)
    return file.getvalue()


JPEG, PNG = picture("JPEG"), picture("PNG")


def tar(path: Path, content: dict[str, bytes | str]) -> Path:
    """A tar of these files, compressed as its suffix says."""
    with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w") as archive:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            data = data.encode() if isinstance(data, str) else data
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def zipped(path: Path, content: dict[str, bytes | str]) -> Path:
    """A zip of these files."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def lines(rows: list[str]) -> str:
    """One row a line."""
    return "".join(f"{row}\n" for row in rows)


def matlab(content: dict) -> bytes:
    """A MATLAB file of these variables."""
    file = io.BytesIO()
    savemat(file, content)
    return file.getvalue()


def aircraft(folder: Path) -> list[Path]:
    """Variants with spaces and slashes; lists run from the last variant to the first."""
    data = "fgvc-aircraft-2013b/data"
    variants = ["707-320", "F/A-18", "Falcon 2000", *(f"Variant {number}" for number in range(97))]
    content = {f"{data}/variants.txt": lines(variants)}
    for start, split in ((1000000, "train"), (2000000, "val"), (3000000, "test")):
        rows = [(f"{start + label}", variant) for label, variant in enumerate(variants)][::-1]
        content[f"{data}/images_variant_{split}.txt"] = lines([" ".join(row) for row in rows])
        content |= {f"{data}/images/{number}.jpg": JPEG for number, _ in rows}
    return [tar(folder / "fgvc-aircraft-2013b.tar.gz", content)]


def caltech101(folder: Path) -> list[Path]:
    """A tar in a zip, beside what macOS adds; a stray file among the pictures."""
    names = ["BACKGROUND_Google", "Faces", "airplanes", *(f"thing_{number:02d}" for number in range(99))]
    objects = {
        f"101_ObjectCategories/{name}/image_{number:04d}.jpg": JPEG
        for name in names
        for number in range(1, 33 if name == "Faces" else 32)
    }
    objects["101_ObjectCategories/BACKGROUND_Google/tmp"] = JPEG
    inner = tar(folder / "101_ObjectCategories.tar.gz", objects)
    content = {
        "caltech-101/101_ObjectCategories.tar.gz": inner.read_bytes(),
        "__MACOSX/caltech-101/._101_ObjectCategories.tar.gz": b"\0\5\x16\7",
        "caltech-101/show_annotation.m": "%",
    }
    inner.unlink()
    return [zipped(folder / "caltech-101.zip", content)]


def cars(folder: Path) -> list[Path]:
    """Structs in MATLAB files; the test labels lie beside the devkit."""
    kind = [("bbox_x1", object), ("class", object), ("fname", object)]
    archives, annotations = [], {}
    for split in ("train", "test"):
        rows = [(1, np.uint8(label), f"{196 - label + 1:05d}.jpg") for label in range(196, 0, -1)]
        annotations[split] = matlab({"annotations": np.array(rows, dtype=kind)})
        content = {f"cars_{split}/{name}": JPEG for _, _, name in rows}
        archives.append(tar(folder / f"cars_{split}.tgz", content))
    class_names = np.array([f"Car {number}" for number in range(1, 197)], dtype=object)
    devkit = {
        "devkit/cars_meta.mat": matlab({"class_names": class_names}),
        "devkit/cars_train_annos.mat": annotations["train"],
    }
    archives.append(tar(folder / "car_devkit.tgz", devkit))
    archives.append(folder / "cars_test_annos_withlabels.mat")
    archives[-1].write_bytes(annotations["test"])
    return archives


def cifar_records(labels: np.ndarray) -> bytes:
    """Records of labels uint8 [N, B]; the picture of record n is n red, n + 100 green and n + 200 blue."""
    planes = np.arange(len(labels))[:, None] + np.repeat([0, 100, 200], 1024)
    return np.hstack([labels, planes]).astype(np.uint8).tobytes()


def cifar10(folder: Path) -> list[Path]:
    """Five training batches."""
    labels = np.arange(10)[::-1, None]
    names = [f"data_batch_{number}.bin" for number in range(1, 6)]
    content = {f"cifar-10-batches-bin/{name}": cifar_records(labels) for name in [*names, "test_batch.bin"]}
    content["cifar-10-batches-bin/batches.meta.txt"] = lines([*(f"class {n}" for n in range(10)), ""])
    return [tar(folder / "cifar-10-binary.tar.gz", content)]


def cifar100(folder: Path) -> list[Path]:
    """Two labels a picture, of which the second is the fine one."""
    fine = np.arange(100)[::-1, None]
    labels = np.hstack([fine // 5, fine])
    records = cifar_records(labels[:50]) + cifar_records(labels[50:])
    content = {f"cifar-100-binary/{name}.bin": records for name in ("train", "test")}
    content["cifar-100-binary/fine_label_names.txt"] = lines([f"fine {n}" for n in range(100)])
    content["cifar-100-binary/coarse_label_names.txt"] = lines([f"coarse {n}" for n in range(20)])
    return [tar(folder / "cifar-100-binary.tar.gz", content)]


def dtd(folder: Path) -> list[Path]:
    """Two of the ten partitions."""
    classes = [f"texture{number:02d}" for number in range(47)]
    content = {}
    for number, split in enumerate(("train", "val", "test")):
        names = [f"{name}/{name}_{number:04d}.jpg" for name in classes][::-1]
        content |= {f"dtd/images/{name}": JPEG for name in names}
        content[f"dtd/labels/{split}1.txt"] = lines(names)
        content[f"dtd/labels/{split}2.txt"] = lines(["of another partition"])
    return [tar(folder / "dtd-r1.0.1.tar.gz", content)]


def flowers(folder: Path) -> list[Path]:
    """306 pictures, every third of which is for training."""
    numbers = np.arange(1, 307)
    contents = {
        "imagelabels.mat": matlab({"labels": ((numbers - 1) // 3 + 1).astype(np.uint8)}),
        "setid.mat": matlab(
            {"trnid": numbers[::3][::-1], "valid": numbers[1::3][::-1], "tstid": numbers[2::3][::-1]}
        ),
    }
    archives = [tar(folder / "102flowers.tgz", {f"jpg/image_{number:05d}.jpg": JPEG for number in numbers})]
    for name, content in contents.items():
        archives.append(folder / name)
        archives[-1].write_bytes(content)
    return archives


def food101(folder: Path) -> list[Path]:
    """Lists of pictures without suffix."""
    classes = ["apple_pie", *(f"dish_{number}" for number in range(100, 200))]
    content = {"food-101/meta/classes.txt": lines(classes)}
    for split, start in (("train", 100), ("test", 900)):
        names = [f"{name}/{start + label}" for label, name in enumerate(classes)][::-1]
        content[f"food-101/meta/{split}.txt"] = lines(names)
        content |= {f"food-101/images/{name}.jpg": JPEG for name in names}
    return [tar(folder / "food-101.tar.gz", content)]


def pets(folder: Path) -> list[Path]:
    """Breeds whose numbers are not their alphabetical order: capitals are cats."""
    breeds = ["Abyssinian", "american_bulldog", "Bengal", *(f"some_breed{n:02d}" for n in range(34))]
    images, annotations = {}, {"annotations/list.txt": "#Image CLASS-ID SPECIES BREED ID\n"}
    for split, picture_number in (("trainval", 100), ("test", 1)):
        names = [f"{breed}_{picture_number}" for breed in breeds]
        rows = [f"{name} {label} 1 1" for label, name in enumerate(names, start=1)][::-1]
        annotations[f"annotations/{split}.txt"] = lines(rows)
        images |= {f"images/{name}.jpg": JPEG for name in names}
    images["images/Abyssinian_100.mat"] = "of no use"
    return [tar(folder / "images.tar.gz", images), tar(folder / "annotations.tar.gz", annotations)]


def sun397(folder: Path) -> list[Path]:
    """Classes one and two folders deep; the lists come in an archive of their own."""
    folders = ["/a/abbey", "/a/apartment_building/outdoor", *(f"/s/scene{n}" for n in range(395))]
    pictures, lists = {"SUN397/ClassName.txt": lines(folders)}, {"ClassName.txt": lines(folders)}
    for split, letter in (("Training", "a"), ("Testing", "b")):
        names = [f"{name}/sun_{letter}.jpg" for name in folders][::-1]
        pictures |= {f"SUN397{name}": JPEG for name in names}
        lists[f"{split}_01.txt"] = lines(names)
        lists[f"{split}_02.txt"] = lines(["of another partition"])
    return [tar(folder / "SUN397.tar.gz", pictures), zipped(folder / "Partitions.zip", lists)]


VOC_CLASSES = [
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train"),
    "tvmonitor",
]


def voc2007(folder: Path) -> list[Path]:
    """Three pictures a split: one of the even classes, one of a difficult aeroplane alone, one of all."""
    root = "VOCdevkit/VOC2007"
    archives = []
    for name, starts in (("VOCtrainval", {"train": 12, "val": 5}), ("VOCtest", {"test": 1})):
        content = {}
        for split, start in starts.items():
            numbers = [f"{start + 6:06d}", f"{start:06d}", f"{start + 3:06d}"]
            content |= {f"{root}/JPEGImages/{number}.jpg": JPEG for number in numbers}
            content[f"{root}/ImageSets/Main/{split}.txt"] = lines(numbers)
            for label, name_of_class in enumerate(VOC_CLASSES):
                marks = [" 1" if label % 2 == 0 else "-1", "-1" if label else " 0", " 1"]
                rows = [f"{number} {mark}" for number, mark in zip(numbers, marks, strict=True)]
                content[f"{root}/ImageSets/Main/{name_of_class}_{split}.txt"] = lines(rows)
        archives.append(tar(folder / f"{name}_06-Nov-2007.tar", content))
    return archives


def annotation(objects: list[tuple[str, tuple, int]], size: tuple[int, int] = (8, 6)) -> str:
    """A picture's annotation as Pascal VOC writes it, of each object's class, corners and difficulty."""
    box = "<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>"
    part = f"<part><name>head</name>{box.format(1, 1, 2, 2)}</part>"
    written = [
        f"<object><name>{name}</name><difficult>{difficult}</difficult>{box.format(*corners)}{part}</object>"
        for name, corners, difficult in objects
    ]
    width, height = size
    dimensions = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    return f"<annotation>{dimensions}<segmented>0</segmented>{''.join(written)}</annotation>"


def voc0712(folder: Path) -> list[Path]:
    """Two pictures a split: one of every class, one of a difficult person beside a dog at half pixels."""
    parts = {
        "VOCtrainval_06-Nov-2007.tar": (
            "VOC2007",
            {"train": ["000012", "000007"], "val": ["000005", "000016"]},
        ),
        "VOCtest_06-Nov-2007.tar": ("VOC2007", {"test": ["000004", "000001"]}),
        "VOCtrainval_11-May-2012.tar": (
            "VOC2012",
            {"train": ["2008_000008", "2008_000002"], "val": ["2008_000003", "2008_000001"]},
        ),
    }
    everything = annotation([(name, (1, 1, 8, 6), 0) for name in VOC_CLASSES])
    pair = annotation([("person", (2, 3, 4, 5), 1), ("dog", (1.5, 1, 8, 5.5), 0)])
    archives = []
    for name, (year, lists) in parts.items():
        content = {}
        for split, numbers in lists.items():
            content[f"VOCdevkit/{year}/ImageSets/Main/{split}.txt"] = lines(numbers)
            for number, objects in zip(numbers, (everything, pair), strict=True):
                content[f"VOCdevkit/{year}/JPEGImages/{number}.jpg"] = JPEG
                content[f"VOCdevkit/{year}/Annotations/{number}.xml"] = objects
        archives.append(tar(folder / name, content))
    return archives


def cropdiseases(folder: Path) -> list[Path]:
    """A training and a test part, suffixes in capitals among them."""
    classes = [f"Plant___disease_{number:02d}" for number in range(38)]
    content = {f"dataset/{part}/{name}/leaf.JPG": JPEG for part in ("train", "test") for name in classes}
    return [zipped(folder / "plant-disease.zip", content)]


def eurosat(folder: Path) -> list[Path]:
    """Class folders in a folder named after their number of pictures."""
    return [zipped(folder / "EuroSAT.zip", {f"2750/Cover{n}/Cover{n}_1.jpg": JPEG for n in range(10)})]


def isic(folder: Path) -> list[Path]:
    """Two archives, notices among the files."""
    table, pictures = "ISIC2018_Task3_Training_GroundTruth", "ISIC2018_Task3_Training_Input"
    names = [f"ISIC_{24306 + label:07d}" for label in range(7)][::-1]
    rows = [
        ",".join([name, *("1.0" if label == 6 - row else "0.0" for label in range(7))])
        for row, name in enumerate(names)
    ]
    truth = {
        f"{table}/{table}.csv": lines(["image,MEL,NV,BCC,AKIEC,BKL,DF,VASC", *rows]),
        f"{table}/LICENSE.txt": "CC BY-NC",
    }
    images = {f"{pictures}/{name}.jpg": JPEG for name in names} | {f"{pictures}/ATTRIBUTION.txt": "to"}
    return [zipped(folder / f"{pictures}.zip", images), zipped(folder / f"{table}.zip", truth)]


def chestx(folder: Path) -> list[Path]:
    """Two of the twelve archives; pictures without, with several and with other findings."""
    findings = ["Pneumothorax", "Nodule", "Mass", "Infiltration", "Effusion", "Cardiomegaly", "Atelectasis"]
    findings += ["No Finding", "Cardiomegaly|Emphysema", "Hernia", "Mass|Nodule", "Mass"]
    names = [f"{number:08d}_000.png" for number in range(1, 13)]
    header = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    header += "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
    rows = [
        f"{name},{finding},0,1,058Y,M,PA,2682,2749,0.143,0.143,"
        for name, finding in zip(names, findings, strict=True)
    ]
    table = folder / "Data_Entry_2017.csv"
    table.write_text(lines([header, *rows]))
    return [
        table,
        tar(folder / "images_001.tar.gz", {f"images/{name}": PNG for name in names[:6]}),
        tar(folder / "images_002.tar.gz", {f"images/{name}": PNG for name in names[6:]}),
    ]


MINIATURES: dict[str, Callable[[Path], list[Path]]] = {
    make.__name__: make
    for make in (
        aircraft,
        caltech101,
        cars,
        cifar10,
        cifar100,
        dtd,
        flowers,
        food101,
        pets,
        sun397,
        voc0712,
        voc2007,
        cropdiseases,
        eurosat,
        isic,
        chestx,
    )
}
