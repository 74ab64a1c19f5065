"""One of the figures of what each layer knows, of one protocol."""

from transferscope.figures import layers
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.results.layers import beside, read_curves
from transferscope.results.resolved import read_study


def main(
    table: str, study: str, compare: str | None, pdf: str, png: str, *, figure: str, protocol: str, plot: dict
) -> None:
    """Draw the figure as PDF and PNG.

    Args:
        compare: a long table of published results to show beside the measured ones, or None.
        figure: a function of ``figures.layers``.
        plot: the settings of ``figures.style``.
    """
    rows = read_study(study)
    curves = read_curves(table, rows)
    if compare:
        curves, rows = beside(curves, read_curves(compare, rows), rows)
    draw = getattr(layers, figure)
    save(draw(curves[curves["protocol"] == protocol], rows, plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.table,
            snakemake.input.study,
            snakemake.input.compare or None,
            *snakemake.output,
            protocol=snakemake.wildcards.protocol,
            **dict(snakemake.params),
        )
