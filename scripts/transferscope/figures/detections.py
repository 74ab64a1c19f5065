"""The boxes that a detector found in a few test pictures, with the annotated ones."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from PIL import Image

from transferscope.figures.style import BLUE, ORANGE, drawing, grid, small

SHOWN = 0.5  # the least score of a box that is drawn
TRUE = {"color": ORANGE, "linewidth": 1.4, "linestyle": (0, (3, 2))}
FOUND = {"color": BLUE, "linewidth": 1.1}


def detections(pictures: list[dict], images: list[Image.Image], class_names: list[str], plot: dict) -> Figure:
    """A panel a picture: the annotated boxes broken, the found ones whole, with their class and score.

    Args:
        pictures: of each picture its ``name``, and the ``true`` and the ``found`` objects: ``boxes`` (x0 y0
            x1 y1 in pixels), ``labels`` and, of those found, ``scores``.
        images: the pictures themselves.
        class_names: what the labels mean.
        plot: plot settings (``figures.style``).
    """
    key = [
        (Line2D([], [], **TRUE), "annotated"),
        (Line2D([], [], **FOUND), f"found with a score of at least {SHOWN}"),
    ]
    aspect = max(image.height / image.width for image in images)
    titles = [picture["name"].rpartition("/")[2] for picture in pictures]
    with drawing(plot):
        figure, axes = grid(titles, plot, columns=3, aspect=aspect, key=key)
        for ax, picture, image in zip(axes, pictures, images, strict=True):
            ax.imshow(image, extent=(0, image.width, image.height, 0))
            ax.set_axis_off()
            for box in picture["true"]["boxes"]:
                _draw(ax, box, TRUE)
            found = picture["found"]
            for box, label, score in zip(found["boxes"], found["labels"], found["scores"], strict=True):
                if score >= SHOWN:
                    _draw(ax, box, FOUND)
                    _name(ax, box, f"{class_names[label]} {score:.2f}", plot)
    return figure


def _draw(ax: Axes, box: list[float], line: dict) -> None:
    x0, y0, x1, y1 = box
    ax.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, **line))


def _name(ax: Axes, box: list[float], text: str, plot: dict) -> None:
    """In the box's left upper corner, white on the colour of its line, whatever the picture is like."""
    ax.text(
        *box[:2],
        text,
        color="white",
        fontsize=small(plot),
        va="top",
        clip_on=True,
        bbox={"facecolor": BLUE, "edgecolor": "none", "pad": 0.8, "alpha": 0.8},
    )
