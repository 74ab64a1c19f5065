"""Finetuning: some settings of the grid, trained on train and scored on val one after the other."""

import json
from functools import partial
from pathlib import Path

from transferscope import files
from transferscope.job import device, limit_threads, logged
from transferscope.protocols.finetuning import grid
from transferscope.protocols.finetuning.trials import Task, search
from transferscope.results import metrics, predictions
from transferscope.training.resume import Resume
from transferscope.training.scratch import copied_to_scratch


def main(
    backbone: str,
    root: str,
    previous: list[str],
    output: str,
    prediction_file: str,
    *,
    rung: int,
    part: int,
    facts: dict,
    metric: str,
    settings: dict,
    resolution: int,
    version: int,
    seed: int,
    device: str = "cpu",
    workers: int = 0,
) -> None:
    """Write a part's trials, and what the best of them said of val.

    Args:
        previous: the outputs of the rung before, whose best settings go on; none for the first rung.
        settings: the section ``finetune`` of the configuration.
    """
    points = grid.grid(settings["learning_rates"], settings["weight_decays"], settings["augmentations"])
    stage = grid.rungs(len(points), settings["steps"], settings["halvings"])[rung]
    if previous:
        trials = [trial for path in previous for trial in json.loads(Path(path).read_text())["trials"]]
        points = [grid.Point(**trial["point"]) for trial in grid.ranked(trials)[: stage.points]]
    points = grid.share(points, part, settings["points_per_job"])
    task = Task(
        backbone,
        root,
        facts=facts,
        resolution=resolution,
        batch_size=settings["batch_size"],
        seed=seed,
        device=device,
        workers=workers,
    )
    fingerprint = task.fingerprint | {"points": [vars(point) for point in points], "steps": stage.steps}
    resume = Resume(Path(output).with_suffix(".resume"), fingerprint | {"version": version})
    trials, logits = search(
        task, points, steps=stage.steps, score=partial(metrics.score, metric), resume=resume
    )
    said = {} if logits is None else {"val": task.predictions(logits, "val")}
    predictions.write(prediction_file, said, task.identity)
    files.write_json(output, task.identity | {"rung": rung, "trials": trials})
    resume.remove()


if __name__ == "__main__":
    with (
        logged(snakemake),
        copied_to_scratch(snakemake.input.dataset, snakemake.resources.get("scratch")) as dataset,
    ):
        limit_threads(snakemake.threads)
        main(
            snakemake.input.backbone,
            dataset,
            snakemake.input.previous,
            snakemake.output.trials,
            snakemake.output.predictions,
            rung=int(snakemake.wildcards.rung),
            part=int(snakemake.wildcards.part),
            **dict(snakemake.params),
            device=device(snakemake.resources),
            workers=snakemake.threads - 1,
        )
