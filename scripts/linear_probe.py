"""Linear probe: multinomial logistic regression on frozen features, its strength chosen on val."""

import time
from functools import partial

from transferscope.features import store as features
from transferscope.job import device, limit_threads, logged
from transferscope.protocols.probes.linear import linear_probe
from transferscope.results import metrics, predictions, record


def main(
    feature_file: str,
    output: str,
    prediction_file: str,
    *,
    metric: str,
    classes: int,
    mode: str,
    version: int,
    seed: int,
    device: str = "cpu",
    threads: int = 1,
) -> None:
    """Write the result and the predictions of the probe (Ericsson et al. 2021, Appendix A.2)."""
    started = time.monotonic()
    attributes = features.read_attributes(feature_file)
    splits = features.read(feature_file, ["train", "val", "test"])
    probe = linear_probe(
        *((split.features, split.labels) for split in splits.values()),
        metric=partial(metrics.score, metric),
        num_classes=classes,
        mode=mode,
        device=device,
    )
    test = splits["test"]
    identity = {"model": attributes["model"], "dataset": attributes["dataset"], "protocol": "linear"}
    predictions.write(
        prediction_file,
        {
            "val": predictions.Predictions(probe.val_logits, splits["val"].labels, splits["val"].ids),
            "test": predictions.Predictions(probe.test_logits, test.labels, test.ids),
        },
        identity | {"mode": mode},
    )
    record.write_result(
        output,
        **identity,
        version=version,
        mode=mode,
        seed=seed,
        n_test=len(test.ids),
        measurements=[record.measure("linear", metric, probe.test_logits, test.labels, seed=seed)],
        took={"seconds": time.monotonic() - started, "device": device, "threads": threads},
        details={
            "lambda": float(probe.chosen_lambda),
            "lambdas": [float(value) for value in probe.lambdas],
            "val_scores": [float(value) for value in probe.val_scores],
            "backbone_sha256": attributes["backbone_sha256"],
        },
    )


if __name__ == "__main__":
    with logged(snakemake):
        limit_threads(snakemake.threads)
        main(
            snakemake.input[0],
            snakemake.output.result,
            snakemake.output.predictions,
            **dict(snakemake.params),
            device=device(snakemake.resources),
            threads=snakemake.threads,
        )
