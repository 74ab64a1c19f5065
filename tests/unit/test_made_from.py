"""What a file was made from: it is said in each kind of file, and any change of it is seen by name."""

import json
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from transferscope import hdf5, job, made_from
from transferscope.cluster import moved
from transferscope.errors import InputError
from transferscope.models import backbones

PARAMS = {"version": 1, "settings": {"steps": 5, "rates": [0.1, 0.2]}, "none": None}


def a_json(path: Path) -> Path:
    path.write_text('{"value": 1.5}')
    return path


def an_hdf5(path: Path) -> Path:
    with hdf5.create(path) as file:
        file["values"] = np.arange(3)
    return path


def a_backbone(path: Path) -> Path:
    module = backbones.create("resnet10t")
    metadata = backbones.Metadata("tiny", "resnet10t", "random", "", (0.5,) * 3, (0.5,) * 3, {})
    backbones.save(path, backbones.weights(module), metadata)
    return path


def a_folder(path: Path) -> Path:
    (path / "train").mkdir(parents=True)
    return path


KINDS = {"a.json": a_json, "a.h5": an_hdf5, "a.safetensors": a_backbone, "folder": a_folder}


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_of_file_says_it_and_is_still_whole(tmp_path, name):
    path = KINDS[name](tmp_path / name)
    assert made_from.read(path) is None
    origin = made_from.describe(PARAMS, [])
    job.tell(path, origin)
    assert made_from.read(path) == origin == {"params": PARAMS, "inputs": []}
    if name == "a.h5":
        with hdf5.opened(path, "file") as file:  # its digest holds
            assert file["values"][2] == 2
    if name == "a.safetensors":
        weights = backbones.weights(backbones.load(path)[0])  # its digest too
        assert set(weights) == set(backbones.weights(backbones.create("resnet10t")))
    if name == "folder":
        assert [entry.name for entry in path.iterdir() if not entry.name.startswith(".")] == ["train"]
    job.tell(path, made_from.describe(PARAMS | {"version": 2}, []))
    assert made_from.read(path)["params"]["version"] == 2


def test_other_files_stay_as_they_are(tmp_path):
    for name in ("a.tsv", "a.png", "checkpoint"):
        (tmp_path / name).write_text("content")
        job.tell(tmp_path / name, made_from.describe(PARAMS, []))
        assert (tmp_path / name).read_text() == "content"
        assert made_from.read(tmp_path / name) is None


def test_a_damaged_file_says_nothing(tmp_path):
    for name in ("a.json", "a.h5", "a.safetensors"):
        (tmp_path / name).write_bytes(b"\xff\xff broken")
        assert made_from.read(tmp_path / name) is None
    assert made_from.read(tmp_path / "absent.json") is None


def told(path: Path, params: dict, *inputs: Path) -> Path:
    job.tell(a_json(path), made_from.describe(params, inputs))
    return path


def test_a_change_is_named(tmp_path):
    backbone = told(tmp_path / "backbone.json", {"arch": "a"})
    features = told(tmp_path / "features.json", PARAMS, backbone)
    assert made_from.changes([features], PARAMS, [backbone]) == []
    # In the order of another dict, with tuples for lists: the same.
    same = {"none": None, "settings": {"rates": (0.1, 0.2), "steps": 5}, "version": 1}
    assert made_from.changes([features], same, [backbone]) == []
    changed = PARAMS | {"settings": {"steps": 6, "rates": [0.1, 0.2]}, "more": True}
    assert made_from.changes([features], changed, [backbone]) == [
        ("settings.steps", 5, 6),
        ("more", "nothing", True),
    ]
    assert made_from.changes([features], PARAMS, [backbone, backbone]) == [("inputs", 1, 2)]


def test_a_file_is_tied_to_all_that_it_goes_back_to(tmp_path):
    backbone = told(tmp_path / "backbone.json", {"arch": "a"})
    features = told(tmp_path / "features.json", PARAMS, backbone)
    result = told(tmp_path / "result.json", {}, features)
    told(backbone, {"arch": "b"})
    [(name, _, _)] = made_from.changes([features], PARAMS, [backbone])
    assert name == str(backbone)
    told(features, PARAMS, backbone)  # the same params, and another backbone
    [(name, _, _)] = made_from.changes([result], {}, [features])
    assert name == str(features)


def test_what_says_nothing_is_no_change(tmp_path):
    silent, late = a_json(tmp_path / "silent.json"), a_json(tmp_path / "late.json")
    assert made_from.changes([silent], PARAMS, []) is None
    result = told(tmp_path / "result.json", PARAMS, silent, late)
    told(late, {"arch": "a"})
    assert made_from.changes([result, tmp_path / "result.png"], PARAMS, [silent, late]) == []


def test_no_secret_of_an_address_is_told():
    source = "https://user:password@host/file?token=0123456789"
    text = json.dumps(made_from.describe({"source": source, "arch": "a?pool=catavgmax"}, []))
    assert "password" not in text
    assert "0123456789" not in text
    assert "catavgmax" in text


class Job(SimpleNamespace):
    """As far as it is asked, and a key of dicts as Snakemake's."""

    __hash__ = object.__hash__


def a_dag(output: Path, params: dict, inputs: dict[Path, bool], **reason) -> SimpleNamespace:
    """Snakemake's graph with one job to run; ``inputs`` say whether another job makes them."""
    one = Job(
        output=[str(output)],
        input=[str(path) for path in inputs],
        params=params,
        rule=SimpleNamespace(name="extract"),
    )
    reasons = {"updated_input": set(one.input), "missing_output": set()}
    made_here = {str(path) for path, made in inputs.items() if made}
    return SimpleNamespace(
        needrun_jobs=lambda: [one],
        reason=lambda _: SimpleNamespace(**{"forced": False} | reasons | reason),
        dependencies=defaultdict(lambda: {"another job": made_here}),
    )


def test_what_only_looks_outdated_is_not_computed_again(tmp_path):
    backbone = told(tmp_path / "backbone.json", {"arch": "a"})
    features = told(tmp_path / "features.json", PARAMS, backbone)
    with pytest.raises(InputError, match=r"features\.json would be computed again.*--forcerun extract"):
        moved.check_times(a_dag(features, PARAMS, {backbone: True}), [])
    for outdated in (
        a_dag(features, PARAMS | {"version": 2}, {backbone: True}),
        a_dag(features, PARAMS, {backbone: False}),  # a user's own file, which may be another
        a_dag(features, PARAMS, {backbone: True}, updated_input=set(), missing_output={"a"}),
        a_dag(features, PARAMS, {backbone: True}, forced=True),
        a_dag(a_json(tmp_path / "silent.json"), PARAMS, {backbone: True}),
    ):
        moved.check_times(outdated, [])
    moved.check_times(a_dag(features, PARAMS, {backbone: True}), [f"{tmp_path}/"])  # a folder of tables


def test_what_cannot_say_it_is_made_again_where_it_is_quick(tmp_path):
    table, result = tmp_path / "tables/a.tsv", a_json(tmp_path / "a.json")
    [one] = a_dag(table, PARAMS, {}).needrun_jobs()
    assert moved.changes(one, [f"{tmp_path}/tables/"]) == moved.UNKNOWN
    one.output = [str(result)]
    assert moved.changes(one, [f"{tmp_path}/tables/"]) is None
    told(result, PARAMS)
    assert moved.changes(one, [f"{tmp_path}/"]) == []
