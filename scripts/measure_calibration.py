"""Calibration: do a model's confidences on a dataset tell how often it is right?"""

import time

from transferscope import predictions, record
from transferscope.calibration import Reliability, calibrate
from transferscope.job import logged


def main(prediction_files: list[str], output: str, *, version: int, seed: int) -> None:
    """Write the expected calibration error before and after temperature scaling, fitted both ways.

    ``prediction_files`` are of one model and dataset, by one protocol each: linear, finetune.
    """
    started = time.monotonic()
    measurements, modes, details = [], [], {}
    for path in prediction_files:
        splits, attributes = predictions.read(path)
        val, test = splits["val"], splits["test"]
        outcome = calibrate(val.logits, val.labels, test.logits, test.labels, seed=seed)
        measurements += [
            {
                "setting": f"calibration_{attributes['protocol']}",
                "metric": metric,
                "value": 100 * getattr(outcome, metric),
                "ci95": None,
            }
            for metric in ("ece", "ece_scaled", "ece_scaled_val")
        ]
        modes.append(attributes["mode"])
        details[attributes["protocol"]] = {
            "temperature_val": outcome.temperature_val,
            "temperatures": list(outcome.temperatures),
            "before": bins(outcome.before),
            "after": bins(outcome.after),
        }
    record.write_result(
        output,
        model=attributes["model"],
        dataset=attributes["dataset"],
        protocol="calibration",
        version=version,
        mode=" ".join(modes),
        seed=seed,
        n_test=len(test.ids),
        measurements=measurements,
        took={"seconds": time.monotonic() - started, "device": "cpu", "threads": 1},
        details=details,
    )


def bins(reliability: Reliability) -> dict[str, list[float]]:
    """The bins of a reliability diagram as plain lists."""
    return {name: getattr(reliability, name).tolist() for name in ("count", "confidence", "accuracy")}


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.input, snakemake.output[0], **dict(snakemake.params))
