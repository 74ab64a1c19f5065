"""A few test pictures with the truth and the prediction for every pixel; KINDS has a function a kind."""

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from transferscope.datasets.dense import IGNORED
from transferscope.figures.style import TEXT_WIDTH, drawing, small
from transferscope.results.examples import Example

LARGEST_ERROR = 60  # degrees, where the scale of the error maps ends
NOTHING = 0.85  # grey of pixels without a label
RIGHT = 0.93  # and of those whose class is found


def normals(examples: list[Example], class_names: list[str], plot: dict) -> Figure:
    """A row a picture: the picture, true normals, predicted ones, and the angle between them.

    The components x, y and z of a normal are red, green and blue.

    Args:
        examples: those of ``examples.read``.
        class_names: there are none.
        plot: plot settings (``figures.style``).
    """
    titles = ["Picture", "True normals", "Predicted", "Angular error"]
    with drawing(plot):
        figure, axes, foot = _frame(examples, titles, plot)
        for row, (_, picture, truth, predicted) in zip(axes, examples, strict=True):
            cosine = np.clip((truth * predicted).sum(axis=-1), -1, 1)
            images = [picture, _directions(truth), _directions(predicted), np.degrees(np.arccos(cosine))]
            for ax, image in zip(row, images, strict=True):
                ax.imshow(image, vmin=0, vmax=LARGEST_ERROR, cmap="viridis", interpolation="nearest")
        scale = figure.add_axes((0.76, 0.6 * foot, 0.23, 0.16 * foot))
        colours = figure.colorbar(
            ScalarMappable(Normalize(0, LARGEST_ERROR), "viridis"),
            cax=scale,
            orientation="horizontal",
            ticks=[0, 20, 40, 60],
            extend="max",
        )
        colours.outline.set_linewidth(0.4)
        scale.set_xticklabels(["0°", "20°", "40°", "60°"], fontsize=small(plot))
    return figure


def classes(examples: list[Example], class_names: list[str], plot: dict) -> Figure:
    """A row a picture: the picture, its true classes, the predicted ones, and where they differ.

    ``class_names`` are all names; the key has those that occur. Other arguments as for ``normals``.
    """
    titles = ["Picture", "True classes", "Predicted", "Wrong"]
    present = sorted({int(c) for _, _, *maps in examples for m in maps for c in np.unique(m)} - {IGNORED})
    palette = np.full((256, 3), NOTHING)
    for place, label in enumerate(present):
        palette[label] = colormaps["tab20"](place % 20)[:3]
    with drawing(plot):
        figure, axes, _ = _frame(examples, titles, plot)
        for row, (_, picture, truth, predicted) in zip(axes, examples, strict=True):
            wrong = np.where((truth != predicted) & (truth != IGNORED), 0.0, RIGHT)
            for ax, image in zip(row, [picture, palette[truth], palette[predicted]], strict=False):
                ax.imshow(image, interpolation="nearest")
            row[-1].imshow(wrong, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        figure.legend(
            handles=[Patch(color=palette[label], label=class_names[label]) for label in present],
            loc="lower center",
            ncols=6,
            handlelength=1,
            columnspacing=1.0,
        )
    return figure


KINDS = {"normals": normals, "classes": classes}
"""How a file of examples says that it is shown."""


def _frame(examples: list[Example], titles: list[str], plot: dict) -> tuple[Figure, list[list[Axes]], float]:
    """The figure, a row of empty panels a picture, and the share of its height below them."""
    em = plot["font_size"] / 72
    panel = TEXT_WIDTH / len(titles)
    shape = examples[0][1].shape
    row = panel * shape[0] / shape[1]
    above, below = 1.8 * em, 4.5 * em
    height = above + row * len(examples) + below
    figure = Figure(figsize=(TEXT_WIDTH, height))
    axes = []
    for number in range(len(examples)):
        bottom = height - above - (number + 1) * row
        size = (panel - 0.04) / TEXT_WIDTH, (row - 0.04) / height
        lefts = [(column * panel + 0.02) / TEXT_WIDTH for column in range(len(titles))]
        axes.append([figure.add_axes((left, bottom / height, *size)) for left in lefts])
        for ax in axes[-1]:
            ax.set_axis_off()
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title, loc="left", pad=3, weight="bold")
    return figure, axes, below / height


def _directions(vectors: np.ndarray) -> np.ndarray:
    """Normals [H, W, 3] as colours."""
    return np.nan_to_num((vectors * [1, -1, -1] + 1) / 2, nan=NOTHING).clip(0, 1)
