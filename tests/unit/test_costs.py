"""Hours by protocol and model from benchmark files."""

import pandas as pd
import pytest

from transferscope.cluster.costs import SHARED, costs

STAGES = pd.Series(
    {"extract_features": "features", "finetune_grid": "", "probe": "", "render_dataset": "datasets"}
)
TARGETS = pd.Series({"finetune": "finetune", "fewshot": "fewshot", "detection_frozen": "detection"})


def benchmark(path, seconds, rule, wildcards, resources, threads=2):
    row = {
        "s": seconds,
        "rule_name": rule,
        "wildcards": wildcards,
        "threads": threads,
        "resources": resources,
    }
    pd.DataFrame([row]).to_csv(path, sep="\t", index=False)
    return path


def test_hours_are_summed_and_files_of_older_runs_left_out(tmp_path, caplog):
    old = tmp_path / "old.tsv"
    old.write_text("s\th:m:s\n7200\t2:00:00\n")
    part = {"protocol": "finetune", "dataset": "digits", "model": "net", "rung": "0"}
    files = [
        old,
        benchmark(tmp_path / "a.tsv", 3600, "finetune_grid", part | {"part": "0"}, {"gpu": 1}),
        benchmark(tmp_path / "b.tsv", 1800, "finetune_grid", part | {"part": "1"}, {"gpu": 1}),
        benchmark(tmp_path / "c.tsv", 360, "extract_features", {"model": "net"}, {"gpu": 0}),
        benchmark(tmp_path / "d.tsv", 720, "render_dataset", {"dataset": "digits"}, {"mem_mb": 5}, threads=4),
        benchmark(tmp_path / "e.tsv", 720, "plot_costs", {}, {}),
    ]
    table = costs(files, STAGES, TARGETS, models=["net"], datasets=["digits"])
    assert table.values.tolist() == [
        ["features", "net", 1, 0.0, pytest.approx(0.2)],
        ["datasets", SHARED, 1, 0.0, pytest.approx(0.8)],
        ["finetune", "net", 2, 1.5, 3.0],
    ]
    assert "old.tsv" in caplog.text


def test_a_job_counts_for_the_group_of_its_protocol_if_the_study_has_its_model_and_dataset(tmp_path):
    run = {"protocol": "detection_frozen", "dataset": "digits", "model": "net", "at": "@seed-1"}
    changes = {
        "a": {},
        "b": {"protocol": "fewshot"},
        "c": {"protocol": "gone"},
        "d": {"model": "gone"},
        "e": {"dataset": "gone"},
    }
    files = [
        benchmark(tmp_path / f"{name}.tsv", 3600, "probe", run | change, {})
        for name, change in changes.items()
    ]
    files.append(benchmark(tmp_path / "f.tsv", 3600, "plot_detections", run, {}))
    table = costs(files, STAGES, TARGETS, models=["net"], datasets=["digits"])
    assert table[["protocol", "jobs"]].values.tolist() == [["fewshot", 1], ["detection", 1]]
