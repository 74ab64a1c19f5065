"""What the user can get wrong is said in one sentence before any job runs."""

import pytest


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
        ("compare=nobody2020", "configuration, key compare: 'nobody2020' is not one of none, ericsson2021"),
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
