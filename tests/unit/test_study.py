"""Tables and configuration: what is wrong is said in one sentence that names file, row and key."""

from pathlib import Path

import pytest
import yaml

from transferscope import study
from transferscope.errors import InputError

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "config" / "schemas"
CONFIG = SCHEMAS / "config.schema.yaml"
PUBLISHED = study.published_names(ROOT / "config" / "published")


def table(tmp_path: Path, source: str, changes: dict[str, str] | None = None, rows: int = 1) -> Path:
    """The first rows of one of the project's tables, with cells of the first one changed."""
    header, *lines = (ROOT / "config" / source).read_text().splitlines()
    columns = header.split("\t")
    cells = dict(zip(columns, lines[0].split("\t"), strict=True)) | (changes or {})
    path = tmp_path / source
    path.write_text(
        "\n".join([header, "\t".join(cells[column] for column in columns), *lines[1:rows]]) + "\n"
    )
    return path


def config() -> dict:
    return yaml.safe_load((ROOT / "config" / "config.yaml").read_text())


def test_the_projects_own_tables_are_valid():
    models = study.read_models(ROOT / "config" / "models.tsv", SCHEMAS)
    datasets = study.read_datasets(ROOT / "config" / "datasets.tsv", SCHEMAS)
    assert {"url", "pypi", "random"} >= set(models["kind"]) >= {"pypi", "random"}
    assert set(datasets["kind"]) == {"url", "pypi", "render", "manual"}
    assert (datasets["images"] > 0).all()


@pytest.mark.parametrize("name", ["demo.yaml", "published.yaml"])
def test_every_ready_study_is_valid(name):
    overlay = yaml.safe_load((ROOT / "config" / name).read_text())
    merged = config()
    for key, value in overlay.items():
        merged[key] = merged[key] | value if isinstance(value, dict) else value
    study.check_config(merged, CONFIG)
    study.check_published(merged, PUBLISHED)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"id": "my.model"}, "line 2 (id 'my.model'), column 'id': 'my.model' does not fit"),
        ({"arch": "resnet51"}, "timm has no architecture 'resnet51'; did you mean resnet5"),
        ({"arch": "resnet51?depth=2"}, "timm has no architecture 'resnet51'; did you mean resnet5"),
        ({"sha256": "abc"}, "column 'sha256'"),
        ({"imagenet_top1": "71,9"}, "column 'imagenet_top1'"),
        ({"format": "onnx"}, "column 'format': 'onnx' is not one of"),
        ({"normalisation": "weird"}, "column 'normalisation': 'weird' is not one of"),
        ({"source": "ftp://host/file"}, "the source 'ftp://host/file' has no known form"),
    ],
)
def test_a_bad_cell_of_the_models_table_is_named(tmp_path, changes, sentence):
    path = table(tmp_path, "models.tsv", changes)
    with pytest.raises(InputError) as caught:
        study.read_models(path, SCHEMAS)
    assert sentence in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"metric": "f1"}, "column 'metric': 'f1' is not one of"),
        ({"loader": "csv"}, "column 'loader': 'csv' is not one of"),
        ({"classes": "ten"}, "column 'classes': 'ten' does not fit; expected: the number of classes"),
        ({"train": "-4"}, "column 'train'"),
        ({"protocols": "linear, knn"}, "column 'protocols'"),
        ({"split_rule": "80-20"}, "column 'split_rule': '80-20' is not one of"),
        ({"sha256": "md5:abc"}, "column 'sha256': 'md5:abc' does not fit; expected: for each source 64"),
        (
            {"source": "manual", "sha256": ""},
            "column 'manual': '' does not fit; expected: which files",
        ),
    ],
)
def test_a_bad_cell_of_the_datasets_table_is_named(tmp_path, changes, sentence):
    path = table(tmp_path, "datasets.tsv", changes)
    with pytest.raises(InputError) as caught:
        study.read_datasets(path, SCHEMAS)
    assert sentence in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("data/pets", "local"),
        ("data/images.tar.gz", "archive"),
        ("data/jpg.TGZ data/labels.mat", "archive"),
        ("data/jpg data/labels.mat", "archive"),
        ("manual", "manual"),
        ("https://host/images.zip data/labels.mat", "url"),
    ],
)
def test_kinds_of_datasets(tmp_path, source, kind):
    changes = {"source": source, "sha256": "", "manual": "the archives of https://host/"}
    datasets = study.read_datasets(table(tmp_path, "datasets.tsv", changes), SCHEMAS)
    assert datasets["kind"].tolist() == [kind]


def test_a_duplicate_id_is_named(tmp_path):
    path = table(tmp_path, "models.tsv", rows=1)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, lines[1]]) + "\n")
    with pytest.raises(InputError, match="more than once; rename one"):
        study.read_models(path, SCHEMAS)


def test_several_tables_follow_each_other():
    paths = [ROOT / "config" / name for name in ("models.tsv", "models-extra.tsv")]
    both = study.read_models(paths, SCHEMAS)
    assert list(both.index) == [name for path in paths for name in study.read_models(path, SCHEMAS).index]
    assert both["imagenet_top1"].dtype == float
    study.check_config(config() | {"tables": {"models": list(map(str, paths)), "datasets": "d.tsv"}}, CONFIG)


def test_an_id_of_two_tables_is_named_with_both(tmp_path):
    first, second = ROOT / "config" / "datasets.tsv", table(tmp_path, "datasets.tsv")
    with pytest.raises(InputError) as caught:
        study.read_datasets([first, second], SCHEMAS)
    assert str(caught.value) == f"the id 'digits' is in {first} and in {second}; rename one of the rows"


def test_a_missing_and_an_unknown_column_are_named(tmp_path):
    path = table(tmp_path, "models.tsv")
    header, row = path.read_text().splitlines()
    path.write_text(f"{header}\tcolour\n{row}\tred\n")
    with pytest.raises(InputError, match=r"'colour' was unexpected"):
        study.read_models(path, SCHEMAS)
    path.write_text(header.replace("arch", "architecture") + "\n" + row + "\n")
    with pytest.raises(InputError, match=r"'arch' is a required property|'architecture' was unexpected"):
        study.read_models(path, SCHEMAS)


def test_a_table_with_commas_for_tabs_is_named(tmp_path):
    path = tmp_path / "models.tsv"
    path.write_text("id,name\na,b\n")
    with pytest.raises(InputError, match="separated by tabs"):
        study.read_models(path, SCHEMAS)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        study.read_datasets(tmp_path / "absent.tsv", SCHEMAS)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"linear": {"mode": "fast"}}, "key linear.mode: 'fast' is not one of"),
        ({"protocols": ["linear", "svm"]}, "key protocols.1: 'svm' is not one of"),
        ({"colour": "red"}, "'colour' was unexpected"),
        ({"features": {"resolution": 0, "batch_size": 1, "shard_images": 1}}, "key features.resolution"),
        ({"exclude": [{"model": "a"}]}, "key exclude.0: 'reason' is a required property"),
    ],
)
def test_a_bad_key_of_the_configuration_is_named(changes, sentence):
    with pytest.raises(InputError) as caught:
        study.check_config(config() | changes, CONFIG)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("results_from", "ericson2021", "measured, ericsson2021, own2026"),
        ("results_from", "none", "measured, ericsson2021, own2026"),
        ("compare", "measured", "none, ericsson2021, own2026"),
    ],
)
def test_unknown_published_results_are_named_with_what_there_is(tmp_path, key, value, allowed):
    for name in ("own2026.csv", "ericsson2021.csv", "README.md"):
        (tmp_path / name).touch()
    published = study.published_names(tmp_path)
    study.check_published(config() | {key: "own2026"}, published)
    with pytest.raises(InputError, match=f"key {key}: '{value}' is not one of {allowed};"):
        study.check_published(config() | {key: value}, published)


def test_choose_keeps_the_order_and_names_a_stranger():
    datasets = study.read_datasets(ROOT / "config" / "datasets.tsv", SCHEMAS)
    assert list(study.choose(datasets, ["scenes", "digits"], "datasets").index) == ["scenes", "digits"]
    assert len(study.choose(datasets, [], "datasets")) == len(datasets)
    with pytest.raises(InputError, match=r"'digit' is no id .* did you mean 'digits'"):
        study.choose(datasets, ["digit"], "datasets")


def test_runs_are_what_the_rows_admit_less_what_is_excluded():
    models = study.read_models(ROOT / "config" / "models.tsv", SCHEMAS).iloc[:3]
    datasets = study.choose(
        study.read_datasets(ROOT / "config" / "datasets.tsv", SCHEMAS), ["digits", "scenes-multi"], "datasets"
    )
    protocols = ["linear", "calibration"]
    runs = study.plan_runs(models, datasets, protocols, [])
    assert len(runs) == 3 * 2 + 3  # calibration is not for several labels
    model = models.index[0]
    exclusion = {"model": model, "protocol": "linear", "reason": "for this test"}
    kept = study.plan_runs(models, datasets, protocols, [exclusion])
    assert len(kept) == len(runs) - 2
    assert not ((kept["model"] == model) & (kept["protocol"] == "linear")).any()
    # What is calibrated follows from what is predicted; the linear probe's predictions if nothing else.
    both = study.plan_runs(
        models, datasets, [*protocols, "finetune"], [{**exclusion, "protocol": "finetune"}]
    )
    heads = both[both["protocol"].str.startswith("calibration")].groupby("model")["protocol"].apply(set)
    assert heads[model] == {"calibration_linear"}
    assert heads[models.index[1]] == {"calibration_linear", "calibration_finetune"}
    assert set(study.plan_runs(models, datasets, ["calibration"], [])["protocol"]) == {"calibration_linear"}
    lists = {"model": list(models.index[:2]), "dataset": ["digits"], "reason": "for this test"}
    kept = study.plan_runs(models, datasets, ["linear"], [lists])
    assert len(kept) == 3 * 2 - 2
    study.check_exclusions([exclusion, lists], models, datasets)
    with pytest.raises(InputError, match=r"key exclude: 'digit' is no id .* did you mean 'digits'"):
        study.check_exclusions([{"dataset": "digit", "reason": "a misspelling"}], models, datasets)


@pytest.mark.parametrize(("ways", "shots"), [(11, ["5"]), (5, [])])
def test_episodes_that_cannot_be_drawn_are_named(ways, shots):
    datasets = study.read_datasets(ROOT / "config" / "datasets.tsv", SCHEMAS).loc[["digits", "elpv"]]
    study.check_episodes(datasets, 10)  # elpv has four classes, and no few-shot
    datasets.at["digits", "shots"] = shots
    with pytest.raises(InputError, match=r"the dataset digits has 10 classes and . numbers of `shots`"):
        study.check_episodes(datasets, ways)


def test_the_model_that_measures_perceptual_distances_is_one_of_the_table():
    models = study.read_models(ROOT / "config" / "models.tsv", SCHEMAS)
    study.check_perceptual(models, [])
    study.check_perceptual(models, ["swav"])
    with pytest.raises(InputError, match=r"reconstruction\.perceptual: 'swan' is no id .* mean 'swav'"):
        study.check_perceptual(models, ["swan"])


def test_the_known_architectures_are_timms():
    import timm

    assert study.architectures() == set(timm.list_models())


def test_render_settings():
    settings = study.render_settings("render:images=20&objects=3&size=32&seed=1")
    assert settings == {"images": 20, "objects": 3, "size": 32, "seed": 1}


@pytest.mark.parametrize("source", ["render:images=20", "render:images=many&objects=3&size=32&seed=1"])
def test_bad_render_settings_are_named(tmp_path, source):
    path = table(tmp_path, "datasets.tsv", {"source": source, "sha256": ""})
    with pytest.raises(InputError, match=r"row 'digits': the source 'render:.* integers for"):
        study.read_datasets(path, SCHEMAS)
