"""What finetuning reaches with the first stages of networks frozen, of one protocol."""

from transferscope.figures.frozen_prefix import frozen_prefix, tables
from transferscope.figures.style import save
from transferscope.figures.tables import to_markdown
from transferscope.files import write_text
from transferscope.job import logged
from transferscope.results.efficiency import write
from transferscope.results.frozen import read_frozen
from transferscope.results.resolved import read_study


def main(
    table: str, study: str, *, pdf: str, png: str, tsv: str, markdown: str, protocol: str, plot: dict
) -> None:
    """Draw the figure as PDF and PNG, and print it as tables; ``plot`` as for ``figures.style``."""
    facts = read_study(study)
    rows = read_frozen(table, facts, protocol)
    write(tsv, rows)
    write_text(markdown, "\n".join(map(to_markdown, tables(rows, facts))))
    save(frozen_prefix(rows, facts, plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.table,
            snakemake.input.study,
            **dict(snakemake.output),
            protocol=snakemake.wildcards.protocol,
            plot=snakemake.params.plot,
        )
