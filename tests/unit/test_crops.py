"""Sets of augmented crops: the same bytes whoever makes them, places and colours as the authors have them."""

import functools
import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from scipy.stats import kstest
from scripts import crop_pictures, plot_crops
from texts import PLOT, check_texts, words
from torch.utils.data import DataLoader
from torchvision.transforms import functional

from transferscope import hdf5
from transferscope.datasets import load_for
from transferscope.datasets.cropped import colour, crop_set, draws, geometry
from transferscope.datasets.cropped.crop_set import Computed, Settings, shares
from transferscope.datasets.cropped.sources import Pictures, of_dataset, of_noise, of_path
from transferscope.datasets.crops import Stored, load_pretraining
from transferscope.errors import InputError
from transferscope.figures.crops import crops, drawn
from transferscope.files import write_json
from transferscope.pretraining import training
from transferscope.sources import pictures
from transferscope.study import own_sources

ALL = geometry.AUGMENTATIONS
COUNT = 60
SMALL = Settings("released", ALL, size=16, seed=3)
FACTS = {"dataset": "mine", "loader": "crops", "split_rule": "official", "counts": {}, "classes": 0}


def picture(seed: int, width: int = 120, height: int = 90) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(256, size=(height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(2))


def several(*seeds: int) -> Pictures:
    return Pictures([f"picture-{seed}" for seed in seeds], lambda place: picture(seeds[place]))


def write(
    folder, found: Pictures, settings: Settings = SMALL, *, count=COUNT, gb=1.0, threads=1
) -> np.ndarray:
    """Write a set, and read all of its crops: uint8 [count, S, S, 3]."""
    crop_set.write(folder, found, settings, count=count, stored_bytes=1e9 * gb, threads=threads)
    return load_pretraining(folder).read.block(np.arange(count))


@pytest.mark.parametrize("preset", geometry.PRESETS)
def test_a_crop_is_the_same_alone_in_a_batch_by_workers_and_in_a_file(tmp_path, preset):
    settings = Settings(preset, ALL, size=16, seed=3)
    made = write(tmp_path / "stored", several(0, 1), settings)
    assert made.shape == (COUNT, 16, 16, 3)
    assert isinstance(load_pretraining(tmp_path / "stored").read, Stored)
    assert np.array_equal(made, write(tmp_path / "threads", several(0, 1), settings, threads=2))
    assert np.array_equal(made, write(tmp_path / "computed", several(0, 1), settings, gb=0))
    read = load_pretraining(tmp_path / "computed").read
    assert isinstance(read, Computed)
    order = np.random.default_rng(0).permutation(COUNT)[:20]
    assert np.array_equal(read.block(order), made[order])
    assert all(np.array_equal(read(index), made[index]) for index in order[:5].tolist())


class Read(torch.utils.data.Dataset):
    def __init__(self, read):
        self.read = read

    def __len__(self):
        return COUNT

    def __getitem__(self, index):
        return np.array(self.read(index))


def test_workers_read_the_same_crops(tmp_path):
    made = write(tmp_path / "set", several(0, 1), gb=0)
    for workers in (0, 2):
        loader = DataLoader(Read(load_pretraining(tmp_path / "set").read), 32, num_workers=workers)
        assert np.array_equal(np.concatenate([batch.numpy() for batch in loader]), made)


def test_another_crop_or_seed_is_another_image():
    one = picture(0)
    made = SMALL.crops(one, np.arange(COUNT))
    assert len(np.unique(made.reshape(COUNT, -1), axis=0)) == COUNT
    other = Settings("released", ALL, size=16, seed=4).crops(one, np.arange(COUNT))
    assert (made != other).any(axis=(1, 2, 3)).all()


def test_a_larger_set_begins_with_the_crops_of_a_smaller_one(tmp_path):
    assert np.array_equal(
        write(tmp_path / "a", several(0), count=20), write(tmp_path / "b", several(0), count=30)[:20]
    )


def test_another_picture_changes_its_own_crops_and_no_other(tmp_path):
    before = write(tmp_path / "before", several(0, 1, 2))
    after = write(tmp_path / "after", several(0, 5, 2))
    with hdf5.opened(tmp_path / "before/crops.h5", "set", 1) as file:
        owners = file["owners"][:]
    assert np.array_equal((before != after).any(axis=(1, 2, 3)), owners == 1)


def test_a_picture_less_changes_the_crops_of_that_one_and_no_other(tmp_path):
    """The pictures of a smaller N are the first of a larger one's, so the one that goes is the last."""
    found = several(*range(7))
    chosen = [found.draw(count, seed=1) for count in (4, 5)]
    assert chosen[1].names[:4] == chosen[0].names
    fewer, more = (write(tmp_path / str(len(one.names)), one) for one in chosen)
    assert np.array_equal((fewer != more).any(axis=(1, 2, 3)), shares(COUNT, 5, SMALL.seed) == 4)


@pytest.mark.parametrize("count", [50, 61, 128])
def test_shares_are_even_and_shrink_as_pictures_are_added(count):
    before = shares(count, 1, seed=0)
    for sources in range(2, 51):
        owners = shares(count, sources, seed=0)
        sizes = np.bincount(owners, minlength=sources)
        assert sizes.max() - sizes.min() <= 1
        kept = owners != sources - 1
        assert np.array_equal(owners[kept], before[kept])
        before = owners
    with pytest.raises(InputError, match="50 crops cannot be of 51 pictures"):
        shares(50, 51, seed=0)


def test_some_crops_of_a_set_are_of_all_pictures():
    """The first ones, and those that somebody else draws by the same seed."""
    owners = shares(500, 10, seed=0)
    for some in (np.arange(100), np.random.default_rng(0).permutation(500)[:100]):
        assert np.bincount(owners[some], minlength=10).min() > 2


def test_a_job_that_is_killed_leaves_nothing_and_the_next_one_makes_the_same(tmp_path, monkeypatch):
    made = write(tmp_path / "whole", several(0, 1))
    monkeypatch.setattr(crop_set, "BLOCK", 7)

    def broken(place):
        if place == 1:
            raise KeyboardInterrupt
        return picture(0)

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "set", Pictures(["picture-0", "picture-1"], broken))
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]
    assert np.array_equal(write(tmp_path / "set", several(0, 1)), made)


DRAWS = 10_000
SIZE = 1100, 900
SQUARE = 450


@functools.cache
def cuts(preset: str, augment=("scale",), count=DRAWS, size=SIZE) -> list[geometry.Cut]:
    return [
        geometry.PRESETS[preset].draw(size, augment, draws.generator(0, draws.CROP, index))
        for index in range(count)
    ]


def inside(inner: geometry.Rectangle, outer: geometry.Rectangle) -> bool:
    return outer[0] <= inner[0] < inner[2] <= outer[2] and outer[1] <= inner[1] < inner[3] <= outer[3]


def test_geometry_of_the_released_generator():
    found = cuts("released")
    assert all(inside(one.within, (0, 0, *SIZE)) and inside(one.box, one.within) for one in found)
    assert {one.within[2] - one.within[0] for one in found} == {SQUARE}
    assert {one.within[3] - one.within[1] for one in found} == {SQUARE}
    sides = np.array([one.sides for one in found])
    assert np.array_equal(sides, [(one.box[2] - one.box[0], one.box[3] - one.box[1]) for one in found])
    width, height = sides.T
    assert ((width - 0.5) / (height + 0.5) <= 4 / 3).all()
    assert ((width + 0.5) / (height - 0.5) >= 3 / 4).all()
    assert ((width + 0.5) * (height + 0.5) >= SQUARE**2 / 500).all()
    places = np.array([one.within[:2] for one in found]) / (np.subtract(SIZE, SQUARE) + 1)
    assert all(kstest(place, "uniform").pvalue > 1e-3 for place in places.T)


class Lowest:
    """Draws nothing but 0."""

    def random(self, count: int) -> np.ndarray:
        return np.zeros(count)


@pytest.mark.parametrize(
    ("preset", "least"), [("released", SQUARE**2 / 500), ("paper", SIZE[0] * SIZE[1] / 1000)]
)
def test_the_smallest_crop_lies_in_the_corner(preset, least):
    cut = geometry.PRESETS[preset].draw(SIZE, ("scale",), Lowest())
    assert cut.sides == (round(math.sqrt(least * 3 / 4)), round(math.sqrt(least / (3 / 4))))
    assert cut.box == (0, 0, *cut.sides)


def test_areas_are_uniform_among_the_crops_that_fit():
    area = np.prod([one.sides for one in cuts("released")], axis=1) / SQUARE**2
    least, edge, span = 1 / 500, 3 / 4, math.log(4 / 3)

    def cumulated(a):
        # A crop of area a fits if its aspect is at most 1 / a: in all cases up to 3/4.
        beyond = np.maximum(a, edge)
        tail = (beyond - beyond * np.log(beyond) - edge + edge * math.log(edge)) / span
        return np.minimum(a, edge) - least + tail

    assert kstest(area, lambda a: cumulated(np.clip(a, least, 1)) / cumulated(1.0)).pvalue > 1e-3


def test_what_is_known_of_a_set_of_crops_of_a_photograph():
    """The median side, and black corners as torchvision's RandomAffine has them for so many pixels."""
    china = Image.open(pictures.locate("china")).convert("RGB")
    sides = np.sqrt(np.prod([one.sides for one in cuts("released", count=2000, size=china.size)], axis=1))
    assert np.median(sides) / 213 == pytest.approx(0.65, abs=0.02)
    white = Image.new("RGB", china.size, "white")
    black = (Settings("released", ("scale", "rotation"), 32, 0).crops(white, np.arange(600)) == 0).all(axis=3)
    assert black.mean() == pytest.approx(0.0016, abs=0.0005)
    assert black.any(axis=(1, 2)).mean() == pytest.approx(0.255, abs=0.05)


def test_geometry_of_the_papers_crops():
    found = cuts("paper", ALL, count=3000)
    assert all(inside(one.box, (0, 0, *SIZE)) for one in found)
    angles = np.array([one.angle for one in found])
    assert kstest(angles, "uniform", (-35, 70)).pvalue > 1e-3
    assert np.mean([one.flipped for one in found]) == pytest.approx(0.5, abs=0.04)
    width, height = np.array([one.sides for one in found]).T
    assert ((width + 0.5) * (height + 0.5) >= 1e-3 * SIZE[0] * SIZE[1]).all()
    assert width.max() > 0.8 * SIZE[1]
    assert not any(one.shear for one in found)


RED = (200, 30, 90)


@pytest.mark.parametrize("preset", geometry.PRESETS)
@pytest.mark.parametrize("augment", [(), ("scale",), ("rotation",), ("scale", "rotation")])
def test_a_picture_of_one_colour_has_crops_of_one_colour(preset, augment):
    made = Settings(preset, augment, 32, 0).crops(Image.new("RGB", (200, 150), RED), np.arange(200))
    coloured, black = (made == RED).all(axis=3), (made == 0).all(axis=3)
    assert (coloured | black).all()
    assert black.any() == (preset == "released" and "rotation" in augment)


@pytest.mark.parametrize("preset", geometry.PRESETS)
def test_what_is_not_augmented_stays(preset):
    still = Settings(preset, (), 16, 0).crops(picture(0), np.arange(COUNT))
    assert (still == still[0]).all()
    for one in cuts(preset, ("rotation", "jitter"), count=50):
        left, top, right, bottom = one.box
        assert (abs(left + right - SIZE[0]) <= 1, abs(top + bottom - SIZE[1]) <= 1) == (True, True)
    colours = Settings(preset, ("jitter",), 16, 0).crops(picture(0), np.arange(COUNT))
    alone = (colours == still[0]).all(axis=(1, 2, 3))
    assert 0.3 < alone.mean() < 0.7
    for augment in (("scale",), ("scale", "rotation")):
        assert {cut.flipped for cut in cuts(preset, augment, count=20)} <= {False, preset == "paper"}


def test_augmentations_are_drawn_apart():
    """What is left out of an ablation changes nothing else."""
    places = [[one.box for one in cuts("released", augment, 50)] for augment in (("scale",), ALL)]
    assert places[0] == places[1]
    turns = [[one.angle for one in cuts("released", augment, 50)] for augment in (("rotation",), ALL)]
    assert turns[0] == turns[1]


STEPS = (
    functional.adjust_brightness,
    functional.adjust_contrast,
    functional.adjust_saturation,
    functional.adjust_hue,
)


@pytest.mark.parametrize("size", [32, 64])
def test_crops_are_those_of_the_authors_steps(size):
    """The steps of their make_dataset_single.py in torchvision, with what is drawn here."""
    source = picture(1, 640, 427)
    settings = Settings("released", ALL, size, 0)
    made = settings.crops(source, np.arange(40))
    side = int(math.sqrt(2) * size)
    for index in range(40):
        rng = draws.generator(0, draws.CROP, index)
        numbers = rng.random(colour.DRAWN)
        cut = geometry.PRESETS["released"].draw(source.size, ALL, rng)
        x, y, right, bottom = cut.within
        image = functional.crop(source, y, x, bottom - y, right - x)
        left, top, right, bottom = np.subtract(cut.box, (x, y, x, y)).tolist()
        bicubic, bilinear = functional.InterpolationMode.BICUBIC, functional.InterpolationMode.BILINEAR
        image = functional.resized_crop(image, top, left, bottom - top, right - left, (side, side), bicubic)
        image = functional.affine(image, cut.angle, [0, 0], 1.0, [cut.shear, 0.0], bilinear, fill=0)
        image = functional.center_crop(image, size)
        if numbers[0] < 0.5:
            strength = (colour.LOWEST + numbers[2:] * (colour.HIGHEST - colour.LOWEST)).astype(np.float32)
            for step in colour.ORDERS[int(numbers[1] * 24)]:
                image = STEPS[step](image, float(strength[step]))
        apart = np.abs(np.asarray(image, dtype=int) - made[index])
        # A turned position rounds otherwise for few pixels.
        assert (apart > 0).mean() < 0.001


def test_the_shares_of_what_is_drawn_for_colours():
    numbers = np.random.default_rng(0).random((4000, colour.DRAWN))
    grey = np.full((4000, 1, 1, 3), 100, np.uint8)
    colour.jitter(grey, numbers)
    assert (grey != 100).any(axis=(1, 2, 3)).mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("size", [(63, 200), (6500, 64)])
def test_a_picture_that_is_too_small_or_narrow_is_named(tmp_path, size):
    found = Pictures(["thin"], lambda _: Image.new("RGB", size))
    with pytest.raises(
        InputError, match=f"the picture thin has {size[0]} x {size[1]} pixels; its shorter side needs 64"
    ):
        write(tmp_path / "set", found)
    assert not list(tmp_path.iterdir())


def test_a_damaged_set_is_no_numbers(tmp_path):
    write(tmp_path / "set", several(0))
    path = tmp_path / "set/crops.h5"
    content = path.read_bytes()
    with hdf5.opened(path, "set", 1) as file:
        row = file["images"][7].tobytes()
    place = content.index(row)
    path.write_bytes(content[:place] + bytes(len(row)) + content[place + len(row) :])
    with pytest.raises(InputError, match=r"crops\.h5 is no whole set of crops .* remove it and rerun"):
        load_pretraining(tmp_path / "set")


def test_a_digest_is_the_same_by_any_slab(tmp_path, monkeypatch):
    write(tmp_path / "set", several(0))
    monkeypatch.setattr(hdf5, "SLAB", 1000)
    load_pretraining(tmp_path / "set")


def settings_of(picture: str, **changes) -> dict:
    stated = {"images": 1, "count": 20, "size": 16, "preset": "released", "augment": "scale", "seed": 0}
    words = "&".join(f"{key}={value}" for key, value in ({"picture": picture} | stated | changes).items())
    return own_sources.crop_settings(f"crops:{words}")


def names_in(folder) -> list[str]:
    with hdf5.opened(folder / "crops.h5", "set", 1) as file:
        assert file.attrs["preset"] == "released"
        assert (file.attrs["augment"], file.attrs["seed"], file.attrs["size"]) == ("scale", 0, 16)
        assert len(file["sha256"][0]) == 64
        return file["sources"].asstr()[:].tolist()


def test_the_script_takes_pictures_from_packages(tmp_path):
    def make(name, **changes):
        crop_pictures.main(tmp_path / name, settings=settings_of(name, **changes), stored_gb=1, threads=1)
        return names_in(tmp_path / name)

    assert make("china") == ["china"]
    assert make("noise") == ["noise"]
    assert set(make("deka-upright", images="all")) == set(pictures.SETS["deka-upright"])
    assert of_noise(0).read(0).size == of_noise(1).read(0).size == (640, 427)


def test_the_script_takes_pictures_of_a_folder_and_of_a_dataset(tmp_path):
    for place in range(3):
        (tmp_path / "mine/.hidden").mkdir(parents=True, exist_ok=True)
        picture(place).save(tmp_path / f"mine/{place}.png")
        picture(place).save(tmp_path / f"mine/.hidden/{place}.png")
    keywords = {"stored_gb": 1, "threads": 1}
    settings = settings_of("mine/", images=2)
    crop_pictures.main(tmp_path / "two", settings=settings, path=str(tmp_path / "mine"), **keywords)
    assert len(names_in(tmp_path / "two")) == 2
    one = str(tmp_path / "mine/1.png")
    crop_pictures.main(tmp_path / "one", settings=settings_of("mine/1.png"), path=one, **keywords)
    assert names_in(tmp_path / "one") == ["1.png"]
    assert np.array_equal(of_path(tmp_path / "mine/1.png").read(0), picture(1))
    with pytest.raises(InputError, match=r"there are 3 pictures .* asks for images=4; write a smaller"):
        of_path(tmp_path / "mine").draw(4, seed=0)
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="none has no pictures to make crops of"):
        of_path(tmp_path / "none")


def test_a_set_is_made_of_what_a_dataset_trains_on(tmp_path):
    for split, count in (("train", 3), ("val", 1), ("test", 1)):
        for place in range(count):
            path = tmp_path / f"mine/{split}/thing/{place}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture(place).save(path)
    facts = {
        "dataset": "mine",
        "loader": "image_folder",
        "split_rule": "official",
        "counts": {},
        "classes": 1,
    }
    loaded = {"task": "recognition", "seed": 0} | facts
    crop_pictures.main(
        tmp_path / "set",
        settings=settings_of("mine", images="all"),
        dataset=str(tmp_path / "mine"),
        loaded=loaded,
        stored_gb=1,
        threads=1,
    )
    found = names_in(tmp_path / "set")
    assert sorted(found) == sorted(of_dataset(load_for(root=tmp_path / "mine", **loaded)).names)
    assert all("train" in name for name in found)
    assert len(found) == 3


def test_models_are_pretrained_on_a_set(tmp_path):
    made = write(tmp_path, several(0))
    arguments = {"task": "pretraining", "size": 16, "seed": 0, "threads": 1}
    data = training.load(tmp_path, facts=FACTS, images=None, **arguments)
    assert (data.val, data.classes, data.train.labels) == (None, 0, None)
    assert np.array_equal(data.train.pictures.permute(0, 2, 3, 1), made)
    with pytest.raises(InputError, match=r"mine has 60 pictures to train on in .*, expected 61"):
        training.load(tmp_path, facts=FACTS | {"counts": {"train": 61}}, images=None, **arguments)


def test_every_picture_is_where_its_package_has_it():
    for name in pictures.PICTURES:
        with Image.open(pictures.locate(name)) as image:
            assert min(image.size) >= crop_set.SHORTEST
    assert all(set(names) <= set(pictures.PICTURES) for names in pictures.SETS.values())
    assert [len(set(names)) for names in pictures.SETS.values()] == [10, 10]


def test_a_picture_that_its_package_lacks_is_named(monkeypatch):
    gone = pictures.Picture("sklearn", "datasets/images/gone.jpg", "")
    monkeypatch.setitem(pictures.PICTURES, "gone", gone)
    with pytest.raises(
        InputError, match=r"the picture gone should lie in the package sklearn, and .*gone\.jpg"
    ):
        pictures.locate("gone")


@pytest.mark.parametrize("count", [1, 3])
def test_the_figure_shows_each_set(tmp_path, count):
    write(tmp_path / "set", several(0))
    shown = drawn(load_pretraining(tmp_path / "set"))
    assert shown.shape == (50, 16, 16, 3)
    figure = crops({f"Crops of picture {place}": shown for place in range(count)}, PLOT)
    check_texts(figure)
    assert words(figure).count("Crops of picture") == count
    assert len(figure.axes) == count


def test_the_figures_script(tmp_path):
    write(tmp_path / "set", several(0), count=5)
    study = tmp_path / "study.json"
    rows = {"models": {"id": [], "imagenet_top1": []}, "protocols": {"id": []}}
    write_json(study, rows | {"datasets": {"id": ["mine"], "name": ["My crops"]}})
    outputs = [str(tmp_path / "crops.pdf"), str(tmp_path / "crops.png")]
    plot_crops.main([str(tmp_path / "set")], str(study), *outputs, datasets=["mine"], plot=PLOT)
    assert all((tmp_path / name).stat().st_size > 1000 for name in ("crops.pdf", "crops.png"))
