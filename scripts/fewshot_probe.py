"""Few-shot probe: nearest class mean over small episodes drawn from all images; every shot in one job."""

import time

import numpy as np

from transferscope.features import store as features
from transferscope.job import limit_threads, logged
from transferscope.protocols.probes.fewshot import fewshot_probe
from transferscope.results import record


def main(
    feature_file: str,
    output: str,
    *,
    shots: list[int],
    ways: int,
    queries: int,
    episodes: int,
    version: int,
    seed: int,
    threads: int = 1,
) -> None:
    """Write the result: mean accuracy over the episodes for each number of shots."""
    started = time.monotonic()
    attributes = features.read_attributes(feature_file)
    splits = features.read(feature_file).values()
    outcomes = fewshot_probe(
        np.concatenate([split.features for split in splits]),
        np.concatenate([split.labels for split in splits]),
        shots=tuple(shots),
        ways=ways,
        queries=queries,
        episodes=episodes,
        seed=seed,
    )
    record.write_result(
        output,
        model=attributes["model"],
        dataset=attributes["dataset"],
        protocol="fewshot",
        version=version,
        mode="nearest-mean",
        seed=seed,
        n_test=episodes * ways * queries,
        measurements=[
            {
                "setting": f"fewshot_{ways}w{shot}s",
                "metric": "accuracy",
                "value": 100 * outcome.accuracy,
                "ci95": 100 * outcome.ci95,
            }
            for shot, outcome in outcomes.items()
        ],
        took={"seconds": time.monotonic() - started, "device": "cpu", "threads": threads},
        details={
            "episodes": episodes,
            "classes": {shot: outcome.classes for shot, outcome in outcomes.items()},
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
            threads=snakemake.threads,
        )
