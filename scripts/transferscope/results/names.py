"""Models and datasets as the analyses need them, and the names that tables and figures print."""

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from transferscope.errors import InputError
from transferscope.results.metrics import METRICS

DATASET_NAMES = {
    "aircraft": "Aircraft",
    "caltech101": "Caltech-101",
    "cars": "Cars",
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "dtd": "DTD",
    "flowers": "Flowers",
    "food101": "Food-101",
    "pets": "Pets",
    "sun397": "SUN397",
    "voc2007": "VOC 2007",
    "cropdiseases": "CropDiseases",
    "eurosat": "EuroSAT",
    "isic": "ISIC",
    "chestx": "ChestX",
    "voc0712": "VOC 2007+2012",
    "nyuv2": "NYUv2",
    "ade20k": "ADE20K",
    "average": "Average",
}
"""Names of the published datasets, since the table of datasets lists only what can be measured."""

SETTING_NAMES = {
    "linear": "Linear",
    "finetune": "Fine-tuned",
    "knn": "k-NN",
    "detection_frozen": "Detection, frozen",
    "detection_finetune": "Detection, fine-tuned",
    "normals": "Surface normals",
    "segmentation": "Segmentation",
    "calibration_linear": "Calibration, linear",
    "calibration_finetune": "Calibration, fine-tuned",
    "reconstruction": "Reconstruction",
    "saliency": "Saliency",
    "invariance": "Invariance",
}


def read_models(paths: str | list[str]) -> pd.DataFrame:
    """The models of one table, or of several, in their order, indexed by id.

    Columns: name; kind (``supervised``, ``random`` or ``self-supervised``); imagenet_top1 (percent, or NaN
    where the authors gave none).

    Raises:
        InputError: a column is missing, an id occurs twice or a top-1 accuracy is not a percentage.
    """
    table = _read_facts(paths, ["id", "name", "method"], optional=["imagenet_top1"])
    top1 = pd.to_numeric(table["imagenet_top1"].replace("", None), errors="coerce")
    wrong = table["imagenet_top1"].ne("") & ~top1.between(0, 100, inclusive="neither")
    if wrong.any():
        model = wrong.idxmax()
        raise InputError(
            f"imagenet_top1 of {model} is {table.loc[model, 'imagenet_top1']!r}; "
            "give a percentage between 0 and 100 in the table of models, or leave it empty"
        )
    kind = table["method"].map({"supervised": "supervised", "none": "random"}).fillna("self-supervised")
    return pd.DataFrame({"name": table["name"], "kind": kind, "imagenet_top1": top1.astype(float)})


def read_datasets(paths: str | list[str]) -> dict[str, str]:
    """Printed name of every dataset id: those of one table or several, and the published ones they lack.

    Raises:
        InputError: a column is missing or an id occurs twice.
    """
    return DATASET_NAMES | _read_facts(paths, ["id", "name"])["name"].to_dict()


def read_dataset_facts(paths: str | list[str]) -> pd.DataFrame:
    """What one table of datasets, or several, say to a reader: text, indexed by id, empty where unknown.

    Columns: name, classes, metric, licence, the images of train, val, test and all, citation; the last five
    are empty where a table leaves them out.

    Raises:
        InputError: a column is missing or an id occurs twice.
    """
    required = ["id", "name", "classes", "metric", "licence"]
    return _read_facts(paths, required, optional=["train", "val", "test", "all", "citation"])


def setting_name(setting: str) -> str:
    """Printed name of a setting; its id where it has no other."""
    fewshot = re.fullmatch(r"fewshot_(\d+)w(\d+)s", setting)
    if fewshot:
        return f"{fewshot[1]}-way {fewshot[2]}-shot"
    return SETTING_NAMES.get(setting, setting)


def measurement_name(setting: str, metric: str) -> str:
    """A setting's printed name with that of a metric, which may begin with it."""
    name, label = setting_name(setting), METRICS[metric].label
    return label if label.startswith(name) else f"{name}: {label}"


def _read_facts(paths: str | list[str], columns: list[str], optional: Sequence[str] = ()) -> pd.DataFrame:
    paths = [paths] if isinstance(paths, str | Path) else paths
    tables = []
    for path in paths:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, comment="#")
        missing = [column for column in columns if column not in table]
        if missing:
            raise InputError(f"{path} lacks the column {missing[0]}; its header needs {', '.join(columns)}")
        tables.append(table.reindex(columns=[*columns, *optional], fill_value=""))
    table = pd.concat(tables, ignore_index=True)
    repeated = table["id"].duplicated()
    if repeated.any():
        files, name = " and ".join(map(str, paths)), table.loc[repeated.idxmax(), "id"]
        raise InputError(f"{name} is listed twice in {files}; remove one of the rows")
    return table.set_index("id")
