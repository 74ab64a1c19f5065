"""The long table: what is collected, what is refused, and that the refusal says what to do."""

import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from studies import CONFIG, ERICSSON, READY, SCHEMAS, long_table, over_seeds, settings

from transferscope import made_from
from transferscope.errors import InputError
from transferscope.results import long_table as results
from transferscope.results import metrics, predictions, resolved, run
from transferscope.study import catalogue, protocols
from transferscope.study.runs import RUN_KEY


def a_result(model="a", dataset="digits", protocol="linear", **changes) -> dict:
    return {
        "model": model,
        "dataset": dataset,
        "protocol": protocol,
        "variant": "default",
        "labels": "",
        "layer": "",
        "version": 1,
        "mode": "converged",
        "seed": 0,
        "n_test": 100,
        "measurements": [{"metric": "top1", "value": 90.5, "ci95": 0.4}],
        "took": {"seconds": 1.5, "device": "cpu", "threads": 2},
        "details": {"lambda": 1.0},
    } | changes


@pytest.fixture
def write(tmp_path):
    """Write results as JSON files and return their paths; names say nothing of the content."""

    def write(*contents: dict) -> list[Path]:
        paths = [tmp_path / f"{number}.json" for number in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            path.write_text(json.dumps(content))
        return paths

    return write


def runs(*results: dict) -> list[dict]:
    return [{key: result[key] for key in RUN_KEY} for result in results]


def test_rows_come_in_the_order_of_the_runs_whatever_the_order_of_the_files(write):
    contents = [a_result(model, dataset) for dataset in ("scenes", "digits") for model in ("b", "a")]
    table = results.collect(write(*reversed(contents)), runs(*contents))
    assert list(table.columns) == results.COLUMNS
    assert list(zip(table["dataset"], table["model"], strict=True)) == [
        ("scenes", "b"),
        ("scenes", "a"),
        ("digits", "b"),
        ("digits", "a"),
    ]
    assert table["value"].tolist() == [90.5] * 4


def test_one_protocol_may_fill_several_settings_and_leave_the_interval_open(write):
    measurements = [
        {"ways": 5, "shots": shots, "metric": "accuracy", "value": shots, "ci95": None} for shots in (5, 20)
    ]
    contents = a_result(), a_result(protocol="fewshot", measurements=measurements)
    table = results.collect(write(*contents), runs(*contents))
    assert table[["protocol", "ways", "shots"]].values.tolist() == [
        ["linear", "", ""],
        ["fewshot", "5", "5"],
        ["fewshot", "5", "20"],
    ]
    assert table["ci95"].isna().tolist() == [False, True, True]


def test_every_seed_of_a_run_is_a_row_of_its_own(write):
    contents = [a_result(variant=name, seed=seed) for name, seed in (("default", 0), ("seed-3", 3))]
    table = results.collect(write(*contents), runs(*contents))
    assert table[["variant", "seed"]].values.tolist() == [["default", 0], ["seed-3", 3]]
    with pytest.raises(InputError, match=r"no result holds .*, protocol linear, variant seed-3"):
        results.collect(write(contents[0]), runs(*contents))


def test_a_table_survives_a_round_trip(write, tmp_path):
    content = a_result()
    table = results.collect(write(content), runs(content))
    results.write_table(tmp_path / "table.tsv", table)
    pd.testing.assert_frame_equal(results.read_table(tmp_path / "table.tsv"), table)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"surprise": 1}, ["0.json", "surprise"]),
        ({"n_test": 0}, ["0.json", "n_test"]),
        ({"model": "Not An Id"}, ["0.json", "model"]),
        ({"measurements": []}, ["0.json", "measurements"]),
        (
            {"measurements": [{"metric": "top1", "value": float("nan"), "ci95": None}]},
            ["nan"],
        ),
        ({"measurements": [{"metric": "top2", "value": 1.0, "ci95": None}]}, ["'top2'"]),
        (
            {"measurements": [{"metric": "top1", "value": 101.0, "ci95": None}]},
            ["0..100"],
        ),
    ],
)
def test_a_broken_result_is_refused_by_name(write, change, names):
    content = a_result(**change)
    with pytest.raises(InputError) as error:
        results.collect(write(content), runs(content))
    assert all(name in str(error.value) for name in names)


def test_a_file_that_is_not_json_is_named(tmp_path):
    (tmp_path / "cut.json").write_text('{"model": ')
    with pytest.raises(InputError, match=r"cut\.json is not JSON"):
        results.collect([tmp_path / "cut.json"], [])


def test_a_missing_run_is_named(write):
    there, missing = a_result("a"), a_result("b")
    with pytest.raises(InputError, match=r"no result holds model b, dataset digits, protocol linear"):
        results.collect(write(there), runs(there, missing))


def test_an_unplanned_result_is_named(write):
    planned, stray = a_result("a"), a_result("b")
    with pytest.raises(InputError, match=r"1\.json holds model b"):
        results.collect(write(planned, stray), runs(planned))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"seed": 1}, r"0\.json has seed 1 and not 0; remove them and run again: rm .*0\.json"),
        ({"version": 2}, "has version 2 and not 1"),
        ({"labels": 10}, "has labels 10 and not "),
        ({"dataset_version": "2"}, "has dataset_version 2 and not 1"),
        ({"settings": {"mode": "early"}}, "has other settings than those of linear in the configuration"),
    ],
)
def test_a_result_of_another_seed_version_or_setting_is_refused(write, change, sentence):
    facts = {"seed": 0, "version": 1, "labels": "", "dataset_version": "1"}
    settings = {"mode": "converged"}
    expected = runs(a_result())[0] | facts | {"settings": made_from.digest(settings)}
    origin = {"params": {"run": facts, "settings": settings}, "inputs": []}
    assert len(results.collect(write(a_result(made_from=origin)), [expected])) == 1
    params = {"run": facts | change, "settings": settings} if "settings" not in change else change
    other = {name: value for name, value in change.items() if name in a_result()}
    content = a_result(**other, made_from={"params": params, "inputs": []})
    with pytest.raises(InputError, match=sentence):
        results.collect(write(content), [expected])


def test_many_stale_results_are_counted_and_all_are_in_the_command(write):
    contents = [a_result(model, version=2) for model in "abcde"]
    expected = [run | {"version": 1} for run in runs(*contents)]
    with pytest.raises(InputError, match=r"^results that are not .*; and 2 more; .*rm .*0\.json .*4\.json$"):
        results.collect(write(*contents), expected)


def test_a_result_of_before_results_said_what_they_were_made_from_is_collected(write):
    content = a_result()
    expected = runs(content)[0] | {"seed": 0, "version": 1, "dataset_version": "1", "settings": "0" * 64}
    assert len(results.collect(write(content), [expected])) == 1


def test_an_edited_result_is_refused(write):
    [path] = write(a_result())
    made_from.write(path, {"params": {}, "inputs": []})
    assert len(results.collect([path], runs(a_result()))) == 1
    path.write_text(path.read_text().replace("90.5", "91.5"))
    with pytest.raises(InputError, match=r"0\.json was changed after it was written; delete the file"):
        results.collect([path], runs(a_result()))


def test_a_second_result_of_a_run_is_named(write):
    with pytest.raises(InputError, match=r"1\.json and .*0\.json both hold model a"):
        results.collect(write(a_result(), a_result()), runs(a_result()))


def test_a_row_twice_in_one_result_is_named(write):
    content = a_result()
    content["measurements"] *= 2
    with pytest.raises(
        InputError,
        match="two rows for model a, dataset digits, protocol linear, variant default, metric top1",
    ):
        results.collect(write(content), runs(content))


def test_a_metric_that_only_other_models_report_is_missing(write):
    full, short = a_result("a"), a_result("b")
    full["measurements"].append({"metric": "mean_per_class", "value": 1.0, "ci95": None})
    with pytest.raises(
        InputError, match=r"model b, .*, protocol linear, variant default lacks mean_per_class,"
    ):
        results.collect(write(full, short), runs(full, short))


def test_no_results_are_refused():
    with pytest.raises(InputError, match="has no results"):
        results.collect([], [])


def test_a_table_with_other_columns_is_refused(tmp_path):
    (tmp_path / "table.tsv").write_text("model\tvalue\na\t1\n")
    with pytest.raises(InputError, match=r"table\.tsv has the columns model, value"):
        results.read_table(tmp_path / "table.tsv")


def test_a_value_that_is_no_number_is_named(write, tmp_path):
    content = a_result()
    path = tmp_path / "table.tsv"
    results.write_table(path, results.collect(write(content), runs(content)))
    path.write_text(path.read_text().replace("90.5", "9O.5"))
    with pytest.raises(InputError, match=r"value of model a, .* is '9O\.5'"):
        results.read_table(path)


def test_the_published_table_has_every_number_of_the_paper():
    table = results.published(ERICSSON, READY.models)
    assert len(table) == 1204 - 14
    assert table["model"].nunique() == 14
    assert set(table["mode"]) == {"published"}
    assert table[["version", "seed", "n_test"]].isna().all(axis=None)
    by_setting = resolved.by_setting(table, READY)
    assert len(by_setting) == len(table)
    assert by_setting["setting"].unique()[:5].tolist() == [
        "linear",
        "finetune",
        "fewshot_ways5_shots5",
        "fewshot_ways5_shots20",
        "fewshot_ways5_shots50",
    ]
    assert (by_setting["seeds"] == 1).all()
    pd.testing.assert_series_equal(
        by_setting["interval"], table["ci95"].reset_index(drop=True), check_names=False
    )


def test_a_published_model_must_be_in_the_table_of_models():
    models = READY.models.drop("byol")
    with pytest.raises(InputError, match="BYOL is model byol, which the table of models lacks"):
        results.published(ERICSSON, models)


def test_the_imagenet_accuracies_of_both_tables_must_agree():
    models = READY.models.copy()
    models.loc["swav", "imagenet_top1"] = 70.0
    with pytest.raises(InputError, match=r"ImageNet top-1 of swav is 75\.3, but 70\.0"):
        results.published(ERICSSON, models)


def test_a_study_survives_a_round_trip(tmp_path):
    tables = (
        catalogue.read_models(CONFIG / "models.tsv", SCHEMAS),
        catalogue.read_datasets(CONFIG / "datasets.tsv", SCHEMAS),
        protocols.read_protocols(CONFIG / "protocols.tsv", SCHEMAS),
    )
    resolved.write_study(tmp_path / "study.json", resolved.resolve(*tables))
    study = resolved.read_study(tmp_path / "study.json")
    for name in ("models", "datasets", "protocols"):
        pd.testing.assert_frame_equal(getattr(study, name), getattr(READY, name), check_dtype=False)
    assert study.models["imagenet_top1"].isna().any()
    assert study.dataset_name("cifar10") == "CIFAR-10"
    assert study.dataset_name("average") == "Average"
    assert study.dataset_name("elsewhere") == "elsewhere"
    assert list(study.protocols_of("calibration")) == ["calibration_linear", "calibration_finetune"]


ROW = {"protocol": "linear", "dataset": "digits", "metric": "top1", "model": "a", "value": 90.0, "ci95": 0.4}


def test_one_seed_has_the_interval_of_its_run_and_several_their_deviation():
    [one] = settings([ROW], READY).to_dict("records")
    assert (one["value"], one["interval"], one["interval_over"], one["seeds"]) == (90, 0.4, resolved.TEST, 1)
    [many] = settings(over_seeds([ROW], 2.0, count=4), READY).to_dict("records")
    assert (many["value"], many["interval_over"], many["seeds"]) == (90, resolved.SEEDS, 4)
    assert many["interval"] == pytest.approx((20 / 3) ** 0.5)  # of 87, 89, 91 and 93, with n - 1
    table = settings(over_seeds([ROW], 2.0), READY)
    assert resolved.deviation_name(table) == "standard deviation over 3 seeds"
    assert resolved.deviation_name(settings([ROW], READY)) == ""


@pytest.mark.parametrize(
    ("facts", "setting", "title"),
    [
        ({}, "linear", "Linear"),
        ({"protocol": "fewshot", "ways": "5", "shots": "20"}, "fewshot_ways5_shots20", "5-way 20-shot"),
        ({"labels": "100"}, "linear_labels100", "Linear, 100 labels"),
        (
            {"protocol": "knn", "labels": "10", "layer": "4"},
            "knn_labels10_layer4",
            "k-NN, 10 labels, layer 4",
        ),
        ({"protocol": "elsewhere", "layer": "4"}, "elsewhere_layer4", "elsewhere, layer 4"),
    ],
)
def test_a_setting_is_a_protocol_at_a_place_on_the_axes(facts, setting, title):
    [row] = settings([ROW | facts], READY).to_dict("records")
    assert (row["setting"], row["title"]) == (setting, title)


def test_a_setting_has_the_family_of_its_protocol():
    names = ("linear", "calibration_linear", "saliency", "elsewhere")
    table = settings([ROW | {"protocol": name} for name in names], READY)
    assert table["family"].tolist() == ["transfer", "calibration", "features", "transfer"]


def test_a_long_table_made_for_tests_is_one(tmp_path):
    results.write_table(tmp_path / "table.tsv", long_table(over_seeds([ROW], 1.0)))
    assert resolved.read_settings(tmp_path / "table.tsv", READY)["interval"].item() == 1.0


def test_a_measurement_and_its_interval_are_in_the_printed_unit():
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(40, 3)), rng.integers(0, 3, 40)
    for metric, truth in (
        ("top1", labels),
        ("mean_per_class", labels),
        ("map11", np.eye(3, dtype=np.uint8)[labels]),
    ):
        assert run.measure(metric, scores, truth, seed=3) == {
            "metric": metric,
            "value": pytest.approx(100 * metrics.score(metric, scores, truth)),
            "ci95": pytest.approx(100 * metrics.ci95(metric, scores, truth, seed=3)),
        }


def test_measurements_without_an_interval_are_as_given():
    assert run.measurements({"attentive_diffusion": 43.5}) == [
        {"metric": "attentive_diffusion", "value": 43.5, "ci95": None}
    ]


def test_predictions_are_read_as_they_were_written(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "predictions.h5"
    splits = {
        name: predictions.Predictions(
            rng.normal(size=(count, 3)),
            rng.integers(0, 3, count),
            np.array([f"{name}/ä{index}" for index in range(count)], dtype=object),
        )
        for name, count in (("val", 4), ("test", 5))
    }
    predictions.write(path, splits, {"model": "a", "dataset": "digits"})
    found, attributes = predictions.read(path)
    assert attributes == {"model": "a", "dataset": "digits"}
    assert set(found) == set(splits)
    for name, split in splits.items():
        assert found[name].logits.dtype == np.float32
        np.testing.assert_allclose(found[name].logits, split.logits, rtol=1e-6)
        np.testing.assert_array_equal(found[name].labels, split.labels)
        np.testing.assert_array_equal(found[name].ids, split.ids)
    with h5py.File(path, "a") as file:
        file.attrs["version"] = 99
    with pytest.raises(InputError, match="is no prediction file of version 1"):
        predictions.read(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="is no whole prediction file"):
        predictions.read(path)
