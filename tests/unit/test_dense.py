"""Dense labels: readers on miniatures in the official layouts, the codebook of normals, scores."""

import gzip
import json
import pickle
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat
from scipy.spatial.transform import Rotation

from transferscope.datasets import ade20k, load_dense, nyuv2, scenes
from transferscope.datasets.dense import IGNORED, DenseSamples
from transferscope.datasets.rendered.dataset import render_dataset
from transferscope.errors import InputError
from transferscope.protocols.dense import classes, directions
from transferscope.results import examples

HEIGHT, WIDTH = 6, 8


def unit(rng: np.random.Generator, *shape: int) -> np.ndarray:
    vectors = rng.normal(size=(*shape, 3))
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.fixture
def nyu(tmp_path) -> Path:
    """Five pictures as the authors store them: MATLAB 7.3 reversed, a pickle of Python 2's protocol."""
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / nyuv2.PICTURES, "w") as file:
        file["images"] = rng.integers(0, 256, (5, 3, WIDTH, HEIGHT), dtype=np.uint8)
    folder = tmp_path / nyuv2.METADATA
    folder.mkdir()
    content = {
        "all_normals": 2 * unit(rng, 5, HEIGHT, WIDTH),
        "all_valid_depth_masks": (rng.random((5, HEIGHT, WIDTH)) < 0.8).astype(np.uint8),
        "all_filenames": [f"{number:05d}" for number in range(1, 6)],
    }
    with gzip.open(folder / "all_normals.pklz", "wb") as file:
        pickle.dump(content, file, protocol=2)
    for split, numbers in {"train": [4, 1, 2], "test": [5, 3]}.items():
        entries = [{"img": f"{number:05d}_rgb.jpg", "segm": "", "width": WIDTH} for number in numbers]
        (folder / f"{split}_SN40.json").write_text(json.dumps(entries))
    cell = np.empty((1, 1), dtype=object)
    cell[0, 0] = 3 * unit(rng, 40)
    savemat(folder / "vocab40.mat", {"vocabs": {"normals": cell}})
    return tmp_path


def test_nyu_gives_pictures_and_their_normals(nyu):
    samples = nyuv2.load_normals(nyu)
    assert samples.ids == ["00004", "00001", "00002", "00005", "00003"]
    assert samples.splits.tolist() == ["train"] * 3 + ["test"] * 2
    with h5py.File(nyu / nyuv2.PICTURES) as file:
        pixels = file["images"][3]
    assert samples.read(0).size == (WIDTH, HEIGHT)
    np.testing.assert_array_equal(np.asarray(samples.read(0))[2, 5], pixels[:, 5, 2])
    with gzip.open(nyu / nyuv2.METADATA / "all_normals.pklz") as file:
        stored = pickle.load(file)
    target, valid = samples.target(4), stored["all_valid_depth_masks"][2] == 1
    np.testing.assert_array_equal(np.isfinite(target).all(axis=-1), valid)
    np.testing.assert_allclose(target[valid], stored["all_normals"][2][valid] / 2, rtol=1e-5)
    assert samples.codebook().shape == (40, 3)
    np.testing.assert_allclose(np.linalg.norm(samples.codebook(), axis=1), 1, rtol=1e-6)


class Hostile:
    def __reduce__(self):
        return shutil.rmtree, ("/nowhere",)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda root: (root / nyuv2.PICTURES).unlink(), "no file nyu_depth_v2_labeled.mat"),
        (lambda root: (root / nyuv2.METADATA / "test_SN40.json").unlink(), "no file .*test_SN40.json"),
        (lambda root: (root / nyuv2.METADATA / "test_SN40.json").write_text("[1]"), "not a list of pictures"),
        (
            lambda root: (root / nyuv2.METADATA / "test_SN40.json").write_text('[{"img": "9_rgb.jpg"}]'),
            "the test list .* names 9",
        ),
        (lambda root: write_pickle(root, Hostile()), "could run code and was refused"),
        (lambda root: write_pickle(root, {"normals": 1}), "does not have the official layout"),
        (
            lambda root: (root / nyuv2.METADATA / "all_normals.pklz").write_bytes(gzip.compress(b"x")),
            "truncated or no pickle",
        ),
        (lambda root: write_pickle(root, [1, 2]), "does not have the official layout"),
        (lambda root: write_pickle(root, nyu_content(all_filenames=3)), "does not have the official layout"),
        (lambda root: write_pickle(root, nyu_content(all_filenames=["1"])), "names that do not fit"),
        (lambda root: write_pickle(root, nyu_content(all_normals=np.ones(2))), "names that do not fit"),
        (lambda root: write_pickle(root, nyu_content(all_normals="1")), "names that do not fit"),
        (lambda root: write_pickle(root, nyu_content(all_normals=np.float32(1))), "names that do not fit"),
        (
            lambda root: write_pickle(root, nyu_content(all_valid_depth_masks=np.full((2, 3, 4), "1"))),
            "names that do not fit",
        ),
        (
            lambda root: write_pickle(root, nyu_content(all_valid_depth_masks=np.ones((2, 4, 3)))),
            "names that do not fit",
        ),
        (lambda root: write_pickle(root, nyu_content(all_filenames=["a", "b"])), "the train list .* names"),
        (
            lambda root: (root / nyuv2.METADATA / "train_SN40.json").write_text("[" * 100_000),
            "not a list of pictures",
        ),
    ],
)
def test_a_bad_nyu_is_named(nyu, damage, sentence):
    damage(nyu)
    with pytest.raises(InputError, match=sentence):
        nyuv2.load_normals(nyu)


def nyu_content(**changes: object) -> dict:
    """What the pickle of normals holds, of two pictures, with changes."""
    normals, masks = np.ones((2, 3, 4, 3), np.float32), np.ones((2, 3, 4), np.uint8)
    content = {"all_normals": normals, "all_valid_depth_masks": masks, "all_filenames": ["1", "2"]}
    return content | changes


def write_pickle(root: Path, content: object) -> None:
    with gzip.open(root / nyuv2.METADATA / "all_normals.pklz", "wb") as file:
        pickle.dump(content, file)


@pytest.mark.parametrize("pictures", [np.ones(5), np.ones((5, 3)), np.ones((1, 3, 4, 4)), None])
def test_bad_pictures_of_nyu_are_named(nyu, pictures):
    samples = nyuv2.load_normals(nyu)
    with h5py.File(nyu / nyuv2.PICTURES, "w") as file:
        if pictures is None:
            file.create_group("images")
        else:
            file["images"] = pictures
    with pytest.raises(InputError, match=r"nyu_depth_v2_labeled\.mat cannot be read .*; fetch the dataset"):
        samples.read(0)


@pytest.fixture
def ade(tmp_path) -> Path:
    """Two training and one validation picture in the official layout."""
    home = tmp_path / ade20k.FOLDER
    rng = np.random.default_rng(0)
    for folder, short, count in (("training", "train", 2), ("validation", "val", 1)):
        for kind in ("images", "annotations"):
            (home / kind / folder).mkdir(parents=True)
        for number in range(1, count + 1):
            name = f"ADE_{short}_{number:08d}"
            pixels = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(home / f"images/{folder}/{name}.jpg")
            classes = np.full((HEIGHT, WIDTH), number, dtype=np.uint8)
            classes[0, :2] = 0, 150
            Image.fromarray(classes).save(home / f"annotations/{folder}/{name}.png")
    header = "Idx\tRatio\tTrain\tVal\tStuff\tName\n"
    rows = [f"{n}\t0.1\t1\t1\t0\tclass {n}, other word" for n in range(1, 151)]
    (home / "objectInfo150.txt").write_text(header + "\n".join(rows) + "\n")
    return tmp_path


def test_ade_gives_pictures_and_their_classes(ade):
    samples = ade20k.load_segmentation(ade)
    assert samples.ids[0] == "training/ADE_train_00000001"
    assert samples.splits.tolist() == ["train", "train", "test"]
    assert len(samples.class_names) == 150
    assert samples.class_names[1] == "class 2"
    target = samples.target(1)
    assert target[0, :3].tolist() == [255, 149, 1]
    assert samples.read(2).size == (WIDTH, HEIGHT)


def test_a_bad_ade_is_named(ade):
    home = ade / ade20k.FOLDER
    (home / "annotations/training/ADE_train_00000002.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(InputError, match=r"ADE_train_00000002\.png cannot be read"):
        ade20k.load_segmentation(ade).target(1)
    (home / "annotations/training/ADE_train_00000002.png").unlink()
    with pytest.raises(InputError, match="ADE_train_00000002 has no annotation"):
        ade20k.load_segmentation(ade)
    shutil.rmtree(home / "images/training")
    with pytest.raises(InputError, match="images/training"):
        ade20k.load_segmentation(ade)


def test_scenes_have_normals_and_classes(tmp_path):
    render_dataset(tmp_path / "scenes", images=50, objects=2, size=32, seed=0, threads=1)
    normals, masks = (load(tmp_path / "scenes") for load in (scenes.load_normals, scenes.load_segmentation))
    assert normals.ids == masks.ids == scenes.load(tmp_path / "scenes").ids
    target = normals.target(3)
    assert target.shape == (32, 32, 3)
    valid = np.isfinite(target).all(axis=-1)
    assert valid.mean() > 0.5
    np.testing.assert_allclose(np.linalg.norm(target[valid], axis=-1), 1, rtol=1e-5)
    assert masks.class_names[0] == "background"
    labels = scenes.load(tmp_path / "scenes").labels
    for index in range(5):
        seen = set(np.unique(masks.target(index))) - {0}
        assert seen == set(np.flatnonzero(labels[index]) + 1)


def test_the_codebook_finds_the_directions():
    rng = np.random.default_rng(0)
    true = unit(rng, 6)
    maps = []
    for _ in range(4):
        chosen = true[rng.integers(6, size=(20, 30))]
        chosen = chosen + 0.01 * rng.normal(size=chosen.shape)
        chosen[0] = np.nan
        maps.append(chosen / np.linalg.norm(chosen, axis=-1, keepdims=True))
    codebook = directions.fit_codebook(maps, len(maps), seed=0, codes=6)
    nearest = (codebook @ true.T).max(axis=0)
    assert (nearest > np.cos(np.radians(1))).all()
    codes = directions.encode(maps[0], codebook)
    assert (codes[0] == IGNORED).all()
    errors = directions.angles(codebook[codes[1:].astype(int)], maps[0][1:])
    assert errors.max() < 5


def test_decoding_is_the_mean_direction_under_the_probabilities():
    codebook = torch.eye(3)
    logits = torch.log(torch.tensor([0.5, 0.5, 1e-9])).reshape(1, 3, 1, 1).expand(1, 3, 2, 2)
    decoded = directions.Decode(codebook)([logits])
    torch.testing.assert_close(decoded[1, 1], torch.tensor([0.5**0.5, 0.5**0.5, 0.0]), rtol=0, atol=1e-6)


def test_at_several_sizes_it_is_the_mean_direction_under_the_mean_probability():
    logits = [torch.log(torch.tensor(row)).reshape(1, 3, 1, 1) for row in ([0.7, 0.2, 0.1], [0.1, 0.8, 0.1])]
    found = directions.Decode(torch.eye(3))(iter(logits))[0, 0]
    expected = torch.tensor([0.4, 0.5, 0.1])
    torch.testing.assert_close(found, expected / expected.norm(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 7, 5000])
def test_streamed_statistics_are_those_of_all_errors(size):
    rng = np.random.default_rng(size)
    errors = 180 * rng.beta(1, 5, size)
    stream = directions.AngularErrors()
    for part in np.array_split(errors, 3):
        stream.add(part)
    found = stream.metrics()
    assert found["mean_angle_deg"] == pytest.approx(errors.mean(), rel=1e-12)
    assert found["median_angle_deg"] == pytest.approx(np.median(errors), abs=2e-4)
    for threshold in (11.25, 22.5, 30):
        assert found[f"within_{threshold:g}"] == pytest.approx(100 * (errors < threshold).mean())


def test_angles_are_those_of_the_rotation():
    rng = np.random.default_rng(0)
    truth = unit(rng, 4, 5)
    axis = np.cross(truth, unit(rng, 4, 5))
    axis /= np.linalg.norm(axis, axis=-1, keepdims=True)
    turns = np.radians(rng.uniform(0, 180, 20))
    predicted = Rotation.from_rotvec(turns[:, None] * axis.reshape(-1, 3)).apply(truth.reshape(-1, 3))
    errors = directions.angles(predicted.reshape(4, 5, 3), truth)
    np.testing.assert_allclose(errors, np.degrees(turns), atol=1e-5)
    truth[0, 0] = np.nan
    assert len(directions.angles(predicted.reshape(4, 5, 3), truth)) == 19


def test_normals_are_scored_where_there_are_some():
    rng = np.random.default_rng(1)
    score, everything = directions.NormalsScore(), []
    for _ in range(3):
        truth, predicted = unit(rng, 5, 6), unit(rng, 5, 6)
        truth[rng.random((5, 6)) < 0.3] = np.nan
        score.add(predicted.astype(np.float32), truth.astype(np.float32))
        for row, column in np.ndindex(5, 6):
            if not np.isnan(truth[row, column, 0]):
                everything.append(np.degrees(np.arccos(truth[row, column] @ predicted[row, column])))
    errors = np.array(everything)
    assert score.metrics() == pytest.approx(
        {
            "mean_angle_deg": errors.mean(),
            "median_angle_deg": np.median(errors),
            "within_11.25": 100 * (errors < 11.25).mean(),
            "within_22.5": 100 * (errors < 22.5).mean(),
            "within_30": 100 * (errors < 30).mean(),
        },
        abs=2e-4,
    )


def test_classes_are_scored_pixel_by_pixel():
    rng = np.random.default_rng(1)
    score, found, labelled = classes.ClassesScore(5), [], []
    for _ in range(3):
        truth, predicted = rng.integers(0, 3, (2, 4, 6), dtype=np.uint8)
        predicted[0] = 3  # a class that is never true; and 4 is neither true nor predicted
        truth[rng.random((4, 6)) < 0.3] = IGNORED
        score.add(predicted, truth)
        for row, column in np.ndindex(4, 6):
            if truth[row, column] != IGNORED:
                found.append(predicted[row, column])
                labelled.append(truth[row, column])
    pairs = list(zip(found, labelled, strict=True))
    shares = [
        sum(one == other == label for one, other in pairs) / sum(label in pair for pair in pairs)
        for label in range(4)
    ]
    assert score.metrics() == pytest.approx(
        {
            "mean_iou": 100 * np.mean(shares),
            "pixel_accuracy": 100 * np.mean([one == other for one, other in pairs]),
        }
    )


def test_the_most_common_class_is_that_of_the_training_pixels():
    maps = np.array([[[2, 2, IGNORED]], [[1, 2, IGNORED]], [[1, 1, IGNORED]], [[1, 1, 1]]], dtype=np.uint8)
    splits = np.array(["train", "train", "val", "test"])
    samples = DenseSamples(list("abcd"), splits, read=None, target=maps.__getitem__, class_names=["x"] * 3)
    assert classes.most_common(samples) == 2


def test_examples_are_drawn_in_order_and_once():
    tested = list(range(100, 140))
    drawn = examples.draw(tested, 4)
    assert drawn == sorted(set(drawn)) == examples.draw(tested, 4)
    assert set(drawn) < set(tested)
    # Evenly spaced ones would all be of one of ten classes that take turns.
    assert len({index % 10 for index in drawn}) > 1
    assert examples.draw(tested[:3], 4) == tested[:3]


FACTS = {"dataset": "rooms", "loader": "nyuv2", "counts": {"train": 2, "test": 1}}


@pytest.mark.parametrize(
    ("splits", "changes", "sentence"),
    [
        (["train", "train", "test"], {"counts": {"train": 3}}, "2 samples in its split 'train' .*expected 3"),
        (["train", "train", "test"], {"counts": {"test": 2}}, "1 samples in its split 'test' .*expected 2"),
        (["train", "train"], {"counts": {}}, "0 samples in its split 'test' .*expected some"),
        ([], {}, "the dataset has no samples"),
        (["train", "test"], {"loader": "digits"}, "rooms: the loader 'digits' has no function load_normals"),
    ],
)
def test_facts_of_dense_labels_are_asserted(monkeypatch, splits, changes, sentence):
    def load(root: Path) -> DenseSamples:
        return DenseSamples([str(n) for n in range(len(splits))], np.array(splits), None, None, [])

    monkeypatch.setattr(nyuv2, "load_normals", load)
    with pytest.raises(InputError, match=sentence):
        load_dense("normals", "folder", **FACTS | changes)


def test_dense_labels_that_meet_their_facts_are_given(monkeypatch):
    samples = DenseSamples(list("abc"), np.array(["train", "train", "test"]), None, None, [])
    monkeypatch.setattr(nyuv2, "load_normals", lambda root: samples)
    assert load_dense("normals", "folder", **FACTS) is samples


def test_repeated_ids_and_missing_splits_are_refused():
    for ids, splits in ((["a", "a"], ["train", "test"]), (["a", "b"], ["train"])):
        with pytest.raises(InputError, match="duplicate ids, or different numbers of ids and splits"):
            DenseSamples(ids, np.array(splits), None, None, [])


def test_as_many_pixels_of_each_map_make_the_codebook(monkeypatch):
    given = []

    class Clusters:
        def __init__(self, codes: int, **settings):
            self.cluster_centers_ = 2 * np.eye(3)[:codes]

        def fit(self, pixels: np.ndarray) -> "Clusters":
            given.append(pixels)
            return self

    maps = unit(np.random.default_rng(0), 3, 4, 5)
    maps[2].reshape(-1, 3)[2:] = np.nan
    monkeypatch.setattr(directions, "KMeans", Clusters)
    monkeypatch.setattr(directions, "SAMPLE", 10)
    codebook = directions.fit_codebook(maps, len(maps), seed=0, codes=2)
    np.testing.assert_array_equal(codebook, np.eye(3)[:2])
    sizes = [sum((pixel == one).all(-1).any() for pixel in given[0]) for one in maps]
    assert sizes == [4, 4, 2]  # a third of 10, rounded up, and all that the last one has
    assert len(np.unique(given[0], axis=0)) == 10


def test_the_mean_direction_is_of_all_normals_and_of_unit_length():
    maps = [np.array([[[1.0, 0, 0], [np.nan] * 3]]), np.array([[[0, 1.0, 0], [1.0, 0, 0], [1.0, 0, 0]]])]
    np.testing.assert_allclose(directions.mean_direction(maps), np.array([3, 1, 0]) / np.sqrt(10), rtol=1e-6)


def test_directions_of_the_network_become_unit_normals_on_their_pixels():
    outputs = torch.randn(1, 3, 2, 4, generator=torch.Generator().manual_seed(0))
    found = directions.unit([outputs])
    assert found.shape == (2, 4, 3)
    expected = outputs[0, :, 1, 2] / outputs[0, :, 1, 2].norm()
    torch.testing.assert_close(found[1, 2], expected)


def test_an_error_at_the_threshold_is_not_within_it():
    stream = directions.AngularErrors()
    stream.add(np.array([11.25, 11.0, 22.5, 30.0]))
    found = stream.metrics()
    assert [found[f"within_{threshold}"] for threshold in ("11.25", "22.5", "30")] == [25, 50, 75]


def test_more_than_ten_examples_are_read_in_the_order_in_which_they_were_written(tmp_path):
    one = np.zeros((2, 2), dtype=np.uint8)
    written = [
        (f"picture {number}", np.zeros((2, 2, 3), np.uint8), one, one + number) for number in range(12)
    ]
    examples.write(tmp_path / "a.h5", written, {"model": "tiny", "kind": "classes"})
    found, attributes = examples.read(tmp_path / "a.h5")
    assert attributes == {"model": "tiny", "kind": "classes", "class_names": []}
    assert [name for name, *_ in found] == [name for name, *_ in written]
    assert [predicted[0, 0] for *_, predicted in found] == list(range(12))
    (tmp_path / "a.h5").write_bytes(b"half")
    with pytest.raises(InputError, match="is no whole example file"):
        examples.read(tmp_path / "a.h5")
