"""Indoor objects: bench, chair, lamp, mug, table. Each function samples one model."""

import numpy as np

from transferscope.datasets.rendered.shapes import Mesh, box, cylinder, join, lathe, sphere, strut, tube


def _chance(rng: np.random.Generator, probability: float) -> bool:
    return rng.random() < probability


def _mirrored(x: float, y: float) -> list[tuple[float, float]]:
    return [(x, y), (-x, y), (x, -y), (-x, -y)]


def _legs(rng: np.random.Generator, x: float, y: float, height: float, thickness: float) -> list[Mesh]:
    """Four legs at (+-x, +-y): square, or round, tapered and possibly splayed."""
    if _chance(rng, 0.4):
        return [box(thickness, thickness, height).at(a, b) for a, b in _mirrored(x, y)]
    splay = rng.choice([1.0, rng.uniform(1.1, 1.3)])
    foot = thickness * rng.uniform(0.3, 0.6)
    return [
        strut((a * splay, b * splay, 0), (a, b, height), foot, thickness * 0.6) for a, b in _mirrored(x, y)
    ]


def _pedestal(rng: np.random.Generator, radius: float, height: float) -> list[Mesh]:
    """A column on a disc or on radial feet."""
    column = cylinder(radius * rng.uniform(0.1, 0.25), height).trim()
    if _chance(rng, 0.5):
        return [column, cylinder(radius, 0.04, radius * rng.uniform(0.4, 1.0)).trim()]
    feet = int(rng.integers(3, 6))
    foot = strut((0, 0, 0.1), (radius, 0, 0.03), 0.04, 0.025).trim()
    return [column, *(foot.turned("z", 360 * k / feet) for k in range(feet))]


def _slats(length: float, depth: float, thickness: float, count: int) -> list[Mesh]:
    """``count`` boards side by side along y over a total ``depth``; a single board has no gap."""
    pitch = depth / count
    board = pitch if count == 1 else pitch * 0.75
    return [box(length, board, thickness).at(y=pitch * (k + 0.5) - depth / 2) for k in range(count)]


def bench(rng: np.random.Generator) -> Mesh:
    """A bench of boards with optional back and arms."""
    length, depth = rng.uniform(0.9, 1.5), rng.uniform(0.28, 0.42)
    height, thickness = rng.uniform(0.32, 0.48), rng.uniform(0.03, 0.07)
    boards = int(rng.integers(1, 5))
    parts = [part.at(z=height) for part in _slats(length, depth, thickness, boards)]
    inset = rng.uniform(0.35, 0.48) * length
    stands = [-inset, inset] if length < 1.25 else [-inset, 0.0, inset]
    if _chance(rng, 0.4):
        parts += [box(rng.uniform(0.04, 0.1), depth * 0.9, height).at(x).trim() for x in stands]
    else:
        thick = rng.uniform(0.03, 0.06)
        parts += [
            strut((x, side * depth * 0.45, 0), (x, side * depth * 0.36, height), thick / 2).trim()
            for x in stands
            for side in (-1, 1)
        ]
    if _chance(rng, 0.65):
        rise, lean = rng.uniform(0.25, 0.45), rng.uniform(3, 20)
        back = [part.turned("x", 90).at(z=rise / 2 + 0.05) for part in _slats(length, rise, 0.03, boards)]
        back += [strut((x, 0.02, -0.05), (x, 0.02, rise), 0.015).trim() for x in stands]
        parts += [part.turned("x", -lean).at(y=depth / 2, z=height) for part in back]
    if _chance(rng, 0.4):
        for x in (-inset, inset):
            parts.append(box(0.05, depth, 0.03).at(x, 0, height + 0.2))
            parts.append(strut((x, -depth * 0.42, height), (x, -depth * 0.42, height + 0.2), 0.018).trim())
            parts.append(strut((x, depth * 0.42, height), (x, depth * 0.42, height + 0.2), 0.018).trim())
    return join(*parts)


def chair(rng: np.random.Generator) -> Mesh:
    """A chair with back and optional arms, on four legs or a pedestal."""
    width, depth = rng.uniform(0.4, 0.56), rng.uniform(0.38, 0.52)
    height, thickness = rng.uniform(0.36, 0.55), rng.uniform(0.03, 0.1)
    parts = [box(width, depth, thickness) if _chance(rng, 0.65) else cylinder(width / 2, thickness)]
    parts = [part.at(z=height) for part in parts]
    if _chance(rng, 0.7):
        parts += _legs(rng, width * 0.38, depth * 0.38, height, rng.uniform(0.03, 0.06))
    else:
        parts += _pedestal(rng, width * rng.uniform(0.45, 0.6), height)

    rise, lean = rng.uniform(0.35, 0.7), rng.uniform(0, 18)
    style = rng.choice(["panel", "spindles", "ladder", "hoop"])
    if style == "panel":
        low = rng.uniform(0, 0.4) * rise
        back = [box(width * rng.uniform(0.75, 1.0), 0.04, rise - low).at(z=low)]
        back += [strut((x, 0, 0), (x, 0, rise * 0.9), 0.018).trim() for x in (-width * 0.3, width * 0.3)]
    elif style == "spindles":
        count = int(rng.integers(3, 7))
        across = np.linspace(-0.44, 0.44, count) * width
        back = [strut((x, 0, 0), (x, 0, rise), 0.014).trim() for x in across]
        back.append(box(width, 0.045, 0.08).at(z=rise))
    elif style == "ladder":
        count = int(rng.integers(2, 5))
        back = [
            box(width * 0.9, 0.025, rise * 0.5 / count).at(z=rise * (k + 0.6) / count) for k in range(count)
        ]
        back += [box(0.045, 0.045, rise * 1.05).at(x) for x in (-width * 0.45, width * 0.45)]
    else:
        turn = np.linspace(0, np.pi, 17)
        across, up = width * 0.47 * np.cos(turn), rise * np.sqrt(np.sin(turn))
        back = [tube(np.column_stack([across, 0 * turn, up]), 0.024)]
        back += [strut((x, 0, 0), (x, 0, rise * 0.93), 0.012).trim() for x in (-width * 0.15, width * 0.15)]
    parts += [part.turned("x", -lean).at(y=depth * 0.44, z=height + thickness / 2) for part in back]
    if _chance(rng, 0.35):
        for side in (-1, 1):
            x, top = side * width / 2, height + 0.22
            parts.append(box(0.05, depth * 0.95, 0.035).at(x, 0, top))
            parts.append(strut((x, -depth * 0.4, height), (x, -depth * 0.4, top), 0.018))
    return join(*parts)


def lamp(rng: np.random.Generator) -> Mesh:
    """A lamp with base, straight or bent pole, and shade."""
    height = rng.uniform(0.35, 1.0)
    base = rng.uniform(0.09, 0.18)
    foot = [
        cylinder(base, rng.uniform(0.02, 0.06), base * rng.uniform(0.5, 1.0)),
        sphere(base).scaled(1, 1, rng.uniform(0.7, 1.4)),
        box(base * 1.7, base * 1.7, rng.uniform(0.03, 0.15)),
        lathe([(0, 0), (base, 0), (base * 0.9, 0.05), (base * 0.4, 0.2), (base * 0.7, 0.3), (0, 0.36)]),
    ][rng.integers(4)]
    radius, rise = rng.uniform(0.12, 0.3), rng.uniform(0.15, 0.3)
    turn = np.linspace(0.0, np.pi / 2, 9)[:-1]
    dome = zip(radius * np.cos(turn), rise * np.sin(turn), strict=True)
    shade = [
        cylinder(radius, rise, radius * rng.uniform(0.3, 0.9)),
        lathe([(0, 0), *dome, (0, rise)]),
        sphere(radius * 0.7),
        cylinder(radius * 0.7, rise * 1.4),
    ][rng.integers(4)]
    pole = rng.uniform(0.012, 0.03)
    if _chance(rng, 0.65):
        return join(foot, strut((0, 0, 0), (0, 0, height + rise / 2), pole).trim(), shade.at(z=height))
    elbow, reach = (-rng.uniform(0.1, 0.3), 0.0, height * 0.6), rng.uniform(0.15, 0.35)
    tip = (reach, 0.0, height)
    arm = [strut((0, 0, 0), elbow, pole), strut(elbow, tip, pole), sphere(pole * 1.8).at(*elbow)]
    tilted = shade.at(z=-rise).turned("y", -rng.uniform(0, 50)).at(reach, 0, height + 0.05)
    return join(foot, *(part.trim() for part in arm), tilted)


def mug(rng: np.random.Generator) -> Mesh:
    """A filled mug with a handle and an optional saucer."""
    height, radius = rng.uniform(0.5, 0.95), rng.uniform(0.27, 0.4)
    wall = rng.uniform(0.02, 0.05)
    foot, rim = rng.uniform(0.65, 1.0), rng.uniform(0.9, 1.15)
    belly = rng.uniform(-0.06, 0.16)
    rises = np.linspace(0.0, 1.0, 9)
    radii = radius * (foot + (rim - foot) * rises + belly * np.sin(np.pi * rises))
    outside = list(zip(radii, height * rises, strict=True))
    inside = [(r - wall, max(z, wall)) for r, z in reversed(outside)]
    parts = [lathe([(0, 0), *outside, *inside, (0, wall)])]
    level = rng.uniform(0.55, 0.9)
    parts.append(cylinder(np.interp(level, rises, radii) - wall * 0.9, 0.01).at(z=height * level).trim())

    low, high = rng.uniform(0.12, 0.3), rng.uniform(0.7, 0.92)
    reach, square = rng.uniform(0.15, 0.3), rng.choice([1.0, 0.5])
    turn = np.linspace(-np.pi / 2, np.pi / 2, 17)
    heights = (low + high) / 2 + (high - low) / 2 * np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** square
    away = np.interp(heights, rises, radii) - wall / 2 + reach * np.abs(np.cos(turn)) ** square
    path = np.column_stack([away, 0 * turn, height * heights])
    parts.append(tube(path, rng.uniform(0.03, 0.055)))
    if _chance(rng, 0.3):
        plate = radius * rng.uniform(1.5, 1.9)
        saucer = lathe(
            [(0, 0), (plate * 0.6, 0), (plate, 0.07), (plate, 0.09), (plate * 0.6, 0.03), (0, 0.03)]
        )
        parts = [saucer, *(part.at(z=0.03) for part in parts)]
    return join(*parts)


def table(rng: np.random.Generator) -> Mesh:
    """A table with rounded or rectangular top on legs, a pedestal or panels, with optional shelf."""
    width, depth = rng.uniform(0.8, 1.4), rng.uniform(0.55, 0.85)
    height, thickness = rng.uniform(0.35, 0.8), rng.uniform(0.025, 0.08)
    rounded = _chance(rng, 0.4)
    top = cylinder(0.5, thickness).scaled(width, depth, 1) if rounded else box(width, depth, thickness)
    parts = [top.at(z=height)]
    x, y = (width * 0.3, depth * 0.3) if rounded else (width * 0.43, depth * 0.42)
    style = rng.choice(["legs", "legs", "pedestal", "panels"])
    if style == "legs":
        parts += [leg.trim() for leg in _legs(rng, x, y, height, rng.uniform(0.04, 0.09))]
    elif style == "pedestal":
        parts += _pedestal(rng, depth * rng.uniform(0.35, 0.5), height)
    else:
        parts += [box(0.05, 2 * y, height).at(side * x).trim() for side in (-1, 1)]
        parts.append(box(2 * x, 0.04, 0.1).at(z=height * 0.5).trim())
    if style != "pedestal" and _chance(rng, 0.35):
        parts.append(box(2 * x, 2 * y, 0.03).at(z=height * rng.uniform(0.2, 0.4)))
    if _chance(rng, 0.4) and not rounded:
        parts.append(box(width * 0.9, depth * 0.88, 0.1).at(z=height - 0.1).trim())
    return join(*parts)
