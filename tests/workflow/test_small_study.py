"""The whole small study: it ends, a second run does nothing, and changes cost what they should."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.workflow.conftest import ROOT, random_model

from transferscope.features import store as features
from transferscope.results import long_table
from transferscope.study.metrics import METRICS
from transferscope.study.protocols import read_protocols

WHOLE, FEW = 2, 2  # models with every protocol on three datasets, and with linear and k-NN on two
GOLDEN = Path(__file__).with_name("golden.tsv")
TOLERANCE = 0.02  # of a metric's range: float32 sums differ from one processor to another
PER_MODEL = Counter(
    prepare_backbone=1,
    extract_features=2,
    extract_shard=2,
    join_shards=1,
    probe_with_predictions=3,
    probe=5,  # k-NN on three datasets, few-shot on two
    finetune_grid=3,  # two settings, then the better of them
    finetune_refit=1,
    measure_calibration=3,
    reconstruct_pictures=1,
    measure_reconstruction=1,
    measure_saliency=1,
    measure_invariance=1,
    train_detector=1,
    train_dense=2,
)


def test_a_second_run_has_nothing_to_do(project):
    assert "Nothing to be done" in project.snakemake()


def test_plain_targets(project):
    protocols = read_protocols(ROOT / "config/protocols.tsv", ROOT / "config/schemas")
    stages = ["backbones", "features", "similarity", "tables", "figures"]
    targets = [*stages, *protocols.index, *protocols["target"]]
    # A target without runs (one is excluded here, others have to be named) is a job without inputs.
    without = {"detection_finetune", *protocols.index[protocols["when"] == "named"]}
    assert set(project.planned("--", *dict.fromkeys(targets))) <= without
    result = project.folder / "results/small/normals/scenes-small-multi/mobilenetv2.json"
    kept = result.rename(result.with_suffix(".kept"))
    planned = {target: project.planned("--", target) for target in ("normals", "segmentation")}
    kept.rename(result)
    assert planned["normals"] == {"normals": 1, "train_dense": 1}
    assert not planned["segmentation"]


def test_every_result_is_in_the_table(project):
    table = long_table.read_table(project.folder / "results/small/tables/measured.tsv")
    count = table["protocol"].value_counts()
    assert count["linear"] == count["knn"] == 3 * WHOLE + 2 * FEW
    assert (table.loc[table["protocol"] == "fewshot", "shots"] == "5").sum() == 2 * WHOLE
    assert count["calibration_linear"] == 3 * 2 * WHOLE
    assert count["finetune"] == WHOLE
    assert count["calibration_finetune"] == 3 * WHOLE
    assert count["reconstruction"] == 4 * WHOLE
    assert count["saliency"] == WHOLE
    assert count["invariance"] == 4 * WHOLE
    assert (count["detection_frozen"], count["normals"], count["segmentation"]) == (6, 5, 2)
    assert set(table.loc[table["protocol"] == "finetune", "mode"]) == {"halved-1-times"}
    assert set(table["variant"]) == {"default"}


def test_the_numbers_are_the_golden_ones(project):
    """Values of the small study, made on another machine perhaps; who changes one raises a version."""
    keys = long_table.KEY
    golden = long_table.read_table(GOLDEN).set_index(keys)
    found = long_table.read_table(project.folder / "results/small/tables/measured.tsv").set_index(keys)
    assert set(golden.index) == set(found.index)
    for key, row in golden.iterrows():
        metric = METRICS[key[keys.index("metric")]]
        tolerance = TOLERANCE * (metric.scale if metric.bounded else max(abs(row["value"]), 1))
        value = found.loc[key, "value"]
        assert abs(value - row["value"]) <= tolerance, f"{key}: {value} instead of {row['value']}"
        if not pd.isna(row["ci95"]):
            assert found.loc[key, "ci95"] == pytest.approx(row["ci95"], abs=2 * tolerance)


def test_a_sharded_dataset_gives_the_same_features(project):
    # digits has 1,797 images and a shard at most 1,000; the same extraction in one piece must agree.
    path = project.folder / "results/small/features/digits/mobilenetv2.h5"
    sharded = features.read(path)
    whole = "results/whole/features/digits/mobilenetv2.h5"
    overlay = "pathvars: {results: results/whole}\nexecution: {shard_images: 5000}\n"
    project.snakemake(*project.overlay(overlay), "--", whole)
    for name, split in features.read(project.folder / whole).items():
        np.testing.assert_array_equal(split.ids, sharded[name].ids)
        np.testing.assert_array_equal(split.labels, sharded[name].labels)
        np.testing.assert_allclose(split.features, sharded[name].features, rtol=1e-4, atol=1e-5)


def test_a_new_model_is_a_row_and_costs_its_own_jobs_alone(project):
    models = "[newcomer, mobilenetv2, efficientnet-lite0, efficientnet-lite1, random-vit]"
    with project.edited("models.tsv"):
        project.append("models.tsv", random_model("newcomer"))
        planned = project.planned(*project.overlay(f"models: {models}\n"))
    added = {rule: planned[rule] for rule in PER_MODEL}
    expected = PER_MODEL - Counter(prepare_backbone=1)
    assert added == {**{rule: 0 for rule in PER_MODEL}, **expected}
    assert planned["initialise_backbone"] == 1
    assert planned["download_checkpoint"] == planned["render_dataset"] == 0


def test_a_table_may_be_several_files(fresh):
    header = (fresh.folder / "config/models.tsv").read_text().splitlines()[0]
    (fresh.folder / "config/own.tsv").write_text(header + "\n")
    fresh.append("own.tsv", random_model("newcomer"))
    tables = "tables: {models: [config/models.tsv, config/own.tsv], datasets: [config/datasets.tsv]}\n"
    fresh.overlay(tables)
    files = ["--configfile", "config/small.yaml", "config/overlay.yaml"]
    planned = fresh.planned(*files, "--config", "models=[newcomer,random-mobilenetv2]")
    assert planned["initialise_backbone"] == 2
    figure = "results/published/figures/correlation_scatter.pdf"
    fresh.snakemake("--configfile", "config/published.yaml", "config/overlay.yaml", "--", figure)
    assert (fresh.folder / figure).exists()


def test_published_figures_need_no_more_than_the_first_stage_of_the_set_up(fresh):
    rules = "".join(path.read_text() for path in (fresh.folder / "rules").glob("*.smk"))
    small = {part.split(":")[0] for part in rules.split("rule ") if '"../envs/figures.yaml"' in part}
    planned = fresh.planned("--configfile", "config/published.yaml")
    assert planned["plot_correlation_scatter"] == 1
    assert set(planned) <= small


def test_a_plotting_setting_redraws_figures_alone(project):
    planned = project.planned(*project.overlay("plotting: {font_size: 9}\n"))
    assert planned
    assert all(rule.startswith("plot_") or rule == "task_pages" for rule in planned)


def test_a_comparison_prints_tables_and_coefficients_again_and_nothing_else(project):
    planned = project.planned(*project.overlay("compare: ericsson2021\n"))
    printed = Counter(published_results=1, results_table=1, task_pages=1)
    assert planned == printed + Counter(correlations=1, plot_correlation_bars=1)


def test_another_citation_computes_nothing(project):
    with project.edited("models.tsv") as path:
        header, first, *rest = path.read_text().splitlines()
        assert header.split("\t")[-1] == "citation"
        path.write_text("\n".join([header, first + " (revised)", *rest]) + "\n")
        assert not project.planned()  # analyses read resolved rows, without citations of models


def test_one_figure_by_name(project):
    figure = "results/small/figures/correlation_scatter.pdf"
    (project.folder / figure).unlink()
    project.snakemake("--", figure)
    assert (project.folder / figure).read_bytes().startswith(b"%PDF")


def test_the_report_is_made(project):
    project.snakemake("--report", "report.html")
    report = (project.folder / "report.html").read_text()
    assert "correlation_scatter" in report
    assert "scenes-small-multi.html" in report


def test_results_are_the_same_to_the_digit_when_computed_again(project):
    path = project.folder / "results/small/linear/digits/mobilenetv2.json"
    first = json.loads(path.read_text())
    path.unlink()
    project.snakemake("--", "results/small/linear/digits/mobilenetv2.json")
    again = json.loads(path.read_text())
    assert first.pop("took") and again.pop("took")
    assert first.pop("sha256") and again.pop("sha256")  # of all, the time it took included
    assert first == again
