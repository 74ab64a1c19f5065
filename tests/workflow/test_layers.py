"""A study of the layers of a network pretrained on one picture: it ends; changes cost what they should."""

import csv
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from tests.workflow.conftest import ROOT, SCENES, copy_of_the_project, random_model
from tests.workflow.test_reruns import overlay, settings

TABLE = Path(__file__).with_name("reruns_layers.tsv")
with TABLE.open() as file:
    ROWS = list(csv.DictReader(file, delimiter="\t"))
FIGURES = ("layers", "layer_curves", "layer_gaps")
ANALYSES = {"collect_costs", "collect_results", "plot_costs", *(f"plot_{name}" for name in FIGURES)}
LAYERS = {
    "extract_layers",
    "measure_layer_similarity",
    "plot_layer_similarity",
    "probe_layers",
    "train_probes",
}
SECTIONS = ("layerwise", "layerwise_cached", "layerwise_online")
PROTOCOLS = ("layerwise", "layerwise_knn", "layerwise_online")
MODELS = ("tiny-random", "tiny-rotnet")

STUDY = {
    "pathvars": {"results": "results/layers"},
    "models": list(MODELS),
    "datasets": ["scenes-tiny"],
    "protocols": list(PROTOCOLS),
    "features": {"resolution": 32},
    "layerwise": {"values": 64},
    "layerwise_cached": {"strengths": [1, 100]},
    "layerwise_online": {"steps": 4, "batch_size": 8, "milestones": [3]},
    "pretrain": {"smoke": {"steps": 4, "batch_size": 8}},
    "threads": {"extraction": 1, "probes": 1},
    "plotting": {"dpi": 72},
}


@pytest.fixture(scope="module")
def layered(tmp_path_factory, python):
    """The project with the whole of this study done."""
    copy = copy_of_the_project(tmp_path_factory.mktemp("layers") / "project", python)
    (copy.folder / "config/small.yaml").write_text(yaml.safe_dump(STUDY))
    random = random_model("tiny-random", "alexnet_32?width=4") | {"source": "random:weights=drawn"}
    source = "pretrain:method=rotnet&dataset=tiny-crops&profile=smoke&seed=0"
    learned = {"id": "tiny-rotnet", "name": "RotNet", "source": source, "seed": "", "method": "rotnet"}
    for row in (random, random | learned):
        copy.append("models.tsv", row)
    crops = {
        "id": "tiny-crops",
        "name": "Tiny crops",
        "task": "pretraining",
        "loader": "crops",
        "version": "1",
        "source": "crops:picture=china&images=1&count=60&size=32&preset=released&augment=scale&seed=0",
        "train": "60",
        "split_rule": "official",
        "licence": "CC BY 2.0",
    }
    tiny = {"id": "scenes-tiny", "name": "Tiny scenes", "metric": "top1"}
    tiny |= {"source": "render:images=120&objects=1&size=32&seed=0"}
    for row in (crops, SCENES | tiny):
        copy.append("datasets.tsv", row)
    copy.snakemake()
    return copy


def test_every_layer_is_a_row(layered):
    table = pd.read_csv(layered.folder / "results/layers/tables/measured.tsv", sep="\t")
    found = table.groupby(["protocol", "model"])["layer"].apply(list).to_dict()
    assert found == {(protocol, model): [1, 2, 3, 4, 5] for protocol in PROTOCOLS for model in MODELS}
    result = json.loads(
        (layered.folder / "results/layers/layerwise/scenes-tiny/tiny-rotnet.json").read_text()
    )
    assert [layer["name"] for layer in result["details"]["layers"]] == [f"conv{n}" for n in range(1, 6)]
    assert all(layer["values"] <= 64 for layer in result["details"]["layers"])


def test_layers_crops_and_the_pretraining_are_drawn(layered):
    figures = layered.folder / "results/layers/figures"
    drawn = {path.relative_to(figures).with_suffix("").as_posix() for path in figures.rglob("*.pdf")}
    expected = {f"{figure}/{protocol}" for figure in FIGURES for protocol in PROTOCOLS}
    assert expected | {"similarity/scenes-tiny-layers", "crops", "pretraining"} <= drawn


def test_a_second_run_has_nothing_to_do(layered):
    assert "Nothing to be done" in layered.snakemake()


def test_every_setting_is_in_the_table():
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    names = [name for section in SECTIONS for name in settings(config[section], section)]
    assert sorted(names) == sorted(row["setting"] for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["setting"])
def test_a_setting_computes_again_what_the_table_says(layered, row):
    (layered.folder / "config/change.yaml").write_text(overlay(row["setting"], row["value"]))
    planned = layered.planned("--configfile", "config/small.yaml", "config/change.yaml")
    rules = set(row["rules"].split())
    for name, several in (("analyses", ANALYSES), ("layers", LAYERS)):
        rules = rules - {name} | several if name in rules else rules
    assert " ".join(sorted(planned)) == " ".join(sorted(rules)), "if this is meant, write it into the table"


def test_other_crops_pretrain_again_and_what_follows(layered):
    with layered.edited("datasets.tsv") as path:
        path.write_text(
            path.read_text().replace("preset=released&augment=scale&", "preset=paper&augment=scale&")
        )
        planned = layered.planned()
    assert planned["crop_pictures"] == planned["pretrain"] == planned["extract_layers"] == 1
    assert planned["probe_layers"] == 2 and planned["train_probes"] == 1
    assert "draw_backbone" not in planned


def test_a_study_of_layerwise_alone_stands_beside_published_layers(layered):
    folder = layered.folder / "results/alone"
    shutil.copytree(layered.folder / "results/layers", folder)
    for made in ("tables", "figures"):
        shutil.rmtree(folder / made)
    published = "protocol,layer,dataset,metric,model,value\nlayerwise,1,scenes-tiny,top1,tiny-random,12.5\n"
    (layered.folder / "config/published/tiny.csv").write_text(published)
    study = {"protocols": ["layerwise"], "compare": "tiny", "pathvars": {"results": "results/alone"}}
    layered.snakemake(*layered.overlay(yaml.safe_dump(study)))
    measured = pd.read_csv(folder / "tables/measured.tsv", sep="\t")
    assert set(measured["protocol"]) == {"layerwise"}
    assert not (folder / "tables/results.md").exists()  # layers are no settings
    assert (folder / "tables/tiny.tsv").exists()
    assert all((folder / f"figures/{name}/layerwise.pdf").exists() for name in FIGURES)
