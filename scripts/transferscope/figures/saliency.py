"""Saliency maps of every model on one picture of every dataset (Ericsson et al. 2021, figure 9)."""

from collections.abc import Callable

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope.errors import InputError
from transferscope.figures.gallery import gallery, number, shrunk
from transferscope.protocols.saliency.maps import Map, diffusion
from transferscope.results.resolved import Study

COLOURS = "inferno"


def saliency(maps: list[Map], study: Study, plot: dict) -> Figure:
    """A row a model below the pictures, a column a dataset; the number is the attentive diffusion in percent.

    Each map is coloured from its own least to its own largest value, since a model's scale means nothing.

    Args:
        maps: one a model and dataset; where there is none, the cell stays empty.
        study, plot: as for ``gallery``.

    Raises:
        InputError: there are no maps.
    """
    if not maps:
        raise InputError("no saliency maps were given; add the protocol saliency")

    def cell(one: Map) -> Callable[[Axes], None]:
        def draw(ax: Axes) -> None:
            ax.imshow(shrunk(one.attention), cmap=COLOURS, interpolation="none")
            number(ax, f"{100 * diffusion(one.attention):.0f}", plot)

        return draw

    originals = {one.dataset: one.picture for one in maps}
    cells = {(one.model, one.dataset): cell(one) for one in maps}
    return gallery(originals, cells, study, plot)
