"""The four factors of Newell and Deng (CVPR 2020): what is drawn for a picture, and the scene that it makes.

A variant is four digits TCVL, each 0 (fixed) or 1 (drawn anew for each picture):

- T, texture: a flat colour on each object and on the backdrop, or a texture on each, all different.
- C, colour: the object's colour tells its class, or says nothing. So 1 takes a cue away.
- V, viewpoint: every model has the same rotation, or one that is turned at random about three axes.
- L, lighting: the light has one place, or any above, below and beside the object.

Each factor has a generator of its own for each picture, so two variants with one seed differ in nothing else.
Their code is render.py and distributed_render.py of princeton-vl/selfstudy-render. Differences: a distant
light with hard shadows and an even one from everywhere, in the place of Blender's; colours are drawn as they
are shown (sRGB), and their saturations multiplied by SATURATION, so that they spread in LAB about as theirs.

World axes are those of ``render``: x right, y away from the camera, z up; theirs are (-y, x, z).
"""

import colorsys
from dataclasses import dataclass
from functools import cache

import numpy as np

from transferscope.datasets.rendered import textures
from transferscope.datasets.rendered.render import Body, Camera, Light, Scene, linear
from transferscope.datasets.rendered.shapes import Mesh, prism, turning

FACTORS = "TCVL"
UPRIGHT = np.pi / 8  # how far the up axis may lean

DOWN = 0.14 * np.pi  # the camera looks down by so much
CAMERA = Camera.orbiting(np.array([0.0, -1.0, 0.4]), 0.0, DOWN, focal=50 / 36)
BACKDROP = (0.0, 3.0, -1.2)  # a point of the plane perpendicular to the optical axis
EXTENT = 5.0  # metres; half side of the backdrop, which exceeds the field of view
LONGEST = 0.56  # metres; an object's longest side before it is warped
BASE_TURN = -np.pi / 6

SATURATION = 0.25
COLOUR_SHARE = 0.4  # of the class's colour on a textured object
LIGHT, AMBIENT = 0.8, 0.3
TOWARDS_CAMERA = 0.7  # of the light's direction, else the visible side may be black

MODELS, TEXTURE, COLOUR, VIEWPOINT, LIGHTING, WARP, LAYOUT, CLASS_COLOURS, ORDER = range(2, 11)
"""Streams of random numbers; 0 and 1 are those of ``dataset``."""


def generator(seed: int, stream: int, *place: int) -> np.random.Generator:
    """The generator of a stream at a place, such as a picture's index."""
    return np.random.default_rng([seed, stream, *place])


@dataclass(frozen=True)
class Surface:
    """Linear RGB between ``dark`` and ``light`` by a texture of ``tile`` metres; ``light`` without one."""

    texture: int | None
    dark: np.ndarray
    light: np.ndarray
    tile: float


class Painted:
    """The colours of surfaces, see ``render.Paint``; ``stock`` as in the module ``stock``."""

    def __init__(self, surfaces: list[Surface], stock) -> None:
        self.dark, self.light = (
            np.array([getattr(surface, end) for surface in surfaces], dtype=np.float32)
            for end in ("dark", "light")
        )
        self.tiles = np.array([surface.tile for surface in surfaces], dtype=np.float32)
        self.values, self.pyramids = stock.values, None
        if surfaces[0].texture is not None:  # all surfaces of a scene have one, or none has
            self.pyramids = np.stack([stock.pyramid(surface.texture) for surface in surfaces])

    def albedo(self, material: np.ndarray, uv: np.ndarray, spread: np.ndarray) -> np.ndarray:
        if self.pyramids is None:
            return self.light[material]
        tile = self.tiles[material]
        level = np.log2(spread * textures.TEXELS / tile)
        shares = self.values[self.pyramids[material, textures.texels(uv / tile[:, None], level)]]
        return self.dark[material] + shares * (self.light - self.dark)[material]


@dataclass(frozen=True)
class Drawn:
    """What is drawn for a picture of K objects.

    Attributes:
        surfaces: of the K objects, then of the backdrop.
        euler: [K, 3] radians, what ``rotation`` turns by.
        light: radians, the light's angle from above, positive to the right.
        warp: [K, 3], factors of the sides of each model.
    """

    surfaces: list[Surface]
    euler: np.ndarray
    light: float
    warp: np.ndarray


def class_colours(seed: int, classes: int) -> np.ndarray:
    """Hue, saturation and value of each class, [C, 3], drawn once for a dataset."""
    return generator(seed, CLASS_COLOURS).uniform(size=(classes, 3))


def draw(variant: str, seed: int, index: int, labels: list[int], colours: np.ndarray, stock) -> Drawn:
    """Draw the factors of a picture (their code, distributed_render.py and render.py).

    Args:
        variant: four digits 0 or 1, see above.
        seed, index: of the dataset, and of the picture in it.
        labels: the class of each object.
        colours: of ``class_colours``.
        stock: of textures, as in the module ``stock``.
    """
    texture, colour, viewpoint, lighting = (digit == "1" for digit in variant)
    count = len(labels)
    flat = _colours(generator(seed, COLOUR, index), labels, colours, free=colour)
    surfaces = [Surface(None, one, one, 1.0) for one in flat]
    if texture:
        surfaces = _textured(generator(seed, TEXTURE, index), count + 1, stock)
        if not colour:
            surfaces[:-1] = [_tinted(*pair) for pair in zip(surfaces[:-1], flat[:-1], strict=True)]
    sides = generator(seed, WARP, index).normal(size=(count, 3))
    return Drawn(
        surfaces,
        0.5 * viewpoint * generator(seed, VIEWPOINT, index).normal(size=(count, 3)),
        -0.5 + 2 * lighting * generator(seed, LIGHTING, index).normal(),
        np.clip(1 + 0.1 * (sides - sides.mean(axis=1, keepdims=True)), 0.5, 1.5),
    )


def _colours(
    rng: np.random.Generator, labels: list[int], colours: np.ndarray, *, free: bool
) -> list[np.ndarray]:
    """Linear RGB of each object and of the backdrop; an object's tells its class unless it is ``free``."""
    backdrop, *others = _muted(rng.uniform(size=(1 + len(labels), 3)))
    spread = rng.normal(size=(len(labels), 3)) * (0.06, 0.2, 0.2)
    if not free:
        hue, saturation, value = (colours[labels] * (1, 0.8, 0.4) + (0, 0.2, 0.6) + spread).T
        hsv = np.stack([hue % 1, SATURATION * np.clip(saturation, 0, 1), np.clip(value, 0, 1)], axis=1)
        others = [np.array(colorsys.hsv_to_rgb(*one)) for one in hsv]
    return [linear(colour) for colour in (*others, backdrop)]


def _muted(colours: np.ndarray) -> np.ndarray:
    """sRGB colours [..., 3] with their saturation multiplied by SATURATION."""
    value = colours.max(axis=-1, keepdims=True)
    return value - SATURATION * (value - colours)


def _textured(rng: np.random.Generator, count: int, stock) -> list[Surface]:
    """Different textures on ``count`` surfaces, the last of which is the backdrop, three times as coarse."""
    chosen = rng.choice(stock.count, count, replace=False)
    tiles = rng.uniform(0.3, 0.9, count)
    tiles[-1] *= 3
    ends = linear(_muted(rng.uniform(size=(count, 2, 3))))
    if not stock.two_tone:
        ends[:] = [[[0.0], [1.0]]]
    return [
        Surface(int(one), *pair, float(tile)) for one, pair, tile in zip(chosen, ends, tiles, strict=True)
    ]


def _tinted(surface: Surface, colour: np.ndarray) -> Surface:
    """A textured surface with a share of a colour."""
    dark, light = ((1 - COLOUR_SHARE) * end + COLOUR_SHARE * colour for end in (surface.dark, surface.light))
    return Surface(surface.texture, dark, light, surface.tile)


def rotation(euler: np.ndarray) -> np.ndarray:
    """From a model's axes to the world's, [3, 3], for angles e [3] in radians.

    Rz(-pi/6 + e3) Ry(e2) Rx(e1) in the axes of Newell and Deng, for models that have z up.
    """
    first, second, third = np.degrees(euler)
    turn = turning("z", np.degrees(BASE_TURN) + third)
    return turn @ turning("x", second) @ turning("y", -first)


def pose(rotation: np.ndarray) -> np.ndarray:
    """The poses of objects with rotations [..., 3, 3], uint8 [...]: places in ``rows.POSES``.

    Where the up axis leans to, as seen from the camera; upright if by less than pi/8 (their code,
    util/helper.py).
    """
    right, away, up = np.moveaxis(rotation[..., 2], -1, 0)
    azimuth = np.arctan2(-away, right)
    quarter = np.floor((azimuth + np.pi / 4) / (np.pi / 2)).astype(int)  # -2 and 2: left, -1: away, ...
    leaning = np.array([1, 2, 3, 4, 1])[quarter + 2]
    return np.where(np.arctan2(np.hypot(right, away), up) < UPRIGHT, 0, leaning).astype(np.uint8)


def places(rng: np.random.Generator, count: int) -> np.ndarray:
    """Where the centres of several objects lie, in metres, [K, 3]: a walk of steps of about 0.35 m."""
    walk = [np.zeros(2)]
    while len(walk) < count:
        for _ in range(10):
            turn, length = rng.uniform(0, 2 * np.pi), 1.75 + 0.175 * rng.normal()
            point = walk[-1] + length * np.array([np.cos(turn), np.sin(turn)])
            if min(np.hypot(*(point - other)) for other in walk) >= 1.25:
                break
        walk.append(point)
    across = rng.permutation(np.array(walk) - np.mean(walk, axis=0)) / 5
    return np.column_stack([across[:, 0], across[:, 1] - 0.05, 0.05 + 0.05 * rng.normal(size=count)])


def light(angle: float) -> Light:
    """The distant light at an angle from above, positive to the right, and a share towards the camera."""
    direction = np.array([np.sin(angle), 0.0, np.cos(angle)])
    direction += TOWARDS_CAMERA * CAMERA.position / np.linalg.norm(CAMERA.position)
    return Light(direction / np.linalg.norm(direction), np.full(3, LIGHT), AMBIENT)


@cache
def _backdrop() -> tuple[Mesh, np.ndarray]:
    """A square, and the rotation that lets it face the camera."""
    square = prism([(-EXTENT, -EXTENT), (EXTENT, -EXTENT), (EXTENT, EXTENT), (-EXTENT, EXTENT)], 1.0)
    return square.at(z=-1.0), CAMERA.rotation.T * (1, -1, -1)


def scene(meshes: list[Mesh], drawn: Drawn, at: np.ndarray, stock, *, two_sided: bool) -> Scene:
    """The objects, ``meshes`` of 1 m about the origin at the places ``at`` [K, 3], then the backdrop."""
    bodies = [
        Body(mesh.scaled(*(LONGEST * warp)), (surface,), position=tuple(place), rotation=rotation(euler))
        for mesh, warp, surface, place, euler in zip(
            meshes, drawn.warp, drawn.surfaces[:-1], at, drawn.euler, strict=True
        )
    ]
    square, facing = _backdrop()
    bodies.append(Body(square, (drawn.surfaces[-1],), position=BACKDROP, rotation=facing))
    return Scene(bodies, lambda surfaces: Painted(surfaces, stock), two_sided=two_sided)
