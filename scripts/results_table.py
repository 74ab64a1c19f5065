"""Print the results as tables of models by datasets: Markdown, LaTeX, and a TSV each."""

from transferscope.figures import tables
from transferscope.files import atomic_path, write_text
from transferscope.job import logged
from transferscope.results.resolved import read_settings, read_study


def main(table: str, study: str, compare: str | None, *, markdown: str, latex: str, folder: str) -> None:
    """Write all tables to ``markdown`` and ``latex``, and each to ``folder`` as ``NAME.tsv``.

    ``compare`` is a long table of published results to print beside the measured ones, or None.
    """
    rows = read_study(study)
    published = read_settings(compare, rows) if compare else None
    built = tables.build_tables(read_settings(table, rows), rows, published)
    write_text(markdown, "\n".join(map(tables.to_markdown, built)))
    write_text(latex, "\n".join(map(tables.to_latex, built)))
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        for one in built:
            (temporary / f"{one.name}.tsv").write_text(tables.to_tsv(one), encoding="utf-8")


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.table,
            snakemake.input.study,
            snakemake.input.compare or None,
            **dict(snakemake.output),
        )
