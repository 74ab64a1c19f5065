"""How the map of a layer becomes the few values that a linear probe sees.

Asano, Rupprecht and Vedaldi (ICLR 2020; linear-probes, eval_linear_probes.py) max-pool the maps of AlexNet to
9,600 values or a little less. The rule here gives any map a grid of as many; those of AlexNet are the same.
"""

from dataclasses import dataclass
from math import isqrt

from torch import Tensor, nn

MAX, AVERAGE = "max", "average"
_ADAPTIVE = {MAX: nn.functional.adaptive_max_pool2d, AVERAGE: nn.functional.adaptive_avg_pool2d}


@dataclass(frozen=True)
class Grid:
    """Pooling of maps [N, C, H, W] to [N, C, rows, columns].

    Attributes:
        pool: MAX or AVERAGE.
        rows, columns: of the grid.
        window: side, stride and margin of its windows; None where these part the map as evenly as they can.
    """

    pool: str
    rows: int
    columns: int
    window: tuple[int, int, int] | None = None

    def __call__(self, maps: Tensor) -> Tensor:
        if self.window:
            return nn.functional.max_pool2d(maps, *self.window)
        return _ADAPTIVE[self.pool](maps, (self.rows, self.columns))


def choose(
    channels: int,
    height: int,
    width: int,
    *,
    values: int,
    rectified: bool,
    window: tuple[int, int, int] | None = None,
) -> Grid:
    """The grid of a map.

    It is g x g with the largest g for which ``channels`` g^2 is at most ``values`` and g at most the map's
    shorter side; 1 x 1 where there are more channels than that.

    Args:
        channels, height, width: of the map.
        values: that a probe may see.
        rectified: whether the map comes from a ReLU or the like, whose maxima say what was found; else its
            values are signed, and averaged.
        window: of max-pooling that the network itself asks for; taken where it gives the very same grid.
    """
    side = max(1, min(isqrt(values // channels), height, width))
    if window and (side, side) == tuple(_outputs(pixels, *window) for pixels in (height, width)):
        return Grid(MAX, side, side, window)
    return Grid(MAX if rectified else AVERAGE, side, side)


def _outputs(pixels: int, side: int, stride: int, margin: int) -> int:
    """How many windows fit along an edge."""
    return (pixels + 2 * margin - side) // stride + 1
