"""scripts/status.py on the small study: what is done, what a change makes pending, what a job costs."""

import re

from transferscope.cluster import events, progress

WHOLE, FEW = 2, 2  # as in test_small_study
REFIT, EXTRACT = ("finetune", "finetune_refit"), ("features", "extract_features")


def status(project, *arguments: str) -> dict[tuple[str, str], dict[str, str]]:
    """The printed rows, by protocol or stage and rule."""
    done = project.run("scripts/status.py", "--configfile", "config/small.yaml", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    header, *lines, total = done.stdout.split("\n\n")[0].splitlines()
    assert total.split()[0] == "total"
    rows = (dict(zip(header.split(), line.split(), strict=False)) for line in lines)
    return {(row["protocol"], row["rule"]): row for row in rows}


def test_a_finished_study_has_nothing_left(project):
    rows = status(project)
    assert rows[REFIT]["done"] == rows[REFIT]["jobs"] == str(WHOLE)
    assert rows["linear", "probe_with_predictions"]["done"] == str(3 * WHOLE + 2 * FEW)
    assert {row["pending"] for row in rows.values()} == {"0"}


def test_what_is_missing_is_pending_with_its_gpu_hours(project):
    features = project.folder / "results/small/features/scenes-small/mobilenetv2.h5"
    result = project.folder / "results/small/knn/scenes-small/mobilenetv2.json"
    moved = {path: path.rename(path.with_suffix(".kept")) for path in (features, result)}
    rows = status(project, "--set-resources", "extract_features:gpu=1")
    for path, kept in moved.items():
        kept.rename(path)
    assert (rows[EXTRACT]["done"], rows[EXTRACT]["pending"]) == (
        str(2 * WHOLE + FEW - 1),
        "1",
    )
    # The job asks for a quarter of an hour; those that are done took seconds.
    assert float(rows[EXTRACT]["most"]) > float(rows[EXTRACT]["left"])
    assert rows["knn", "probe"]["pending"] == "1"
    assert rows["fewshot", "probe"]["pending"] == "1"  # it reads the same features


def test_a_wrong_configuration_is_said(project):
    done = project.run("scripts/status.py", "--config", "models=[resnet]")
    assert done.returncode == 1
    assert "key models: 'resnet' is no id" in done.stderr


def test_a_run_is_recorded_and_a_dry_run_is_not(project):
    runs = events.runs(project.folder)
    jobs = progress.states(events.read(runs[0]))
    assert sum(bool(re.fullmatch(r".+/finetune/[^/]+/[^/]+\.json", output)) for output in jobs) == WHOLE
    assert set(jobs.values()) == {("finished", None)}
    status(project)
    assert events.runs(project.folder) == runs


def test_the_snakemake_of_a_single_job_records_nothing(project, monkeypatch):
    path = project.folder / "events.jsonl"
    monkeypatch.setenv("TRANSFERSCOPE_EVENTS", str(path))
    project.snakemake("-n", "--mode", "remote")
    assert not path.exists()
    project.snakemake("-n")
    assert path.exists()
