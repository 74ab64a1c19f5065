"""Label efficiency: the trainings of a run with all numbers of labels as one result."""

import json
from pathlib import Path

from transferscope import job
from transferscope.errors import InputError
from transferscope.results.run import Evaluation, Run


def main(parts: list[str], output: str, *, run: dict, settings: dict) -> None:
    """Write the result, whose measurements are of the split ``settings["evaluated_on"]``.

    Args:
        parts: outputs of ``train_budgets``, of ascending numbers of labels.

    Raises:
        InputError: the dataset has no such split.
    """
    told = [json.loads(Path(part).read_text(encoding="utf-8")) for part in parts]
    run = Run(model=told[0]["model"], dataset=told[0]["dataset"], **run)
    pictures, split = told[0]["pictures"], settings["evaluated_on"]
    if split not in pictures:
        raise InputError(
            f"{run.dataset} has no split {split!r}; set `evaluated_on: test` in the settings of "
            f"{run.protocol}"
        )
    trainings = [training for part in told for training in part["trainings"]]
    evaluation = Evaluation(
        mode=split,
        n_test=pictures[split],
        measurements=[
            measured | {"labels": training["labels"]}
            for training in trainings
            for measured in training[split]
        ],
        details={"trainings": trainings, "backbone_sha256": told[0]["backbone_sha256"]},
    )
    run.write(output, evaluation, seconds=sum(training["seconds"] for training in trainings))


if __name__ == "__main__":
    with job.logged(snakemake):
        main(
            snakemake.input,
            snakemake.output[0],
            run=job.run(snakemake),
            settings=snakemake.params.settings,
        )
