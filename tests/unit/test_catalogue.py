"""The tables of models and datasets: what is wrong is said in a sentence that names file, row and column."""

import re
from pathlib import Path

import pytest

from transferscope.datasets.cropped import geometry
from transferscope.errors import InputError
from transferscope.sources import pictures
from transferscope.study import catalogue, configuration, own_sources

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "config" / "schemas"


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


def test_the_projects_own_tables_are_valid():
    models = catalogue.read_models(ROOT / "config" / "models.tsv", SCHEMAS)
    datasets = catalogue.read_datasets(ROOT / "config" / "datasets.tsv", SCHEMAS)
    assert {"url", "pypi", "random"} >= set(models["origin"]) >= {"pypi", "random"}
    assert set(models["supervision"]) == {"supervised", "random", "self-supervised"}
    assert set(datasets["origin"]) == {"url", "pypi", "render", "manual"}
    datasets = catalogue.with_images(datasets, lambda dataset: 0)
    assert (datasets["images"] > 0).all()
    assert not datasets["assumed"].any()


MODELS_ERRORS = [
    ({"id": "my.model"}, "line 2 (id 'my.model'), column 'id': 'my.model' does not fit"),
    ({"arch": "resnet51"}, "timm has no architecture 'resnet51'; did you mean resnet5"),
    ({"arch": "resnet51?depth=2"}, "timm has no architecture 'resnet51'; did you mean resnet5"),
    ({"sha256": "abc"}, "column 'sha256'"),
    ({"imagenet_top1": "71,9"}, "column 'imagenet_top1'"),
    ({"format": "onnx"}, "column 'format': 'onnx' is not one of"),
    ({"normalisation": "weird"}, "column 'normalisation': 'weird' is not one of"),
    ({"source": "ftp://host/file"}, "the source 'ftp://host/file' has no known form"),
    ({"source": "https://[host/file"}, "the source 'https://[host/file' has no known form"),
    ({"seed": "9" * 30}, "column 'seed'"),
    ({"imagenet_top1": "71." + "9" * 30}, "column 'imagenet_top1'"),
    ({"match": "luck"}, "column 'match': 'luck' is not one of"),
    ({"container": "a  b"}, "column 'container'"),
]
DATASETS_ERRORS = [
    ({"metric": "f1"}, "column 'metric': 'f1' is not one of"),
    ({"loader": "csv"}, "column 'loader': 'csv' is not one of"),
    ({"classes": "ten"}, "column 'classes': 'ten' does not fit; expected: the number of classes"),
    ({"train": "-4"}, "column 'train'"),
    ({"train": "9" * 30}, "column 'train'"),
    ({"all": "9" * 5000}, "column 'all'"),
    ({"classes": "9" * 30}, "column 'classes'"),
    ({"shots": f"5 {'9' * 30}"}, "column 'shots'"),
    ({"version": "9" * 30}, "column 'version'"),
    (
        {"source": "https://host/a?t=secret1 b.zip"},
        "https://host/a?t=*** b.zip has 2 sources and 1 checksums",
    ),
    ({"task": "detection"}, "the loader digits has labels for recognition and none for detection"),
    ({"classes": ""}, "column 'classes': recognition needs the number"),
    ({"without": "linear, knn"}, "column 'without'"),
    ({"split_rule": "80-20"}, "column 'split_rule': '80-20' is not one of"),
    ({"sha256": "md5:abc"}, "column 'sha256': 'md5:abc' does not fit; expected: for each source 64"),
    ({"source": "manual", "sha256": ""}, "column 'manual': '' does not fit; expected: which files"),
]


@pytest.mark.parametrize(
    ("read", "source", "changes", "sentence"),
    [
        *((catalogue.read_models, "models.tsv", *error) for error in MODELS_ERRORS),
        *((catalogue.read_datasets, "datasets.tsv", *error) for error in DATASETS_ERRORS),
    ],
)
def test_a_bad_cell_is_named(tmp_path, read, source, changes, sentence):
    path = table(tmp_path, source, changes)
    with pytest.raises(InputError) as caught:
        read(path, SCHEMAS)
    assert sentence in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "origin"),
    [
        ("data/pets", "local"),
        ("data/images.tar.gz", "archive"),
        ("data/jpg.TGZ data/labels.mat", "archive"),
        ("data/jpg data/labels.mat", "archive"),
        ("manual", "manual"),
        ("https://host/images.zip data/labels.mat", "url"),
    ],
)
def test_origins_of_datasets(tmp_path, source, origin):
    changes = {"source": source, "sha256": "", "manual": "the archives of https://host/"}
    datasets = catalogue.read_datasets(table(tmp_path, "datasets.tsv", changes), SCHEMAS)
    assert datasets["origin"].tolist() == [origin]


FACTORS = "layout=single&images=600&size=32&models=4&seed=0"
NO_COUNTS = dict.fromkeys(catalogue.COUNTS, "") | {"sha256": ""}


@pytest.mark.parametrize(
    ("changes", "images", "assumed"),
    [
        ({}, 1087 + 355 + 355, False),
        ({"train": "", "val": "", "test": ""}, catalogue.UNKNOWN_IMAGES, True),
        ({"val": ""}, 1087 + 355, False),
        ({"test": ""}, catalogue.UNKNOWN_IMAGES, True),
        ({"split_rule": "pooled", "all": "70", "train": "", "val": "", "test": ""}, 70, False),
        ({"split_rule": "pooled", "all": ""}, catalogue.UNKNOWN_IMAGES, True),
        (NO_COUNTS | {"source": "render:images=300&objects=1&size=48&seed=0"}, 300, False),
        (NO_COUNTS | {"source": "render:variant=0000&" + FACTORS}, 600, False),
        (NO_COUNTS | {"source": "full"}, 3, False),
        (NO_COUNTS | {"source": "empty"}, catalogue.UNKNOWN_IMAGES, True),
        (NO_COUNTS | {"source": "full/a.zip"}, catalogue.UNKNOWN_IMAGES, True),
        (NO_COUNTS | {"source": "manual", "manual": "a.zip"}, catalogue.UNKNOWN_IMAGES, True),
    ],
)
def test_unknown_counts_are_not_zero(tmp_path, changes, images, assumed):
    datasets = catalogue.read_datasets(table(tmp_path, "datasets.tsv", changes), SCHEMAS)
    (source,) = datasets["source"].str[0]
    datasets = catalogue.with_images(datasets, lambda dataset: {"full": 3, "empty": 0}[source])
    assert (datasets["images"].item(), datasets["assumed"].item()) == (images, assumed)


def test_a_duplicate_id_is_named(tmp_path):
    path = table(tmp_path, "models.tsv", rows=1)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, lines[1]]) + "\n")
    with pytest.raises(InputError, match="more than once; rename one"):
        catalogue.read_models(path, SCHEMAS)


def test_several_tables_follow_each_other():
    paths = [ROOT / "config" / name for name in ("models.tsv", "models-extra.tsv")]
    both = catalogue.read_models(paths, SCHEMAS)
    assert list(both.index) == [name for path in paths for name in catalogue.read_models(path, SCHEMAS).index]
    assert both["imagenet_top1"].dtype == float


def test_an_id_of_two_tables_is_named_with_both(tmp_path):
    first, second = ROOT / "config" / "datasets.tsv", table(tmp_path, "datasets.tsv")
    with pytest.raises(InputError) as caught:
        catalogue.read_datasets([first, second], SCHEMAS)
    assert str(caught.value) == f"the id 'digits' is in {first} and in {second}; rename one of the rows"


def test_a_missing_and_an_unknown_column_are_named(tmp_path):
    path = table(tmp_path, "models.tsv")
    header, row = path.read_text().splitlines()
    path.write_text(f"{header}\tcolour\n{row}\tred\n")
    with pytest.raises(InputError, match=r"'colour' was unexpected"):
        catalogue.read_models(path, SCHEMAS)
    path.write_text(header.replace("arch", "architecture") + "\n" + row + "\n")
    with pytest.raises(InputError, match=r"'arch' is a required property|'architecture' was unexpected"):
        catalogue.read_models(path, SCHEMAS)


def test_a_table_with_commas_for_tabs_is_named(tmp_path):
    path = tmp_path / "models.tsv"
    path.write_text("id,name\na,b\n")
    with pytest.raises(InputError, match="separated by tabs"):
        catalogue.read_models(path, SCHEMAS)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        catalogue.read_datasets(tmp_path / "absent.tsv", SCHEMAS)


def test_the_known_architectures_are_timms():
    import timm

    import transferscope.models.backbones  # noqa: F401 (registers the project's own)

    assert catalogue.architectures() == set(timm.list_models())


def test_render_settings():
    settings = own_sources.render_settings("render:images=20&objects=3&size=32&seed=1")
    assert settings == {"images": 20, "objects": 3, "size": 32, "seed": 1, "classes": 10}
    few = own_sources.render_settings("render:images=20&objects=3&size=32&seed=1&classes=4")
    assert few == settings | {"classes": 4}


@pytest.mark.parametrize(
    "source",
    [
        "render:images=20",
        "render:images=many&objects=3&size=32&seed=1",
        f"render:images={10**30}&objects=3&size=32&seed=1",
        "render:images=-9&objects=3&size=32&seed=1",
        f"render:images={'(' * 5000}&objects=3&size=32&seed=1",
        "render:images=20&objects=3&size=32&seed=1e3",
        "render:images=20&objects=3&size=32&seed=1&classes=11",
        "render:images=20&objects=3&size=32&seed=1&classes=1",
    ],
)
def test_bad_render_settings_are_named(tmp_path, source):
    path = table(tmp_path, "datasets.tsv", {"source": source, "sha256": ""})
    with pytest.raises(InputError, match=r"row 'digits': the source 'render:.* integers for"):
        catalogue.read_datasets(path, SCHEMAS)


def test_factor_settings():
    settings = own_sources.factor_settings(f"render:variant=0010&{FACTORS}")
    assert settings == {
        "variant": "0010",
        "layout": "single",
        "images": 600,
        "size": 32,
        "models": 4,
        "seed": 0,
    }
    named = "render:variant=0010&layout=multi&images=600&size=32&seed=0&shapes=my%20models&textures=~/dtd"
    assert own_sources.stand_ins(named) == {"shapes": "my models", "textures": str(Path.home() / "dtd")}
    assert own_sources.stand_ins(f"render:variant=0010&{FACTORS}") == {}


@pytest.mark.parametrize(
    "source",
    [
        "render:variant=0010",
        f"render:variant=10&{FACTORS}",
        f"render:variant=0012&{FACTORS}",
        f"render:variant=0010&variant=0011&{FACTORS}",
        f"render:variant=0010&{FACTORS}&objects=1",
        f"render:variant=0010&{FACTORS}&shapes=folder",
        f"render:variant=0010&{FACTORS}&textures=",
        f"render:variant=0010&{FACTORS.replace('single', 'double')}",
        f"render:variant=0010&{FACTORS.replace('600', '0')}",
        f"render:variant=0010&{FACTORS.replace('600', '9' * 30)}",
        f"render:variant=0010&{FACTORS.replace('models=4', 'models=four')}",
    ],
)
def test_bad_factor_settings_are_named(tmp_path, source):
    path = table(tmp_path, "datasets.tsv", {"source": source, "sha256": ""})
    with pytest.raises(InputError, match=r"row 'digits': the source 'render:.* with variant=TCVL"):
        catalogue.read_datasets(path, SCHEMAS)


def test_the_scenes_of_newell_and_deng():
    tables = [ROOT / "config" / f"datasets-newell2020{size}.tsv" for size in ("", "-small")]
    datasets = catalogue.read_datasets(tables, SCHEMAS)
    assert set(datasets["origin"]) == {"factors"}
    assert len(datasets) == 28
    for dataset, row in datasets.iterrows():
        settings = own_sources.factor_settings(row["source"][0])
        multi = settings["layout"] == "multi"
        expected = f"factors-{settings['variant']}" + "-multi" * multi
        assert dataset in (expected, f"{expected}-small")
        letters = [
            letter if digit == "1" else "-" for letter, digit in zip("TCVL", settings["variant"], strict=True)
        ]
        assert row["name"] == f"Scenes {''.join(letters)}" + ", multi-object" * multi
        twelfth = settings["images"] // 12
        assert [row[split] for split in ("train", "val", "test")] == [
            10 * twelfth,
            *[min(twelfth, 5000)] * 2,
        ]
        assert ("pose" in row["task"]) == (settings["variant"][2] == "1" and not multi)
        assert ("depth" in row["task"]) == ("segmentation" in row["task"]) == multi


CROPS = "images=10&count=500&size=32&preset=released&augment=scale+rotation+jitter&seed=0"
CROP_ROW = NO_COUNTS | {"task": "pretraining", "loader": "crops", "classes": "", "metric": "", "shots": ""}
CROP_ROW |= {"split_rule": "official"}


def with_crops(tmp_path, source: str):
    """A table with a set of crops, and two other datasets."""
    path = table(tmp_path, "datasets.tsv", CROP_ROW | {"source": source}, rows=4)
    return catalogue.read_datasets(path, SCHEMAS)


def test_crop_settings():
    assert own_sources.crop_settings(f"crops:picture=deka-wheels&{CROPS}") == {
        **{"picture": "deka-wheels", "images": 10, "count": 500, "size": 32, "preset": "released"},
        **{"augment": ["jitter", "rotation", "scale"], "seed": 0},
    }
    other = CROPS.replace("scale+rotation+jitter", "none").replace("=10", "=all")
    settings = own_sources.crop_settings(f"crops:picture=~/my%20pictures/a%2Bb.jpg&{other}")
    assert (settings["picture"], settings["augment"], settings["images"]) == (
        "~/my pictures/a+b.jpg",
        [],
        None,
    )


@pytest.mark.parametrize(
    ("picture", "path", "dataset"),
    [
        ("deka-wheels", "", ""),
        ("noise&images=1", "", ""),
        ("./bridge.jpg", "bridge.jpg", ""),
        ("~/bridge.jpg", str(Path.home() / "bridge.jpg"), ""),
        ("scenes", "", "scenes"),
    ],
)
def test_what_crops_are_made_of(picture, path, dataset):
    settings = CROPS if "&" not in picture else CROPS.replace("images=10&", "")
    source = f"crops:picture={picture}&{settings}"
    assert (own_sources.cropped_path(source), own_sources.cropped_dataset(source)) == (path, dataset)


def test_sets_of_crops_are_rows(tmp_path):
    datasets = with_crops(tmp_path, f"crops:picture=scenes&{CROPS}")
    assert datasets.at["digits", "origin"] == "crops"
    assert catalogue.cropped(datasets) == {"digits": "scenes"}
    assert configuration.with_cropped(datasets, ["digits"]) == ["digits", "scenes"]
    assert configuration.with_cropped(datasets, ["elpv"]) == ["elpv"]
    assert catalogue.with_images(datasets, lambda dataset: 0).at["digits", "images"] == 500


def test_nothing_is_evaluated_on_a_set_of_crops(tmp_path):
    datasets = with_crops(tmp_path, f"crops:picture=scenes&{CROPS}")
    assert configuration.evaluated_on(datasets, []) == ["mnist5k", "elpv", "scenes"]
    assert configuration.evaluated_on(datasets, ["scenes", "elpv"]) == ["scenes", "elpv"]
    with pytest.raises(InputError, match="key datasets: digits has no labels, so nothing can be evaluated"):
        configuration.evaluated_on(datasets, ["scenes", "digits"])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("&seed=0", ""), "has to be crops: with picture"),
        (("&seed=0", "&seed=0&seed=1"), "has to be crops: with picture"),
        (("&seed=0", "&seed=0&depth=3"), "has to be crops: with picture"),
        (("picture=scenes", "picture="), "has to be crops: with picture"),
        (("images=10", "images=0"), "has to be crops: with picture"),
        (("images=10", "images=some"), "has to be crops: with picture"),
        (("count=500", f"count={'9' * 30}"), "has to be crops: with picture"),
        (("size=32", "size=8"), "has to be crops: with picture"),
        (("released", "published"), "has to be crops: with picture"),
        (("scale+", "scale+flip+"), "has to be crops: with picture"),
        (("seed=0", "seed=-1"), "has to be crops: with picture"),
        (("scenes", "china"), "asks for images=10, and china is 1; write images=1"),
        (("count=500", "count=5"), "asks for fewer crops than pictures; write a larger count, or fewer"),
        (("scenes", "deka-wheel"), "'deka-wheel' is no dataset of the tables, no path (it has no slash)"),
        (("scenes", "deka-wheel"), "; did you mean 'deka-wheels'?"),
        (("scenes", "digits"), "the dataset digits is itself a set of crops; name another"),
        (("images=10&count=500", "images=1201&count=5000"), "the dataset scenes has 1200 pictures to train"),
    ],
)
def test_bad_crop_settings_are_named(tmp_path, change, sentence):
    with pytest.raises(InputError, match=r"digits.*source") as caught:
        with_crops(tmp_path, f"crops:picture=scenes&{CROPS}".replace(*change))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pooled_dataset_has_nothing_to_crop(tmp_path):
    pooled = {"split_rule": "pooled", "train": "", "val": "", "test": ""}
    row = table(tmp_path, "datasets.tsv", pooled).read_text().splitlines()
    path = table(
        tmp_path, "datasets.tsv", CROP_ROW | {"id": "mine", "source": f"crops:picture=digits&{CROPS}"}
    )
    path.write_text(path.read_text() + row[1] + "\n")
    with pytest.raises(
        InputError, match=r"the dataset mine, .*: the dataset digits has no split train; name"
    ):
        catalogue.read_datasets(path, SCHEMAS)


@pytest.mark.parametrize("tables", [["datasets-asano2020-small"], ["datasets", "datasets-asano2020"]])
def test_the_papers_sets_of_crops_are_rows(tables):
    datasets = catalogue.read_datasets([str(ROOT / "config" / f"{name}.tsv") for name in tables], SCHEMAS)
    for dataset, row in datasets[datasets["origin"] == "crops"].iterrows():
        settings = own_sources.crop_settings(row["source"][0])
        assert settings["count"] == row["train"]
        picture, augment = settings["picture"], settings["augment"] or ["none"]
        named = pictures.named(picture)
        assert not named or settings["images"] == len(named)
        words = (
            dataset.removesuffix("-small").removesuffix("-256").removeprefix(picture.removesuffix("-12000"))
        )
        expected = ["crops"] if len(augment) == len(geometry.AUGMENTATIONS) else augment
        assert sorted(words.strip("-").split("-")) == sorted(
            expected if named else [str(settings["images"]), *expected]
        )


def test_presets_and_augmentations_are_those_that_there_are():
    assert set(own_sources.CROP_SETTINGS["preset"].split("|")) == set(geometry.PRESETS)
    named = re.findall("[a-z]+", own_sources.CROP_SETTINGS["augment"])
    assert set(named) == {"none", *geometry.AUGMENTATIONS}


def test_models_that_differ_in_their_seed_alone_repeat_the_first(tmp_path):
    random = {"source": "random", "arch": "resnet18", "method": "none", "normalisation": "imagenet"}
    ways = {
        "a": random | {"seed": "0"},
        "a-1": random | {"seed": "1"},
        "wide": random | {"arch": "resnet34", "seed": "0"},
        "b": {"source": "pretrain:method=rotation&dataset=digits&profile=small&seed=3"},
        "b-1": {"source": "pretrain:method=rotation&dataset=digits&profile=small&seed=14"},
        "c": {"source": "pretrain:method=rotation&dataset=digits&profile=other&seed=3"},
    }
    header = (ROOT / "config/models.tsv").read_text().splitlines()
    columns = next(line for line in header if line.startswith("id\t")).split("\t")
    common = {"name": "x", "arch": "resnet18", "method": "rotation", "normalisation": "none"}
    common |= {"pretraining_data": "digits"}
    rows = [common | {"id": name} | way for name, way in ways.items()]
    lines = ["\t".join(row.get(column, "") for column in columns) for row in rows]
    (tmp_path / "models.tsv").write_text("\n".join(["\t".join(columns), *lines]))
    models = catalogue.read_models(tmp_path / "models.tsv", SCHEMAS)
    assert models["repeats"].tolist() == ["a", "a", "wide", "b", "b", "c"]
