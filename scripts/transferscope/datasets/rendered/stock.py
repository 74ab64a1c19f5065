"""Where the scenes with factors take models and textures from: families and patterns, or folders of files.

A stock of models has ``class_names``, ``two_sided`` (see ``render.Scene``), ``in_bucket(label)``, how many
models of a class each bucket has, and ``mesh(label, number)``; bucket b has the numbers from b times that on.

A stock of textures has their number ``count``, ``pyramid(index)`` (texels as in ``textures.pyramid``, uint8
[P, 1] or [P, 3]), ``values`` (what the 256 texels stand for, float32) and ``two_tone``: whether a texture
lies between two colours that are drawn, or has its own.
"""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from transferscope.datasets import pictures
from transferscope.datasets.rendered import obj, textures
from transferscope.datasets.rendered.families import FAMILIES, build
from transferscope.datasets.rendered.render import linear
from transferscope.datasets.rendered.shapes import BODY, Mesh
from transferscope.errors import InputError
from transferscope.folders import SUFFIXES, is_clutter

BUCKETS = 12
CACHED = 256  # textures of a folder that are kept, of 260 kB each


@dataclass(frozen=True)
class Families:
    """Parametric models, ``models`` of each family in each bucket; the seed determines all."""

    models: int
    seed: int
    two_sided = False
    class_names = tuple(FAMILIES)

    def in_bucket(self, label: int) -> int:
        return self.models

    def mesh(self, label: int, number: int) -> Mesh:
        model = number * len(self.class_names) + label
        return centred(build(self.class_names[label], np.random.SeedSequence([self.seed, 1, model])))


@dataclass(frozen=True)
class Shapes:
    """The .obj files in a folder, a subfolder a class, in the order of their paths.

    Raises:
        InputError: no folder, or a class with fewer files than buckets.
    """

    folder: Path
    two_sided = True

    def __post_init__(self) -> None:
        for name, found in self._files.items():
            if len(found) < BUCKETS:
                raise InputError(
                    f"{self.folder / name} has {len(found)} models (.obj); put at least {BUCKETS} there, "
                    "one for each bucket"
                )

    @cached_property
    def _files(self) -> dict[str, list[Path]]:
        classes = [entry for entry in _listed(self.folder) if entry.is_dir()]
        if not classes:
            raise InputError(f"{self.folder} has no folder of models; make one for each class")
        return {entry.name: sorted(path for path in entry.rglob("*.obj")) for entry in classes}

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(self._files)

    def in_bucket(self, label: int) -> int:
        return len(self._files[self.class_names[label]]) // BUCKETS

    def mesh(self, label: int, number: int) -> Mesh:
        return centred(obj.read(self._files[self.class_names[label]][number]))


def centred(mesh: Mesh) -> Mesh:
    """Of one material, its bounding box about the origin, the longest side 1 m."""
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    vertices = (mesh.vertices - (low + high) / 2) / (high - low).max()
    return replace(mesh, vertices=vertices, materials=np.full_like(mesh.materials, BODY))


@dataclass(frozen=True)
class Patterns:
    """The grey textures of ``textures``, without the plain one."""

    two_tone = True
    count = len(textures.NAMES) - 1
    values = np.arange(256, dtype=np.float32) / 255

    def pyramid(self, index: int) -> np.ndarray:
        patterns = [number for number, name in enumerate(textures.NAMES) if name != "plain"]
        return textures.pyramids()[patterns[index], :, None]


@dataclass(frozen=True)
class Pictures:
    """The pictures in a folder, at any depth, in the order of their paths, each cut to a square.

    Raises:
        InputError: no folder, or none with pictures.
    """

    folder: Path
    two_tone = False

    def __post_init__(self) -> None:
        if not self._files:
            raise InputError(f"{self.folder} has no pictures; put the textures there")

    @cached_property
    def _files(self) -> list[Path]:
        _listed(self.folder)
        return sorted(path for path in self.folder.rglob("*") if path.suffix.lower() in SUFFIXES)

    @cached_property
    def values(self) -> np.ndarray:
        """Linear light of sRGB's numbers."""
        return linear(np.arange(256) / 255).astype(np.float32)

    @property
    def count(self) -> int:
        return len(self._files)

    def pyramid(self, index: int) -> np.ndarray:
        return _pyramid_of(self._files[index])


@lru_cache(maxsize=CACHED)
def _pyramid_of(path: Path) -> np.ndarray:
    try:
        picture = pictures.read(path)
    except (pictures.UnknownRange, *pictures.READ_ERRORS) as error:
        raise InputError(f"the texture {path} cannot be read ({error}); replace the file") from error
    square = ImageOps.fit(picture, (textures.TEXELS, textures.TEXELS), Image.Resampling.BOX)
    return np.round(textures.pyramid(np.asarray(square, dtype=float))).astype(np.uint8)


def _listed(folder: Path) -> list[Path]:
    """What is in a folder, sorted, without clutter.

    Raises:
        InputError: it cannot be looked at.
    """
    try:
        return sorted(entry for entry in folder.iterdir() if not is_clutter(entry.name))
    except OSError as error:
        raise InputError(
            f"{folder} is no folder ({error.strerror}); correct the source of its row"
        ) from error
