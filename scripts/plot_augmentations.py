"""What each augmentation of the pictures that networks learned from is worth, of one protocol."""

from transferscope.figures.augmentations import augmentations, beside, tables
from transferscope.figures.style import save
from transferscope.figures.tables import to_markdown
from transferscope.files import write_text
from transferscope.job import logged
from transferscope.results.efficiency import write
from transferscope.results.layers import by_layer, read_rows
from transferscope.results.learned import by_augmentation, levels
from transferscope.results.resolved import read_study


def main(
    table: str, study: str, *, pdf: str, png: str, tsv: str, markdown: str, protocol: str, plot: dict
) -> None:
    """Draw the figure as PDF and PNG, and print it as tables; ``plot`` as for ``figures.style``."""
    facts = read_study(study)
    rows = read_rows(table, facts)
    rows = rows[rows["protocol"] == protocol]
    found = beside(by_augmentation(rows, facts), levels(by_layer(rows, facts), facts))
    write(tsv, found)
    write_text(markdown, "\n".join(map(to_markdown, tables(found, facts))))
    save(augmentations(found, facts, plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.table,
            snakemake.input.study,
            **dict(snakemake.output),
            protocol=snakemake.wildcards.protocol,
            plot=snakemake.params.plot,
        )
