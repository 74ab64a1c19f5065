"""Primitive solids to build objects from: lathes, prisms, boxes, struts, tubes.

Lengths are in metres; z points up. Unless documented otherwise, a primitive stands on the plane z = 0,
centred on the z axis. Triangles do not share vertices: smooth surfaces get smooth normals, edges stay sharp.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

BODY, TRIM = 0, 1
SECTIONS = 24  # around a full turn
SMOOTH = np.cos(np.radians(40.0))  # neighbouring facets at a smaller angle share a normal


@dataclass(frozen=True)
class Mesh:
    """Triangles with vertex normals.

    ``vertices`` and unit ``normals`` float64 [V, 3]; ``faces`` int32 [F, 3], counter-clockwise from outside;
    ``materials`` uint8 [F], BODY or TRIM.
    """

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    materials: np.ndarray

    def at(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> "Mesh":
        """Translated by (x, y, z)."""
        return replace(self, vertices=self.vertices + np.array([x, y, z]))

    def scaled(self, x: float, y: float, z: float) -> "Mesh":
        """Scaled along the axes by positive factors."""
        normals = self.normals / (x, y, z)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        return replace(self, vertices=self.vertices * (x, y, z), normals=normals)

    def turned(self, axis: str, degrees: float) -> "Mesh":
        """Rotated counter-clockwise about the ``x``, ``y`` or ``z`` axis."""
        return self.rotated(turning(axis, degrees))

    def rotated(self, rotation: np.ndarray) -> "Mesh":
        """Rotated by a matrix [3, 3]."""
        return replace(self, vertices=rotate(self.vertices, rotation), normals=rotate(self.normals, rotation))

    def mirrored(self) -> "Mesh":
        """Mirrored at the plane y = 0."""
        flip = np.array([1.0, -1.0, 1.0])
        return replace(
            self, vertices=self.vertices * flip, normals=self.normals * flip, faces=self.faces[:, ::-1]
        )

    def trim(self) -> "Mesh":
        """The same mesh in the object's second material."""
        return replace(self, materials=np.full_like(self.materials, TRIM))


def rotate(vectors: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Multiply vectors [N, 3] by a matrix [3, 3].

    Unlike ``@``, this starts no threads, which would compete with the rendering processes.
    """
    return np.einsum("nk,jk->nj", vectors, rotation)


def turning(axis: str, degrees: float) -> np.ndarray:
    """The matrix [3, 3] that rotates counter-clockwise about the ``x``, ``y`` or ``z`` axis."""
    rotation, angle = np.eye(3), np.radians(degrees)
    first, second = (("xyz".index(axis) + step) % 3 for step in (1, 2))
    rotation[first, first] = rotation[second, second] = np.cos(angle)
    rotation[second, first] = np.sin(angle)
    rotation[first, second] = -np.sin(angle)
    return rotation


def _mesh(corners: np.ndarray, normals: np.ndarray) -> Mesh:
    """Mesh of triangles given by corners and corner normals, each [F, 3, 3]; drops degenerate triangles."""
    doubled_areas = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    kept = doubled_areas > 1e-12
    faces = np.arange(3 * kept.sum(), dtype=np.int32).reshape(-1, 3)
    return Mesh(
        corners[kept].reshape(-1, 3),
        normals[kept].reshape(-1, 3),
        faces,
        np.full(len(faces), BODY, dtype=np.uint8),
    )


def join(*parts: Mesh) -> Mesh:
    """Combine parts, which may overlap, into one mesh."""
    offsets = np.cumsum([0] + [len(part.vertices) for part in parts[:-1]])
    return Mesh(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate([part.normals for part in parts]),
        np.concatenate([part.faces + offset for part, offset in zip(parts, offsets, strict=True)]).astype(
            np.int32
        ),
        np.concatenate([part.materials for part in parts]),
    )


def _quads(points: np.ndarray, normals: np.ndarray) -> Mesh:
    """Mesh of quads [..., 4, 3] with corner normals of the same shape; two triangles per quad."""
    halves = [0, 1, 2, 0, 2, 3]
    return _mesh(points[..., halves, :].reshape(-1, 3, 3), normals[..., halves, :].reshape(-1, 3, 3))


def lathe(profile: Sequence[tuple[float, float]], sections: int = SECTIONS) -> Mesh:
    """Revolve a profile of (radius, z) points about the z axis.

    The profile of a solid starts and ends at radius 0 and has the material on its left: bottom, outside, top.
    """
    profile = np.asarray(profile, dtype=float)
    steps = np.diff(profile, axis=0)
    facets = np.stack([steps[:, 1], -steps[:, 0]], axis=1) / np.linalg.norm(steps, axis=1, keepdims=True)
    sharp = (facets[1:] * facets[:-1]).sum(axis=1, keepdims=True) < SMOOTH
    shared = facets[1:] + facets[:-1]
    shared /= np.maximum(np.linalg.norm(shared, axis=1, keepdims=True), 1e-9)
    starts, ends = facets.copy(), facets.copy()
    starts[1:] = np.where(sharp, facets[1:], shared)
    ends[:-1] = np.where(sharp, facets[:-1], shared)

    angles = np.linspace(0.0, 2.0 * np.pi, sections + 1)
    angles[-1] = 0.0  # the seam closes exactly
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)

    def around(radial: np.ndarray, turn: np.ndarray) -> np.ndarray:
        """(radius, z) pairs [K, 2] at each angle of ``turn`` [S, 2]: [K, S, 3]."""
        flat = radial[:, None, :1] * turn[None]
        return np.concatenate([flat, np.broadcast_to(radial[:, None, 1:], (*flat.shape[:2], 1))], axis=2)

    direction, next_direction = circle[:-1], circle[1:]
    low, high = profile[:-1], profile[1:]
    points = np.stack(
        [
            around(low, direction),
            around(low, next_direction),
            around(high, next_direction),
            around(high, direction),
        ],
        axis=2,
    )
    normals = np.stack(
        [
            around(starts, direction),
            around(starts, next_direction),
            around(ends, next_direction),
            around(ends, direction),
        ],
        axis=2,
    )
    return _quads(points, normals)


def prism(polygon: Sequence[tuple[float, float]], height: float) -> Mesh:
    """Extrude a convex polygon of (x, y) points, counter-clockwise, from z = 0 to ``height``."""
    low = np.array([(x, y, 0.0) for x, y in polygon])
    high = low + np.array([0.0, 0.0, height])
    next_low, next_high = np.roll(low, -1, axis=0), np.roll(high, -1, axis=0)
    sides = np.stack([low, next_low, next_high, high], axis=1)
    edges = next_low - low
    outward = np.stack([edges[:, 1], -edges[:, 0], np.zeros(len(edges))], axis=1)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    fan = np.array([(0, k, k + 1) for k in range(1, len(low) - 1)])
    up = np.broadcast_to([0.0, 0.0, 1.0], (len(fan), 3, 3))
    return join(
        _quads(sides, np.repeat(outward[:, None], 4, axis=1)),
        _mesh(high[fan], up),
        _mesh(low[fan[:, ::-1]], -up),
    )


def profile_prism(polygon: Sequence[tuple[float, float]], width: float) -> Mesh:
    """Extrude a convex polygon of (x, z) points, counter-clockwise with z up, by ``width`` along y."""
    return prism(polygon, width).turned("x", 90.0).at(y=width / 2)


def box(x: float, y: float, z: float) -> Mesh:
    """A box with the given side lengths."""
    return prism([(-x / 2, -y / 2), (x / 2, -y / 2), (x / 2, y / 2), (-x / 2, y / 2)], z)


def frustum(x: float, y: float, z: float, top_x: float, top_y: float) -> Mesh:
    """A rectangular frustum of height ``z``, with base ``x`` by ``y`` and top ``top_x`` by ``top_y``."""
    signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    low = np.column_stack([signs * (x / 2, y / 2), np.zeros(4)])
    high = np.column_stack([signs * (top_x / 2, top_y / 2), np.full(4, z)])
    around = np.stack([low, np.roll(low, -1, axis=0), np.roll(high, -1, axis=0), high], axis=1)
    quads = np.concatenate([around, high[None], low[None, ::-1]])
    # Unlike that of edges, the cross product of diagonals is never zero, even if the top is a ridge or point.
    normals = np.cross(quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1])
    normals[4:] = [(0, 0, 1), (0, 0, -1)]
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return _quads(quads, np.repeat(normals[:, None], 4, axis=1))


def cylinder(radius: float, height: float, top: float | None = None) -> Mesh:
    """A cylinder, or a truncated cone if the radius at the ``top`` differs."""
    top = radius if top is None else top
    return lathe([(0.0, 0.0), (radius, 0.0), (top, height), (0.0, height)])


def cone(radius: float, height: float) -> Mesh:
    """A cone with its apex up."""
    return lathe([(0.0, 0.0), (radius, 0.0), (0.0, height)])


def sphere(radius: float) -> Mesh:
    """A sphere resting on z = 0."""
    angles = np.linspace(-np.pi / 2, np.pi / 2, SECTIONS // 2 + 1)
    radii = radius * np.cos(angles)
    radii[[0, -1]] = 0.0
    return lathe(np.column_stack([radii, radius * (1 + np.sin(angles))]))


def tube(path: Sequence[tuple[float, float, float]], radii: float | Sequence[float]) -> Mesh:
    """A tube along a ``path`` of points [P, 3] with flat ends; ``radii`` is [P] or a single radius."""
    path = np.asarray(path, dtype=float)
    radii = np.broadcast_to(radii, len(path))
    tangents = np.gradient(path, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    # One reference direction for the whole path, nearly perpendicular to it, avoids twisting of the rings.
    reference = np.eye(3)[np.argmin(np.abs(tangents).max(axis=0))]
    first = np.cross(reference, tangents)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(tangents, first)
    angles = np.linspace(0.0, 2.0 * np.pi, SECTIONS // 2 + 1)
    angles[-1] = 0.0
    outward = np.cos(angles)[None, :, None] * first[:, None] + np.sin(angles)[None, :, None] * second[:, None]
    rings = path[:, None] + radii[:, None, None] * outward

    def quads(values: np.ndarray) -> np.ndarray:
        return np.stack([values[:-1, :-1], values[:-1, 1:], values[1:, 1:], values[1:, :-1]], axis=2)

    def cap(ring: np.ndarray, centre: np.ndarray, normal: np.ndarray) -> Mesh:
        corners = np.stack([np.broadcast_to(centre, ring[1:].shape), ring[:-1], ring[1:]], axis=1)
        return _mesh(corners, np.broadcast_to(normal, corners.shape))

    return join(
        _quads(quads(rings), quads(outward)),
        cap(rings[0, ::-1], path[0], -tangents[0]),
        cap(rings[-1], path[-1], tangents[-1]),
    )


def strut(start: tuple[float, float, float], end: tuple[float, float, float], *radii: float) -> Mesh:
    """A straight rod between two points, with one radius or one per end."""
    return tube([start, end], radii if len(radii) == 2 else radii[0])
