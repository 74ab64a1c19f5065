"""The texts of a figure, read back as they are drawn."""

import itertools
from functools import lru_cache

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from transferscope.figures import style

PLOT = {"font_size": 8, "dpi": 60}


@lru_cache(maxsize=1)  # one test asks several things of one figure
def drawn_texts(figure: Figure) -> list[tuple[Text, np.ndarray]]:
    """Every text that is drawn, with its box (without its leader) in points."""
    with style.drawing(PLOT):
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        beyond = set()
        for axis in itertools.chain.from_iterable((ax.xaxis, ax.yaxis) for ax in figure.axes):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks():
                if not low - 1e-9 <= tick.get_loc() <= high + 1e-9:
                    beyond |= {tick.label1, tick.label2}
        texts = [
            text
            for text in figure.findobj(Text)
            if text.get_visible() and text.get_text().strip() and text not in beyond
        ]
        return [(text, Text.get_window_extent(text, canvas.get_renderer()).extents) for text in texts]


def check_texts(figure: Figure) -> None:
    """All text within the figure, none too small."""
    width, height = figure.get_size_inches() * 72
    for text, (x0, y0, x1, y1) in drawn_texts(figure):
        inside = x0 > -1 and y0 > -1 and x1 < width + 1 and y1 < height + 1
        assert inside, (
            f"{text.get_text()!r} at {x0:.0f} {y0:.0f} {x1:.0f} {y1:.0f} of {width:.0f} {height:.0f}"
        )
        assert text.get_fontsize() >= 7


def words(figure: Figure) -> str:
    return " | ".join(text.get_text() for text, _ in drawn_texts(figure))
