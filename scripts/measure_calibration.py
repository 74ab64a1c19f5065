"""Calibration: do a protocol's confidences tell how often it is right?"""

from transferscope import job
from transferscope.protocols.calibration import Reliability, calibrate
from transferscope.results import predictions
from transferscope.results.run import Evaluation, Run, measurements


def main(prediction_file: str, output: str, *, run: dict, settings: dict) -> None:
    """Write the expected calibration error before and after temperature scaling, fitted both ways."""
    splits, attributes = predictions.read(prediction_file)
    run = Run(model=attributes["model"], dataset=attributes["dataset"], **run)
    val, test = splits["val"], splits["test"]
    outcome = calibrate(val.logits, val.labels, test.logits, test.labels, seed=run.seed, **settings)
    evaluation = Evaluation(
        mode=attributes["mode"],
        n_test=len(test.ids),
        measurements=measurements(
            {metric: 100 * getattr(outcome, metric) for metric in ("ece", "ece_scaled", "ece_scaled_val")}
        ),
        details={
            "head": attributes["protocol"],
            "temperature_val": outcome.temperature_val,
            "temperatures": list(outcome.temperatures),
            "reliability": {"before": bins(outcome.before), "after": bins(outcome.after)},
        },
    )
    run.write(output, evaluation)


def bins(reliability: Reliability) -> dict[str, list[float]]:
    """The bins of a reliability diagram as plain lists."""
    return {name: getattr(reliability, name).tolist() for name in ("count", "confidence", "accuracy")}


if __name__ == "__main__":
    with job.logged(snakemake):
        main(
            snakemake.input[0],
            snakemake.output[0],
            run=job.run(snakemake),
            settings=snakemake.params.settings,
        )
