"""Numbers beside points: placed so that none covers a point or another number."""

import numpy as np
from matplotlib.axes import Axes

from transferscope.figures.style import INK, MARKER_SIZE, small, text_width

# Directions in the order of preference where several are free: right, left, above, below, then between.
_DIRECTIONS = np.deg2rad([0, 180, 90, 270, 45, 135, 225, 315, 22, 158, 202, 338, 68, 112, 248, 292])
_DISTANCES = (0.0, 3.0, 7.0, 12.0, 18.0)  # points beyond touching the marker
_RADIUS = MARKER_SIZE / 2 + 0.7


def label_points(
    ax: Axes, points: np.ndarray, texts: list[str], plot: dict, obstacles: list[np.ndarray]
) -> None:
    """Write ``texts`` [n] beside ``points`` [n, 2] in data coordinates, with a leader where one is far off.

    Each text takes the free place nearest to its point, the most crowded points first; in three rounds, so
    that the early ones can move again. ``obstacles`` are boxes (x0, y0, x1, y1) in points to keep clear of,
    such as a coefficient in a corner. The axes' limits and position must be final, the figure's dpi 72.
    """
    if len(texts) == 0:
        return
    size = small(plot)
    centres = ax.transData.transform(points)
    frame = ax.get_window_extent().extents
    markers = np.column_stack([centres - _RADIUS, centres + _RADIUS])
    halves = np.array([[text_width(text, size) / 2 + 0.6, 0.47 * size] for text in texts])
    crowding = [np.sort(np.linalg.norm(centres - centre, axis=1))[:4].sum() for centre in centres]

    boxes: dict[int, np.ndarray] = {}
    for _ in range(3):
        for index in np.argsort(crowding, kind="stable"):
            others = [box for other, box in boxes.items() if other != index]
            places = _places(centres[index], halves[index])
            costs = _costs(places, np.array([*others, *markers, *obstacles]), frame)
            boxes[int(index)] = places[np.argmin(costs)]

    for index, text in enumerate(texts):
        offset = (boxes[index][:2] + boxes[index][2:]) / 2 - centres[index]
        gap = np.maximum(np.abs(offset) - halves[index], 0)
        leader = {"arrowstyle": "-", "linewidth": 0.4, "color": INK, "shrinkA": 0, "shrinkB": _RADIUS}
        ax.annotate(
            text,
            xy=points[index],
            xytext=offset,
            textcoords="offset points",
            fontsize=size,
            ha="center",
            va="center",
            arrowprops=leader if np.linalg.norm(gap) > _RADIUS + 2.5 else None,
        )


def _places(centre: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Candidate boxes [80, 4] around a marker, the preferred first."""
    unit = np.column_stack([np.cos(_DIRECTIONS), np.sin(_DIRECTIONS)])
    # From the marker's edge the text's box just clears it in every direction.
    touching = unit * (_RADIUS + half)
    middles = np.concatenate([centre + touching + distance * unit for distance in _DISTANCES])
    return np.column_stack([middles - half, middles + half])


def _costs(places: np.ndarray, taken: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Square points of each place [p, 4] that boxes [t, 4] take or that lie outside; ties by order."""
    low = np.maximum(places[:, None, :2], taken[None, :, :2])
    high = np.minimum(places[:, None, 2:], taken[None, :, 2:])
    covered = np.prod(np.clip(high - low, 0, None), axis=2).sum(axis=1)
    inside_low, inside_high = np.maximum(places[:, :2], frame[:2]), np.minimum(places[:, 2:], frame[2:])
    inside = np.prod(np.clip(inside_high - inside_low, 0, None), axis=1)
    area = np.prod(places[:, 2:] - places[:, :2], axis=1)
    # A slight touch is better than a long leader: a point further off costs a third of one covered.
    away = np.repeat(_DISTANCES, len(_DIRECTIONS))
    return covered + (area - inside) + 0.35 * away + 1e-3 * np.arange(len(places))
