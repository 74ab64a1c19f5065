"""Print the long table as tables of models by datasets: Markdown, LaTeX, and a TSV each."""

from pathlib import Path

from transferscope.results.names import read_datasets, read_models

from transferscope.figures import tables
from transferscope.files import atomic_path, write_text
from transferscope.job import logged
from transferscope.results import long_table as results


def main(
    table: str,
    models: str | list[str],
    datasets: str | list[str],
    compare: str | None,
    *,
    markdown: str,
    latex: str,
    folder: str,
) -> None:
    """Write all tables to ``markdown`` and ``latex``, and each to ``folder`` as ``NAME.tsv``.

    ``compare`` is a long table of published results to print beside the measured ones, or None.
    """
    published = results.read_table(compare) if compare else None
    built = tables.build_tables(
        results.read_table(table), read_models(models), read_datasets(datasets), published
    )
    write_text(markdown, "\n".join(map(tables.to_markdown, built)))
    write_text(latex, "\n".join(map(tables.to_latex, built)))
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        for one in built:
            Path(temporary, f"{one.name}.tsv").write_text(tables.to_tsv(one), encoding="utf-8")


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.table,
            snakemake.input.models,
            snakemake.input.datasets,
            snakemake.input.compare or None,
            **dict(snakemake.output),
        )
