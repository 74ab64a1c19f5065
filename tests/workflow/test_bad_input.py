"""What the user can get wrong is said in one sentence before any job runs."""

import pytest
from tests.workflow.test_datasets_by_hand import MINE


def change(project, table: str, row: str, column: str, value: str) -> None:
    path = project.folder / "config" / table
    header, *lines = path.read_text().splitlines()
    position = header.split("\t").index(column)
    changed = []
    for line in lines:
        cells = line.split("\t")
        if cells[0] == row:
            cells[position] = value
        changed.append("\t".join(cells))
    path.write_text("\n".join([header, *changed]) + "\n")


@pytest.mark.parametrize(
    ("table", "row", "column", "value", "sentence"),
    [
        ("models.tsv", "mobilenetv2", "arch", "mobilenetv9", "timm has no architecture 'mobilenetv9'"),
        ("models.tsv", "mobilenetv2", "id", "mobilenet.v2", "(id 'mobilenet.v2'), column 'id'"),
        ("models.tsv", "efficientnet-lite0", "id", "mobilenetv2", "has the id 'mobilenetv2' more than once"),
        ("models.tsv", "mobilenetv2", "source", "pypi:fdet", "row 'mobilenetv2': the source 'pypi:fdet'"),
        ("datasets.tsv", "digits", "split_rule", "halves", "column 'split_rule': 'halves' is not one of"),
    ],
)
def test_a_bad_table_stops_the_workflow_at_parse(fresh, table, row, column, value, sentence):
    change(fresh, table, row, column, value)
    output = fresh.snakemake("-n", fails=True)
    assert sentence in output
    assert f"config/{table}" in output
    assert "Traceback" not in output
    assert not (fresh.folder / "results").exists()


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("models=[resnet]", "configuration, key models: 'resnet' is no id"),
        ("linear={mode: quick}", "configuration, key linear.mode: 'quick' is not one of"),
        ("fewshots={ways: 5}", "'fewshots' was unexpected"),
        ("compare=nobody2020", "key compare: 'nobody2020' is not one of none, asano2020, ericsson2021"),
    ],
)
def test_a_bad_setting_stops_the_workflow_at_parse(fresh, setting, sentence):
    output = fresh.snakemake("-n", "--config", setting, fails=True)
    assert sentence in output
    assert "Traceback" not in output


def test_a_failing_job_says_its_sentence_and_leaves_nothing(fresh):
    change(fresh, "datasets.tsv", "digits", "sha256", "0" * 64)
    output = fresh.snakemake("--", "resources/datasets/digits", fails=True)
    assert "has the checksum 09f66e6d" in output
    assert f"expected {'0' * 64}" in output
    assert not (fresh.folder / "resources/datasets/digits").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["linear", "-n"], "--configfile: linear is no configuration here"),
        (["config/absent.yaml", "-n"], "--configfile: config/absent.yaml is no configuration here"),
        (["-n", "--configfile=config/models.tsv"], "--configfile: config/models.tsv is no configuration"),
        (["config/cp1252.yaml", "-n"], "--configfile: config/cp1252.yaml is no configuration here"),
        (
            ["-n", "--config", "results_from=own2024"],
            "own2024.csv, line 2: value of model BYOL, dataset pets",
        ),
    ],
)
def test_what_snakemake_itself_would_stumble_over(fresh, arguments, said):
    (fresh.folder / "config/cp1252.yaml").write_bytes("# caf\u00e9\nmodels: []\n".encode("cp1252"))
    rows = "protocol,dataset,metric,model,value\nlinear,pets,mean_per_class,BYOL,89 %\n"
    (fresh.folder / "config/published/own2024.csv").write_text(rows)
    output = fresh.snakemake(*arguments, fails=True)
    assert said in output
    assert "Traceback" not in output


def test_a_folder_of_pictures_that_cannot_be_divided_is_said_before_any_job(fresh, tmp_path):
    for name, count in (("cat", 5), ("dog", 4)):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(count):
            (tmp_path / "pictures" / name / f"{number}.jpg").touch()
    row = MINE | {"source": str(tmp_path / "pictures"), "split_rule": "stratified"}
    fresh.append("datasets.tsv", row)
    overlay = fresh.overlay("{models: [random-mobilenetv2], datasets: [mine], protocols: [knn]}")
    output = fresh.snakemake("-n", *overlay, fails=True)
    assert (
        "mine: class 'dog' has 4 samples, and the split rule stratified needs more than 4 samples" in output
    )
    assert "Traceback" not in output
    (tmp_path / "pictures/dog/4.jpg").touch()
    fresh.snakemake("-n", *overlay)


def test_unknown_counts_are_planned_as_many_pictures_and_said(fresh):
    fresh.append("datasets.tsv", MINE | {"id": "far", "source": "https://host/far.zip"})
    overlay = fresh.overlay("{models: [random-mobilenetv2], datasets: [far], protocols: [knn]}")
    features = "results/small/features/far/random-mobilenetv2.h5"
    output = fresh.snakemake("-n", *overlay, "--", features)
    assert "how many pictures far has is not known here; its jobs ask for what 50000 take" in output
    assert "runtime=65" in output.partition("rule extract_features:")[2]  # a minute a thousand, and 15
    assert "is not known here" not in fresh.snakemake("-n", "--", "resources/datasets/digits")


def test_a_rule_without_a_size_is_said(fresh):
    path = fresh.folder / "config/job_sizes.tsv"
    path.write_text("".join(line for line in path.open() if not line.startswith("extract_features")))
    output = fresh.snakemake("-n", fails=True)
    assert "config/job_sizes.tsv has no row for the rule extract_features; add one" in output
    assert "Traceback" not in output
