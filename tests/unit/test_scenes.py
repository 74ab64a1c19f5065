import colorsys
import hashlib
import pickle
from collections import Counter

import h5py
import numpy as np
import pytest
from PIL import Image

from transferscope.datasets.rendered import dataset, textures
from transferscope.datasets.rendered.dataset import Plan, draw_picture, render_dataset
from transferscope.datasets.rendered.families import FAMILIES, build
from transferscope.datasets.rendered.render import Body, Camera, Light, Material, Scene, render
from transferscope.datasets.rendered.shapes import box, sphere
from transferscope.datasets.scenes import load
from transferscope.errors import InputError
from transferscope.study import own_sources

SETTINGS = {"images": 50, "size": 48, "seed": 5}


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    folder = tmp_path_factory.mktemp("single") / "set"
    render_dataset(folder, **SETTINGS, objects=1, threads=2)
    return folder


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    folder = tmp_path_factory.mktemp("several") / "set"
    render_dataset(folder, **SETTINGS, objects=3, threads=2)
    return folder


def digests(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def corners(mesh):
    return mesh.vertices[mesh.faces]


def plain(value=0.5):
    return (Material("plain", (value, value, value), 0.0, 1.0),) * 2


def overhead(ambient=0.3):
    return Light(np.array([0.0, 0.0, 1.0]), np.ones(3), ambient)


class TestFamilies:
    @pytest.mark.parametrize("family", FAMILIES)
    @pytest.mark.parametrize("seed", range(8))
    def test_a_model_is_closed_and_looks_outwards(self, family, seed):
        mesh = build(family, seed)
        triangles = corners(mesh)
        assert np.isfinite(triangles).all()
        np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1.0, atol=1e-6)
        across = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
        assert (np.einsum("fk,fk->f", across, mesh.normals[mesh.faces].mean(axis=1)) > 0).all()
        # Closed: each edge, by position, is walked as often one way as the other.
        _, points = np.unique(np.round(triangles.reshape(-1, 3), 6), axis=0, return_inverse=True)
        loops = points.reshape(-1, 3)
        edges = Counter(zip(loops.ravel(), np.roll(loops, -1, axis=1).ravel(), strict=True))
        assert all(count == edges[end, start] for (start, end), count in edges.items())

    @pytest.mark.parametrize("family", FAMILIES)
    def test_a_model_stands_centred_one_metre_at_its_longest(self, family):
        low, high = (bound(build(family, 3).vertices, axis=0) for bound in (np.min, np.max))
        np.testing.assert_allclose(low[2], 0.0, atol=1e-9)
        np.testing.assert_allclose((low + high)[:2], 0.0, atol=1e-9)
        np.testing.assert_allclose((high - low).max(), 1.0)

    @pytest.mark.parametrize("family", FAMILIES)
    def test_the_seed_is_the_model(self, family):
        first, again, other = build(family, 1), build(family, 1), build(family, 2)
        np.testing.assert_array_equal(first.vertices, again.vertices)
        assert first.vertices.shape != other.vertices.shape or not np.allclose(first.vertices, other.vertices)

    def test_an_unknown_family(self):
        with pytest.raises(InputError, match="no object family 'boat'"):
            build("boat", 0)


class TestTextures:
    def test_every_level_has_the_same_mean(self):
        levels = np.split(textures.pyramids(), textures.STARTS[1:], axis=1)
        means = [level.mean(axis=1) for level in levels]
        np.testing.assert_allclose(means, np.broadcast_to(means[0], np.shape(means)), atol=1.0)

    def test_it_repeats(self):
        rng = np.random.default_rng(0)
        which = rng.integers(len(textures.NAMES), size=200)
        uv = (rng.integers(textures.TEXELS, size=(200, 2)) + 0.5) / textures.TEXELS
        near = textures.sample(which, uv, np.zeros(200))
        np.testing.assert_array_equal(near, textures.sample(which, uv + np.array([3, -2]), np.zeros(200)))
        assert near.min() >= 0
        assert near.max() <= 1
        assert near.std() > 0.2


class TestRender:
    def test_the_ground_from_straight_above(self):
        ground = Body(box(50, 50, 1).at(z=-1), plain())
        camera = Camera.orbiting(np.zeros(3), 4.0, np.pi / 2, focal=1.0)
        seen = render(Scene([ground]), camera, overhead(), 16)
        np.testing.assert_allclose(seen.depth, 4.0, rtol=1e-5)
        np.testing.assert_allclose(seen.normals, np.broadcast_to([0, 0, -1], (16, 16, 3)), atol=1e-5)
        assert (seen.instances == 0).all()
        assert np.ptp(seen.rgb) == 0

    def test_the_ground_from_aslant(self):
        elevation, height = np.radians(40.0), 3.0
        camera = Camera.orbiting(np.zeros(3), height / np.sin(elevation), elevation, focal=1.3)
        ground = Body(box(200, 200, 1).at(z=-1), plain())
        seen = render(Scene([ground]), camera, overhead(), 32)
        down = ((np.arange(32) + 0.5) / 32 - 0.5) / 1.3
        # A ray (x, y, 1) sinks by sin(elevation) + y cos(elevation) for each metre of depth.
        expected = height / (np.sin(elevation) + down * np.cos(elevation))
        np.testing.assert_allclose(seen.depth, np.repeat(expected[:, None], 32, axis=1), rtol=1e-4)
        up = [0, -np.cos(elevation), -np.sin(elevation)]
        np.testing.assert_allclose(seen.normals, np.broadcast_to(up, (32, 32, 3)), atol=1e-5)

    def test_a_sphere(self):
        radius, distance, size = 0.5, 3.0, 64
        camera = Camera.orbiting(np.array([0, 0, radius]), distance, np.radians(20.0), focal=1.5)
        ball = Body(sphere(1.0), plain(), azimuth=1.0, scale=radius)
        seen = render(Scene([ball]), camera, overhead(), size)

        rays = camera.rays(size).astype(float)
        squares = (rays**2).sum(axis=1)
        root = distance**2 - squares * (distance**2 - radius**2)
        hit = root > 0
        depth = (distance - np.sqrt(np.maximum(root, 0))) / squares
        normals = (depth[:, None] * rays - [0, 0, distance]) / radius
        found = seen.instances.ravel() == 0
        assert np.mean(found != hit) < 0.02
        # The facets lie up to 4 mm inside, more along a ray that grazes; compare where none does.
        inner = hit & (np.einsum("nk,nk->n", normals, rays) < -0.3)
        assert found[inner].all()
        np.testing.assert_allclose(seen.depth.ravel()[inner], depth[inner], atol=0.03)
        np.testing.assert_allclose(seen.normals.reshape(-1, 3)[inner], normals[inner], atol=0.06)
        assert np.isinf(seen.depth.ravel()[~found]).all()
        assert (seen.normals.reshape(-1, 3)[~found] == 0).all()

    def test_the_picture_is_upright_and_not_mirrored(self):
        camera = Camera.orbiting(np.zeros(3), 5.0, np.radians(30.0), focal=1.3)
        right, up = (Body(box(0.3, 0.3, 0.3).at(*at), plain()) for at in [(0.6, 0, 0), (0, 0, 0.6)])
        seen = render(Scene([right, up]), camera, overhead(), 32)
        rows, columns = np.nonzero(seen.instances == 0)
        assert columns.mean() > 18
        rows, columns = np.nonzero(seen.instances == 1)
        assert rows.mean() < 14
        np.testing.assert_allclose(camera.to_camera(np.array([[1.0, 0, 0]])), [[1, 0, 5]], atol=1e-9)

    def test_a_pixel_is_the_mean_light_of_the_rays_through_it(self):
        sides = [Body(box(20, 20, 1).at(x=x, z=-1), plain(grey)) for x, grey in ((-10, 0.4), (10, 0.0))]
        camera = Camera.orbiting(np.zeros(3), 4.0, np.pi / 2, focal=1.0)
        seen = render(Scene(sides), camera, overhead(), 5).rgb[2, :, 0]
        light = 0.4 * (1 + 0.3)  # of the left side, direct and ambient
        expected = [255 * (1.055 * part ** (1 / 2.4) - 0.055) for part in (light, light / 2)]
        np.testing.assert_allclose(seen[[0, 2]], expected, atol=1)
        assert seen[4] == 0

    def test_a_shadow_below_a_plate_has_only_ambient_light(self):
        ground = Body(box(20, 20, 1).at(z=-1), plain())
        plate = Body(box(1.0, 1.0, 0.02).at(z=0.5), plain())
        light = Light(np.array([1.0, 0.0, 1.0]) / np.sqrt(2), np.ones(3), 0.2)
        camera = Camera.orbiting(np.zeros(3), 6.0, np.pi / 2, focal=1.3)
        seen = render(Scene([ground, plate]), camera, light, 65)
        lit, shaded = seen.rgb[32, 60], seen.rgb[32, 19]  # at x = 1.9 and -0.95, the shadow spans -1 .. 0
        linear = ((shaded / 255 + 0.055) / 1.055) ** 2.4
        np.testing.assert_allclose(linear, 0.5 * 0.2, atol=0.01)
        assert (lit > shaded + 50).all()


class TestLabels:
    @pytest.mark.parametrize("index", range(0, 50, 7))
    def test_masks_boxes_and_normals_agree(self, index):
        plan = Plan(images=50, objects=3, size=48, seed=2)
        rgb, labels = draw_picture(plan, index)
        assert rgb.shape == (48, 48, 3)
        assert np.isfinite(labels.depth).all()

        normals = labels.normals.astype(float) / 127
        np.testing.assert_allclose(np.linalg.norm(normals, axis=2), 1.0, atol=0.01)
        rays = Camera(np.eye(3), np.zeros(3), dataset.draw.FOCAL).rays(48).reshape(48, 48, 3)
        assert np.einsum("hwk,hwk->hw", normals, rays).max() < 0.02  # as far as int8 can tell

        table = np.array(labels.objects, dtype=dataset.OBJECT_FIELDS)
        assert set(np.unique(labels.instance_mask)) <= {0, *table["instance"]}
        assert ((labels.class_mask == 0) == (labels.instance_mask == 0)).all()
        for row in table:
            mask = labels.instance_mask == row["instance"]
            assert mask.sum() == row["pixels"] >= dataset.MIN_VISIBLE * mask.size
            assert (labels.class_mask[mask] == row["label"] + 1).all()
            inside = np.zeros_like(mask)
            inside[row["y0"] : row["y1"], row["x0"] : row["x1"]] = True
            assert not (mask & ~inside).any()
            for edge in (row["y0"], row["y1"] - 1):
                assert mask[edge].any()
            for edge in (row["x0"], row["x1"] - 1):
                assert mask[:, edge].any()
            # The object's centre is about as far away as what is seen of it.
            assert abs(row["centre_z"] - np.median(labels.depth[mask])) < 0.8

    def test_the_centre_of_an_object_alone_is_seen_amid_its_box(self):
        plan = Plan(images=50, objects=1, size=64, seed=2)
        whole = 0
        for index in range(30):
            _, labels = draw_picture(plan, index)
            row = np.array(labels.objects, dtype=dataset.OBJECT_FIELDS)[0]
            box_of = np.array([row[edge] for edge in ("x0", "y0", "x1", "y1")])
            if box_of.min() == 0 or box_of.max() == 64:
                continue
            whole += 1
            centre = np.array([row["centre_x"], row["centre_y"]]) / row["centre_z"]
            shown = 64 * (0.5 + dataset.draw.FOCAL * centre)
            off = np.abs(shown - (box_of[:2] + box_of[2:]) / 2) / (box_of[2:] - box_of[:2])
            assert off.max() < 0.25
        assert whole > 5

    def test_what_is_recorded_of_light_and_surfaces_is_what_is_rendered(self):
        rng = np.random.default_rng(0)
        for _ in range(20):
            bodies, camera, light, picture, rows = dataset.draw.draw_scene(
                rng, [build("mug", 0), build("car", 0)]
            )
            red, green, blue = light.colour / picture["light_intensity"]
            assert green == pytest.approx(1)
            assert (red > green > blue) if picture["light_warmth"] > 0 else (red < green < blue)
            x, y, z = light.direction
            assert np.degrees(np.arcsin(z)) == pytest.approx(picture["light_elevation"])
            assert np.degrees(np.arctan2(x, -y)) == pytest.approx(picture["light_azimuth"])
            sight = camera.rotation[2]  # the camera looks down by its elevation
            assert np.degrees(np.arcsin(-sight[2])) == pytest.approx(picture["elevation"])
            assert (sight @ -camera.position) > 0
            surfaces = [
                (body.materials, ("body", "trim"), row) for body, row in zip(bodies[:2], rows, strict=True)
            ]
            surfaces += [
                (bodies[2].materials, ("ground",), picture),
                (bodies[3].materials, ("backdrop",), picture),
            ]
            for materials, prefixes, row in surfaces:
                for material, prefix in zip(materials, prefixes, strict=True):
                    hsv = colorsys.rgb_to_hsv(*material.colour)
                    assert hsv == pytest.approx(
                        [row[f"{prefix}_{n}"] for n in ("hue", "saturation", "value")]
                    )
                    assert material.texture == textures.NAMES[row[f"{prefix}_texture"]]
                    assert (material.contrast, material.tile) == (
                        row[f"{prefix}_contrast"],
                        row[f"{prefix}_tile"],
                    )

    def test_objects_do_not_overlap(self):
        rng = np.random.default_rng(0)
        meshes = [build(family, 0) for family in ("car", "tree", "house", "table")]
        for _ in range(20):
            bodies, *_, rows = dataset.draw.draw_scene(rng, meshes)
            places = np.array([(row["x"], row["y"]) for row in rows])
            radii = np.array(
                [dataset.draw.radius(body.placed().at(*-np.array(body.position))) for body in bodies[:4]]
            )
            apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)) + 10 * np.eye(4)
            assert (apart > radii[:, None] + radii[None] - 1e-9).all()


@pytest.mark.parametrize(
    ("index", "rgb", "depth", "normals", "shown"),
    [(0, 177.308, 5.812, -43.864, 54), (31, 173.02, 4.96, -45.726, 189), (49, 156.947, 3.792, -47.506, 413)],
)
def test_pictures_are_what_they_were(index, rgb, depth, normals, shown):
    """Results are compared over years, so nothing that is shared with other scenes may change these."""
    picture, labels = draw_picture(Plan(50, objects=3, size=48, seed=5), index)
    found = [picture.mean(), labels.depth.astype(float).mean(), labels.normals.astype(float).mean()]
    np.testing.assert_allclose(found, [rgb, depth, normals], atol=2e-3)
    assert np.count_nonzero(labels.instance_mask) == shown


class TestPlan:
    @pytest.mark.parametrize("images", [50, 73, 400, 2000])
    @pytest.mark.parametrize("objects", [1, 4])
    def test_splits_are_balanced_and_share_no_model(self, images, objects):
        plan = Plan(images, objects, size=32, seed=0)
        models = [plan.models(index, np.random.default_rng(index)) for index in range(images)]
        splits = np.array(plan.splits)
        seen = {}
        for split in ("train", "val", "test"):
            chosen = [models[index] for index in np.flatnonzero(splits == split)]
            firsts = np.bincount([shown[0] % 10 for shown in chosen], minlength=10)
            assert np.ptp(firsts) <= 1
            seen[split] = {model for shown in chosen for model in shown}
            views = Counter(shown[0] for shown in chosen)
            assert max(views.values()) <= dataset.VIEWS_PER_MODEL
            assert all(1 <= len(shown) <= objects for shown in chosen)
        assert not (seen["train"] & seen["val"] or seen["train"] & seen["test"] or seen["val"] & seen["test"])
        assert abs((splits == "test").sum() - images / 5) < 1

    @pytest.mark.parametrize(
        ("changed", "complaint"),
        [
            ({"images": 49}, "at least 50"),
            ({"objects": 0}, "1 to 10"),
            ({"size": 31}, "at least 32"),
            ({"classes": 11}, "2 to 10"),
        ],
    )
    def test_a_setting_out_of_range(self, changed, complaint, tmp_path):
        with pytest.raises(InputError, match=complaint):
            render_dataset(tmp_path / "set", **SETTINGS | {"objects": 1} | changed, threads=1)
        assert list(tmp_path.iterdir()) == []


class TestRenderDataset:
    def test_the_bytes_do_not_depend_on_the_threads(self, several, tmp_path):
        render_dataset(tmp_path / "set", **SETTINGS, objects=3, threads=1)
        assert digests(tmp_path / "set") == digests(several)

    def test_the_files_hold_what_is_drawn(self, several):
        plan = Plan(objects=3, **SETTINGS)
        rgb, labels = draw_picture(plan, 31)
        np.testing.assert_array_equal(np.asarray(Image.open(several / "images/00031.png")), rgb)
        with h5py.File(several / "labels.h5") as file:
            for name in ("depth", "normals", "class_mask", "instance_mask"):
                np.testing.assert_array_equal(file[name][31], getattr(labels, name))
            rows = file["objects"][:]
            assert (np.diff(rows["picture"]) >= 0).all()
            assert rows[rows["picture"] == 31].tolist() == np.array(labels.objects, rows.dtype).tolist()
            assert file["pictures"].shape == (50,)
            assert list(file.attrs["class_names"]) == list(FAMILIES)
            assert {name: file.attrs[name] for name in SETTINGS.keys() - {"images"}} == {
                "size": 48,
                "seed": 5,
            }

    def test_a_source_means_all_classes_unless_it_says_fewer(self):
        assert {"classes": len(FAMILIES)} == own_sources.ALL_CLASSES

    def test_of_fewer_classes_the_first_are_drawn(self, tmp_path):
        render_dataset(tmp_path / "set", images=20, size=32, seed=5, objects=2, threads=1, classes=3)
        samples = load(tmp_path / "set")
        assert samples.class_names == list(FAMILIES)[:3]
        assert samples.labels.shape == (20, 3) and samples.labels.any(axis=0).all()

    def test_nothing_is_left_of_an_interrupted_set(self, tmp_path, monkeypatch):
        def interrupt(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(dataset, "_write_labels", interrupt)
        with pytest.raises(KeyboardInterrupt):
            render_dataset(tmp_path / "set", **SETTINGS, objects=1, threads=1)
        assert list(tmp_path.iterdir()) == []


class TestLoad:
    def test_one_object_gives_one_label(self, single):
        samples = load(single)
        assert not samples.multilabel
        assert samples.class_names == list(FAMILIES)
        assert Counter(samples.splits.tolist()) == {"train": 30, "val": 10, "test": 10}
        assert (np.bincount(samples.labels[samples.splits == "train"]) == 3).all()
        with h5py.File(single / "labels.h5") as file:
            masks = file["class_mask"][:]
        np.testing.assert_array_equal(masks.max(axis=(1, 2)) - 1, samples.labels)

    def test_several_objects_give_the_classes_in_the_mask(self, several):
        samples = load(several)
        assert samples.multilabel
        with h5py.File(several / "labels.h5") as file:
            masks = file["class_mask"][:]
        present = [[label + 1 in mask for label in range(10)] for mask in masks]
        np.testing.assert_array_equal(samples.labels, np.array(present))
        assert samples.labels.sum(axis=1).max() > 1

    def test_reading_survives_pickling(self, single):
        image = pickle.loads(pickle.dumps(load(single).read))(7)
        assert (image.mode, image.size) == ("RGB", (48, 48))

    def test_a_damaged_folder(self, tmp_path):
        (tmp_path / "labels.h5").write_bytes(b"no")
        with pytest.raises(InputError, match="render it again"):
            load(tmp_path)
