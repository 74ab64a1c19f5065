"""Write the rows of the tables that analyses need, as the controller resolved them."""

from transferscope.job import logged
from transferscope.results.resolved import write_study


def main(output: str, *, rows: dict[str, dict[str, list]]) -> None:
    """Write ``rows`` (``results.resolved.resolve``) to ``output``."""
    write_study(output, rows)


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.output[0], rows=snakemake.params.rows)
