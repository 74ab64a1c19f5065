"""Printed tables: who is bold, who is underlined, what is beside it."""

import io
import re
from html import unescape

import numpy as np
import pandas as pd
import pytest
from studies import READY, ericsson, over_seeds, settings, study_of, with_protocol

from transferscope.figures import tables
from transferscope.results import parts
from transferscope.results.resolved import AVERAGE, Study

STUDY = study_of(
    pd.DataFrame(
        {"name": ["A_1", "B & co", "Random"], "supervision": ["supervised", "self-supervised", "random"]},
        index=pd.Index(["a", "b", "r"], name="id"),
    ),
    pd.DataFrame({"name": ["Data X", "Data Y"]}, index=["x", "y"]),
)


def rows(protocol: str, dataset: str, metric: str, values: tuple[float, ...]) -> list[dict]:
    """A value each of the first models."""
    row = {"protocol": protocol, "dataset": dataset, "metric": metric}
    return [row | {"model": model, "value": value} for model, value in zip("abr", values, strict=False)]


LINEAR_ROWS = rows("linear", "x", "top1", (90.0, 80.0, 95.0))
LINEAR_ROWS += rows("linear", "y", "map11", (60.004, 60.001, 10.0))
LINEAR = settings(LINEAR_ROWS, STUDY)
ECE = settings(LINEAR_ROWS, STUDY, protocol="calibration_linear", metric="ece")


def only(table: pd.DataFrame, compare: pd.DataFrame | None = None, study: Study = STUDY) -> tables.Table:
    [built] = tables.build_tables(table, study, compare)
    return built


def test_the_best_is_bold_and_the_second_best_underlined():
    text = tables.to_markdown(only(LINEAR))
    assert r"| A\_1 | <u>90.00</u> | **60.00** | **75.00** |" in text
    assert "| B &amp; co | 80.00 | **60.00** | <u>70.00</u> |" in text  # a tie as printed
    assert "| Random | **95.00** | <u>10.00</u> | 52.50 |" in text  # the random baseline competes


def test_of_an_error_less_is_better():
    text = tables.to_markdown(only(ECE))
    assert "Data X ↓" in text
    assert "| B &amp; co | **80.00** |" in text


def test_the_note_says_which_dataset_has_which_metric():
    assert only(LINEAR).note == "Top-1 accuracy (%): Data X; 11-point mAP (%): Data Y."


def test_a_setting_with_one_dataset_is_a_table_of_metrics():
    values = [rows("detection_frozen", "voc0712", metric, (50.0, 50.0)) for metric in ("ap", "ap50")]
    built = only(settings([*values[0], *values[1]], STUDY))
    assert [column.key for column in built.columns] == ["ap", "ap50"]
    assert built.note == ""


def test_recognition_metrics_share_a_table_and_others_have_their_own():
    table = pd.concat([LINEAR, LINEAR.assign(metric="ece"), LINEAR.assign(metric="ece_scaled")])
    built = tables.build_tables(table, STUDY, None)
    assert [one.name for one in built] == ["linear", "linear_ece", "linear_ece_scaled"]


def test_a_dataset_is_a_part_across_all_that_is_measured_on_it():
    first, second = parts.split_by_dataset(pd.concat([LINEAR, ECE]), STUDY)
    assert (first.name, second.title) == ("x", "Data Y")
    assert [column.key for column in second.columns] == ["linear map11", "calibration_linear ece"]
    built = tables.build_table(second, STUDY, LINEAR.assign(value=1.0))
    assert built.header == ["Model", "Linear ↑", "Calibration, linear: ECE (%) ↓"]
    assert built.note == "11-point mAP (%): Linear."
    assert tables.cells(built, "*{}*", "_{}_")[2] == ["Random", "_10.00_ (1.00, +9.00)", "*10.00*"]


def test_what_the_features_keep_is_averaged_where_a_model_has_all_datasets():
    values = rows("reconstruction", "x", "lpips_vgg", (0.4, 0.6, 0.9))
    values += rows("reconstruction", "y", "lpips_vgg", (0.6, 0.3))  # one model lacks a dataset
    values += rows("saliency", "x", "attentive_diffusion", (50.0, 50.0, 50.0))
    built = tables.build_tables(settings(values, STUDY), STUDY, None)
    assert [one.name for one in built] == ["reconstruction_lpips_vgg", "features"]
    means = built[-1].value
    assert means["lpips_vgg"].dropna().to_dict() == {"a": 0.5, "b": 0.45}
    assert means["attentive_diffusion"].to_dict() == {"a": 50, "b": 50, "r": 50}
    assert parts.kept(LINEAR) is None


def test_a_missing_value_is_a_dash_and_has_no_average():
    text = tables.to_markdown(only(LINEAR.drop(index=4)))
    assert "| B &amp; co | 80.00 | – | – |" in text


def test_published_value_and_difference_stand_beside_the_measured_one():
    compare = LINEAR.assign(value=LINEAR["value"] - 1.5).iloc[[0, 3]]
    built = only(LINEAR, compare)
    assert "<u>90.00</u> (88.50, +1.50)" in tables.to_markdown(built)
    frame = pd.read_csv(io.StringIO(tables.to_tsv(built)), sep="\t", index_col="model")
    assert frame.loc["a", ["x", "x published", "x difference"]].tolist() == [90.0, 88.5, 1.5]
    assert frame.loc["b", "x published":"x difference"].isna().all()
    assert frame.loc["a", "average published"] == pytest.approx(73.50, abs=0.01)


def test_intervals_are_printed_where_there_are_any():
    table = LINEAR.assign(interval=[0.4] * 3 + [np.nan] * 3)
    text = tables.to_markdown(only(table))
    assert "<u>90.00</u> ± 0.40 |" in text
    assert "±" not in text.splitlines()[-2]
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
    built = {one.name: one for one in tables.build_tables(ericsson(), READY, None)}
    assert len(built) == 12
    assert built["features"].value.loc["supervised", ["lpips_vgg", "attentive_diffusion"]].tolist() == [
        0.55,
        43.88,
    ]
    linear, finetune = built["linear"], built["finetune"]
    # As in the paper: DeepCluster-v2 is best with linear probes, and supervision is beaten when fine-tuned.
    assert linear.rank[AVERAGE].idxmin() == "deepcluster-v2"
    assert finetune.rank.loc["supervised", AVERAGE] > 1
    for one in built.values():
        lines = [line for line in tables.to_markdown(one).splitlines() if line.startswith("|")]
        assert len(lines) == 2 + 14
        assert len({line.count("|") for line in lines}) == 1


def test_several_seeds_print_their_mean_and_deviation_and_say_so():
    built = only(settings(over_seeds(LINEAR_ROWS, 0.5), STUDY))
    text = tables.to_markdown(built)
    assert r"| A\_1 | <u>90.00</u> ± 0.50 | **60.00** ± 0.50 | **75.00** |" in text
    assert text.endswith("Data Y. ± is the standard deviation over 3 seeds.\n")
    assert "± is the standard deviation" not in tables.to_markdown(only(LINEAR))
    assert tables.to_latex(built).count(r"$\pm$ is the standard deviation over 3 seeds.") == 1
    frame = pd.read_csv(io.StringIO(tables.to_tsv(built)), sep="\t")
    assert list(frame.columns) == ["model", "x", "x deviation", "y", "y deviation", "average"]
    assert frame["x deviation"].tolist() == [0.5] * 3


def test_both_kinds_of_interval_in_one_table_are_told_apart():
    # Another seed draws no other splits of the second dataset, so it has one run.
    fixed = [row | {"ci95": 0.7} for row in LINEAR_ROWS[3:]]
    built = only(settings([*over_seeds(LINEAR_ROWS[:3], 0.5), *fixed], STUDY))
    text = tables.to_markdown(built)
    assert r"| A\_1 | <u>90.00</u> ± 0.50 | **60.00** ± 0.70† |" in text
    assert "± is the standard deviation over 3 seeds. † is half of the 95% interval over test images." in text
    assert r"\textbf{60.00} $\pm$ 0.70$^\dagger$" in tables.to_latex(built)
    frame = pd.read_csv(io.StringIO(tables.to_tsv(built)), sep="\t")
    assert list(frame.columns) == ["model", "x", "x deviation", "y", "y ci95", "average"]


def test_a_setting_on_an_axis_is_a_table_of_its_own_with_the_place_in_its_title():
    few = settings(LINEAR_ROWS, STUDY, labels="100", layer="3")
    shots = settings(LINEAR_ROWS, STUDY, protocol="fewshot", ways="5", shots="20", metric="accuracy")
    built = tables.build_tables(pd.concat([LINEAR, few, shots]), STUDY, None)
    assert [one.name for one in built] == ["linear", "linear_labels100_layer3", "fewshot_ways5_shots20"]
    assert [one.title for one in built] == ["Linear", "Linear, 100 labels, layer 3", "5-way 20-shot"]


def test_only_the_same_setting_is_compared():
    few = settings(LINEAR_ROWS, STUDY, labels="100")
    assert only(few, LINEAR).published.isna().all(axis=None)
    assert only(few, few).published.loc["a", "x"] == 90


def test_the_family_decides_what_is_kept_and_two_settings_may_share_a_metric():
    study = with_protocol(STUDY, "blind", title="Blind spot", family="features")
    values = rows("blind", "x", "attentive_diffusion", (1.0, 2.0)) + rows(
        "saliency", "x", "attentive_diffusion", (50.0, 40.0)
    )
    alone = only(settings(values[:2], study), study=study)
    assert (alone.name, alone.header) == ("features", ["Model", "Attentive diffusion (%)"])
    both = only(settings(values, study), study=study)
    assert both.header == [
        "Model",
        "Blind spot: Attentive diffusion (%)",
        "Saliency: Attentive diffusion (%)",
    ]
    assert both.value.loc["a"].tolist() == [1, 50]
    other = with_protocol(STUDY, "blind", title="Blind spot", family="transfer")
    assert only(settings(values[:2], other), study=other).title == "Blind spot"


def test_a_mean_over_datasets_has_no_interval_and_one_dataset_keeps_its_own():
    values = rows("saliency", "x", "attentive_diffusion", (50.0, 40.0))
    [one] = tables.build_tables(settings(over_seeds(values, 2.0), STUDY), STUDY, None)
    assert one.deviation.loc["a"].tolist() == [2]
    more = values + rows("saliency", "y", "attentive_diffusion", (50.0, 40.0))
    mean = tables.build_tables(settings(over_seeds(more, 2.0), STUDY), STUDY, None)[-1]
    assert mean.value.loc["a"].tolist() == [50]
    assert mean.deviation.isna().all(axis=None)


MARKUP = [
    "$x",
    "$x$ and $y$",
    "a_b^c",
    "_name_",
    "*bold*",
    "`code`",
    "a|b",
    r"\input{/etc/passwd}",
    r"\\ \hline",
    "}{",
    "100 % & more #1",
    "~tilde~",
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "&lt;b&gt;",
    "[a link](javascript:alert(1))",
    "![a picture](http://host/a.png)",
    "two\nlines",
    "<!-- a comment",
]


def named(name: str) -> Study:
    models = STUDY.models.assign(name=[name, "B", "Random"])
    return study_of(models, STUDY.datasets.assign(name=[name, "Data Y"]))


@pytest.mark.parametrize("name", MARKUP)
def test_markup_in_a_name_is_text_in_markdown(name):
    built = only(settings(LINEAR_ROWS, named(name)), study=named(name))
    lines = tables.to_markdown(built).splitlines()
    columns = {len(re.findall(r"(?<!\\)\|", line)) for line in lines if line.startswith("|")}
    assert columns == {5}
    row, header = lines[4], lines[2]
    plain = " ".join(name.split())
    for text in (row.split(" | <u>")[0].removeprefix("| "), header.split(" | ")[1].removesuffix(" ↑")):
        assert not re.search(r"(?<!\\)(\\\\)*[`*_$\[\]]|<", text)
        assert unescape(re.sub(r"\\(.)", r"\1", text)) == plain


@pytest.mark.parametrize("name", MARKUP)
def test_markup_in_a_name_is_text_in_latex(name):
    built = only(settings(LINEAR_ROWS, named(name)), study=named(name))
    text = tables.to_latex(built)
    row = next(line for line in text.splitlines() if r"\underline{90.00}" in line)
    cell = row.split(r" & \underline")[0]
    for printed, character in {
        r"\textbackslash{}": "\\",
        r"\textasciicircum{}": "^",
        r"\textasciitilde{}": "~",
        r"\textless{}": "<",
        r"\textgreater{}": ">",
        r"\textbar{}": "|",
    }.items():
        cell = cell.replace(printed, f"\0{ord(character):03}")
    assert not re.search(r"(?<!\\)[{}$&#%_^~\\<>|](?![{}$&#%_])", cell)
    cell = re.sub(r"\0(\d{3})", lambda found: chr(int(found[1])), re.sub(r"\\([{}$&#%_])", r"\1", cell))
    assert cell == " ".join(name.split())
