"""Outdoor objects: airplane, car, house, rocket, tree. Each function samples one model."""

import numpy as np

from transferscope.datasets.rendered.shapes import (
    Mesh,
    box,
    cone,
    cylinder,
    frustum,
    join,
    lathe,
    prism,
    profile_prism,
    sphere,
    strut,
    tube,
)


def _chance(rng: np.random.Generator, probability: float) -> bool:
    return rng.random() < probability


def airplane(rng: np.random.Generator) -> Mesh:
    """A fuselage along x with wings and tail; optional engines, propeller, second wing and wheels."""
    radius = rng.uniform(0.045, 0.085)
    nose, tail = rng.uniform(0.1, 0.25), rng.uniform(0.3, 0.45)
    front = [(radius * np.sin(t), -nose * np.cos(t)) for t in np.linspace(0, np.pi / 2, 9)]
    fuselage = lathe([*front, (radius, 1 - nose - tail), (radius * 0.25, 1 - nose), (0, 1 - nose)])
    parts = [fuselage.turned("y", -90).at(x=nose)]  # the nose at x = 2 nose, the tail towards -x

    span, chord = rng.uniform(0.35, 0.6), rng.uniform(0.12, 0.25)
    sweep, taper = rng.uniform(-0.05, 0.3), rng.uniform(0.3, 1.0)

    def wings(scale: float, x: float, z: float, dihedral: float) -> list[Mesh]:
        left = prism(
            [
                (x, 0),
                (x - sweep * scale, span * scale),
                (x - (sweep + chord * taper) * scale, span * scale),
                (x - chord * scale, 0),
            ],
            0.018,
        )
        left = left.turned("x", dihedral).at(z=z)
        return [left, left.mirrored()]

    position, height = rng.uniform(-0.15, 0.1), radius * rng.uniform(-0.7, 0.7)
    parts += wings(1.0, position, height, rng.uniform(0, 8))
    biplane = _chance(rng, 0.2)
    if biplane:
        parts += wings(1.0, position + 0.03, height + 0.18, 0)
        parts += [
            strut((position - chord / 2 - sweep * y / span, side * y, height),
                  (position - chord / 2 - sweep * y / span, side * y, height + 0.19), 0.008).trim()
            for side in (-1, 1)
            for y in (0.15 * span, 0.8 * span)
        ]  # fmt: skip
    end = 2 * nose - 1
    parts += wings(rng.uniform(0.3, 0.45), end + 0.14, rng.choice([0.0, radius * 0.6]), 0)
    fin = rng.uniform(0.12, 0.2)
    parts.append(
        profile_prism([(end, 0), (end + 0.18, 0), (end + 0.06, fin), (end - 0.03, fin)], 0.016).trim()
    )

    if biplane or _chance(rng, 0.3):
        blade = box(0.012, rng.uniform(0.25, 0.36), 0.035)
        spinner = sphere(radius * 0.5).at(z=-radius * 0.5)
        propeller = [blade.at(z=-0.0175), blade.at(z=-0.0175).turned("x", 90), spinner]
        parts += [part.turned("x", 35).at(x=2 * nose).trim() for part in propeller]
    else:
        engine = cylinder(radius * 0.55, 0.16, radius * 0.4).turned("y", -90).trim()
        for k in range(int(rng.integers(0, 3))):
            y = span * (0.35 + 0.3 * k)
            x = position - sweep * y / span + 0.05
            parts += [engine.at(x, side * y, height - radius * 0.5) for side in (-1, 1)]
    if _chance(rng, 0.5):
        wheel = cylinder(0.04, 0.03).turned("x", 90).trim()
        for x, y in [(2 * nose - 0.12, 0.0), (position - chord / 2, 0.1), (position - chord / 2, -0.1)]:
            parts += [
                wheel.at(x, y + 0.015, -radius - 0.08),
                strut((x, y, -radius - 0.08), (x, y, 0), 0.01).trim(),
            ]
    return join(*parts)


def car(rng: np.random.Generator) -> Mesh:
    """A car body on four wheels with a glass cabin: sedan, hatchback, van or pickup."""
    length, width = 1.0, rng.uniform(0.38, 0.48)
    waist, roof = rng.uniform(0.2, 0.27), rng.uniform(0.34, 0.5)
    clear, wheel = rng.uniform(0.05, 0.09), rng.uniform(0.075, 0.11)
    half = length / 2
    hood = waist - rng.uniform(0.0, 0.06)
    body = profile_prism(
        [(-half, clear), (half * 0.96, clear), (half, clear + 0.05), (half * 0.95, hood), (0.1, waist),
         (-half * 0.97, waist), (-half, waist - 0.03)],
        width,
    )  # fmt: skip
    style = rng.choice(["sedan", "hatchback", "van", "pickup"])
    front = {"sedan": 0.2, "hatchback": 0.22, "van": 0.44, "pickup": 0.25}[style] + rng.uniform(-0.04, 0.04)
    back = {"sedan": -0.34, "hatchback": -0.46, "van": -0.48, "pickup": -0.08}[style]
    rake, tail = rng.uniform(0.04, 0.16), rng.uniform(0.02, 0.14)

    def cabin(low: float, high: float, breadth: float) -> Mesh:
        """Slice of the cabin between two relative heights."""
        at = [waist + (roof - waist) * part for part in (low, high)]
        return profile_prism(
            [(back + tail * low, at[0]), (front - rake * low, at[0]), (front - rake * high, at[1]),
             (back + tail * high, at[1])],
            breadth,
        )  # fmt: skip

    parts = [body, cabin(-0.05, 0.8, width * 0.9).trim(), cabin(0.78, 1.0, width * 0.92)]
    pillars = rng.uniform(0.025, 0.05)
    for k in range(int(rng.integers(2, 5))):
        x = back + tail + (front - rake - back - tail) * (k + 0.5) / 4
        parts.append(box(pillars, width * 0.91, (roof - waist) * 0.9).at(x, 0, waist))
    if style == "pickup":
        parts += [
            box(0.38, 0.03, 0.07).at(-0.29, side * (width / 2 - 0.015), waist - 0.01) for side in (-1, 1)
        ]
        parts.append(box(0.03, width, 0.07).at(-half * 0.95, 0, waist - 0.01))
    axles = (half * rng.uniform(0.55, 0.68), -half * rng.uniform(0.5, 0.65))
    for x in axles:
        for side in (-1, 1):
            y = side * width / 2
            parts.append(cylinder(wheel, 0.07).turned("x", 90).at(x, y + 0.035, wheel).trim())
            parts.append(cylinder(wheel * 0.5, 0.08).turned("x", 90).at(x, y + 0.04, wheel))
    return join(*parts)


def house(rng: np.random.Generator) -> Mesh:
    """A house with gable, hip or flat roof, door and windows; optional chimney and wing."""
    width, depth = rng.uniform(0.5, 1.1), rng.uniform(0.45, 0.75)
    storeys = int(rng.integers(1, 4))
    wall, eaves = 0.3 * storeys, rng.uniform(0.02, 0.08)
    rise = rng.uniform(0.2, 0.5) * depth

    def block(width: float, depth: float, wall: float, rise: float, roof: str) -> list[Mesh]:
        outer_x, outer_y = width + 2 * eaves, depth + 2 * eaves
        if roof == "gable":
            gable = [(-outer_y / 2, 0), (outer_y / 2, 0), (0, rise)]
            top = profile_prism(gable, outer_x).turned("z", 90)
        elif roof == "hip":
            ridge = max(width - depth, 0.0)
            top = frustum(outer_x, outer_y, rise, ridge, 0.0)
        else:
            top = box(outer_x, outer_y, 0.06)
        return [box(width, depth, wall), top.at(z=wall).trim()]

    roof = rng.choice(["gable", "gable", "hip", "flat"])
    parts = block(width, depth, wall, rise, roof)
    if _chance(rng, 0.5) and roof != "flat":
        side = rng.uniform(0.2, 0.35) * width
        parts.append(box(0.09, 0.09, wall + rise * rng.uniform(1.0, 1.3)).at(side, depth * 0.15))
    if _chance(rng, 0.35):
        wing = block(width * 0.5, depth * 0.7, 0.3, 0.15, roof)
        parts += [part.turned("z", 90).at(-width * 0.2, -depth * 0.6) for part in wing]
    columns = int(rng.integers(2, 5))
    pane_width, pane_height = width / columns * rng.uniform(0.35, 0.6), rng.uniform(0.1, 0.16)
    for storey in range(storeys):
        for k in range(columns):
            x, z = width * ((k + 0.5) / columns - 0.5), 0.3 * storey + 0.1
            parts.append(box(pane_width, depth + 0.02, pane_height).at(x, 0, z).trim())
        parts.append(box(width + 0.02, depth * 0.25, pane_height).at(0, 0, 0.3 * storey + 0.1).trim())
    parts.append(box(0.12, 0.03, 0.22).at(width * rng.uniform(-0.3, 0.3), -depth / 2).trim())
    return join(*parts)


def rocket(rng: np.random.Generator) -> Mesh:
    """A rocket with fins and one or two stages; optional boosters and portholes."""
    radius, height = rng.uniform(0.07, 0.16), rng.uniform(0.5, 0.7)
    base, nose = rng.uniform(0.05, 0.14), rng.uniform(0.15, 0.35)
    upper = radius * rng.choice([1.0, rng.uniform(0.6, 0.85)])
    step = height * rng.uniform(0.5, 0.7)
    power = rng.uniform(0.5, 1.0)  # 1 is a cone, less is rounder
    tip = [(upper * (1 - t) ** power, base + height + nose * t) for t in np.linspace(0.0, 1.0, 10)]
    body = [(0, base), (radius, base), (radius, base + step), (upper, base + step + 0.06)]
    parts = [lathe([*body, *tip[:-1], (0.0, base + height + nose)])]
    parts.append(cylinder(radius * 0.8, base + 0.01, radius * 0.4).at(z=0.0).trim())
    band = rng.uniform(0.1, 0.4)
    parts.append(cylinder(radius * 1.03, 0.05).at(z=base + step * band).trim())

    fins = int(rng.integers(3, 5))
    reach, root, drop = rng.uniform(0.08, 0.2), rng.uniform(0.15, 0.35), rng.uniform(0.0, base)
    fin = profile_prism(
        [
            (0, base),
            (radius + reach, base - drop),
            (radius + reach, base - drop + root * 0.35),
            (0, base + root),
        ],
        0.022,
    ).trim()
    parts += [fin.turned("z", 360 * k / fins) for k in range(fins)]
    if _chance(rng, 0.4):
        thin, tall = radius * rng.uniform(0.4, 0.6), step * rng.uniform(0.5, 0.9)
        booster = lathe([(0, 0), (thin, 0), (thin, tall), (0, tall + thin * 2)])
        parts += [
            booster.at(x=radius + thin, z=base * 0.5).turned("z", 360 * (k + 0.5) / fins) for k in range(fins)
        ]
    for k in range(int(rng.integers(0, 4))):
        window = sphere(upper * 0.35).at(x=upper * 0.8, z=base + height - 0.05 - 0.13 * k)
        parts.append(window.trim())
    return join(*parts)


def tree(rng: np.random.Generator) -> Mesh:
    """A fir, broad-leaved tree, poplar or palm."""
    trunk, thick = rng.uniform(0.2, 0.45), rng.uniform(0.03, 0.06)
    style = rng.choice(["fir", "broad", "poplar", "palm"])
    if style == "fir":
        tiers, radius, rise = int(rng.integers(2, 6)), rng.uniform(0.22, 0.38), rng.uniform(0.7, 1.0)
        parts = [strut((0, 0, 0), (0, 0, trunk + 0.1), thick, thick * 0.8).trim()]
        for k in range(tiers):
            shrink = 1 - 0.75 * k / tiers
            tier = cone(radius * shrink, rise / tiers * 1.5)
            parts.append(tier.at(z=trunk * 0.6 + rise * k / tiers))
    elif style == "broad":
        spread = rng.uniform(0.15, 0.25)
        parts = [strut((0, 0, 0), (0, 0, trunk + 0.15), thick, thick * 0.7).trim()]
        for k in range(int(rng.integers(3, 9))):
            angle, radius = 2.4 * k, rng.uniform(0.14, 0.24)  # successive clumps, a golden angle apart
            out, up = spread * rng.uniform(0.5, 1.1), rng.uniform(0.0, 0.35)
            clump = sphere(radius).scaled(1, 1, rng.uniform(0.7, 1.0))
            parts.append(clump.at(out * np.cos(angle), out * np.sin(angle), trunk + up))
    elif style == "poplar":
        radius, rise = rng.uniform(0.14, 0.26), rng.uniform(0.6, 1.0)
        crown = sphere(1.0).scaled(radius, radius, rise / 2).at(z=trunk * 0.6)
        parts = [strut((0, 0, 0), (0, 0, trunk), thick).trim(), crown]
    else:
        bend, rise = rng.uniform(-0.2, 0.2), rng.uniform(0.6, 0.95)
        t = np.linspace(0, 1, 8)
        parts = [tube(np.column_stack([bend * t**2, 0 * t, rise * t]), thick * (1 - 0.5 * t)).trim()]
        fronds, reach, droop = int(rng.integers(6, 11)), rng.uniform(0.3, 0.45), rng.uniform(0.1, 0.35)
        flat = 0.5
        path = np.column_stack([reach * t, 0 * t, (0.08 * np.sin(np.pi * t) - droop * t**2) / flat])
        frond = tube(path, 0.004 + 0.045 * np.sin(np.pi * (0.1 + 0.9 * t))).scaled(1, 1, flat)
        parts += [frond.turned("z", 360 * k / fronds).at(bend, 0, rise) for k in range(fronds)]
    return join(*parts)
