"""The rules for surface normals and segmentation on tiny scenes, whole and stopped on the way."""

import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.rules.conftest import stopped

import plot_normals
import plot_segmentation
import train_normals
import train_segmentation
from transferscope.results import examples
from transferscope.results import long_table as results

SGD = {"batch_size": 2, "learning_rate": 0.01, "power": 0.9, "momentum": 0.9, "weight_decay": 1e-4}
NORMALS = SGD | {"target": "codebook", "codebook": "kmeans", "epochs": 1, "channels": 8}
SEGMENTATION = SGD | {"iterations": 8, "crop": 32, "channels": 8}
PLOT = {"font_size": 8, "dpi": 60}


def train(script, backbone: Path, scenes: Path, folder: Path, threads: int, settings: dict) -> dict:
    torch.set_num_threads(1)  # two may add up in another order
    script.main(
        backbone,
        scenes,
        folder / "tiny.json",
        folder / "tiny.examples.h5",
        facts={"dataset": "scenes", "loader": "scenes", "counts": {"train": 30, "test": 10}},
        settings=settings,
        version=1,
        seed=0,
        threads=threads,
        checkpoint_steps=2,
    )
    return results.read_result(folder / "tiny.json")


def normals(*arguments, **changes) -> dict:
    return train(train_normals, *arguments, NORMALS | changes)


def segmentation(*arguments, **changes) -> dict:
    return train(train_segmentation, *arguments, SEGMENTATION | changes)


@pytest.fixture(scope="module")
def whole(backbone, scenes, tmp_path_factory) -> dict:
    """The folder and the result of a run of each that nothing disturbed."""
    folders = {run: tmp_path_factory.mktemp(run.__name__) for run in (normals, segmentation)}
    return {run: (folder, run(backbone, scenes, folder, 1)) for run, folder in folders.items()}


@pytest.mark.parametrize(
    ("run", "metrics", "trivial", "steps", "plot"),
    [
        (normals, {"mean_angle_deg", "median_angle_deg", "within_11.25"}, "mean_direction", 15, plot_normals),
        (segmentation, {"mean_iou", "pixel_accuracy"}, "most_common_class", 8, plot_segmentation),
    ],
)
def test_the_result_is_whole(whole, tmp_path, run, metrics, trivial, steps, plot):
    folder, result = whole[run]
    assert (result["model"], result["dataset"], result["protocol"]) == ("tiny", "scenes", run.__name__)
    assert metrics <= {one["metric"] for one in result["measurements"]}
    assert metrics <= set(result["details"][trivial])
    assert (result["n_test"], result["details"]["steps"]) == (10, steps)
    assert sorted(path.name for path in folder.iterdir()) == ["tiny.examples.h5", "tiny.json"]
    plot.main(folder / "tiny.examples.h5", tmp_path / "a.pdf", tmp_path / "a.png", plot=PLOT)
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def test_regression_predicts_directions(backbone, scenes, tmp_path):
    result = normals(backbone, scenes, tmp_path, 1, target="regression")
    assert result["mode"] == "regression"
    kept, attributes = examples.read(tmp_path / "tiny.examples.h5")
    assert attributes["protocol"] == "normals"
    for _, picture, truth, predicted in kept:
        assert picture.shape == truth.shape == predicted.shape
        np.testing.assert_allclose(np.linalg.norm(predicted, axis=-1), 1, rtol=1e-5)


@pytest.mark.parametrize("run", [normals, segmentation])
@pytest.mark.parametrize(("number", "threads"), [(signal.SIGKILL, 1), (signal.SIGTERM, 2)])
def test_a_job_that_was_stopped_goes_on_and_ends_the_same(
    backbone, scenes, whole, tmp_path, run, number, threads
):
    checkpoint = tmp_path / "tiny.json.resume"
    exit_code = stopped(run, backbone, scenes, tmp_path, threads, checkpoint=checkpoint, number=number)
    assert exit_code == (1 if number == signal.SIGTERM else -number)
    assert not (tmp_path / "tiny.json").exists()
    assert torch.load(checkpoint, weights_only=True)["training"]["step"] >= 2
    resumed = run(backbone, scenes, tmp_path, threads)
    assert resumed | {"took": None} == whole[run][1] | {"took": None}
    assert not checkpoint.exists()
