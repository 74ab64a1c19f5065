"""One of the figures of label efficiency, of one protocol."""

from importlib import import_module

from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.results.efficiency import read_utility
from transferscope.results.resolved import read_study


def main(utility: str, study: str, pdf: str, png: str, *, figure: str, protocol: str, plot: dict) -> None:
    """Draw the figure as PDF and PNG.

    Args:
        figure: a module of ``transferscope.figures`` with a function of the same name, which draws it.
        plot: the settings of ``figures.style``.
    """
    rows = read_study(study)
    table = read_utility(utility, rows)
    draw = getattr(import_module(f"transferscope.figures.{figure}"), figure)
    save(draw(table[table["protocol"] == protocol], rows, plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.utility,
            snakemake.input.study,
            *snakemake.output,
            protocol=snakemake.wildcards.protocol,
            **dict(snakemake.params),
        )
