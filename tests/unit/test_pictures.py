"""The one reader of picture files: what each kind of file means, and that every protocol reads the same."""

import random
import re
import struct
from pathlib import Path
from zlib import compress, crc32

import numpy as np
import pytest
from mmdet.utils import register_all_modules
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from PIL import Image, ImageCms

import choose_picture
from transferscope.datasets import ade20k, image_folder
from transferscope.datasets.boxes import Boxes
from transferscope.datasets.dense import DenseSamples, check_labels
from transferscope.datasets.pictures import Files, UnknownRange, read, read_indices
from transferscope.errors import InputError, SampleError
from transferscope.features.images import resize_and_crop
from transferscope.models.backbones import NORMALISATIONS, Metadata
from transferscope.protocols import invariance
from transferscope.protocols.dense.resizing import Sizes, opencv, pillow, resized
from transferscope.protocols.finetuning.draw import AUGMENTATIONS
from transferscope.protocols.openmmlab import detection
from transferscope.protocols.openmmlab.stream import ToolboxStream

SCRIPTS = Path(__file__).parents[2] / "scripts"
PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
STORED = {
    1: PIXELS,
    2: PIXELS[:, ::-1],
    3: PIXELS[::-1, ::-1],
    4: PIXELS[::-1],
    5: PIXELS.swapaxes(0, 1),
    6: np.rot90(PIXELS, 1),
    7: np.rot90(PIXELS, 2).swapaxes(0, 1),
    8: np.rot90(PIXELS, -1),
}
"""PIXELS as a file stores them whose orientation, by the EXIF standard, is the key."""


def store(path: Path, pixels: np.ndarray, orientation: int = 0, **options) -> Path:
    """Write a picture, with an orientation if it is not 0."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if orientation:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, **options)
    return path


def tiff(
    path: Path,
    pixels: bytes,
    size: tuple[int, int],
    *,
    bits: list[int],
    photometric: int = 1,
    sample_format: int = 1,
    planar: int = 1,
) -> Path:
    """Write a little-endian TIFF file of one strip, or of one a sample if ``planar`` is 2."""
    count, strips = len(bits), len(bits) if planar == 2 else 1
    tags = {
        256: [size[0]],
        257: [size[1]],
        258: bits,
        259: [1],
        262: [photometric],
        273: None,
        277: [count],
        278: [size[1]],
        279: [len(pixels) // strips] * strips,
        284: [planar],
        339: [sample_format] * count,
    }
    end = 8 + 2 + 12 * len(tags) + 4
    room = 4 * sum(max(len(values), strips) if (values := tags[tag]) else strips for tag in tags)
    tags[273] = [end + room + strip * (len(pixels) // strips) for strip in range(strips)]
    entries, beside = b"", b""
    for tag, values in tags.items():
        packed = struct.pack(f"<{len(values)}I", *values)
        if len(values) > 1:
            packed, beside = struct.pack("<I", end + len(beside)), beside + packed
        entries += struct.pack("<HHI", tag, 4, len(values)) + packed
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + bytes(4)
    path.write_bytes(head + beside.ljust(room, b"\0") + pixels)
    return path


def grey(path: Path) -> list[int]:
    """The first row of a picture that has no colours."""
    pixels = np.asarray(read(path))
    assert pixels.dtype == np.uint8
    assert (pixels == pixels[..., :1]).all()
    return pixels[0, :, 0].tolist()


class TestOrientation:
    @pytest.mark.parametrize("orientation", STORED)
    @pytest.mark.parametrize(
        ("suffix", "options"),
        [
            ("png", {}),
            ("tif", {}),
            ("tif", {"compression": "tiff_lzw"}),
            ("webp", {"lossless": True}),
        ],
    )
    def test_a_picture_is_upright(self, tmp_path, orientation, suffix, options):
        picture = read(
            store(tmp_path / f"a.{suffix}", STORED[orientation], orientation, **options),
        )
        np.testing.assert_array_equal(np.asarray(picture), PIXELS)
        assert picture.mode == "RGB"
        assert picture.info == {"orientation": orientation}

    @pytest.mark.parametrize("orientation", STORED)
    def test_so_is_a_jpeg(self, tmp_path, orientation):
        shown = np.kron(PIXELS, np.ones((16, 16, 1), dtype=np.uint8))
        stored = np.kron(STORED[orientation], np.ones((16, 16, 1), dtype=np.uint8))
        picture = read(store(tmp_path / "a.jpg", stored, orientation, quality=100, subsampling=0))
        np.testing.assert_allclose(np.asarray(picture, dtype=int), shown, atol=4)

    @pytest.mark.parametrize("orientation", [0, 9, 17])
    def test_none_and_impossible_ones_turn_nothing(self, tmp_path, orientation):
        picture = read(store(tmp_path / "a.png", PIXELS, orientation))
        np.testing.assert_array_equal(np.asarray(picture), PIXELS)
        assert picture.info == {"orientation": 1}

    @pytest.mark.parametrize(
        "exif", [b"Exif\0\0garbage", b"Exif\0\0", b"Exif\0\0II*\0\x08", b"Exif\0\0MM\0*"]
    )
    def test_a_damaged_one_turns_nothing(self, tmp_path, exif):
        Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=exif)
        np.testing.assert_array_equal(np.asarray(read(tmp_path / "a.png")), PIXELS)

    def test_without_exif_it_is_xmps(self, tmp_path):
        xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="3"/></x:xmpmeta>'
        assert read(store(tmp_path / "a.jpg", PIXELS, xmp=xmp)).info == {"orientation": 3}

    def test_a_grey_one_of_16_bits_is_turned_too(self, tmp_path):
        deep = STORED[6][..., 0].astype(np.uint16) * 257
        picture = read(store(tmp_path / "a.png", deep, 6))
        np.testing.assert_array_equal(np.asarray(picture)[..., 0], PIXELS[..., 0])

    def test_labels_are_turned_by_their_own(self, tmp_path):
        path = store(tmp_path / "a.png", STORED[6][..., 0], 6)
        np.testing.assert_array_equal(read_indices(path), PIXELS[..., 0])

    def test_the_chosen_picture_is_turned_once(self, tmp_path):
        for name in ("train/red/1.png", "val/red/1.png", "test/red/1.png"):
            store(tmp_path / "data" / name, STORED[8], 8)
        facts = {"dataset": "one", "loader": "image_folder", "split_rule": "official", "classes": 1}
        chosen = tmp_path / "one.png"
        choose_picture.main(
            tmp_path / "data", chosen, tmp_path / "one.json", facts=facts | {"counts": {}}, version=1, seed=0
        )
        np.testing.assert_array_equal(np.asarray(read(chosen)), PIXELS)


class TestOneReader:
    def test_no_other_module_opens_pictures(self):
        opening = re.compile(r"Image\.open|imread|imdecode|LoadImageFromFile|decode_image|read_image\(")
        found = {
            path.relative_to(SCRIPTS).as_posix()
            for path in SCRIPTS.rglob("*.py")
            if opening.search(path.read_text(encoding="utf-8"))
        }
        assert found == {"transferscope/datasets/pictures.py"}

    @pytest.mark.parametrize("orientation", [1, 3, 6])
    def test_probes_detection_and_dense_tasks_see_the_same(self, tmp_path, orientation):
        """Of one file whose left upper quarter alone is there, and transparent elsewhere."""
        shown = np.zeros((32, 48, 4), dtype=np.uint8)
        shown[:16, :24] = 200, 100, 50, 255
        base = tmp_path / ade20k.FOLDER
        for folder in ("training", "validation"):
            stored = np.rot90(shown, {1: 0, 3: 2, 6: 1}[orientation])
            path = store(base / f"images/{folder}/a.png", stored, orientation)
            path.rename(path.with_suffix(".jpg"))  # which is what the loader looks for
            store(base / f"annotations/{folder}/a.png", shown[..., 0])
        (base / "objectInfo150.txt").write_text("header\n1\ta\n")
        register_all_modules(init_default_scope=False)
        pipeline = detection.test_set("", 32, root="", class_names=[], longest=48)["pipeline"]
        with DefaultScope.overwrite_default_scope("mmdet"):
            path = base / "images/training/a.jpg"
            packed = Compose(pipeline)({"img_id": 0, "img_path": str(path)})
        dense = ade20k.load_segmentation(tmp_path)
        expected = np.full((32, 48, 3), 255, dtype=np.uint8)
        expected[:16, :24] = 200, 100, 50
        np.testing.assert_array_equal(np.asarray(image_folder.load(base / "images").read(0)), expected)
        np.testing.assert_array_equal(np.asarray(dense.read(0)), expected)
        np.testing.assert_array_equal(packed["inputs"].permute(1, 2, 0), expected)
        assert packed["data_samples"].ori_shape == dense.target(0).shape == (32, 48)

    def test_an_error_in_detection_is_the_readers(self, tmp_path):
        with pytest.raises(SampleError, match=r"the picture a\.png of the dataset in .* cannot be read"):
            detection.read_picture({"img_path": str(tmp_path / "a.png")})

    def test_and_its_training_ends_with_it(self):
        with pytest.raises(SampleError, match=r"the picture a\.png is torn"):
            ToolboxStream({"type": Torn}, seed=0)[0]


class Torn:
    """A toolbox's dataset of one picture, which is damaged."""

    metainfo = None

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> None:
        raise SampleError("the picture", ["a.png"], "is torn", "mend it")


class TestAgainstLabels:
    def boxes(self, root: Path, size: tuple[int, int]) -> Boxes:
        """One picture of that width and height, with a box in its first pixel."""
        one = np.array([0])
        return Boxes(
            root,
            ["a.png"],
            sizes=np.array([size]),
            splits=np.array(["train"]),
            pictures=one,
            boxes=np.array([[0.0, 0, 1, 1]]),
            labels=one,
            difficult=np.array([False]),
            class_names=["cat"],
        )

    def test_boxes_of_the_picture_as_it_is_shown_pass(self, tmp_path):
        store(tmp_path / "a.png", STORED[6], 6)
        self.boxes(tmp_path, (6, 4)).check_pictures(longest=100, threads=1)

    def test_boxes_of_the_picture_as_it_is_stored_are_a_sentence(self, tmp_path):
        store(tmp_path / "a.png", STORED[6], 6)
        said = (
            r"^the boxes of the picture a\.png are of 4 x 6 pixels, where it has 6 x 4 as it is shown, "
            r"turned by the orientation \(EXIF\) in its file; correct .*, or remove the orientation"
        )
        with pytest.raises(InputError, match=said):
            self.boxes(tmp_path, (4, 6)).check_pictures(longest=100, threads=1)

    @pytest.mark.parametrize(("orientation", "size"), [(0, (4, 6)), (3, (4, 6)), (6, (6, 5)), (0, (7, 4))])
    def test_other_sizes_are_not_laid_to_the_orientation(self, tmp_path, orientation, size):
        store(tmp_path / "a.png", STORED[orientation or 1], orientation)
        said = f"are of {size[0]} x {size[1]} pixels, where it has 6 x 4; correct"
        with pytest.raises(InputError, match=said):
            self.boxes(tmp_path, size).check_pictures(longest=100, threads=1)

    def test_a_picture_of_which_a_detector_would_see_no_pixel_is_a_sentence(self, tmp_path):
        store(tmp_path / "a.png", np.zeros((6, 6000, 3), dtype=np.uint8))
        self.boxes(tmp_path, (6000, 6)).check_pictures(longest=1000, threads=1)
        said = (
            r"the size of the picture a\.png is 6000 x 6 pixels, too narrow for a longer side of 999; crop it"
        )
        with pytest.raises(InputError, match=said):
            self.boxes(tmp_path, (6000, 6)).check_pictures(longest=999, threads=1)

    def dense(self, root: Path, labels: np.ndarray, orientation: int = 0) -> DenseSamples:
        """One picture with an orientation of 6, for train and for test."""
        store(root / "a.png", STORED[6], 6)
        store(root / "labels.png", labels, orientation)
        read = Files(root, ["a.png"] * 2)
        names = np.array(["train", "test"])
        return DenseSamples(
            ["a", "b"], names, read, lambda index: read_indices(root / "labels.png"), ["x", "y"]
        )

    @pytest.mark.parametrize(("orientation", "shape"), [(0, (4, 6)), (6, (6, 4))])
    def test_labels_of_the_picture_as_it_is_shown_pass(self, tmp_path, orientation, shape):
        labels = np.zeros(shape, dtype=np.uint8)
        check_labels(self.dense(tmp_path, labels, orientation), "segmentation", threads=1)

    def test_labels_of_the_picture_as_it_is_stored_are_a_sentence(self, tmp_path):
        said = (
            r"the labels of a are uint8 of 6 x 4, where the picture asks for uint8 of 4 x 6, a class a "
            r"pixel, turned by the orientation \(EXIF\) in its file; turn the labels too, or"
        )
        with pytest.raises(InputError, match=said):
            check_labels(self.dense(tmp_path, np.zeros((6, 4), np.uint8)), "segmentation", threads=1)


def by_tiff(path: Path, values: list, kind: str, **how) -> Path:
    numbers = np.array(values, dtype=kind)
    bits = [8 * numbers.dtype.itemsize]
    return tiff(path, numbers.tobytes(), (len(values), 1), **{"bits": bits} | how)


FULL = [0, 256, 32768, 65535]


class TestRange:
    def test_every_mode_becomes_rgb(self, tmp_path):
        for mode in ("1", "L", "P", "RGB", "CMYK", "YCbCr", "LA", "RGBA"):
            suffix = "tif" if mode in ("CMYK", "YCbCr") else "png"
            Image.new("RGB", (2, 2), "white").convert(mode).save(tmp_path / f"a.{suffix}")
            assert grey(tmp_path / f"a.{suffix}") == [255, 255]

    def test_16_bits_are_scaled_not_clipped(self, tmp_path):
        deep = np.array([FULL], dtype=np.uint16)
        assert grey(store(tmp_path / "a.png", deep)) == [0, 1, 128, 255]
        assert grey(store(tmp_path / "a.tif", deep)) == [0, 1, 128, 255]
        assert grey(tiff(tmp_path / "b.tif", deep.tobytes(), (4, 1), bits=[16])) == [0, 1, 128, 255]

    def test_colours_of_16_bits_keep_the_upper_ones(self, tmp_path):
        deep = np.repeat(np.array(FULL, dtype="<u2"), 3).tobytes()
        path = tiff(tmp_path / "a.tif", deep, (4, 1), bits=[16] * 3, photometric=2)
        assert grey(path) == [0, 1, 128, 255]

    def test_12_bits_that_the_file_names_are_its_range(self, tmp_path):
        # Two numbers in three bytes: 0, 16, 2048, 4095.
        packed = bytes([0x00, 0x00, 0x10, 0x80, 0x0F, 0xFF])
        assert grey(tiff(tmp_path / "a.tif", packed, (4, 1), bits=[12])) == [0, 1, 128, 255]

    @pytest.mark.parametrize(("highest", "values"), [(4095, [0, 1024, 4095]), (65535, [0, 16400, 65535])])
    def test_a_pgm_file_names_its_highest_number(self, tmp_path, highest, values):
        head = f"P5 3 1 {highest}\n".encode()
        (tmp_path / "a.pgm").write_bytes(head + np.array(values, dtype=">u2").tobytes())
        assert grey(tmp_path / "a.pgm") == [0, 64, 255]

    def test_and_may_be_dark(self, tmp_path):
        (tmp_path / "a.pgm").write_bytes(b"P5 2 1 4095\n" + np.array([0, 160], dtype=">u2").tobytes())
        assert grey(tmp_path / "a.pgm") == [0, 10]

    @pytest.mark.parametrize("values", [[0, 4095], [0, 255], [0, 16383], [0, 0]])
    def test_fewer_bits_than_16_are_not_guessed(self, tmp_path, values):
        deep = np.array([values], dtype="<u2")
        colours = np.repeat(deep, 3).tobytes()
        for path in (
            store(tmp_path / "a.png", deep),
            tiff(tmp_path / "a.tif", deep.tobytes(), (2, 1), bits=[16]),
            tiff(tmp_path / "b.tif", colours, (2, 1), bits=[16] * 3, photometric=2),
        ):
            with pytest.raises(UnknownRange, match="none of its numbers reaches a quarter of 65535"):
                read(path)

    def test_nor_those_of_colours_in_png(self, tmp_path):
        for value, fits in ((4095, False), (16384, True)):
            path = png_of_16_bits(tmp_path / "a.png", [value] * 3)
            if fits:
                assert grey(path) == [64]
            else:
                with pytest.raises(UnknownRange, match="a quarter of 65535"):
                    read(path)

    def test_alpha_does_not_count_there(self, tmp_path):
        with pytest.raises(UnknownRange, match="a quarter of 65535"):
            read(png_of_16_bits(tmp_path / "a.png", [4095] * 3 + [65535]))

    def test_floats_are_0_to_1(self, tmp_path):
        assert grey(by_tiff(tmp_path / "a.tif", [0, 0.1, 0.5, 1], "<f4", sample_format=3)) == [
            0,
            26,
            128,
            255,
        ]

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ([0, 255], "its numbers with a point are 0 to 255, where 0 is black and 1 is white"),
            ([-0.5, 1], "are -0.5 to 1,"),
            ([0.5, np.nan], "are nan to nan,"),
            ([0.5, np.inf], "are 0.5 to inf,"),
            ([0, 0.2], "none of its numbers reaches a quarter of 1, "),
        ],
    )
    def test_other_floats_are_refused(self, tmp_path, values, said):
        with pytest.raises(UnknownRange, match=re.escape(said)):
            read(by_tiff(tmp_path / "a.tif", values, "<f4", sample_format=3))

    @pytest.mark.parametrize(("kind", "format"), [("<i1", 2), ("<i2", 2), ("<i4", 2), ("<u4", 1)])
    def test_signs_and_32_bits_are_refused(self, tmp_path, kind, format):
        with pytest.raises(UnknownRange, match="its numbers have signs" if format == 2 else "of 32 bits"):
            read(by_tiff(tmp_path / "a.tif", [0, 127], kind, sample_format=format))

    @pytest.mark.parametrize(
        ("kind", "format", "values"),
        [("<u1", 1, [0, 64, 255]), ("<u2", 1, [0, 16400, 65535]), ("<f4", 3, [0, 0.2510, 1])],
    )
    def test_where_white_is_zero_it_is_white(self, tmp_path, kind, format, values):
        how = {"sample_format": format, "photometric": 0}
        assert grey(by_tiff(tmp_path / "a.tif", values, kind, **how)) == [255, 191, 0]

    def test_planes_that_pillow_misreads_are_refused(self, tmp_path):
        planes = np.array([[65535] * 2, [0] * 2, [0] * 2], dtype="<u2").tobytes()
        how = {"bits": [16] * 3, "photometric": 2, "planar": 2}
        with pytest.raises(ValueError, match="lie apart without compression"):
            read(tiff(tmp_path / "a.tif", planes, (2, 1), **how))

    def test_the_sentence_names_all_pictures_and_the_remedy(self, tmp_path):
        for name in ("a.png", "b.png"):
            store(tmp_path / name, np.array([[0, 4095]], dtype=np.uint16))
        said = (
            r"^the brightness of the picture a\.png of the dataset in .* is not known \(none of its numbers "
            r"reaches a quarter of 65535, .*\); store it with 8 bits, .*docs/your_data\.md"
        )
        with pytest.raises(SampleError, match=said):
            Files(tmp_path, ["a.png"])(0)


def png_of_16_bits(path: Path, pixel: list[int]) -> Path:
    """A PNG file of one pixel in colours, with alpha if there are four numbers, which Pillow cannot write."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", crc32(name + content))

    header = struct.pack(">IIBBBBB", 1, 1, 16, {3: 2, 4: 6}[len(pixel)], 0, 0, 0)
    row = compress(b"\0" + np.array(pixel, dtype=">u2").tobytes())
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", row) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    return path


class TestColours:
    def test_transparent_parts_are_white(self, tmp_path):
        Image.new("RGBA", (1, 1), (9, 9, 9, 0)).save(tmp_path / "a.png")
        assert grey(tmp_path / "a.png") == [255]
        Image.new("RGBA", (1, 1), (0, 0, 0, 51)).save(tmp_path / "a.png")
        assert grey(tmp_path / "a.png") == [204]

    @pytest.mark.parametrize("mode", ["P", "L", "RGB"])
    def test_so_is_a_transparent_colour(self, tmp_path, mode):
        picture = Image.new(mode, (2, 1), 0)
        picture.putpixel((1, 0), 1 if mode == "P" else {"L": 70, "RGB": (70, 70, 70)}[mode])
        if mode == "P":
            picture.putpalette([0, 0, 0, 70, 70, 70])
        picture.save(tmp_path / "a.png", transparency=(0, 0, 0) if mode == "RGB" else 0)
        assert grey(tmp_path / "a.png") == [255, 70]

    def test_of_16_bits_one_is_refused(self, tmp_path):
        picture = Image.fromarray(np.array([[0, 65535]], dtype=np.uint16))
        picture.save(tmp_path / "a.png", transparency=0)
        with pytest.raises(UnknownRange, match="has a colour of 16 bits as transparent"):
            read(tmp_path / "a.png")

    def test_cmyk_of_jpeg_is_adobes(self, tmp_path):
        Image.new("CMYK", (16, 16), (200, 30, 60, 0)).save(tmp_path / "a.jpg", quality=100)
        np.testing.assert_allclose(read(tmp_path / "a.jpg").getpixel((8, 8)), (55, 225, 195), atol=3)

    def test_so_is_ycck(self, tmp_path):
        """Which says in Adobe's mark that its numbers are those of CMYK, as Y, Cb, Cr and black."""
        numbers = Image.new("RGB", (1, 1), (200, 30, 60)).convert("YCbCr").getpixel((0, 0))
        stored = tuple(255 - number for number in (*numbers, 255))
        Image.new("CMYK", (16, 16), stored).save(tmp_path / "a.jpg", quality=100)
        content = bytearray((tmp_path / "a.jpg").read_bytes())
        content[content.index(b"Adobe") + 11] = 2  # the transform
        (tmp_path / "a.jpg").write_bytes(content)
        np.testing.assert_allclose(read(tmp_path / "a.jpg").getpixel((8, 8)), (55, 225, 195), atol=3)

    def test_cmyk_without_adobes_mark_is_refused(self, tmp_path):
        Image.new("CMYK", (16, 16), (200, 30, 60, 0)).save(tmp_path / "a.jpg")
        content = (tmp_path / "a.jpg").read_bytes()
        (tmp_path / "a.jpg").write_bytes(content.replace(b"Adobe", b"Other"))
        with pytest.raises(UnknownRange, match="whether 0 is ink or paper"):
            read(tmp_path / "a.jpg")

    def test_profiles_change_nothing(self, tmp_path):
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
        np.testing.assert_array_equal(
            np.asarray(read(store(tmp_path / "a.png", PIXELS, icc_profile=profile))), PIXELS
        )

    def test_of_several_pictures_it_is_the_first(self, tmp_path):
        first, second = (Image.new("L", (2, 1), value) for value in (10, 200))
        for name in ("a.gif", "a.tif"):
            first.save(tmp_path / name, save_all=True, append_images=[second])
            assert grey(tmp_path / name) == [10, 10]

    @pytest.mark.parametrize("name", ["bad.png", "bad.jpg", "bad.tif"])
    def test_a_damaged_file_is_named(self, tmp_path, name):
        noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
        content = store(tmp_path / name, noise).read_bytes()
        for damaged in (content[: len(content) // 2], b"no picture", b""):
            (tmp_path / name).write_bytes(damaged)
            said = rf"the picture {name} of the dataset in {re.escape(str(tmp_path))} cannot be read"
            with pytest.raises(SampleError, match=said):
                Files(tmp_path, [name])(0)


SHAPES = [(60_000, 6), (6, 60_000)]
MOST = 2**26


@pytest.fixture
def sizes(monkeypatch) -> list[int]:
    """Pixels of whatever Pillow resizes a picture to."""
    seen, resize = [], Image.Image.resize

    def counted(self, size, *given, **named):
        seen.append(size[0] * size[1])
        return resize(self, size, *given, **named)

    monkeypatch.setattr(Image.Image, "resize", counted)
    return seen


class TestExtremeShapes:
    """A picture of 60,000 x 6 pixels, at a shorter side of 224, would have 500 million."""

    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("how", [{}, {"shorter_side": 256}, {"shorter_side": 257, "squash": True}])
    def test_for_the_probes(self, sizes, shape, how):
        assert resize_and_crop(Image.new("RGB", shape), 224, **how).size == (224, 224)
        assert max(sizes) <= MOST

    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("make", [*AUGMENTATIONS.values(), *invariance.TRANSFORMS.values()])
    def test_for_finetuning_and_invariance(self, sizes, shape, make):
        assert make(224)(Image.new("RGB", shape)).size == (224, 224)
        assert max(sizes) <= MOST

    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("resize", [pillow, opencv])
    def test_for_dense_tasks(self, sizes, shape, resize):
        picture, labels = Image.new("RGB", shape), np.zeros(shape[::-1], dtype=np.uint8)
        samples = DenseSamples(["a"], np.array(["train"]), lambda _: picture, lambda _: labels, ["x"])
        metadata = Metadata("tiny", "arch", "random", "", *NORMALISATIONS["imagenet"], {})
        limits = Sizes([450], [300, 600], longest_side=1000, multiple=32, label_stride=4)
        shown = resized(samples, samples.target, metadata, limits, batch_size=1, flip=False, resize=resize)
        random.seed(0)
        long, short = (2, 3) if shape[0] < shape[1] else (3, 2)
        pictures, _ = shown.draw((0,))
        assert (pictures.shape[long], pictures.shape[short]) == (1024, 32)
        assert all(sorted(view.shape) == [3, 32, 1024] for view in shown.views(picture))
        assert max(sizes) <= MOST
