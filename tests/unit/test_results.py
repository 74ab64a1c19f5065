"""The long table: what is collected, what is refused, and that the refusal says what to do."""

import json
from pathlib import Path

import pandas as pd
import pytest

from transferscope.errors import InputError
from transferscope.results import long_table as results
from transferscope.results.names import read_models

CONFIG = Path(__file__).parents[2] / "config"
PUBLISHED = CONFIG / "published" / "ericsson2021.csv"


def a_result(model="a", dataset="digits", protocol="linear", **changes) -> dict:
    return {
        "model": model,
        "dataset": dataset,
        "protocol": protocol,
        "version": 1,
        "mode": "converged",
        "seed": 0,
        "n_test": 100,
        "measurements": [{"setting": protocol, "metric": "top1", "value": 90.5, "ci95": 0.4}],
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
    return [{key: result[key] for key in ("model", "dataset", "protocol")} for result in results]


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
        {"setting": f"fewshot_5w{shots}s", "metric": "accuracy", "value": shots, "ci95": None}
        for shots in (5, 20)
    ]
    content = a_result(protocol="fewshot", measurements=measurements)
    table = results.collect(write(content), runs(content))
    assert table["setting"].tolist() == ["fewshot_5w5s", "fewshot_5w20s"]
    assert table["ci95"].isna().all()
    assert table["protocol"].tolist() == ["fewshot", "fewshot"]


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
            {"measurements": [{"setting": "linear", "metric": "top1", "value": float("nan"), "ci95": None}]},
            ["nan"],
        ),
        ({"measurements": [{"setting": "linear", "metric": "top2", "value": 1.0, "ci95": None}]}, ["'top2'"]),
        (
            {"measurements": [{"setting": "linear", "metric": "top1", "value": 101.0, "ci95": None}]},
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


def test_a_second_result_of_a_run_is_named(write):
    with pytest.raises(InputError, match=r"1\.json and .*0\.json both hold model a"):
        results.collect(write(a_result(), a_result()), runs(a_result()))


def test_a_row_twice_in_one_result_is_named(write):
    content = a_result()
    content["measurements"] *= 2
    with pytest.raises(InputError, match="two rows for setting linear, dataset digits, metric top1, model a"):
        results.collect(write(content), runs(content))


def test_a_metric_that_only_other_models_report_is_missing(write):
    full, short = a_result("a"), a_result("b")
    full["measurements"].append({"setting": "linear", "metric": "mean_per_class", "value": 1.0, "ci95": None})
    with pytest.raises(InputError, match="model b, dataset digits, protocol linear lacks mean_per_class"):
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
    with pytest.raises(InputError, match=r"value of setting linear, .* is '9O\.5'"):
        results.read_table(path)


def test_the_published_table_has_every_number_of_the_paper():
    table = results.published(PUBLISHED, read_models(CONFIG / "models.tsv"))
    assert len(table) == 1204 - 14
    assert table["model"].nunique() == 14
    assert set(table["mode"]) == {"published"}
    assert table[["version", "seed", "n_test"]].isna().all(axis=None)
    assert table["setting"].unique()[:5].tolist() == [
        "linear",
        "finetune",
        "fewshot_5w5s",
        "fewshot_5w20s",
        "fewshot_5w50s",
    ]
    assert set(table.loc[table["setting"] == "detection_frozen", "protocol"]) == {"detection"}


def test_a_published_model_must_be_in_the_table_of_models():
    models = read_models(CONFIG / "models.tsv").drop("byol")
    with pytest.raises(InputError, match="BYOL is model byol, which the table of models lacks"):
        results.published(PUBLISHED, models)


def test_the_imagenet_accuracies_of_both_tables_must_agree():
    models = read_models(CONFIG / "models.tsv")
    models.loc["swav", "imagenet_top1"] = 70.0
    with pytest.raises(InputError, match=r"ImageNet top-1 of swav is 75\.3, but 70\.0"):
        results.published(PUBLISHED, models)


def test_models_are_read_with_their_kind(tmp_path):
    path = tmp_path / "models.tsv"
    path.write_text(
        "id\tname\tmethod\timagenet_top1\na\tA\tsupervised\t71.9\nb\tB\tnone\t\nc\tC\tmoco\t60.6\n"
    )
    models = read_models(path)
    assert models["kind"].tolist() == ["supervised", "random", "self-supervised"]
    assert models["imagenet_top1"].isna().tolist() == [False, True, False]
    path.write_text("id\tname\tmethod\timagenet_top1\na\tA\tsupervised\t719\n")
    with pytest.raises(InputError, match="imagenet_top1 of a is '719'"):
        read_models(path)


def test_models_of_two_tables_follow_each_other(tmp_path):
    own = tmp_path / "own.tsv"
    own.write_text("id\tname\tmethod\timagenet_top1\nmine\tMine\tsimclr\t\n")
    models = read_models([CONFIG / "models.tsv", own])
    assert list(models.index) == [*read_models(CONFIG / "models.tsv").index, "mine"]
    with pytest.raises(InputError, match=r"mine is listed twice in .*own.tsv and .*own.tsv; remove"):
        read_models([own, own])
