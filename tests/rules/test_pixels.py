"""The rule for dense protocols on tiny scenes, whole and stopped on the way; a made-up protocol as a row."""

import signal
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from tests.rules import foreground
from tests.rules.conftest import RUN, stopped

import plot_examples
import train_dense
from transferscope import arguments
from transferscope.datasets import load_dense
from transferscope.datasets.dense import IGNORED
from transferscope.errors import InputError
from transferscope.protocols.dense import training
from transferscope.results import examples, long_table
from transferscope.study import protocols
from transferscope.study.metrics import METRICS, Metric
from transferscope.training.stream import Stream

FACTS = {
    "dataset": "scenes",
    "loader": "scenes",
    "split_rule": "official",
    "classes": 10,
    "counts": {"train": 30, "test": 10},
    "version": "1",
}
SGD = {"batch_size": 2, "learning_rate": 0.01, "power": 0.9, "momentum": 0.9, "weight_decay": 1e-4}
SCALES = {"train_scales": [32, 40], "test_scales": [32, 40], "longest_side": 64}
SETTINGS = {
    "normals": SGD | SCALES | {"target": "codebook", "codebook": "kmeans", "iterations": 15, "channels": 8},
    "segmentation": SGD | SCALES | {"iterations": 8, "channels": 8},
}
PLOT = {"font_size": 8, "dpi": 60}
SCHEMAS = Path(__file__).parents[2] / "config" / "schemas"


def train(
    protocol: str,
    backbone: Path,
    scenes: Path,
    folder: Path,
    *,
    module: str = "",
    task: str = "",
    threads: int = 1,
    checkpoint_steps: int = 2,
    **settings,
) -> dict:
    torch.set_num_threads(1)  # two may add up in another order
    train_dense.main(
        backbone,
        scenes,
        folder / "tiny.json",
        folder / "tiny.examples.h5",
        run=RUN | {"protocol": protocol, "threads": threads},
        facts=FACTS,
        settings=SETTINGS.get(protocol, {}) | settings,
        module=module or f"dense.{protocol}",
        task=task or protocol,
        checkpoint_steps=checkpoint_steps,
    )
    return long_table.read_result(folder / "tiny.json")


def train_on_two_threads(*arguments) -> None:
    train(*arguments, threads=2)


@pytest.fixture(scope="module")
def whole(backbone, scenes, tmp_path_factory) -> dict:
    """Folder and result of an undisturbed run of each protocol, every test picture among the examples."""
    folders = {protocol: tmp_path_factory.mktemp(protocol) for protocol in SETTINGS}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(examples, "COUNT", 100)
        return {name: (folder, train(name, backbone, scenes, folder)) for name, folder in folders.items()}


def values(result: dict) -> dict[str, float]:
    return {one["metric"]: one["value"] for one in result["measurements"]}


def angular(truths: list[np.ndarray], predictions: list[np.ndarray]) -> dict[str, float]:
    """The metrics of normals, from all errors at once."""
    truth, predicted = (
        np.concatenate([one.reshape(-1, 3) for one in maps]) for maps in (truths, predictions)
    )
    cosine = (truth.astype(np.float64) * predicted).sum(axis=1)[np.isfinite(truth).all(axis=1)]
    errors = np.degrees(np.arccos(cosine.clip(-1, 1)))
    shares = {f"within_{most:g}": 100 * (errors < most).mean() for most in (11.25, 22.5, 30)}
    return {"mean_angle_deg": errors.mean(), "median_angle_deg": np.median(errors)} | shares


def overlap(truths: list[np.ndarray], predictions: list[np.ndarray]) -> dict[str, float]:
    """The metrics of classes, class by class."""
    truth, predicted = np.stack(truths), np.stack(predictions)
    found, labelled = predicted[truth != IGNORED], truth[truth != IGNORED]
    shares = [
        ((found == label) & (labelled == label)).sum() / ((found == label) | (labelled == label)).sum()
        for label in np.union1d(found, labelled)
    ]
    return {"mean_iou": 100 * np.mean(shares), "pixel_accuracy": 100 * (found == labelled).mean()}


def mean_direction(targets: list[np.ndarray]) -> np.ndarray:
    total = np.nansum(np.concatenate([one.reshape(-1, 3) for one in targets]), axis=0, dtype=np.float64)
    return (total / np.linalg.norm(total)).astype(np.float32)


def most_common(targets: list[np.ndarray]) -> np.ndarray:
    labels, counts = np.unique(np.stack(targets), return_counts=True)
    return labels[counts.argmax()]


def test_labels_are_held_against_their_row_before_the_training(backbone, scenes, tmp_path, monkeypatch):
    def load(*arguments, **facts):
        samples = load_dense(*arguments, **facts)
        return replace(samples, class_names=samples.class_names[:1])

    monkeypatch.setattr(train_dense, "load_dense", load)
    monkeypatch.setattr(training, "fit", lambda *_, **__: pytest.fail("it was trained"))
    with pytest.raises(
        InputError, match=r"the labels of scene-\d+ are of a class \d+, where .* has 0 to 0, and"
    ):
        train("segmentation", backbone, scenes, tmp_path)


@pytest.mark.parametrize(
    ("protocol", "slow", "constant", "steps"),
    [("normals", angular, mean_direction, 15), ("segmentation", overlap, most_common, 8)],
)
def test_the_result_is_that_of_the_test_pictures(whole, scenes, protocol, slow, constant, steps):
    folder, result = whole[protocol]
    samples = load_dense(protocol, scenes, **FACTS)
    train_set, test_set = (np.flatnonzero(samples.splits == split) for split in ("train", "test"))
    shown, attributes = examples.read(folder / "tiny.examples.h5")
    assert [name for name, *_ in shown] == [samples.ids[index] for index in test_set]
    for index, (_, picture, truth, _) in zip(test_set, shown, strict=True):
        np.testing.assert_array_equal(picture, samples.read(index))
        np.testing.assert_array_equal(truth, samples.target(index))

    truths, predictions = [truth for *_, truth, _ in shown], [predicted for *_, predicted in shown]
    assert values(result) == pytest.approx(slow(truths, predictions), abs=2e-4)
    assert result["n_test"] == len(test_set)
    baseline = constant([samples.target(index) for index in train_set])
    alike = [np.broadcast_to(baseline, truth.shape) for truth in truths]
    assert result["details"]["baseline"] == pytest.approx(slow(truths, alike), abs=2e-4)

    assert (result["model"], result["dataset"], result["protocol"]) == ("tiny", "scenes", protocol)
    assert (attributes["protocol"], attributes["class_names"]) == (protocol, samples.class_names)
    assert result["details"]["steps"] == steps
    assert sorted(path.name for path in folder.iterdir()) == ["tiny.examples.h5", "tiny.json"]


@pytest.mark.parametrize("protocol", SETTINGS)
def test_the_examples_are_drawn(whole, tmp_path, protocol):
    plot_examples.main(
        whole[protocol][0] / "tiny.examples.h5", tmp_path / "a.pdf", tmp_path / "a.png", plot=PLOT
    )
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def test_examples_of_an_older_layout_are_refused(whole, tmp_path):
    old = tmp_path / "tiny.examples.h5"
    old.write_bytes((whole["normals"][0] / "tiny.examples.h5").read_bytes())
    with h5py.File(old, "a") as file:
        del file.attrs["kind"], file.attrs["digest"]
    with pytest.raises(InputError, match=r"does not say how its examples are shown.* remove it and rerun"):
        plot_examples.main(old, tmp_path / "a.pdf", tmp_path / "a.png", plot=PLOT)


def test_a_dense_protocol_is_a_row_a_module_and_a_metric(backbone, scenes, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "transferscope.protocols.foreground", foreground)
    monkeypatch.setattr(protocols, "MODULES", Path(foreground.__file__).parent)
    metric = Metric("foreground_iou", "Foreground IoU (%)")
    monkeypatch.setitem(METRICS, metric.name, metric)
    row = {
        "id": "foreground",
        "title": "Foreground",
        "family": "transfer",
        "task": "segmentation",
        "reads": "pictures",
        "labels": "any",
        "needs": "splits",
        "draws": "run",
        "metric": metric.name,
        "rule": "train_dense",
        "module": "foreground",
        "arguments": "iterations=4&size=32&channels=8&batch_size=2&learning_rate=0.01&power=0.9&momentum=0.9"
        "&weight_decay=0.0001",
        "version": "1",
    }
    (tmp_path / "protocols.tsv").write_text("\t".join(row) + "\n" + "\t".join(row.values()) + "\n")
    row = protocols.read_protocols(tmp_path / "protocols.tsv", SCHEMAS).loc["foreground"]
    assert row["arguments"] == arguments.parse("iterations=4&size=32&channels=8") | SGD

    drawn = []
    monkeypatch.setattr(
        training,
        "Stream",
        lambda indices, *given, **named: drawn.append(indices) or Stream(indices, *given, **named),
    )
    monkeypatch.setattr(examples, "COUNT", 100)
    result = train(
        "foreground", backbone, scenes, tmp_path, module=row["module"], task=row["task"], **row["arguments"]
    )
    samples = load_dense("segmentation", scenes, **FACTS)
    np.testing.assert_array_equal(drawn[0], np.flatnonzero(samples.splits == "train"))
    shown, attributes = examples.read(tmp_path / "tiny.examples.h5")
    truth = np.stack([samples.target(index) > 0 for index in np.flatnonzero(samples.splits == "test")])
    predicted = np.stack([predicted for *_, predicted in shown]) == 1
    iou = 100 * (truth & predicted).sum() / (truth | predicted).sum()
    assert values(result) == {"foreground_iou": pytest.approx(iou)}
    assert (result["protocol"], result["mode"], result["n_test"]) == ("foreground", "frozen", 10)
    assert attributes["class_names"] == ["background", "object"]
    plot_examples.main(tmp_path / "tiny.examples.h5", tmp_path / "a.pdf", tmp_path / "a.png", plot=PLOT)
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def test_regression_predicts_directions(backbone, scenes, tmp_path):
    result = train("normals", backbone, scenes, tmp_path, target="regression")
    assert result["mode"] == "regression"
    for _, picture, truth, predicted in examples.read(tmp_path / "tiny.examples.h5")[0]:
        assert picture.shape == truth.shape == predicted.shape
        np.testing.assert_allclose(np.linalg.norm(predicted, axis=-1), 1, rtol=1e-5)


def test_a_dataset_without_a_codebook_says_so(backbone, scenes, tmp_path):
    with pytest.raises(InputError, match=r"without a codebook of normals; set `normals\.codebook` to kmeans"):
        train("normals", backbone, scenes, tmp_path, codebook="published")


def test_a_loss_that_is_not_finite_gives_no_result(backbone, scenes, tmp_path):
    with pytest.raises(InputError, match=r"no longer finite at step \d+; lower the learning_rate"):
        train("segmentation", backbone, scenes, tmp_path, learning_rate=1e30)
    assert not (tmp_path / "tiny.json").exists()


@pytest.mark.parametrize(
    ("protocol", "number", "job"),
    [("normals", signal.SIGKILL, train), ("segmentation", signal.SIGTERM, train_on_two_threads)],
)
def test_a_job_that_was_stopped_resumes_exactly(
    backbone, scenes, whole, tmp_path, caplog, protocol, number, job
):
    checkpoint = tmp_path / "tiny.json.resume"
    exit_code = stopped(job, protocol, backbone, scenes, tmp_path, checkpoint=checkpoint, number=number)
    assert exit_code == (1 if number == signal.SIGTERM else -number)
    assert not (tmp_path / "tiny.json").exists()
    assert torch.load(checkpoint, weights_only=True)["training"]["step"] >= 2
    # How often a state is saved is no setting: the state is taken all the same.
    resumed = train(protocol, backbone, scenes, tmp_path, checkpoint_steps=3)
    assert not [record for record in caplog.records if "starting afresh" in record.message]
    assert resumed | {"took": None} == whole[protocol][1] | {"took": None}
    assert not checkpoint.exists()
