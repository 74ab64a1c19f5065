"""k-NN probe: a temperature-weighted vote of the nearest training images by cosine, k chosen on val."""

import time
from functools import partial

from transferscope.features import store as features
from transferscope.job import device, limit_threads, logged
from transferscope.protocols.probes.knn import knn_probe
from transferscope.results import metrics, record


def main(
    feature_file: str,
    output: str,
    *,
    metric: str,
    classes: int,
    neighbours: list[int],
    temperature: float,
    version: int,
    seed: int,
    device: str = "cpu",
    threads: int = 1,
) -> None:
    """Write the result of the probe."""
    started = time.monotonic()
    attributes = features.read_attributes(feature_file)
    splits = features.read(feature_file, ["train", "val", "test"])
    probe = knn_probe(
        *((split.features, split.labels) for split in splits.values()),
        metric=partial(metrics.score, metric),
        num_classes=classes,
        ks=tuple(neighbours),
        temperature=temperature,
        device=device,
    )
    record.write_result(
        output,
        model=attributes["model"],
        dataset=attributes["dataset"],
        protocol="knn",
        version=version,
        mode="cosine",
        seed=seed,
        n_test=len(splits["test"].ids),
        measurements=[record.measure("knn", metric, probe.test_scores, splits["test"].labels, seed=seed)],
        took={"seconds": time.monotonic() - started, "device": device, "threads": threads},
        details={
            "k": int(probe.k),
            "val_scores": {str(k): float(value) for k, value in probe.val_scores.items()},
            "backbone_sha256": attributes["backbone_sha256"],
        },
    )


if __name__ == "__main__":
    with logged(snakemake):
        limit_threads(snakemake.threads)
        main(
            snakemake.input[0],
            snakemake.output[0],
            **dict(snakemake.params),
            device=device(snakemake.resources),
            threads=snakemake.threads,
        )
