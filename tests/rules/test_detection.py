"""The detector's rule on tiny scenes, whole and stopped on the way."""

import json
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.rules.conftest import RUN, stopped

import plot_detections
import train_detector
from transferscope.datasets import load_boxes
from transferscope.errors import InputError
from transferscope.protocols.openmmlab import detection
from transferscope.protocols.openmmlab.precision import METRICS
from transferscope.results import long_table as results

SETTINGS = {
    "iterations": 5,
    "batch_size": 2,
    "learning_rate": 0.01,
    "warmup_iterations": 2,
    "milestones": [4],
    "momentum": 0.9,
    "weight_decay": 1e-4,
    "train_scales": [32, 64],
    "test_scale": 32,
    "longest_side": 64,
    "proposals": 16,
    "channels": 32,
    "test_proposals": 50,
    "frozen_stages": 3,
}


FACTS = {
    "dataset": "scenes",
    "loader": "scenes",
    "split_rule": "official",
    "classes": 10,
    "counts": {},
    "version": "1",
}


def train(
    backbone: Path, scenes: Path, folder: Path, threads: int = 1, checkpoint_steps: int = 2, **changes
) -> dict:
    torch.set_num_threads(1)  # two may add up in another order
    train_detector.main(
        backbone,
        scenes,
        folder / "tiny.json",
        folder / "tiny.examples.json",
        run=RUN | {"protocol": "detection_frozen", "threads": threads},
        facts=FACTS,
        settings=SETTINGS | changes,
        checkpoint_steps=checkpoint_steps,
    )
    return results.read_result(folder / "tiny.json")


@pytest.fixture(scope="module")
def whole(backbone, scenes, tmp_path_factory) -> tuple[Path, dict]:
    """Folder and result of an undisturbed run, every test picture among the examples."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detection, "EXAMPLES", 100)
        return folder, train(backbone, scenes, folder)


def test_the_result_is_whole(whole):
    folder, result = whole
    assert (result["model"], result["dataset"], result["protocol"]) == ("tiny", "scenes", "detection_frozen")
    assert [one["metric"] for one in result["measurements"]] == list(METRICS)
    assert result["details"]["iterations"] == len(result["details"]["losses"]) == SETTINGS["iterations"]
    assert sorted(path.name for path in folder.iterdir()) == ["tiny.examples.json", "tiny.json"]


def test_the_pictures_of_the_test_are_tested(whole, scenes):
    folder, result = whole
    boxes = load_boxes(root=scenes, **FACTS)
    shown = json.loads((folder / "tiny.examples.json").read_text())
    tested = np.flatnonzero(boxes.splits == "test")
    assert [picture["name"] for picture in shown["pictures"]] == [boxes.names[index] for index in tested]
    assert result["n_test"] == len(tested)
    labels = boxes.labels[np.isin(boxes.pictures, tested)]
    assert list(result["details"]["by_class"]) == [boxes.class_names[label] for label in np.unique(labels)]


def test_the_pictures_of_train_and_val_are_trained_on(backbone, scenes, tmp_path, monkeypatch):
    seen = []
    training_set = detection.training_set
    monkeypatch.setattr(
        detection,
        "training_set",
        lambda path, *given, **named: (
            seen.append(json.loads(path.read_text())) or training_set(path, *given, **named)
        ),
    )
    train(backbone, scenes, tmp_path, iterations=1)
    boxes = load_boxes(root=scenes, **FACTS)
    learned = [boxes.splits[picture["id"]] for picture in seen[0]["images"]]
    assert learned == ["train"] * 30 + ["val"] * 10


def test_the_figure_is_drawn(whole, scenes, tmp_path):
    plot = {"font_size": 8, "dpi": 60}
    plot_detections.main(
        whole[0] / "tiny.examples.json", scenes, tmp_path / "a.pdf", tmp_path / "a.png", plot=plot
    )
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(("number", "threads"), [(signal.SIGKILL, 1), (signal.SIGTERM, 2)])
def test_a_job_that_was_stopped_resumes_exactly(backbone, scenes, whole, tmp_path, caplog, number, threads):
    exit_code = stopped(
        train, backbone, scenes, tmp_path, threads, checkpoint=tmp_path / "tiny.json.resume", number=number
    )
    assert exit_code == (1 if number == signal.SIGTERM else -number)
    assert not (tmp_path / "tiny.json").exists()
    done = torch.load(tmp_path / "tiny.json.resume", weights_only=True)["meta"]["iter"]
    assert done == 2 if number == signal.SIGKILL else done >= 2  # the signal comes during the next step

    # How often a state is saved is no setting: the state is taken all the same.
    resumed = train(backbone, scenes, tmp_path, threads, checkpoint_steps=3)
    assert not [record for record in caplog.records if "starting afresh" in record.message]
    assert resumed | {"took": None} == whole[1] | {"took": None}
    assert not (tmp_path / "tiny.json.resume").exists()


def test_a_checkpoint_of_other_settings_or_a_damaged_one_is_not_taken(backbone, scenes, tmp_path):
    (tmp_path / "tiny.json.resume").write_bytes(b"half a checkpoint")
    assert train(backbone, scenes, tmp_path, iterations=1)["details"]["iterations"] == 1
    torch.save({"fingerprint": "other", "meta": {"iter": 3}}, tmp_path / "tiny.json.resume")
    assert train(backbone, scenes, tmp_path, iterations=1)["details"]["iterations"] == 1


def test_damaged_pictures_are_named_before_the_training(backbone, scenes, tmp_path):
    copied = tmp_path / "scenes"
    shutil.copytree(scenes, copied)
    for number in (3, 7):
        (copied / f"images/{number:05d}.png").write_bytes(b"half a picture")
    with pytest.raises(
        InputError, match=r"images/00003\.png .* so it is with 1 more: images/00007\.png; repl"
    ):
        train(backbone, copied, tmp_path)


def test_a_loss_that_is_not_finite_gives_no_result_and_leaves_the_checkpoint(backbone, scenes, tmp_path):
    with pytest.raises(InputError, match=r"no longer finite at iteration [2-5]; lower the learning_rate"):
        train(backbone, scenes, tmp_path, learning_rate=1e12, checkpoint_steps=1)
    assert torch.load(tmp_path / "tiny.json.resume", weights_only=True)["meta"]["iter"] >= 1
    assert not (tmp_path / "tiny.json").exists()
