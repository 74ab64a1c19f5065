"""docs/your_own.md, followed to the letter: a .pth and a folder of pictures become rows of the results."""

import re

import numpy as np
import pandas as pd
import timm
import torch
from PIL import Image
from tests.workflow.conftest import ROOT


def test_the_page_on_your_own_model_and_pictures(fresh, tmp_path):
    tmp_path = tmp_path / "my data"  # a path may have blanks
    tmp_path.mkdir()
    page = (ROOT / "docs/your_own.md").read_text().replace("/data/", f"{tmp_path}/")
    models, datasets, study, commands = re.findall(r"```(?!python)\w+\n(.*?)```", page, re.DOTALL)
    # A small network of the same family in place of the ResNet-50: the page is what is tested.
    files = {"models.tsv": models.replace("resnet50", "resnet10t"), "datasets.tsv": datasets}
    files["study.yaml"] = study.replace("mobilenetv2, ", "") + "features: {resolution: 32}\n"
    (fresh.folder / "my").mkdir()
    for name, text in files.items():
        (fresh.folder / "my" / name).write_text(text)
    network = timm.create_model("resnet10t", num_classes=5)
    state = {f"module.encoder.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "my-model.pth")
    rng = np.random.default_rng(0)
    for number, name in enumerate("abc"):
        folder = tmp_path / "pictures" / name
        folder.mkdir(parents=True)
        for index in range(40):
            pixels = rng.integers(0, 150, (40, 48, 3), dtype=np.uint8)
            pixels[..., number] += 100
            Image.fromarray(pixels).save(folder / f"{index}.jpg")

    runs = [line.partition("#")[0].split()[1:] for line in commands.splitlines() if "snakemake" in line]
    assert len(runs) == 2
    for arguments in runs:
        fresh.snakemake(*arguments)
    results = (fresh.folder / "results/my/tables/results.md").read_text()
    assert "| My model |" in results
    table = pd.read_csv(fresh.folder / "results/my/tables/measured.tsv", sep="\t")
    assert set(table["protocol"]) == {"linear", "knn", "calibration_linear"}
    assert table.query("model == 'my-model' and protocol == 'linear'")["value"].item() > 80
