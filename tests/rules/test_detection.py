"""The detector's rule on tiny scenes: it ends with a result, and so does one that was killed on the way."""

import json
import signal
from pathlib import Path

import pytest
import torch
from tests.rules.conftest import stopped

import plot_detections
import train_detector
from transferscope.errors import InputError
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
    "test_proposals": 50,
    "checkpoint_iterations": 2,
}


def train(backbone: Path, scenes: Path, folder: Path, threads: int = 1, **changes) -> dict:
    torch.set_num_threads(1)  # two may add up in another order
    train_detector.main(
        backbone,
        scenes,
        folder / "tiny.json",
        folder / "tiny.examples.json",
        protocol="detection_frozen",
        frozen_stages=3,
        facts={
            "dataset": "scenes",
            "loader": "scenes",
            "split_rule": "official",
            "classes": 10,
            "counts": {},
        },
        settings=SETTINGS | changes,
        version=1,
        loader_version="1",
        seed=0,
        threads=threads,
    )
    return results.read_result(folder / "tiny.json")


@pytest.fixture(scope="module")
def whole(backbone, scenes, tmp_path_factory) -> tuple[Path, dict]:
    """The folder and the result of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, train(backbone, scenes, folder)


def test_the_result_is_whole(whole):
    folder, result = whole
    assert (result["model"], result["dataset"], result["protocol"]) == ("tiny", "scenes", "detection_frozen")
    assert [one["metric"] for one in result["measurements"]] == ["ap", "ap50", "ap75", "ap50_voc07"]
    assert {one["setting"] for one in result["measurements"]} == {"detection_frozen"}
    assert result["n_test"] == 10
    assert result["details"]["iterations"] == len(result["details"]["losses"]) == SETTINGS["iterations"]
    assert set(result["details"]["by_class"]) <= set(
        json.loads((folder / "tiny.examples.json").read_text())["class_names"]
    )
    assert sorted(path.name for path in folder.iterdir()) == ["tiny.examples.json", "tiny.json"]


def test_the_figure_is_drawn(whole, scenes, tmp_path):
    plot = {"font_size": 8, "dpi": 60}
    plot_detections.main(
        whole[0] / "tiny.examples.json", scenes, tmp_path / "a.pdf", tmp_path / "a.png", plot=plot
    )
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(("number", "threads"), [(signal.SIGKILL, 1), (signal.SIGTERM, 2)])
def test_a_job_that_was_stopped_goes_on_and_ends_the_same(backbone, scenes, whole, tmp_path, number, threads):
    exit_code = stopped(
        train, backbone, scenes, tmp_path, threads, checkpoint=tmp_path / "tiny.resume", number=number
    )
    assert exit_code == (1 if number == signal.SIGTERM else -number)
    assert not (tmp_path / "tiny.json").exists()
    done = torch.load(tmp_path / "tiny.resume", weights_only=True)["meta"]["iter"]
    assert done == 2 if number == signal.SIGKILL else done > 2

    resumed = train(backbone, scenes, tmp_path, threads)
    assert resumed | {"took": None} == whole[1] | {"took": None}
    assert not (tmp_path / "tiny.resume").exists()


def test_a_checkpoint_of_other_settings_or_a_damaged_one_is_not_taken(backbone, scenes, tmp_path):
    (tmp_path / "tiny.resume").write_bytes(b"half a checkpoint")
    assert train(backbone, scenes, tmp_path, iterations=1)["details"]["iterations"] == 1
    torch.save({"fingerprint": "other", "meta": {"iter": 3}}, tmp_path / "tiny.resume")
    assert train(backbone, scenes, tmp_path, iterations=1)["details"]["iterations"] == 1


def test_a_loss_that_is_not_finite_is_said_and_what_was_saved_stays(backbone, scenes, tmp_path):
    with pytest.raises(InputError, match=r"no longer finite at iteration [2-5]; lower the learning_rate"):
        train(backbone, scenes, tmp_path, learning_rate=1e12, checkpoint_iterations=1)
    assert torch.load(tmp_path / "tiny.resume", weights_only=True)["meta"]["iter"] >= 1
    assert not (tmp_path / "tiny.json").exists()
