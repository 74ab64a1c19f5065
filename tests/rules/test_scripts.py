"""Every script's ``main`` on tiny inputs, from pictures to a table; nothing here knows Snakemake."""

import itertools
import json
import multiprocessing
import time
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
import torchvision
from PIL import Image

import choose_picture
import collect_results
import draw_splits
import extract_features
import finetune_grid
import finetune_refit
import initialise_backbone
import join_shards
import measure_calibration
import measure_invariance
import measure_reconstruction
import measure_saliency
import measure_similarity
import probe
import reconstruct_pictures
from transferscope.errors import InputError
from transferscope.features import store as features
from transferscope.protocols.finetuning import trials as trial_module
from transferscope.protocols.finetuning.grid import Point
from transferscope.protocols.finetuning.trials import Task
from transferscope.protocols.reconstruction.pictures import read as read_reconstructions
from transferscope.protocols.saliency import maps
from transferscope.protocols.saliency.occlusion import Occlusion
from transferscope.results import metrics, predictions
from transferscope.training.resume import Resume

COLOURS = {"blue": (40, 60, 200), "green": (40, 180, 60), "red": (200, 40, 40)}
COUNTS = {"train": 8, "val": 4, "test": 5}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """An image folder of three classes that colour tells apart."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for split, count in COUNTS.items():
        for name, colour in COLOURS.items():
            folder = root / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = np.array(colour) + rng.integers(-40, 40, (40, 48, 3))
                Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{index}.png")
    return root


@pytest.fixture(scope="module")
def backbone(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("backbone") / "tiny.safetensors"
    initialise_backbone.main(path, model="tiny", arch="resnet10t", normalisation="imagenet", seed=0)
    return path


def facts(counts: dict[str, int] | None = None, classes: int = 3) -> dict:
    counts = {split: 3 * count for split, count in COUNTS.items()} if counts is None else counts
    return {
        "dataset": "colours",
        "loader": "image_folder",
        "version": "1",
        "split_rule": "official",
        "classes": classes,
        "counts": counts,
    }


def run(protocol: str, **changes) -> dict:
    """What a rule says of a run beside its model and dataset."""
    facts = {"protocol": protocol, "variant": "default", "version": 1, "seed": 0, "labels": "", "layer": ""}
    return facts | {"dataset_version": "1"} | changes


def extract(backbone: Path, pictures: Path, output: Path, **changes) -> Path:
    settings = {"facts": facts(), "seed": 0, "resolution": 32, "input": {}, "batch_size": 4} | changes
    extract_features.main(backbone, pictures, output, **settings)
    return output


@pytest.fixture(scope="module")
def feature_file(backbone, pictures, tmp_path_factory) -> Path:
    return extract(backbone, pictures, tmp_path_factory.mktemp("features") / "tiny.h5")


def measured(path: Path) -> dict[str, float]:
    result = json.loads(path.read_text())
    assert (result["model"], result["dataset"]) == ("tiny", "colours")
    return {one["metric"]: one["value"] for one in result["measurements"]}


def test_extraction_keeps_the_contract(feature_file):
    attributes = features.read_attributes(feature_file)
    assert attributes["model"] == "tiny"
    assert attributes["dataset"] == "colours"
    assert json.loads(attributes["transform"])["resolution"] == 32
    splits = features.read(feature_file)
    assert {name: len(split.ids) for name, split in splits.items()} == {"train": 24, "val": 12, "test": 15}
    assert splits["train"].features.dtype == np.float32
    assert splits["test"].ids[0] == "test/blue/0.png"


@pytest.mark.parametrize(("arch", "width"), [("convnext_atto", 320), ("vit_tiny_patch16_224", 192)])
def test_networks_without_batchnorm_are_initialised_and_extracted(pictures, tmp_path, arch, width):
    backbone = tmp_path / "random.safetensors"
    initialise_backbone.main(backbone, model="tiny", arch=arch, normalisation="imagenet", seed=0)
    split = features.read(extract(backbone, pictures, tmp_path / "tiny.h5"))["train"]
    assert split.features.shape == (24, width)
    assert (split.features.std(axis=0) > 0).mean() > 0.9


def test_shards_join_to_the_same_features(backbone, pictures, feature_file, tmp_path):
    shards = [
        extract(backbone, pictures, tmp_path / f"{shard}-of-3.h5", shard=shard, shards=3)
        for shard in range(3)
    ]
    join_shards.main(shards, tmp_path / "joined.h5")
    whole = features.read(feature_file)
    for name, split in features.read(tmp_path / "joined.h5").items():
        np.testing.assert_allclose(split.features, whole[name].features, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(split.ids, whole[name].ids)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"facts": facts(counts={"train": 25})}, "24 samples in its split 'train'"),
        ({"facts": facts(classes=4)}, "3 classes"),
    ],
)
def test_facts_are_asserted_and_nothing_is_left_behind(backbone, pictures, tmp_path, changes, sentence):
    with pytest.raises(InputError, match=sentence):
        extract(backbone, pictures, tmp_path / "out" / "f.h5", **changes)
    assert not list(tmp_path.rglob("*.h5"))


def test_a_corrupt_picture_is_named_and_nothing_is_left_behind(backbone, pictures, tmp_path):
    root = tmp_path / "pictures"
    for path in pictures.rglob("*.png"):
        target = root / path.relative_to(pictures)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    (root / "val/red/2.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(InputError, match=r"val/red/2\.png"):
        extract(backbone, root, tmp_path / "out" / "f.h5")
    assert not list(tmp_path.rglob("*.h5"))


def choose(pictures: Path, folder: Path, seed: int = 0) -> tuple[Path, Path]:
    """The chosen picture and its description."""
    files = folder / "colours.png", folder / "colours.json"
    choose_picture.main(pictures, *files, facts=facts(), version=1, seed=seed)
    return files


def test_a_test_picture_is_chosen_by_its_id_and_kept_as_it_is(pictures, tmp_path):
    picture, description = choose(pictures, tmp_path)
    chosen = json.loads(description.read_text())
    assert (chosen["dataset"], chosen["split"]) == ("colours", "test")
    with Image.open(picture) as kept, Image.open(pictures / chosen["sample"]) as original:
        np.testing.assert_array_equal(np.asarray(kept), np.asarray(original))
    again = json.loads(choose(pictures, tmp_path / "again")[1].read_text())
    assert again == chosen
    others = {json.loads(choose(pictures, tmp_path, seed)[1].read_text())["sample"] for seed in range(1, 6)}
    assert len(others) > 1


def attend(backbone: Path, pictures: Path, folder: Path, **changes) -> dict:
    """The saliency result of the chosen picture."""
    measure_saliency.main(
        backbone,
        *choose(pictures, folder),
        folder / "tiny.json",
        folder / "tiny.h5",
        run=run("saliency"),
        settings={"resolution": 50, "occluder": 10, "stride": 3} | changes,
        batch_size=9,
    )
    return json.loads((folder / "tiny.json").read_text())


def test_saliency_has_a_map_of_the_centre_and_its_diffusion(backbone, pictures, tmp_path):
    result = attend(backbone, pictures, tmp_path)
    assert result["mode"] == "stride-3"
    assert result["details"]["passes"] == 15**2
    assert result["n_test"] == 32**2
    seen = maps.read(tmp_path / "tiny.h5")
    assert (seen.model, seen.dataset) == ("tiny", "colours")
    assert seen.attention.shape == (32, 32)
    assert seen.picture.shape == (32, 32, 3)
    assert measured(tmp_path / "tiny.json") == {
        "attentive_diffusion": pytest.approx(100 * maps.diffusion(seen.attention))
    }
    exact = attend(backbone, pictures, tmp_path / "exact", stride=1)
    assert exact["mode"] == "exact"
    whole = maps.read(tmp_path / "exact" / "tiny.h5").attention
    assert np.corrcoef(whole.ravel(), seen.attention.ravel())[0, 1] > 0.95
    assert not list(tmp_path.rglob("*.resume"))


def test_saliency_that_was_cut_off_goes_on_and_ends_the_same(backbone, pictures, tmp_path, monkeypatch):
    attend(backbone, pictures, tmp_path / "whole")
    bands = Occlusion.bands

    def broken_off(occlusion, done):
        yield from itertools.islice(bands(occlusion, done), 2)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Occlusion, "bands", broken_off)
        with pytest.raises(KeyboardInterrupt):
            attend(backbone, pictures, tmp_path / "cut")
    given = []
    monkeypatch.setattr(Occlusion, "bands", lambda one, done: given.append(done) or bands(one, done))
    attend(backbone, pictures, tmp_path / "cut")
    assert given == [2]
    first, second = (maps.read(tmp_path / name / "tiny.h5").attention for name in ("whole", "cut"))
    np.testing.assert_array_equal(first, second)


def reconstruct(backbone: Path, pictures: Path, folder: Path, **changes) -> Path:
    """The reconstructions of the same picture as two datasets', one after the other."""
    picture, description = choose(pictures, folder)
    other = folder / "other.json"
    other.write_text(description.read_text().replace('"colours"', '"other"'))
    reconstruct_pictures.main(
        backbone,
        [picture, picture],
        [description, other],
        folder / "tiny.h5",
        **{
            "resolution": 32,
            "stage": 1,
            "steps": 3,
            "prior": "normalised",
            "versions": {"reconstruction": 1},
            "seed": 0,
        }
        | changes,
        together=1,
    )
    return folder / "tiny.h5"


def test_a_reconstruction_is_measured_to_the_eye_and_in_each_colour(backbone, pictures, tmp_path):
    torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), tmp_path / "squeeze.pth")
    made = reconstruct(backbone, pictures, tmp_path)
    arguments = {"trunks": ["squeeze"], "run": run("reconstruction")}
    trunks, result = [tmp_path / "squeeze.pth"], tmp_path / "tiny.json"
    measure_reconstruction.main(made, trunks, [backbone], result, dataset="colours", **arguments)
    (one,) = [one for one in read_reconstructions(made) if one.dataset == "colours"]
    found = measured(result)
    errors = np.square(one.original.astype(float) - one.made).mean(axis=(0, 1))
    names = ("red", "green", "blue")
    assert [found[f"mse_{name}"] for name in names] == pytest.approx(errors.tolist())
    assert found["lpips_squeeze"] > 0
    assert 0 < found["perceptual"] < 1
    assert json.loads(result.read_text())["mode"] == "stage1-3-steps-normalised"
    with pytest.raises(InputError, match="0 pictures of elsewhere"):
        measure_reconstruction.main(made, [], [], result, dataset="elsewhere", **arguments | {"trunks": []})


def test_reconstruction_that_was_cut_off_goes_on_and_ends_the_same(backbone, pictures, tmp_path, monkeypatch):
    whole = reconstruct(backbone, pictures, tmp_path / "whole")
    invert = reconstruct_pictures.invert
    calls = []

    def broken_off(*arguments, **options):
        calls.append(options["seeds"])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return invert(*arguments, **options)

    monkeypatch.setattr(reconstruct_pictures, "invert", broken_off)
    with pytest.raises(KeyboardInterrupt):
        reconstruct(backbone, pictures, tmp_path / "cut")
    cut = reconstruct(backbone, pictures, tmp_path / "cut")
    assert calls[1] == calls[2] != calls[0]  # the first picture was not made again
    for one, again in zip(read_reconstructions(whole), read_reconstructions(cut), strict=True):
        np.testing.assert_array_equal(one.made, again.made)
    assert not list(tmp_path.rglob("*.resume"))


def test_invariance_tells_the_changes_apart(backbone, pictures, tmp_path):
    measure_invariance.main(
        backbone,
        pictures,
        tmp_path / "tiny.json",
        run=run("invariance"),
        facts=facts(),
        settings={"images": 12},
        resolution=32,
        batch_size=8,
    )
    found = measured(tmp_path / "tiny.json")
    assert set(found) == {f"invariance_{name}" for name in ("crop", "colour", "blur", "rotation")}
    assert all(value < 1 for value in found.values())
    # The pictures are of one colour each with noise: a crop keeps that, a change of colours does not.
    assert found["invariance_crop"] > found["invariance_colour"]


def test_similarity_has_a_row_for_every_pair(backbone, pictures, feature_file, tmp_path):
    other = extract(backbone, pictures, tmp_path / "other.h5", resolution=48)
    with h5py.File(other, "a") as file:
        file.attrs["model"] = "other"
    measure_similarity.main([feature_file, other], tmp_path / "colours.tsv", split="test", version=1)
    table = pd.read_csv(tmp_path / "colours.tsv", sep="\t").set_index(["model", "other"])
    assert len(table) == 4
    assert set(table["dataset"]) == {"colours"}
    assert table.loc[("tiny", "tiny"), "cka"] == table.loc[("other", "other"), "debiased_cka"] == 1
    assert 0 < table.loc[("tiny", "other"), "cka"] == table.loc[("other", "tiny"), "cka"] < 1


SETTINGS = {
    "linear": {"mode": "converged"},
    "knn": {"neighbours": [1, 3], "temperature": 0.07},
    "fewshot": {"ways": 3, "queries": 3, "episodes": 20},
}


def evaluate(feature_file: Path, folder: Path, protocol: str, splits=None, **changes) -> Path:
    """The result of a protocol on frozen features."""
    output = folder / f"{protocol}.json"
    predictions = folder / f"{protocol}.predictions.h5" if protocol == "linear" else None
    probe.main(
        feature_file,
        splits,
        output,
        predictions,
        run=run(protocol, **changes.pop("run", {})),
        module=f"probes.{protocol}",
        labels={"metric": "top1", "classes": 3, "shots": [2]},
        settings=SETTINGS[protocol] | changes,
    )
    return output


def test_the_protocols_tell_colours_apart(feature_file, tmp_path):
    for protocol in SETTINGS:
        evaluate(feature_file, tmp_path, protocol)
    calibration = tmp_path / "calibration_linear.json"
    measure_calibration.main(
        tmp_path / "linear.predictions.h5",
        calibration,
        run=run("calibration_linear"),
        settings={"folds": "whole"},
    )
    assert measured(tmp_path / "linear.json")["top1"] > 80
    assert measured(tmp_path / "knn.json")["top1"] > 80
    assert measured(tmp_path / "fewshot.json")["accuracy"] > 80
    assert set(measured(calibration)) == {"ece", "ece_scaled", "ece_scaled_val"}

    expected = [
        {"model": "tiny", "dataset": "colours", "protocol": protocol, "variant": "default"}
        for protocol in ("linear", "knn", "fewshot", "calibration_linear")
    ]
    paths = [tmp_path / f"{one['protocol']}.json" for one in expected]
    collect_results.main(paths, tmp_path / "measured.tsv", expected=expected)
    table = pd.read_csv(tmp_path / "measured.tsv", sep="\t")
    assert len(table) == 6
    assert table.loc[table["protocol"] == "fewshot", ["ways", "shots"]].to_numpy().tolist() == [[3, 2]]
    with pytest.raises(InputError, match="missing"):
        collect_results.main(paths[:-1], tmp_path / "again.tsv", expected=expected)
    with pytest.raises(InputError, match="both hold"):
        collect_results.main([*paths, paths[0]], tmp_path / "again.tsv", expected=expected)
    assert not (tmp_path / "again.tsv").exists()


def test_both_linear_modes_are_named_in_the_result(feature_file, tmp_path):
    for mode in ("converged", "ericsson2021"):
        result = evaluate(feature_file, tmp_path, "linear", mode=mode)
        assert json.loads(result.read_text())["mode"] == mode


def test_a_value_has_the_interval_of_its_metric_in_percent(feature_file, tmp_path):
    evaluate(feature_file, tmp_path, "linear")
    test = predictions.read(tmp_path / "linear.predictions.h5")[0]["test"]
    (one,) = json.loads((tmp_path / "linear.json").read_text())["measurements"]
    assert one["value"] == pytest.approx(100 * metrics.score("top1", test.logits, test.labels))
    assert one["ci95"] == pytest.approx(100 * metrics.ci95("top1", test.logits, test.labels, seed=0))


def test_another_seed_evaluates_on_the_splits_that_it_draws(backbone, pictures, tmp_path):
    drawn = facts(counts={}) | {"split_rule": "stratified"}
    pooled = tmp_path / "pooled"
    for split in COUNTS:
        for path in (pictures / split).rglob("*.png"):
            copy = pooled / path.parent.name / f"{split}-{path.name}"
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    first = extract(backbone, pooled, tmp_path / "first.h5", facts=drawn)
    other = extract(backbone, pooled, tmp_path / "other.h5", facts=drawn, seed=1)
    draw_splits.main(pooled, tmp_path / "splits.h5", facts=drawn, seed=1)
    resplit = features.Features(first, tmp_path / "splits.h5").read("train", "val", "test")
    for name, split in features.read(other).items():
        np.testing.assert_array_equal(split.ids, resplit[name].ids)
        np.testing.assert_array_equal(split.labels, resplit[name].labels)
        np.testing.assert_allclose(split.features, resplit[name].features, rtol=1e-4, atol=1e-5)
    assert set(features.read(first)["test"].ids) != set(resplit["test"].ids)
    seed = {"seed": 1, "variant": "seed-1"}
    result = evaluate(first, tmp_path, "linear", tmp_path / "splits.h5", run=seed)
    again = evaluate(other, tmp_path / "again", "linear", run=seed)
    assert json.loads(result.read_text())["variant"] == "seed-1"
    assert measured(result) == measured(again)
    draw_splits.main(pictures, tmp_path / "strange.h5", facts=facts(), seed=1)
    with pytest.raises(InputError, match="are of other samples"):
        features.Features(first, tmp_path / "strange.h5").read("train")


FINETUNE = {
    "steps": 8,
    "batch_size": 4,
    "learning_rates": [1e-2, 1e12],
    "weight_decays": [1e-4, 1e-3],
    "augmentations": ["centre_crop"],
    "halvings": 1,
}


def finetuning() -> dict:
    """What both scripts are given beside their files."""
    return {
        "run": run("finetune"),
        "facts": facts(),
        "metric": "top1",
        "settings": FINETUNE,
        "resolution": 32,
        "checkpoint_steps": 250,
    }


def train_part(backbone: Path, pictures: Path, folder: Path, rung: int, part: int, previous=()) -> None:
    name = f"rung-{rung}/part-{part}"
    finetune_grid.main(
        backbone,
        pictures,
        list(previous),
        folder / f"{name}.json",
        folder / f"{name}.val.h5",
        rung=rung,
        part=part,
        **finetuning(),
    )


def refit(backbone: Path, pictures: Path, folder: Path) -> dict:
    trials = sorted(folder.glob("rung-*/*.json"))
    finetune_refit.main(
        backbone,
        pictures,
        trials,
        [path.with_suffix(".val.h5") for path in trials],
        folder / "tiny.json",
        folder / "predictions.h5",
        **finetuning(),
    )
    return json.loads((folder / "tiny.json").read_text())


def test_finetuning_halves_the_grid_and_tests_the_best(backbone, pictures, tmp_path):
    for part in (0, 1):
        train_part(backbone, pictures, tmp_path, 0, part)
    first = [json.loads((tmp_path / f"rung-0/part-{part}.json").read_text()) for part in (0, 1)]
    trials = [trial for part in first for trial in part["trials"]]
    assert [trial["steps"] for trial in trials] == [4, 4, 4, 4]
    assert [trial["val_score"] is None for trial in trials] == [False, False, True, True]
    assert trials[2]["diverged"]
    train_part(backbone, pictures, tmp_path, 1, 0, sorted(tmp_path.glob("rung-0/*.json")))
    finalists = json.loads((tmp_path / "rung-1/part-0.json").read_text())["trials"]
    assert {trial["point"]["number"] for trial in finalists} == {0, 1}
    assert not list(tmp_path.rglob("*.resume"))

    result = refit(backbone, pictures, tmp_path)
    assert result["mode"] == "halved-1-times"
    best = max(finalists, key=lambda trial: (trial["val_score"], -trial["point"]["number"]))
    assert result["details"]["point"] == best["point"]
    assert len(result["details"]["trials"]) == 6
    assert measured(tmp_path / "tiny.json")["top1"] > 50
    measure_calibration.main(
        tmp_path / "predictions.h5",
        tmp_path / "ece.json",
        run=run("calibration_finetune"),
        settings={"folds": "whole"},
    )
    assert "ece" in measured(tmp_path / "ece.json")


def test_the_refit_trains_on_train_and_val_and_is_tested_on_test(backbone, pictures, tmp_path, monkeypatch):
    settings = {"run": run("finetune"), "facts": facts(), "resolution": 32, "batch_size": 4}
    task = Task(backbone, pictures, **settings)
    trained_on = []
    fit = Task.fit

    def noted(self, point, indices, steps, resume):
        trained_on.extend(indices.tolist())
        return fit(self, point, indices, steps, resume)

    monkeypatch.setattr(Task, "fit", noted)
    point = Point(0, 1e-2, 1e-4, "centre_crop")
    _, logits = trial_module.refit(task, point, 1, Resume(tmp_path / "state", {}))
    splits = task.samples.splits
    assert sorted(trained_on) == sorted(np.flatnonzero((splits == "train") | (splits == "val")).tolist())
    assert len(logits) == np.count_nonzero(splits == "test")


def test_a_part_that_was_killed_goes_on_and_ends_the_same(backbone, pictures, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train_part(backbone, pictures, whole, 0, 0)
    # Killed once its first setting is done, which the file of its progress tells.
    process = multiprocessing.get_context("fork").Process(
        target=train_part, args=(backbone, pictures, killed, 0, 0)
    )
    process.start()
    while not list(killed.rglob("part-0.json.resume")):
        assert process.is_alive()
        time.sleep(0.002)
    process.kill()
    process.join()
    assert not (killed / "rung-0/part-0.json").exists()
    train_part(backbone, pictures, killed, 0, 0)
    parts = [json.loads((folder / "rung-0/part-0.json").read_text()) for folder in (whole, killed)]
    for part in parts:
        for trial in part["trials"]:
            del trial["seconds"]
    assert parts[0] == parts[1]


def test_finetuning_without_a_setting_that_stays_finite_says_so(backbone, pictures, tmp_path):
    name = tmp_path / "rung-1/part-0.json"
    name.parent.mkdir()
    point = {"number": 1, "learning_rate": 1e12, "weight_decay": 0, "augmentation": "centre_crop"}
    trial = {"point": point, "steps": 8, "val_score": None, "diverged": 3, "losses": [], "seconds": 1.0}
    name.write_text(json.dumps({"rung": 1, "trials": [trial]}))
    with pytest.raises(InputError, match="tiny on colours: no setting was finite"):
        refit(backbone, pictures, tmp_path)
    assert not (tmp_path / "tiny.json").exists()
