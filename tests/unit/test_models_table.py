"""The rows of config/models.tsv and models-extra.tsv agree with the library that serves them."""

import re
from pathlib import Path

import pandas as pd
import pytest
import timm
import yaml
from snakemake.exceptions import WorkflowError
from snakemake.utils import validate

from transferscope.models import backbones, checkpoints, matching

CONFIG = Path(__file__).parents[2] / "config"
TABLES = ["models.tsv", "models-extra.tsv"]
SCHEMA = CONFIG / "schemas/models.schema.yaml"


def read_table(name: str = "models.tsv") -> pd.DataFrame:
    return pd.read_csv(CONFIG / name, sep="\t", dtype=str, keep_default_na=False, comment="#")


@pytest.mark.parametrize("name", TABLES)
def test_table_fits_its_schema(name):
    validate(read_table(name), str(SCHEMA))


def test_no_id_is_in_both_tables():
    assert pd.concat(map(read_table, TABLES))["id"].is_unique


@pytest.mark.parametrize(
    "column, value",
    [
        ("id", "MoCo_v2"),
        ("arch", "resnet50.a1_in1k"),
        ("arch", "resnet50?layers"),
        ("sha256", "abc"),
        ("format", "onnx"),
        ("format", ""),
        ("match", "luck"),
        ("normalisation", "rgb"),
        ("imagenet_top1", "71,9"),
        ("imagenet_top1", "100"),
        ("seed", "1"),
        ("prefix", "module. encoder."),
        ("colour", "red"),
    ],
)
def test_schema_refuses(column, value):
    row = read_table().iloc[[0]].copy()
    row[column] = value
    with pytest.raises(WorkflowError, match=re.escape(value or column)):
        validate(row, str(SCHEMA))


@pytest.mark.parametrize("seed", ["", "-1", "1.5"])
def test_a_random_row_needs_a_seed(seed):
    table = read_table()
    row = table[table["source"] == "random"].copy()
    row["seed"] = seed
    with pytest.raises(WorkflowError):
        validate(row, str(SCHEMA))


@pytest.mark.parametrize("name", TABLES)
def test_every_architecture_is_timms(name):
    assert set(read_table(name)["arch"].str.partition("?")[0]) <= set(timm.list_models())


def test_schema_lists_what_the_library_knows():
    properties = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))["properties"]
    assert set(properties["format"]["enum"]) == {*checkpoints.FORMATS, ""}
    assert set(properties["match"]["enum"]) == {*matching.MATCHES, ""}
    assert set(properties["normalisation"]["enum"]) == set(backbones.NORMALISATIONS)
