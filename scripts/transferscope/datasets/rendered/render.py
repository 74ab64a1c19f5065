"""Ray casting: render a scene of meshes to an image, depth, normals and instances.

World: metres, z up. Camera: x right, y down, z forward, pixel (0, 0) at the upper left. A pixel shows the
first surface hit by its ray; a second ray towards the light produces hard shadows.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene

from transferscope.datasets.rendered import textures
from transferscope.datasets.rendered.shapes import Mesh, rotate

SUPERSAMPLING = 2  # rays per pixel and axis, for the image only
SHADOW_BIAS = 5e-3  # metres; offset of shadow rays from the surface, to clear the facets of round shapes


@dataclass(frozen=True)
class Material:
    """A textured surface.

    ``colour`` is the linear RGB (0..1) of the light parts of the texture; the dark parts are darker by
    ``contrast`` (0..1). ``texture`` is one of textures.NAMES; ``tile`` is the tile side in metres.
    """

    texture: str
    colour: tuple[float, float, float]
    contrast: float
    tile: float


@dataclass(frozen=True)
class Body:
    """A mesh with its materials (one per value of ``mesh.materials``) and its pose in the world.

    World coordinates of a vertex v are ``scale * A R v + position``, with R ``rotation`` [3, 3], if any, and
    A the turn by ``azimuth`` (radians) about the vertical. The texture is attached to the mesh before all of
    this.
    """

    mesh: Mesh
    materials: tuple
    azimuth: float = 0.0
    scale: float = 1.0
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rotation: np.ndarray | None = None

    def placed(self) -> Mesh:
        """The mesh in world coordinates."""
        rotated = self.mesh if self.rotation is None else self.mesh.rotated(self.rotation)
        turned = rotated.turned("z", np.degrees(self.azimuth))
        return replace(turned, vertices=self.scale * turned.vertices).at(*self.position)


@dataclass(frozen=True)
class Camera:
    """``rotation`` [3, 3] from world to camera axes, ``position`` [3], ``focal`` length in image widths."""

    rotation: np.ndarray
    position: np.ndarray
    focal: float

    @classmethod
    def orbiting(cls, target: np.ndarray, distance: float, elevation: float, focal: float) -> "Camera":
        """Upright camera looking at a target [3], along +y and down by ``elevation`` (radians, < pi / 2)."""
        down, up = np.sin(elevation), np.cos(elevation)
        rotation = np.array([[1.0, 0.0, 0.0], [0.0, -down, -up], [0.0, up, -down]])
        return cls(rotation, np.asarray(target) - distance * rotation[2], focal)

    def rays(self, size: int) -> np.ndarray:
        """Ray directions through pixel centres in camera axes with z = 1: float32 [size², 3], row-major."""
        across = ((np.arange(size) + 0.5) / size - 0.5) / self.focal
        y, x = np.meshgrid(across, across, indexing="ij")
        return np.stack([x, y, np.ones_like(x)], axis=2).reshape(-1, 3).astype(np.float32)

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """Transform world points [N, 3] to camera axes."""
        return rotate(points - self.position, self.rotation)


@dataclass(frozen=True)
class Light:
    """Distant light: unit ``direction`` [3] towards it, linear RGB ``colour`` [3], ``ambient`` strength."""

    direction: np.ndarray
    colour: np.ndarray
    ambient: float


@dataclass(frozen=True)
class Rendering:
    """Image and labels of a view, each [size, size, ...].

    Attributes:
        rgb: uint8 [..., 3], sRGB.
        depth: float32, metres along the camera's z axis (not along the ray); infinite without a hit.
        normals: float32 [..., 3], unit, in camera axes (x right, y down, z forward), facing the camera (the
            dot product with the ray is negative); zero without a hit.
        instances: int32, index of the body; -1 without a hit.
    """

    rgb: np.ndarray
    depth: np.ndarray
    normals: np.ndarray
    instances: np.ndarray


class Paint:
    """The colours of materials: the one of each, darkened by a grey texture."""

    def __init__(self, materials: list[Material]) -> None:
        self.textures = np.array([textures.NAMES.index(material.texture) for material in materials])
        self.colours = np.array([material.colour for material in materials], dtype=np.float32)
        self.contrasts = np.array([material.contrast for material in materials], dtype=np.float32)
        self.tiles = np.array([material.tile for material in materials], dtype=np.float32)

    def albedo(self, material: np.ndarray, uv: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """Linear RGB [N, 3] at points of surfaces.

        Args:
            material: [N], index of each point's material.
            uv: [N, 2], texture coordinates in metres.
            spread: [N], metres between neighbouring rays there.
        """
        tile = self.tiles[material]
        level = np.log2(spread * textures.TEXELS / tile)
        height = textures.sample(self.textures[material], uv / tile[:, None], level)
        return self.colours[material] * (1 - self.contrasts[material] * (1 - height))[:, None]


class Scene:
    """Bodies prepared for ray casting.

    Args:
        bodies: in the order of their indices.
        paint: makes of all materials, in their order, what has a method ``albedo`` like that of ``Paint``.
        two_sided: whether a triangle that is seen from behind is lit as if from before; meshes of other
            people do not say which side is which.
    """

    def __init__(self, bodies: list[Body], paint: Callable = Paint, *, two_sided: bool = False) -> None:
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
        self.paint = paint(used)
        self.two_sided = two_sided
        self.embree = EmbreeScene()
        triangles = np.concatenate(corners).reshape(-1, 3).astype(np.float32)
        TriangleMesh(self.embree, triangles, np.arange(len(triangles), dtype=np.int32).reshape(-1, 3))

    def cast(self, origins: np.ndarray, directions: np.ndarray) -> dict[str, np.ndarray]:
        """First hit per ray: ``primID`` (-1: none), ``tfar`` in lengths of the direction, ``u v Ng``."""
        return self.embree.run(origins, directions, output=True)

    def shadowed(self, origins: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Whether points [N, 3] are occluded in the light's direction [3]: bool [N]."""
        directions = np.broadcast_to(direction.astype(np.float32), origins.shape)
        return self.embree.run(origins, np.ascontiguousarray(directions), query="OCCLUDED") >= 0


def _box_projection(mesh: Mesh) -> np.ndarray:
    """Texture coordinates [F, 3, 2] in metres: corners projected along the normal's dominant axis."""
    corners = mesh.vertices[mesh.faces]
    facing = np.abs(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])).argmax(axis=1)
    axes = np.array([(1, 2), (0, 2), (0, 1)])[facing]
    return np.take_along_axis(corners, axes[:, None, :], axis=2)


def _interpolate(corners: np.ndarray, hits: dict[str, np.ndarray]) -> np.ndarray:
    """Interpolate corner values [F, 3 * K] at the hits: [N, K]."""
    values = np.take(corners, hits["primID"], axis=0).reshape(len(hits["u"]), 3, -1)
    u, v = hits["u"][:, None], hits["v"][:, None]
    return (1 - u - v) * values[:, 0] + u * values[:, 1] + v * values[:, 2]


def _dot(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Dot products [N] of vectors [N, 3] with vectors [N, 3] or with one vector [3]."""
    return first[:, 0] * second[..., 0] + first[:, 1] * second[..., 1] + first[:, 2] * second[..., 2]


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.sqrt(_dot(vectors, vectors))[:, None]


def _smooth_normals(scene: Scene, hits: dict[str, np.ndarray], directions: np.ndarray) -> np.ndarray:
    """Interpolated unit normals at the hits in world axes, [N, 3].

    Near silhouettes an interpolated normal may face away from the camera, which is impossible for a visible
    surface; it is then bent until it is perpendicular to the ray.
    """
    normals = _unit(_interpolate(scene.normals, hits))
    if scene.two_sided:
        normals = np.where(_dot(normals, _facing_normals(hits, directions))[:, None] < 0, -normals, normals)
    rays = _unit(directions)
    away = _dot(normals, rays) + np.float32(1e-3)
    return _unit(normals - np.maximum(away, 0)[:, None] * rays)


def _facing_normals(hits: dict[str, np.ndarray], rays: np.ndarray) -> np.ndarray:
    """Geometric unit normals at the hits [N, 3], facing the camera."""
    normals = _unit(hits["Ng"])
    return normals * -np.sign(_dot(normals, rays))[:, None]


def _cast_camera_rays(
    scene: Scene, camera: Camera, size: int
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Cast camera rays: hit mask bool [size²], world directions [N, 3] and hits of the N rays that hit."""
    rays = rotate(camera.rays(size), camera.rotation.T.astype(np.float32))
    origins = np.repeat(camera.position[None].astype(np.float32), len(rays), axis=0)
    hits = scene.cast(origins, rays)
    hit = hits["primID"] >= 0
    if not hit.all():
        rays, hits = rays[hit], {name: values[hit] for name, values in hits.items()}
    return hit, rays, hits


def _shade(scene: Scene, camera: Camera, light: Light, size: int) -> np.ndarray:
    """Linear RGB, float32 [size², 3]; black without a hit."""
    hit, rays, hits = _cast_camera_rays(scene, camera, size)
    normals = _smooth_normals(scene, hits, rays)
    material = scene.materials[hits["primID"]]

    spread = hits["tfar"] / (camera.focal * size)
    albedo = scene.paint.albedo(material, _interpolate(scene.uv, hits), spread)

    direction = light.direction.astype(np.float32)
    facing = np.maximum(_dot(normals, direction), 0)
    lit = np.flatnonzero(facing)
    points = camera.position.astype(np.float32) + hits["tfar"][lit, None] * rays[lit]
    facing[lit[scene.shadowed(points + SHADOW_BIAS * _facing_normals(hits, rays)[lit], direction)]] = 0
    sky = light.ambient * (0.7 + 0.3 * normals[:, 2])  # more light from above than from below
    colours = np.zeros((len(hit), 3), dtype=np.float32)
    colours[hit] = albedo * (facing[:, None] * light.colour.astype(np.float32) + sky[:, None])
    return colours


def _depth_and_instances(
    scene: Scene, hit: np.ndarray, hits: dict[str, np.ndarray], size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Both [size, size], as in ``Rendering``."""
    depth = np.full(len(hit), np.inf, dtype=np.float32)
    depth[hit] = hits["tfar"]  # rays have z = 1, so tfar is in metres along z
    instances = np.full(len(hit), -1, dtype=np.int32)
    instances[hit] = scene.owners[hits["primID"]]
    return depth.reshape(size, size), instances.reshape(size, size)


def _encode(linear: np.ndarray) -> np.ndarray:
    """Convert linear RGB to sRGB, uint8."""
    linear = np.clip(linear, 0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(255 * curved).astype(np.uint8)


def linear(encoded: np.ndarray) -> np.ndarray:
    """Linear RGB of sRGB, both 0..1."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def picture(scene: Scene, camera: Camera, light: Light, size: int) -> np.ndarray:
    """The image alone, as in ``render``: uint8 [size, size, 3]."""
    supersampled = _shade(scene, camera, light, size * SUPERSAMPLING)
    square = supersampled.reshape(size, SUPERSAMPLING, size, SUPERSAMPLING, 3)
    return _encode(square.mean(axis=(1, 3)))


def depth_and_instances(scene: Scene, camera: Camera, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Depth and instances alone, as in ``Rendering``."""
    hit, _, hits = _cast_camera_rays(scene, camera, size)
    return _depth_and_instances(scene, hit, hits, size)


def render(scene: Scene, camera: Camera, light: Light, size: int) -> Rendering:
    """Render the scene at ``size`` x ``size`` pixels.

    The image averages SUPERSAMPLING² rays per pixel. Depth, normals and instances use one ray through the
    pixel centre, since an average across an edge belongs to no surface.
    """
    hit, rays, hits = _cast_camera_rays(scene, camera, size)
    depth, instances = _depth_and_instances(scene, hit, hits, size)
    normals = np.zeros((len(hit), 3), dtype=np.float32)
    normals[hit] = rotate(_smooth_normals(scene, hits, rays), camera.rotation.astype(np.float32))
    return Rendering(picture(scene, camera, light, size), depth, normals.reshape(size, size, 3), instances)
