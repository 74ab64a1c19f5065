"""Model similarity: do two backbones tell the pictures of a dataset apart in the same way?"""

import pandas as pd

from transferscope import files
from transferscope.features import store as features
from transferscope.job import device, logged
from transferscope.protocols.similarity import linear_cka


def main(feature_files: list[str], output: str, *, split: str, version: int, device: str = "cpu") -> None:
    """Write linear CKA, plain and debiased, of every pair of models: one row a pair, tab separated."""
    attributes = [features.read_attributes(path) for path in feature_files]
    models = [one["model"] for one in attributes]
    cka, debiased = linear_cka(feature_files, split, device=device)
    table = pd.DataFrame(
        [
            (attributes[0]["dataset"], split, model, other, cka[i, j], debiased[i, j])
            for i, model in enumerate(models)
            for j, other in enumerate(models)
        ],
        columns=["dataset", "split", "model", "other", "cka", "debiased_cka"],
    )
    with files.atomic_path(output) as temporary:
        table.to_csv(temporary, sep="\t", index=False, float_format="%.6f", lineterminator="\n")


if __name__ == "__main__":
    with logged(snakemake):
        main(
            list(snakemake.input),
            snakemake.output[0],
            **dict(snakemake.params),
            device=device(snakemake.resources),
        )
