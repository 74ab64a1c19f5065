"""What the study took, by protocol and model, from the benchmark files."""

from pathlib import Path

from transferscope.cluster.costs import costs
from transferscope.cluster.sizes import read_sizes
from transferscope.files import atomic_path
from transferscope.job import logged
from transferscope.results.resolved import read_study


def main(
    benchmarks: str, sizes: str, study: str, output: str, *, models: list[str], datasets: list[str]
) -> None:
    """Write the table of ``transferscope.cluster.costs`` of all files in the folder ``benchmarks``.

    ``models`` and ``datasets`` are those whose jobs count.
    """
    stages = read_sizes(sizes)["stage"].droplevel("protocol")
    targets = read_study(study).protocols["target"]
    files = Path(benchmarks).rglob("*.tsv")
    table = costs(files, stages, targets, models=models, datasets=datasets)
    with atomic_path(output) as temporary:
        table.to_csv(temporary, sep="\t", index=False, float_format="%.4f")


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.params.benchmarks,
            snakemake.input.sizes,
            snakemake.input.study,
            snakemake.output[0],
            models=snakemake.params.models,
            datasets=snakemake.params.datasets,
        )
