"""Draw the figure of docs/utility.md, idealised outcomes from made-up curves: `make docs/utility.png`."""

import argparse

import pandas as pd

from transferscope.figures.outcomes import outcomes
from transferscope.figures.style import drawing
from transferscope.files import atomic_path

PLOT = {"font_size": 8, "dpi": 150}


def main(curves: str, png: str) -> None:
    """Draw ``curves``, a tab-separated table with the columns of ``figures.outcomes``."""
    figure = outcomes(pd.read_csv(curves, sep="\t"), PLOT)
    with drawing(PLOT), atomic_path(png) as temporary:
        figure.savefig(temporary, dpi=PLOT["dpi"], metadata={"Software": None})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("curves")
    parser.add_argument("png")
    main(**vars(parser.parse_args()))
