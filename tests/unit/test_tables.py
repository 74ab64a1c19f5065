"""Printed tables: who is bold, who is underlined, what is beside it."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from transferscope.figures import tables
from transferscope.results import long_table as results
from transferscope.results import parts
from transferscope.results.names import read_datasets, read_models

CONFIG = Path(__file__).parents[2] / "config"


def long_table(rows: list[tuple], **columns) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["setting", "dataset", "metric", "model", "value"])
    return table.assign(ci95=np.nan, **columns)


MODELS = pd.DataFrame(
    {"name": ["A_1", "B & co", "Random"], "kind": ["supervised", "self-supervised", "random"]},
    index=pd.Index(["a", "b", "r"], name="id"),
)
LINEAR = long_table(
    [
        ("linear", dataset, metric, model, value)
        for dataset, metric, values in (
            ("x", "top1", (90.0, 80.0, 95.0)),
            ("y", "map11", (60.004, 60.001, 10.0)),
        )
        for model, value in zip("abr", values, strict=True)
    ]
)
NAMES = {"x": "Data X", "y": "Data Y"}


def only(table: pd.DataFrame, compare: pd.DataFrame | None = None) -> tables.Table:
    [built] = tables.build_tables(table, MODELS, NAMES, compare)
    return built


def test_the_best_is_bold_and_the_second_best_underlined():
    text = tables.to_markdown(only(LINEAR))
    assert "| A_1 | <u>90.00</u> | **60.00** | **75.00** |" in text
    assert "| B & co | 80.00 | **60.00** | <u>70.00</u> |" in text  # a tie as printed
    assert "| Random | **95.00** | <u>10.00</u> | 52.50 |" in text  # the random baseline competes


def test_of_an_error_less_is_better():
    ece = LINEAR.assign(setting="calibration_linear", metric="ece")
    text = tables.to_markdown(only(ece))
    assert "Data X ↓" in text
    assert "| B & co | **80.00** |" in text


def test_the_note_says_which_dataset_has_which_metric():
    assert only(LINEAR).note == "Top-1 accuracy (%): Data X; 11-point mAP (%): Data Y."


def test_a_setting_with_one_dataset_is_a_table_of_metrics():
    table = long_table(
        [("detection_frozen", "voc0712", metric, model, 50.0) for metric in ("ap", "ap50") for model in "ab"]
    )
    built = only(table)
    assert [column.key for column in built.columns] == ["ap", "ap50"]
    assert built.note == ""


def test_recognition_metrics_share_a_table_and_others_have_their_own():
    table = pd.concat([LINEAR, LINEAR.assign(metric="ece"), LINEAR.assign(metric="ece_scaled")])
    built = tables.build_tables(table, MODELS, NAMES, None)
    assert [one.name for one in built] == ["linear", "linear_ece", "linear_ece_scaled"]


def test_a_dataset_is_a_part_across_all_that_is_measured_on_it():
    ece = LINEAR.assign(setting="calibration_linear", metric="ece")
    first, second = parts.split_by_dataset(pd.concat([LINEAR, ece]), NAMES)
    assert (first.name, second.title) == ("x", "Data Y")
    assert [column.key for column in second.columns] == ["linear map11", "calibration_linear ece"]
    built = tables.build_table(second, MODELS, LINEAR.assign(value=1.0))
    assert built.header == ["Model", "Linear ↑", "Calibration, linear: ECE (%) ↓"]
    assert built.note == "11-point mAP (%): Linear."
    assert tables.cells(built, "*{}*", "_{}_")[2] == ["Random", "_10.00_ (1.00, +9.00)", "*10.00*"]


def test_what_the_features_keep_is_averaged_where_a_model_has_all_datasets():
    rows = [
        ("reconstruction", dataset, "lpips_vgg", model, value)
        for dataset, values in (("x", (0.4, 0.6, 0.9)), ("y", (0.6, 0.3, 0.9)))
        for model, value in zip("abr", values, strict=True)
    ]
    rows = rows[:-1]  # one model lacks a dataset
    rows += [("saliency", "x", "attentive_diffusion", model, 50.0) for model in "abr"]
    built = tables.build_tables(long_table(rows), MODELS, NAMES, None)
    assert [one.name for one in built] == ["reconstruction_lpips_vgg", "features"]
    means = built[-1].value
    assert means["lpips_vgg"].dropna().to_dict() == {"a": 0.5, "b": 0.45}
    assert means["attentive_diffusion"].to_dict() == {"a": 50, "b": 50, "r": 50}
    assert parts.kept(LINEAR) is None


def test_a_missing_value_is_a_dash_and_has_no_average():
    text = tables.to_markdown(only(LINEAR.drop(index=4)))
    assert "| B & co | 80.00 | – | – |" in text


def test_published_value_and_difference_stand_beside_the_measured_one():
    compare = LINEAR.assign(value=LINEAR["value"] - 1.5).iloc[[0, 3]]
    built = only(LINEAR, compare)
    assert "<u>90.00</u> (88.50, +1.50)" in tables.to_markdown(built)
    frame = pd.read_csv(io.StringIO(tables.to_tsv(built)), sep="\t", index_col="model")
    assert frame.loc["a", ["x", "x published", "x difference"]].tolist() == [90.0, 88.5, 1.5]
    assert frame.loc["b", "x published":"x difference"].isna().all()
    assert frame.loc["a", "average published"] == pytest.approx(73.50, abs=0.01)


def test_intervals_are_printed_where_there_are_any():
    table = LINEAR.assign(ci95=[0.4] * 3 + [np.nan] * 3)
    assert "<u>90.00</u> ± 0.40" in tables.to_markdown(only(table))
    frame = pd.read_csv(io.StringIO(tables.to_tsv(only(table))), sep="\t")
    assert list(frame.columns) == ["model", "x", "x ci95", "y", "average"]


def test_latex_is_escaped_and_balanced():
    text = tables.to_latex(only(LINEAR, LINEAR.assign(value=LINEAR["value"] + 1)))
    assert r"A\_1 & \underline{90.00} (91.00, $-$1.00)" in text
    assert r"B \& co" in text
    assert r"Top-1 accuracy (\%)" in text
    assert text.count("{") == text.count("}")
    assert r"\begin{tabular}{lrrr}" in text


def test_the_published_averages_are_those_of_the_paper():
    models = read_models(CONFIG / "models.tsv")
    table = results.published(CONFIG / "published" / "ericsson2021.csv", models)
    built = {
        one.name: one
        for one in tables.build_tables(table, models, read_datasets(CONFIG / "datasets.tsv"), None)
    }
    assert len(built) == 12
    assert built["features"].value.loc["supervised", ["lpips_vgg", "attentive_diffusion"]].tolist() == [
        0.55,
        43.88,
    ]
    linear, finetune = built["linear"], built["finetune"]
    # As in the paper: DeepCluster-v2 is best with linear probes, and supervision is beaten when fine-tuned.
    assert linear.rank[parts.AVERAGE].idxmin() == "deepcluster-v2"
    assert finetune.rank.loc["supervised", parts.AVERAGE] > 1
    for one in built.values():
        rows = [line for line in tables.to_markdown(one).splitlines() if line.startswith("|")]
        assert len(rows) == 2 + 14
        assert len({row.count("|") for row in rows}) == 1
