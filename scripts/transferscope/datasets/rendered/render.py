"""Ray casting: a scene of meshes as a picture and as its depth, normals and instances.

World: metres, z up. Camera: x right, y down, z forward, the pixel (0, 0) at the upper left. A pixel shows the
first surface that its ray meets; a second ray from there to the light makes hard shadows.
"""

from dataclasses import dataclass, replace

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene

from transferscope.datasets.rendered import textures
from transferscope.datasets.rendered.shapes import Mesh, rotate

SUPERSAMPLING = 2  # rays along a side of a pixel, for the picture only
SHADOW_BIAS = 5e-3  # metres above a surface where its shadow ray starts, to clear the facets of a round one


@dataclass(frozen=True)
class Material:
    """``colour`` linear RGB 0..1 of the light parts; the dark parts are ``contrast`` (0..1) darker.

    ``texture`` is a name of textures.NAMES; ``tile`` is the side of one of its tiles in metres.
    """

    texture: str
    colour: tuple[float, float, float]
    contrast: float
    tile: float


@dataclass(frozen=True)
class Body:
    """A mesh with its materials (one for each value of ``mesh.materials``) and its place in the world.

    A vertex v of the mesh lies at ``scale * R v + position``, R the turn by ``azimuth`` (radians) about the
    vertical. The texture is fixed to the mesh, at the mesh's own scale.
    """

    mesh: Mesh
    materials: tuple[Material, ...]
    azimuth: float = 0.0
    scale: float = 1.0
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def placed(self) -> Mesh:
        """The mesh in the world."""
        turned = self.mesh.turned("z", np.degrees(self.azimuth))
        return replace(turned, vertices=self.scale * turned.vertices).at(*self.position)


@dataclass(frozen=True)
class Camera:
    """``rotation`` [3, 3] from world to camera axes, ``position`` [3], ``focal`` length in image widths."""

    rotation: np.ndarray
    position: np.ndarray
    focal: float

    @classmethod
    def orbiting(cls, target: np.ndarray, distance: float, elevation: float, focal: float) -> "Camera":
        """Upright, looking along +y and down by ``elevation`` (radians, below pi / 2) at a target [3]."""
        down, up = np.sin(elevation), np.cos(elevation)
        rotation = np.array([[1.0, 0.0, 0.0], [0.0, -down, -up], [0.0, up, -down]])
        return cls(rotation, np.asarray(target) - distance * rotation[2], focal)

    def rays(self, size: int) -> np.ndarray:
        """Directions through the pixels' centres in the camera, z = 1: float32 [size², 3], rows first."""
        across = ((np.arange(size) + 0.5) / size - 0.5) / self.focal
        y, x = np.meshgrid(across, across, indexing="ij")
        return np.stack([x, y, np.ones_like(x)], axis=2).reshape(-1, 3).astype(np.float32)

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """World points [N, 3] in the camera's axes."""
        return rotate(points - self.position, self.rotation)


@dataclass(frozen=True)
class Light:
    """A far light: unit ``direction`` [3] towards it, linear RGB ``colour`` [3], and ``ambient`` strength."""

    direction: np.ndarray
    colour: np.ndarray
    ambient: float


@dataclass(frozen=True)
class Rendering:
    """What the camera sees, each [size, size, ...].

    Attributes:
        rgb: uint8 [..., 3], sRGB.
        depth: float32, metres along the camera's z axis (not along the ray); infinite where there is nothing.
        normals: float32 [..., 3], unit, in the camera's axes (x right, y down, z forward), facing the camera:
            their product with the ray is negative. Zero where there is nothing.
        instances: int32, the index of the body; -1 where there is nothing.
    """

    rgb: np.ndarray
    depth: np.ndarray
    normals: np.ndarray
    instances: np.ndarray


class Scene:
    """Bodies made ready for rays."""

    def __init__(self, bodies: list[Body]) -> None:
        corners, normals, uv, materials, owners, used = [], [], [], [], [], []
        for index, body in enumerate(bodies):
            mesh = body.placed()
            corners.append(mesh.vertices[mesh.faces])
            normals.append(mesh.normals[mesh.faces])
            uv.append(_box_projection(body.mesh))
            materials.append(mesh.materials + len(used))
            owners.append(np.full(len(mesh.faces), index))
            used.extend(body.materials)
        self.owners = np.concatenate(owners)
        self.materials = np.concatenate(materials)
        self.uv = np.concatenate(uv).reshape(-1, 6).astype(np.float32)
        self.normals = np.concatenate(normals).reshape(-1, 9).astype(np.float32)
        self.textures = np.array([textures.NAMES.index(material.texture) for material in used])
        self.colours = np.array([material.colour for material in used], dtype=np.float32)
        self.contrasts = np.array([material.contrast for material in used], dtype=np.float32)
        self.tiles = np.array([material.tile for material in used], dtype=np.float32)
        self.embree = EmbreeScene()
        triangles = np.concatenate(corners).reshape(-1, 3).astype(np.float32)
        TriangleMesh(self.embree, triangles, np.arange(len(triangles), dtype=np.int32).reshape(-1, 3))

    def cast(self, origins: np.ndarray, directions: np.ndarray) -> dict[str, np.ndarray]:
        """Each ray's first hit: ``primID`` (-1: none), ``tfar`` in lengths of the direction, ``u v Ng``."""
        return self.embree.run(origins, directions, output=True)

    def shadowed(self, origins: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Whether something lies between points [N, 3] and the light in one direction [3]: bool [N]."""
        directions = np.broadcast_to(direction.astype(np.float32), origins.shape)
        return self.embree.run(origins, np.ascontiguousarray(directions), query="OCCLUDED") >= 0


def _box_projection(mesh: Mesh) -> np.ndarray:
    """Texture coordinates [F, 3, 2] in metres: the corners, seen along the axis the face looks along most."""
    corners = mesh.vertices[mesh.faces]
    facing = np.abs(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])).argmax(axis=1)
    axes = np.array([(1, 2), (0, 2), (0, 1)])[facing]
    return np.take_along_axis(corners, axes[:, None, :], axis=2)


def _interpolate(corners: np.ndarray, hits: dict[str, np.ndarray]) -> np.ndarray:
    """Values at the hits [N, K] from those at the corners of each face [F, 3 * K]."""
    values = np.take(corners, hits["primID"], axis=0).reshape(len(hits["u"]), 3, -1)
    u, v = hits["u"][:, None], hits["v"][:, None]
    return (1 - u - v) * values[:, 0] + u * values[:, 1] + v * values[:, 2]


def _dot(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The products [N] of vectors [N, 3], or of the first [N, 3] with one second [3]."""
    return first[:, 0] * second[..., 0] + first[:, 1] * second[..., 1] + first[:, 2] * second[..., 2]


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.sqrt(_dot(vectors, vectors))[:, None]


def _smooth_normals(scene: Scene, hits: dict[str, np.ndarray], directions: np.ndarray) -> np.ndarray:
    """Unit normals at the hits [N, 3], in the world.

    Near an outline an interpolated normal may turn away from the eye, which no visible surface does: such a
    normal is bent back until it is just square to the ray.
    """
    normals = _unit(_interpolate(scene.normals, hits))
    rays = _unit(directions)
    away = _dot(normals, rays) + np.float32(1e-3)
    return _unit(normals - np.maximum(away, 0)[:, None] * rays)


def _outward(hits: dict[str, np.ndarray], rays: np.ndarray) -> np.ndarray:
    """The triangles' own unit normals at the hits [N, 3], towards the camera."""
    normals = _unit(hits["Ng"])
    return normals * -np.sign(_dot(normals, rays))[:, None]


def _look(scene: Scene, camera: Camera, size: int) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Which pixels' rays hit something, bool [size²], these rays in the world [N, 3], and their hits."""
    rays = rotate(camera.rays(size), camera.rotation.T.astype(np.float32))
    origins = np.repeat(camera.position[None].astype(np.float32), len(rays), axis=0)
    hits = scene.cast(origins, rays)
    met = hits["primID"] >= 0
    if not met.all():
        rays, hits = rays[met], {name: values[met] for name, values in hits.items()}
    return met, rays, hits


def _shade(scene: Scene, camera: Camera, light: Light, size: int) -> np.ndarray:
    """Linear RGB, float32 [size², 3]; black where there is nothing."""
    met, rays, hits = _look(scene, camera, size)
    normals = _smooth_normals(scene, hits, rays)
    material = scene.materials[hits["primID"]]

    tile = scene.tiles[material]
    texels = hits["tfar"] / (camera.focal * size) * textures.TEXELS / tile  # between neighbouring rays
    uv = _interpolate(scene.uv, hits) / tile[:, None]
    height = textures.sample(scene.textures[material], uv, np.log2(texels))
    albedo = scene.colours[material] * (1 - scene.contrasts[material] * (1 - height))[:, None]

    direction = light.direction.astype(np.float32)
    facing = np.maximum(_dot(normals, direction), 0)
    lit = np.flatnonzero(facing)
    points = camera.position.astype(np.float32) + hits["tfar"][lit, None] * rays[lit]
    facing[lit[scene.shadowed(points + SHADOW_BIAS * _outward(hits, rays)[lit], direction)]] = 0
    sky = light.ambient * (0.7 + 0.3 * normals[:, 2])  # more light comes from above than from below
    colours = np.zeros((len(met), 3), dtype=np.float32)
    colours[met] = albedo * (facing[:, None] * light.colour.astype(np.float32) + sky[:, None])
    return colours


def _measure(scene: Scene, camera: Camera, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Depth [size²], normals [size², 3] and instances [size²], as in a Rendering."""
    met, rays, hits = _look(scene, camera, size)
    depth = np.full(len(met), np.inf, dtype=np.float32)
    depth[met] = hits["tfar"]  # a ray's z is 1, so that its length counts metres along z
    normals = np.zeros((len(met), 3), dtype=np.float32)
    normals[met] = rotate(_smooth_normals(scene, hits, rays), camera.rotation.astype(np.float32))
    instances = np.full(len(met), -1, dtype=np.int32)
    instances[met] = scene.owners[hits["primID"]]
    return depth, normals, instances


def _encode(linear: np.ndarray) -> np.ndarray:
    """Linear light as sRGB, uint8."""
    linear = np.clip(linear, 0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(255 * curved).astype(np.uint8)


def render(scene: Scene, camera: Camera, light: Light, size: int) -> Rendering:
    """The scene at ``size`` x ``size`` pixels.

    The picture averages SUPERSAMPLING² rays a pixel; depth, normals and instances are those of the one ray
    through the pixel's centre, since an average over an outline would be of no surface.
    """
    fine = _shade(scene, camera, light, size * SUPERSAMPLING)
    square = fine.reshape(size, SUPERSAMPLING, size, SUPERSAMPLING, 3)
    depth, normals, instances = _measure(scene, camera, size)
    return Rendering(
        _encode(square.mean(axis=(1, 3))),
        depth.reshape(size, size),
        normals.reshape(size, size, 3),
        instances.reshape(size, size),
    )
