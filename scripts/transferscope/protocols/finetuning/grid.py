"""Which settings are tried, for how many steps, and which of them go on.

The grid is that of Ericsson et al. (CVPR 2021, Appendix A.2). For those who cannot afford it, successive
halving (Jamieson and Talwalkar, AISTATS 2016): every rung trains from the start, with half as many settings
as the rung before and twice as many steps, so that each costs the same and the last has the protocol's steps.

The Snakefile imports this module, so it imports nothing heavy.
"""

import math
from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True)
class Point:
    """One setting of the grid, ``number`` its place there."""

    number: int
    learning_rate: float
    weight_decay: float
    augmentation: str


def grid(learning_rates: list[float], weight_decays: list[float], augmentations: list[str]) -> list[Point]:
    """Every combination. The weight decays are given as products with the learning rate, as in the paper."""
    combinations = product(learning_rates, weight_decays, augmentations)
    return [
        Point(number, rate, decay / rate, augmentation)
        for number, (rate, decay, augmentation) in enumerate(combinations)
    ]


@dataclass(frozen=True)
class Rung:
    """A stage of the search: how many settings it trains, each for how many steps."""

    points: int
    steps: int


def rungs(points: int, steps: int, halvings: int) -> list[Rung]:
    """The stages of the search; without halvings one, the whole grid with all steps."""
    return [
        Rung(math.ceil(points / 2**rung), max(1, steps // 2 ** (halvings - rung)))
        for rung in range(halvings + 1)
    ]


def parts(rung: Rung, points_per_job: int) -> int:
    """How many jobs share a rung."""
    return math.ceil(rung.points / points_per_job)


def share(points: list[Point], part: int, points_per_job: int) -> list[Point]:
    """What one job trains."""
    return points[part * points_per_job : (part + 1) * points_per_job]


def ranked(trials: list[dict]) -> list[dict]:
    """Trials by falling score on val, equal ones in the grid's order, those that diverged last."""

    def order(trial: dict) -> tuple:
        return trial["diverged"] is not None, -(trial["val_score"] or 0), trial["point"]["number"]

    return sorted(trials, key=order)
