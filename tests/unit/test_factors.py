"""Scenes with factors: the properties that Newell and Deng's system has to have, and the file they are in."""

import colorsys
import hashlib
import pickle
from collections import Counter
from dataclasses import replace
from itertools import combinations, product

import h5py
import numpy as np
import pytest
from factor_scenes import scenes_with_factors
from PIL import Image
from threadpoolctl import threadpool_limits

from transferscope.datasets import factors as loader
from transferscope.datasets import load_dataset, load_dense
from transferscope.datasets.rendered import buckets, factors, lab, obj, stock
from transferscope.datasets.rendered.buckets import Plan, draw_picture, join_buckets, render_bucket
from transferscope.datasets.rendered.render import depth_and_instances
from transferscope.datasets.rendered.rows import POSES, Rows
from transferscope.datasets.rendered.shapes import box, turning
from transferscope.errors import InputError

SETTINGS = {"images": 120, "size": 32, "seed": 3, "models": 2}
HELD = {"train": 100, "val": 10, "test": 10}


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    return scenes_with_factors(tmp_path_factory.mktemp("single"), "1111", "single", **SETTINGS)


@pytest.fixture(scope="module")
def multi(tmp_path_factory):
    return scenes_with_factors(tmp_path_factory.mktemp("multi"), "1111", "multi", **SETTINGS)


def drawn(variant, index, labels=(1, 2), seed=0):
    colours = factors.class_colours(seed, 10)
    return factors.draw(variant, seed, index, list(labels), colours, stock.Patterns())


def hsv(linear):
    """Hue, saturation and value of a colour as it is shown."""
    return colorsys.rgb_to_hsv(*(1.055 * np.maximum(linear, 0.0031) ** (1 / 2.4) - 0.055))


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class TestFactors:
    @pytest.mark.parametrize("index", range(3))
    def test_a_factor_that_agrees_is_identical(self, index):
        variants = ["".join(digits) for digits in product("01", repeat=4)]
        found = {variant: drawn(variant, index) for variant in variants}
        for one, other in combinations(variants, 2):
            first, second = found[one], found[other]
            np.testing.assert_array_equal(first.warp, second.warp)
            assert (one[2] == other[2]) == np.array_equal(first.euler, second.euler)
            assert (one[3] == other[3]) == (first.light == second.light)
            surfaces = list(zip(first.surfaces, second.surfaces, strict=True))
            for a, b in surfaces:
                assert (one[0] == other[0]) == (a.texture == b.texture)
            for a, b in surfaces[:-1]:
                assert (one[:2] == other[:2]) == np.array_equal(a.light, b.light)
                assert one[:2] != other[:2] or np.array_equal(a.dark, b.dark)
            backdrops = [vars(backdrop).values() for backdrop in surfaces[-1]]
            same = all(np.array_equal(*pair) for pair in zip(*backdrops, strict=True))
            assert (one[0] == other[0]) == same  # it never tells a class

    def test_what_is_fixed(self):
        all_fixed = [drawn("0000", index) for index in range(20)]
        for one in all_fixed:
            assert not one.euler.any()
            assert one.light == -0.5
            assert {surface.texture for surface in one.surfaces} == {None}
            np.testing.assert_allclose(factors.rotation(one.euler[0]), turning("z", -30), atol=1e-12)

    def test_what_is_drawn(self):
        many = [drawn("1111", index) for index in range(400)]
        euler = np.concatenate([one.euler for one in many])
        np.testing.assert_allclose([euler.mean(), euler.std()], [0, 0.5], atol=0.05)
        lights = np.array([one.light for one in many])
        np.testing.assert_allclose([lights.mean(), lights.std()], [-0.5, 2], atol=0.25)
        warps = np.concatenate([one.warp for one in many])
        np.testing.assert_allclose([warps.mean(), warps.std()], [1, 0.1 * np.sqrt(2 / 3)], atol=0.01)
        for one in many:
            assert len({surface.texture for surface in one.surfaces}) == 3

    @pytest.mark.parametrize("texture", "01")
    def test_colour_tells_the_class_or_does_not(self, texture):
        def hues(colour):
            """Of 30 pictures of each class, as complex numbers of length 1."""
            found = []
            for index in range(300):
                surface = drawn(f"{texture}{colour}11", index, labels=[index % 10]).surfaces[0]
                # With a texture 0.6 of the surface is its own, drawn alike whatever the class is.
                untextured = drawn(f"{texture}111", index, labels=[index % 10]).surfaces[0]
                share = (surface.light - 0.6 * untextured.light) / 0.4 if texture == "1" else surface.light
                share = share if colour == "0" else surface.light
                found.append(np.exp(2j * np.pi * hsv(share)[0]))
            return np.array(found).reshape(-1, 10)

        def spread(points, axis=None):
            """Circular standard deviation, in turns."""
            return np.sqrt(-2 * np.log(np.abs(points.mean(axis=axis)))) / (2 * np.pi)

        telling, silent = hues("0"), hues("1")
        assert spread(telling, axis=0).max() < 0.1 < spread(telling.mean(axis=0))
        assert spread(silent, axis=0).min() > 0.15
        # Nearest class by hue, of those of the first half.
        for points, accuracy in ((telling, (0.4, 1)), (silent, (0, 0.2))):
            centres = points[:20].mean(axis=0)
            nearest = np.abs(points[20:, :, None] - centres / np.abs(centres)).argmin(axis=2)
            assert accuracy[0] <= (nearest == np.arange(10)).mean() <= accuracy[1]

    def test_colours_of_classes_are_those_of_the_paper_but_for_the_saturation(self):
        colours = np.array([[0.99, 1.0, 0.5]] * 10)
        found = [
            hsv(factors.draw("0000", 0, index, [0], colours, None).surfaces[0].light) for index in range(300)
        ]
        hue, saturation, value = np.array(found).T
        np.testing.assert_allclose(np.abs(np.exp(2j * np.pi * (hue - 0.99)).mean()), 0.93, atol=0.02)
        assert saturation.max() <= factors.SATURATION + 1e-9
        np.testing.assert_allclose(np.median(saturation), factors.SATURATION, atol=0.01)
        np.testing.assert_allclose(np.median(value), 0.8, atol=0.03)

    def test_objects_of_a_layout_lie_apart(self):
        rng = np.random.default_rng(0)
        layouts = np.stack([factors.places(rng, 4) for _ in range(300)])
        np.testing.assert_allclose(layouts[..., :2].mean(axis=1), [[0, -0.05]] * 300, atol=1e-12)
        np.testing.assert_allclose([layouts[..., 2].mean(), layouts[..., 2].std()], 0.05, atol=0.01)
        apart = np.hypot(*(layouts[:, :, None, :2] - layouts[:, None, :, :2]).transpose(3, 0, 1, 2))
        apart = np.sort(apart[:, *np.triu_indices(4, 1)], axis=1)
        assert (apart[:, 0] >= 0.25).mean() > 0.98
        np.testing.assert_allclose(np.median(apart[:, 0]), 0.3, atol=0.05)


class TestPose:
    @pytest.mark.parametrize(
        ("axis", "degrees", "expected"),
        [
            ("z", 70, "upright"),
            ("y", -45, "left"),
            ("x", -45, "away"),
            ("y", 45, "right"),
            ("x", 45, "towards"),
            ("y", 22.4, "upright"),
            ("y", 22.6, "right"),
        ],
    )
    def test_where_the_up_axis_leans(self, axis, degrees, expected):
        turned = turning(axis, degrees)
        assert POSES[factors.pose(turned)] == expected
        assert POSES[factors.pose(turned @ turning("z", 33))] == expected

    def test_shares_mirror_images_and_the_up_axis(self):
        euler = 0.5 * np.random.default_rng(0).normal(size=(20_000, 3))
        rotations = np.stack([factors.rotation(one) for one in euler])
        first, second, third = euler.T
        up = [np.cos(first) * np.sin(second), -np.sin(first), np.cos(first) * np.cos(second)]
        towards = np.cos(third - np.pi / 6) * up[0] - np.sin(third - np.pi / 6) * up[1]
        right = np.sin(third - np.pi / 6) * up[0] + np.cos(third - np.pi / 6) * up[1]
        np.testing.assert_allclose(rotations[:, :, 2], np.stack([right, -towards, up[2]], axis=1), atol=1e-12)

        poses = factors.pose(rotations)
        shares = np.bincount(poses, minlength=5) / len(poses)
        np.testing.assert_allclose(shares, [0.267, 0.190, 0.177, 0.189, 0.177], atol=0.012)
        mirrored = factors.pose(rotations * np.array([-1, 1, 1])[:, None])
        np.testing.assert_array_equal(mirrored, np.array([0, 3, 2, 1, 4])[poses])
        assert factors.pose(factors.rotation(np.zeros(3))) == 0


class TestScene:
    def test_the_object_floats_amid_the_picture_and_the_backdrop_fills_it(self):
        plan = Plan("0000", "single", **SETTINGS | {"size": 64})
        mesh = stock.centred(box(1.0, 0.5, 0.3))
        still = replace(drawn("0000", 0, labels=[0]), warp=np.ones((1, 3)))
        scene = factors.scene([mesh], still, np.zeros((1, 3)), plan.patterns, two_sided=False)
        depth, instances = depth_and_instances(scene, factors.CAMERA, 64)
        assert set(np.unique(instances)) == {0, 1}
        np.testing.assert_allclose(depth[instances == 1], 4.3, atol=0.01)
        assert (buckets.quantised(depth)[instances == 1] == 255).all()
        rows, columns = np.nonzero(instances == 0)
        assert 0 < rows.min() < rows.max() < 63
        assert abs(columns.mean() - 31.5) < 3
        # A corner is what is nearest to the camera.
        nearest = factors.CAMERA.to_camera(0.56 * mesh.vertices @ turning("z", -30).T)[:, 2].min()
        np.testing.assert_allclose(depth.min(), nearest, atol=0.02)

    def test_depth_in_hundredths(self):
        metres = np.array([0.0, 0.999, 1.0, 2.549, 2.55, 4.3], dtype=np.float32)
        np.testing.assert_array_equal(buckets.quantised(metres), [0, 99, 100, 254, 255, 255])
        np.testing.assert_array_equal(buckets.quantised(np.array([2.55, 2.5501])), [255, 255])

    def test_the_light_is_above_left_and_moves_to_its_angle(self):
        x, y, z = factors.light(-0.5).direction
        assert x < 0 < z
        assert y < 0  # from the camera's side
        assert factors.light(np.pi / 2).direction[0] > 0.5

    def test_a_surface_lies_between_its_colours_by_its_texture(self):
        dark, light, grey = np.array([0.1, 0.2, 0.3]), np.array([0.9, 0.1, 0.4]), stock.Patterns()
        checker = [name for name in stock.textures.NAMES if name != "plain"].index("checker")
        painted = factors.Painted([factors.Surface(checker, dark, light, 0.8)], grey)
        uv = np.array([[0.05, 0.05], [0.15, 0.05]], dtype=np.float32)
        found = painted.albedo(np.zeros(2, int), uv, np.full(2, 1e-6, dtype=np.float32))
        np.testing.assert_allclose(found, [dark, light], atol=1e-6)
        flat = factors.Painted([factors.Surface(None, light, light, 1.0)], grey)
        np.testing.assert_allclose(flat.albedo(np.zeros(2, int), uv, np.ones(2)), [light, light], atol=1e-6)


class TestPlan:
    @pytest.mark.parametrize("layout", ["single", "multi"])
    def test_splits_share_no_model_and_classes_are_balanced(self, layout):
        plan = Plan("0000", layout, 4800, 32, 0, models=7)
        seen, counts = {}, {}
        for bucket in range(12):
            split = max(bucket, 9)
            for places, labels, numbers in plan.blocks(bucket):
                assert len(places) == buckets.REUSE[layout]
                counts.setdefault(split, Counter()).update(labels)
                models = {number * 10 + label for label, number in zip(labels, numbers, strict=True)}
                seen.setdefault(split, set()).update(models)
                assert all(bucket * 7 <= number < bucket * 7 + 7 for number in numbers)
        assert not any(seen[one] & seen[other] for one, other in combinations(seen, 2))
        for count in counts.values():
            if layout == "single":
                assert len(set(count.values())) == 1
            assert set(count) == set(range(10))

    def test_models_do_not_depend_on_the_variant(self):
        one, other = (Plan(variant, "multi", **SETTINGS) for variant in ("0000", "1111"))
        assert list(one.blocks(4)) == list(other.blocks(4))

    def test_no_more_is_rendered_than_is_held_out(self):
        plan = Plan("0000", "single", 480_000, 64, 0, models=1)
        assert [plan.count(bucket) for bucket in (0, 9, 10, 11)] == [40_000, 40_000, 5_000, 5_000]

    @pytest.mark.parametrize(
        ("changed", "complaint"),
        [
            ({"variant": "111"}, "'111' has to be four digits"),
            ({"variant": "1121"}, "'1121' has to be four digits"),
            ({"layout": "double"}, "'double' is not one of single, multi"),
            ({"images": 121}, "multiple of 12"),
            ({"images": 108}, "at least 120"),
            ({"size": 31}, "at least 32"),
            ({"models": 0}, "either models"),
            ({"shapes": "somewhere"}, "either models"),
        ],
    )
    def test_a_setting_out_of_range(self, changed, complaint):
        with pytest.raises(InputError, match=complaint):
            Plan(**{"variant": "1111", "layout": "single"} | SETTINGS | changed)


class TestBuckets:
    def test_the_file_holds_the_buckets_rows(self, multi):
        fields = Plan("1111", "multi", **SETTINGS).fields()
        with h5py.File(multi / "set/pixels.h5") as file:
            found = {name: file[name][:] for name in fields}
        parts = []
        for bucket in range(12):
            with h5py.File(multi / f"{bucket}.h5") as file:
                parts.append({name: file[name][:] for name in fields})

        def rows(of):
            """Each row as bytes, of all fields, sorted."""
            return sorted(
                b"".join(of[name][index].tobytes() for name in sorted(fields))
                for index in range(len(of["rgb"]))
            )

        whole = {name: np.concatenate([part[name] for part in parts]) for name in fields}
        assert {name: values.dtype for name, values in found.items()} == {
            name: values.dtype for name, values in whole.items()
        }
        assert rows(found) == rows(whole)
        assert (found["bucket"][:100] < 10).all()
        assert (found["bucket"][100:110] == 10).all()
        assert (found["bucket"][110:] == 11).all()
        assert np.abs(np.diff(found["bucket"][:100].astype(int))).mean() > 2  # shuffled
        assert not np.array_equal(found["model"][100:110], parts[10]["model"])

    def test_what_is_drawn_is_what_is_stored(self, multi):
        plan = Plan("1111", "multi", **SETTINGS)
        places, labels, numbers = next(iter(plan.blocks(3)))
        meshes = [plan.stock.mesh(*one) for one in zip(labels, numbers, strict=True)]
        row = draw_picture(plan, 3, places[0], labels, meshes)
        with h5py.File(multi / "3.h5") as file:
            for name in ("rgb", "pose", "class_mask", "instance_mask", "depth"):
                np.testing.assert_array_equal(file[name][0], row[name])
            assert file["label"][0].tolist() == labels
            np.testing.assert_allclose(file["rotation"][0], row["rotation"], atol=1e-6)
            np.testing.assert_array_equal(file["pose"][0], factors.pose(file["rotation"][0]))

    def test_masks_are_labels_and_agree(self, multi):
        with h5py.File(multi / "set/pixels.h5") as file:
            classes, instances, depth = (file[n][:] for n in ("class_mask", "instance_mask", "depth"))
            labels = file["label"][:]
        for number in range(4):
            shown = instances == number + 1
            assert (shown.mean(axis=(1, 2)) >= buckets.MIN_VISIBLE).all()
            expected = np.broadcast_to(labels[:, number, None, None] + 1, shown.shape)
            np.testing.assert_array_equal(classes[shown], expected[shown])
        assert (classes[instances == 0] == 0).all()
        assert (depth[instances == 0] == 255).all()
        assert depth[instances > 0].min() > 20

    def test_another_variant_shows_the_same_models_in_the_same_light(self, multi, tmp_path):
        plan = Plan("0101", "multi", **SETTINGS)
        render_bucket(plan, 2, tmp_path / "2.h5")
        with h5py.File(multi / "2.h5") as first, h5py.File(tmp_path / "2.h5") as second:
            for name in ("label", "model", "light"):
                np.testing.assert_array_equal(first[name][:], second[name][:])
            assert not second["euler"][:].any()
            assert (second["pose"][:] == 0).all()
            assert not np.array_equal(first["rgb"][:], second["rgb"][:])

    def test_texture_colour_and_light_change_no_mask(self, multi, tmp_path):
        render_bucket(Plan("0010", "multi", **SETTINGS), 2, tmp_path / "2.h5")
        with h5py.File(multi / "2.h5") as first, h5py.File(tmp_path / "2.h5") as second:
            for name in ("label", "model", "euler", "class_mask", "instance_mask", "depth"):
                np.testing.assert_array_equal(first[name][:], second[name][:])

    def test_bytes_depend_on_neither_threads_nor_order(self, single, tmp_path):
        plan = Plan("1111", "single", **SETTINGS)
        parts = [single / f"{bucket}.h5" for bucket in range(12)]
        with threadpool_limits(2):
            for bucket in (11, 7):
                parts[bucket] = tmp_path / f"{bucket}.h5"
                render_bucket(plan, bucket, parts[bucket])
                assert sha256(parts[bucket]) == sha256(single / f"{bucket}.h5")
            join_buckets(parts, tmp_path / "set")
        assert sha256(tmp_path / "set/pixels.h5") == sha256(single / "set/pixels.h5")

    def test_buckets_out_of_order_or_damaged(self, single, tmp_path):
        parts = [single / f"{bucket}.h5" for bucket in range(12)]
        with pytest.raises(InputError, match=r"1\.h5 is not bucket 0 of 12"):
            join_buckets([parts[1], parts[0], *parts[2:]], tmp_path / "set")
        broken = tmp_path / "0.h5"
        content = bytearray(parts[0].read_bytes())
        content[len(content) // 2] ^= 1
        broken.write_bytes(content)
        with pytest.raises(InputError, match=r"0\.h5 is no whole bucket"):
            join_buckets([broken, *parts[1:]], tmp_path / "set")
        assert not (tmp_path / "set").exists()

    def test_attributes(self, single):
        with h5py.File(single / "set/pixels.h5") as file:
            attributes = dict(file.attrs)
            mean, std = lab.moments(file["rgb"][:100])
        assert (attributes["variant"], attributes["layout"], attributes["seed"]) == ("1111", "single", 3)
        assert attributes["class_colours"].shape == (10, 3)
        np.testing.assert_allclose(attributes["lab_mean"], mean, atol=1e-3)
        np.testing.assert_allclose(attributes["lab_std"], std, atol=1e-3)

    def test_lab_of_known_colours(self):
        white, black = np.full((150, 2, 2, 3), 255, np.uint8), np.zeros((150, 2, 2, 3), np.uint8)
        mean, std = lab.moments(np.concatenate([white, black]))
        np.testing.assert_allclose(mean, [50, 0, 0], atol=0.01)
        np.testing.assert_allclose(std, [50, 0, 0], atol=0.01)


FACTS = {"loader": "factors", "split_rule": "official", "seed": 0, "classes": 10, "counts": HELD}


class TestLoader:
    def test_single(self, single):
        root = single / "set"
        samples = load_dataset("mine", root, **FACTS)
        assert Counter(samples.splits.tolist()) == HELD
        assert (np.bincount(samples.labels[:100]) == 10).all()
        poses = loader.load_pose(root)
        assert poses.class_names == ["upright", "left", "away", "right", "towards"]
        assert len(set(poses.labels.tolist())) == 5
        with h5py.File(root / "pixels.h5") as file:
            np.testing.assert_array_equal(np.asarray(samples.read(7)), file["rgb"][7])
            np.testing.assert_array_equal(factors.pose(file["rotation"][:]), poses.labels)
        assert isinstance(pickle.loads(pickle.dumps(samples.read))(7), Image.Image)

    def test_multi(self, multi):
        root = multi / "set"
        samples = load_dataset("mine", root, **FACTS)
        facts = {name: value for name, value in FACTS.items() if name not in ("split_rule", "seed")}
        classes = load_dense("segmentation", root, dataset="mine", **facts)
        depth = load_dense("depth", root, dataset="mine", **facts)
        assert classes.class_names[0] == "background"
        for index in (0, 50, 119):
            mask, metres = classes.target(index), depth.target(index)
            present = np.flatnonzero(samples.labels[index]) + 1
            assert set(np.unique(mask)) == {0, *present}
            assert metres.dtype == np.float32
            assert (metres[mask == 0] == np.float32(10.2)).all()
            assert 0.8 < metres[mask > 0].min() < metres[mask > 0].max() < 10.2
        assert classes.ids == samples.ids

    def test_a_block_is_the_rows_in_any_order(self, multi):
        root, rng = multi / "set", np.random.default_rng(0)
        depth = loader.load_depth(root)
        indices = rng.permutation(120)[:50]
        one_by_one = np.stack([np.asarray(depth.read(index)) for index in indices])
        np.testing.assert_array_equal(depth.read.block(indices), one_by_one)
        found = depth.target.block(np.array([5, 5, 2]))
        np.testing.assert_array_equal(found, [depth.target(index) for index in (5, 5, 2)])
        assert found.dtype == np.float32
        assert depth.read.block(np.array([], dtype=int)).shape == (0, 32, 32, 3)

    def test_a_block_over_many_slabs(self, tmp_path):
        path = tmp_path / "rows.h5"
        with h5py.File(path, "w") as file:
            file["number"] = np.arange(5000)
        indices = np.random.default_rng(0).integers(5000, size=300)
        np.testing.assert_array_equal(Rows(path, "number").block(indices), indices)

    def test_labels_that_are_not_there(self, single, multi, tmp_path):
        with pytest.raises(InputError, match="have one object and no masks; take the layout multi"):
            loader.load_segmentation(single / "set")
        with pytest.raises(InputError, match="have several objects, or all have one pose; take a variant"):
            loader.load_pose(multi / "set")
        with pytest.raises(InputError, match=r"has no file pixels\.h5"):
            loader.load(tmp_path)
        (tmp_path / "pixels.h5").write_bytes(b"no")
        with pytest.raises(InputError, match="render it again"):
            loader.load(tmp_path)


# A pyramid on a square, with a facet of four corners; a wedge with indices from the end; a box of two parts.
PYRAMID = """# made by hand
mtllib none.mtl
v -1 0 -1
v 1 0 -1
v 1 0 1
v -1 0 1
v 0 2 0
vt 0 0
vn 0 1 0
usemtl stone
f 1/1/1 2/1/1 3/1/1 4/1/1
f 1//1 2//1 5//1
f 2 3 5
f 3 4 5
f 4 1 5
f 1 1 5
"""
WEDGE = """v 0 0 0
v 3 0 0
v 0 1 0
v 0 0 1
f -4 -3 -2
f -4 -2 -1
f -4 -1 -3
f -3 -2 -1
"""
SLAB = """v 0 0 0
v 2 0 0
v 2 0.5 0
v 0 0.5 0
v 0 0 1
v 2 0 1
v 2 0.5 1
v 0 0.5 1
f 1 2 3 4
f 5 6 7 8
f 1 2 6 5
f 3 4 8 7
f 2 3 7 6
f 1 4 8 5
"""


class TestStandIns:
    @pytest.fixture
    def folders(self, tmp_path):
        """Three models by hand, each twelve times with another height, and two pictures."""
        root = tmp_path / "stand-ins"
        for name, text in (("pyramid", PYRAMID), ("slab", SLAB), ("wedge", WEDGE)):
            (root / "shapes" / name).mkdir(parents=True)
            for number in range(13):  # the last is never used
                taller = text.replace("v 0 2 0", f"v 0 {2 + number} 0")
                (root / "shapes" / name / f"{number:02d}.obj").write_text(taller)
        (root / "textures/woven").mkdir(parents=True)
        Image.new("RGB", (300, 200), (255, 0, 0)).save(root / "textures/red.png")
        Image.new("L", (40, 60), 128).save(root / "textures/woven/grey.jpg")
        return root

    def test_a_model_by_hand(self, tmp_path):
        path = tmp_path / "pyramid.obj"
        path.write_text(PYRAMID)
        mesh = obj.read(path)
        assert len(mesh.faces) == 6  # two of the square, and none without an area
        # y is up, and what lies towards -z lies to the right here.
        assert mesh.vertices[:, 2].max() == 2
        np.testing.assert_array_equal(mesh.vertices.min(axis=0), [-1, -1, 0])
        np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1)
        path.write_text(WEDGE)
        wedge = obj.read(path)
        assert len(wedge.faces) == 4
        np.testing.assert_array_equal(wedge.vertices.min(axis=0), [-1, -3, 0])

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("v 1 2\n", "line 1: 'v 1 2' is no vertex"),
            ("v 1 2 a\n", "line 1: 'v 1 2 a' is no vertex"),
            ("v 0 0 0\nf 1 2 3\n", "line 2: 'f 1 2 3' is no vertex or facet"),
            ("v 0 0 0\nf 0 1 1\n", "line 2"),
            ("v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", "no facet with an area"),
            ("", "no facet with an area"),
        ],
    )
    def test_a_bad_model(self, tmp_path, text, complaint):
        path = tmp_path / "bad.obj"
        path.write_text(text)
        with pytest.raises(InputError, match=complaint):
            obj.read(path)

    def test_scenes_of_models_and_textures_from_folders(self, folders, tmp_path):
        stand_ins = {name: folders / name for name in ("shapes", "textures")}
        settings = SETTINGS | {"models": None, "images": 60} | stand_ins
        root = scenes_with_factors(tmp_path, "1100", "single", **settings) / "set"
        samples = loader.load(root)
        assert samples.class_names == ["pyramid", "slab", "wedge"]
        with h5py.File(root / "pixels.h5") as file:
            numbers = file["model"][:] // 3
            np.testing.assert_array_equal(numbers, file["bucket"][:])  # one model of each class in a bucket
            rgb = file["rgb"][:].astype(int)
        red = (rgb[..., 0] > 60) & (rgb[..., 1:].max(axis=-1) < 20)
        grey = np.ptp(rgb, axis=-1) < 20
        # Of object and backdrop one is red and the other grey.
        assert (red | grey).mean() > 0.95
        assert 0.3 < red[:, 0, 0].mean() < 0.7
        assert (red[:, 0, 0] != red[:, 16, 16]).mean() > 0.8  # some have a hole there

    def test_each_number_is_a_file_of_its_class(self, folders):
        shapes = stock.Shapes(folders / "shapes")
        for number in (0, 7):
            low, high = (bound(shapes.mesh(0, number).vertices, axis=0) for bound in (np.min, np.max))
            np.testing.assert_allclose(-low, high)
            np.testing.assert_allclose(high - low, np.array([2, 2, 2 + number]) / (2 + number))

    def test_a_facet_seen_from_behind_is_lit(self, folders):
        plan = Plan("0000", "single", 120, 32, 0, shapes=folders / "shapes")
        mesh = plan.stock.mesh(1, 0)
        flipped = replace(mesh, normals=-mesh.normals, faces=mesh.faces[:, ::-1])
        shown = [draw_picture(plan, 0, 0, [1], [one])["rgb"].astype(int) for one in (mesh, flipped)]
        assert np.abs(shown[0] - shown[1]).mean() < 0.5

    @pytest.mark.parametrize(
        ("remove", "complaint"),
        [
            ("shapes/wedge/*", "wedge has 0 models .* at least 12"),
            ("shapes/*/*", "pyramid has 0 models"),
            ("textures/red.png", "has 1 pictures; put at least 2 there"),
        ],
    )
    def test_too_little_in_a_folder(self, folders, remove, complaint):
        for path in folders.glob(remove):
            path.unlink()
        with pytest.raises(InputError, match=complaint):
            Plan(
                *("0000", "single", 120, 32, 0),
                shapes=folders / "shapes",
                textures=folders / "textures",
            )

    def test_a_folder_that_is_not_there_or_a_broken_texture(self, tmp_path):
        with pytest.raises(InputError, match="absent is no folder"):
            Plan("0000", "single", 120, 32, 0, shapes=tmp_path / "absent")
        (tmp_path / "a.png").write_bytes(b"no")
        with pytest.raises(InputError, match=r"the texture .*a\.png cannot be read"):
            stock.Pictures(tmp_path).pyramid(0)
