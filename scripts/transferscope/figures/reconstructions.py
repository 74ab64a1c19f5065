"""Pictures seen again from every model's features (Ericsson et al. 2021, figure 8)."""

from collections.abc import Callable

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope.errors import InputError
from transferscope.figures.gallery import gallery, shrunk
from transferscope.protocols.reconstruction.pictures import Reconstruction
from transferscope.results.resolved import Study


def reconstructions(found: list[Reconstruction], study: Study, plot: dict) -> Figure:
    """A row a model below the originals, a column a dataset.

    Args:
        found: one a model and dataset; where there is none, the cell stays empty.
        study, plot: as for ``gallery``.

    Raises:
        InputError: there are no reconstructions.
    """
    if not found:
        raise InputError("no reconstructions were given; add the protocol reconstruction")

    def cell(one: Reconstruction) -> Callable[[Axes], None]:
        return lambda ax: ax.imshow(shrunk(one.made) / 255)

    originals = {one.dataset: one.original for one in found}
    cells = {(one.facts["model"], one.dataset): cell(one) for one in found}
    return gallery(originals, cells, study, plot)
