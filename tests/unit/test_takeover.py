"""Results of the layout before variants become results of today's."""

import json
from pathlib import Path

import pytest

from take_over import resources_of
from transferscope.results import long_table, takeover

OLD = {
    "model": "tiny",
    "dataset": "digits",
    "protocol": "fewshot",
    "version": 1,
    "mode": "nearest-mean",
    "seed": 3,
    "n_test": 100,
    "measurements": [
        {"setting": f"fewshot_5w{shots}s", "metric": "accuracy", "value": 50.0 + shots, "ci95": 1.5}
        for shots in (5, 20)
    ],
    "took": {"seconds": 1.0, "device": "cpu", "threads": 1},
    "details": {"episodes": 600},
}


def test_a_result_is_valid_afterwards_and_says_the_same():
    new = takeover.converted(OLD)
    long_table.check_result(new, "here")
    assert (new["variant"], new["seed"], new["labels"], new["layer"]) == ("default", 3, "", "")
    assert [(one["ways"], one["shots"], one["value"]) for one in new["measurements"]] == [
        (5, 5, 55.0),
        (5, 20, 70.0),
    ]
    same = ("model", "dataset", "protocol", "version", "mode", "n_test", "took", "details")
    assert {name: new[name] for name in same} == {name: OLD[name] for name in same}
    plain = {"setting": "linear", "metric": "top1", "value": 1.0, "ci95": None}
    linear = takeover.converted(OLD | {"protocol": "linear", "measurements": [plain]})
    assert linear["measurements"] == [{"metric": "top1", "value": 1.0, "ci95": None}]


@pytest.mark.parametrize(
    ("content", "older"),
    [(OLD, True), (takeover.converted(OLD), False), ({"rung": 0, "trials": []}, False), ([], False)],
)
def test_only_an_older_result_is_one(tmp_path, content, older):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    assert takeover.is_older(path) == older
    assert takeover.first_older([tmp_path / "absent.json", path]) == (path if older else None)
    path.write_text("{broken")
    assert not takeover.is_older(path)


def test_the_folder_of_datasets_is_that_of_the_last_configuration_that_names_one(tmp_path, monkeypatch):
    (tmp_path / "config").mkdir()
    monkeypatch.chdir(tmp_path)
    for name, text in (
        ("config/config.yaml", "{pathvars: {results: results, resources: resources}}"),
        ("my.yaml", "{pathvars: {resources: elsewhere}}"),
        ("more.yaml", "{models: []}"),
    ):
        (tmp_path / name).write_text(text)
    assert resources_of([]) == Path("resources")
    assert resources_of(["--configfile", "my.yaml", "more.yaml"]) == Path("elsewhere")
