"""Calibration: do a protocol's confidences tell how often it is right?"""

import time

from transferscope.job import logged
from transferscope.protocols.calibration import Reliability, calibrate
from transferscope.results import predictions, record


def main(prediction_file: str, output: str, *, version: int, seed: int) -> None:
    """Write the expected calibration error before and after temperature scaling, fitted both ways."""
    started = time.monotonic()
    splits, attributes = predictions.read(prediction_file)
    val, test = splits["val"], splits["test"]
    outcome = calibrate(val.logits, val.labels, test.logits, test.labels, seed=seed)
    protocol = f"calibration_{attributes['protocol']}"
    record.write_result(
        output,
        model=attributes["model"],
        dataset=attributes["dataset"],
        protocol=protocol,
        version=version,
        mode=attributes["mode"],
        seed=seed,
        n_test=len(test.ids),
        measurements=record.measurements(
            protocol,
            {metric: 100 * getattr(outcome, metric) for metric in ("ece", "ece_scaled", "ece_scaled_val")},
        ),
        took={"seconds": time.monotonic() - started, "device": "cpu", "threads": 1},
        details={
            "temperature_val": outcome.temperature_val,
            "temperatures": list(outcome.temperatures),
            "reliability": {"before": bins(outcome.before), "after": bins(outcome.after)},
        },
    )


def bins(reliability: Reliability) -> dict[str, list[float]]:
    """The bins of a reliability diagram as plain lists."""
    return {name: getattr(reliability, name).tolist() for name in ("count", "confidence", "accuracy")}


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.input[0], snakemake.output[0], **dict(snakemake.params))
