"""One picture of a dataset, for what is looked at picture by picture."""

from transferscope import files
from transferscope.datasets import load_dataset
from transferscope.datasets.drawing import RULE, draw
from transferscope.job import logged


def main(root: str, picture: str, description: str, *, facts: dict, version: int, seed: int) -> None:
    """Write the picture as it is, without loss, and which sample it is by which rule."""
    samples = load_dataset(root=root, **facts, seed=seed)
    (index,) = draw(samples, 1, seed)
    with files.atomic_path(picture) as temporary:
        samples.read(index).save(temporary)
    content = {
        "dataset": facts["dataset"],
        "sample": samples.ids[index],
        "split": str(samples.splits[index]),
        "rule": RULE,
        "seed": seed,
        "version": version,
    }
    files.write_json(description, content)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.dataset,
            snakemake.output.picture,
            snakemake.output.description,
            facts=snakemake.params.facts,
            version=snakemake.params.version,
            seed=snakemake.params.seed,
        )
