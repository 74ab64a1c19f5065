"""Sample random scenes: object placement and appearance, lighting, camera and surroundings.

All sampled parameters are recorded, one row per image and one per object, to allow studying single factors
of variation: texture, colour, viewpoint, lighting.
"""

import colorsys

import numpy as np

from transferscope.datasets.rendered.render import Body, Camera, Light, Material
from transferscope.datasets.rendered.shapes import Mesh, prism
from transferscope.datasets.rendered.textures import NAMES

EXTENT = 60.0  # metres; half side of ground and backdrop, which always exceeds the field of view
FOCAL = 1.3  # focal length in image widths: field of view 42 degrees

SURFACE = [
    ("texture", "u1"),
    ("tile", "f4"),
    ("hue", "f4"),
    ("saturation", "f4"),
    ("value", "f4"),
    ("contrast", "f4"),
]


def _surface(prefix: str) -> list[tuple[str, str]]:
    return [(f"{prefix}_{name}", kind) for name, kind in SURFACE]


# Angles are in degrees, lengths in metres, textures are indices into textures.NAMES.
PICTURE_FIELDS = [
    ("elevation", "f4"),
    ("distance", "f4"),
    ("target_x", "f4"),
    ("target_z", "f4"),
    ("light_azimuth", "f4"),
    ("light_elevation", "f4"),
    ("light_intensity", "f4"),
    ("light_warmth", "f4"),
    ("ambient", "f4"),
    *_surface("ground"),
    *_surface("backdrop"),
    ("backdrop_azimuth", "f4"),
    ("backdrop_distance", "f4"),
]
OBJECT_FIELDS = [
    ("azimuth", "f4"),
    ("scale", "f4"),
    ("x", "f4"),
    ("y", "f4"),
    *_surface("body"),
    *_surface("trim"),
]


def _material(rng: np.random.Generator, prefix: str, saturation: float, row: dict) -> Material:
    """Sample a material and record it in ``row``; ``saturation`` is the maximum."""
    drawn = {
        "texture": int(rng.integers(len(NAMES))),
        "tile": rng.uniform(0.5, 1.5),
        "hue": rng.uniform(0, 1),
        "saturation": rng.uniform(0, saturation),
        "value": rng.uniform(0.25, 0.9),
        "contrast": rng.uniform(0.3, 0.85),
    }
    row.update({f"{prefix}_{name}": value for name, value in drawn.items()})
    colour = colorsys.hsv_to_rgb(drawn["hue"], drawn["saturation"], drawn["value"])
    return Material(NAMES[drawn["texture"]], colour, drawn["contrast"], drawn["tile"])


def _light(rng: np.random.Generator, backdrop_azimuth: float, row: dict) -> Light:
    """Sample a light on the camera's side of the backdrop; warmth is from 1 (warm) to -1 (cool)."""
    row["light_azimuth"] = backdrop_azimuth + rng.uniform(-75, 75)  # 0 shines along the view
    row["light_elevation"] = rng.uniform(20, 75)
    row["light_intensity"] = rng.uniform(0.6, 1.3)
    row["light_warmth"] = rng.uniform(-1, 1)
    row["ambient"] = rng.uniform(0.2, 0.55)
    azimuth, elevation = np.radians([row["light_azimuth"], row["light_elevation"]])
    direction = np.array(
        [np.sin(azimuth) * np.cos(elevation), -np.cos(azimuth) * np.cos(elevation), np.sin(elevation)]
    )
    warmth = row["light_warmth"]
    tint = np.array([1 + 0.15 * warmth, 1.0, 1 - 0.25 * warmth])
    return Light(direction, row["light_intensity"] * tint, row["ambient"])


def _surroundings(rng: np.random.Generator, behind: float, row: dict) -> list[Body]:
    """Sample the ground (z = 0) and a vertical backdrop beyond y = ``behind``."""
    row["backdrop_azimuth"] = rng.uniform(-30, 30)
    row["backdrop_distance"] = rng.uniform(0.3, 3.0)
    square = prism([(-EXTENT, -EXTENT), (EXTENT, -EXTENT), (EXTENT, EXTENT), (-EXTENT, EXTENT)], 1.0)
    ground = Body(square.at(z=-1.0), (_material(rng, "ground", 0.5, row),))
    # Rotating about the point straight behind the objects keeps them in front of the backdrop.
    azimuth = np.radians(row["backdrop_azimuth"])
    distance = (behind + row["backdrop_distance"]) / np.cos(azimuth)
    wall = square.turned("x", 90).at(y=1.0)
    backdrop = Body(wall, (_material(rng, "backdrop", 0.5, row),), azimuth, 1.0, (0.0, distance, 0.0))
    return [ground, backdrop]


def radius(mesh: Mesh) -> float:
    """Radius in metres of the smallest circle around the z axis that encloses the mesh."""
    return float(np.hypot(mesh.vertices[:, 0], mesh.vertices[:, 1]).max())


def _place_objects(rng: np.random.Generator, radii: list[float]) -> tuple[np.ndarray, float]:
    """Sample points [K, 2] with disjoint circles in a disc that grows as needed; also return its radius."""
    reach = 0.55 * np.sqrt(len(radii)) if len(radii) > 1 else 0.0
    while True:
        turn = rng.uniform(0, 2 * np.pi, len(radii))
        out = reach * np.sqrt(rng.uniform(0, 1, len(radii)))
        places = np.column_stack([out * np.cos(turn), out * np.sin(turn)])
        distances = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
        np.fill_diagonal(distances, np.inf)
        if (distances > np.add.outer(radii, radii)).all():
            return places, reach
        reach *= 1.02


def draw_scene(
    rng: np.random.Generator, meshes: list[Mesh]
) -> tuple[list[Body], Camera, Light, dict, list[dict]]:
    """Sample a scene with the given objects.

    Returns:
        The bodies (objects in order, then ground and backdrop), the camera, the light, a row with
        PICTURE_FIELDS, and a row with OBJECT_FIELDS per object.
    """
    picture: dict = {}
    rows: list[dict] = [{"scale": rng.uniform(0.8, 1.1), "azimuth": rng.uniform(0, 360)} for _ in meshes]
    places, reach = _place_objects(
        rng, [row["scale"] * radius(mesh) for row, mesh in zip(rows, meshes, strict=True)]
    )
    bodies = []
    for row, mesh, (x, y) in zip(rows, meshes, places, strict=True):
        row.update(x=x, y=y)
        materials = (_material(rng, "body", 0.9, row), _material(rng, "trim", 0.9, row))
        bodies.append(Body(mesh, materials, np.radians(row["azimuth"]), row["scale"], (x, y, 0.0)))
    bodies += _surroundings(rng, reach + 0.8, picture)
    light = _light(rng, picture["backdrop_azimuth"], picture)

    picture["elevation"] = rng.uniform(5, 50)
    picture["distance"] = rng.uniform(1.6, 2.8) + 1.8 * reach
    shift = 0.12 * picture["distance"]
    picture["target_x"], picture["target_z"] = rng.uniform(-shift, shift), 0.4 + rng.uniform(-shift, shift)
    target = np.array([picture["target_x"], 0.0, picture["target_z"]])
    camera = Camera.orbiting(target, picture["distance"], np.radians(picture["elevation"]), FOCAL)
    return bodies, camera, light, picture, rows
