"""Finetuning: the setting that was best on val, trained on train and val and tested."""

import json
import time
from pathlib import Path

import numpy as np

from transferscope.errors import InputError
from transferscope.job import device, limit_threads, logged
from transferscope.protocols.finetuning import grid
from transferscope.protocols.finetuning.trials import Task
from transferscope.results import predictions, record
from transferscope.training.resume import Resume
from transferscope.training.scratch import copied_to_scratch


def main(
    backbone: str,
    root: str,
    trial_files: list[str],
    val_files: list[str],
    output: str,
    prediction_file: str,
    *,
    facts: dict,
    metric: str,
    settings: dict,
    resolution: int,
    version: int,
    seed: int,
    device: str = "cpu",
    threads: int = 1,
) -> None:
    """Write the result and the predictions of the run (Ericsson et al. 2021, Appendix A.2).

    ``trial_files`` and ``val_files`` are the outputs of all parts of all rungs, in the same order;
    ``settings`` is the section ``finetune`` of the configuration.
    """
    started = time.monotonic()
    task = Task(
        backbone,
        root,
        facts=facts,
        resolution=resolution,
        batch_size=settings["batch_size"],
        seed=seed,
        device=device,
        workers=threads - 1,
    )
    parts = [json.loads(Path(path).read_text()) for path in trial_files]
    last = settings["halvings"]
    finalists = [
        (trial, val_file)
        for part, val_file in zip(parts, val_files, strict=True)
        if part["rung"] == last
        for trial in part["trials"]
    ]
    best = grid.ranked([trial for trial, _ in finalists])[0]
    where = f"{task.identity['model']} on {task.identity['dataset']}"
    if best["diverged"]:
        raise InputError(
            f"finetuning {where}: no setting was finite to its end; add smaller learning_rates to `finetune`"
        )
    point = grid.Point(**best["point"])
    indices = np.concatenate([task.splits["train"], task.splits["val"]])
    fingerprint = task.fingerprint | {"point": vars(point), "steps": settings["steps"], "version": version}
    resume = Resume(Path(output).with_suffix(".resume"), fingerprint)
    trained = task.fit(point, indices, settings["steps"], resume)
    logits = task.logits(trained.network, "test")
    if trained.diverged or not np.isfinite(logits).all():
        raise InputError(
            f"finetuning {where}: the setting that was best on val, {point}, diverged on train and val; "
            "take its learning rate out of `finetune.learning_rates`"
        )
    mode = f"halved-{last}-times" if last else "grid"
    val, _ = predictions.read(next(path for trial, path in finalists if trial == best))
    said = {"val": val["val"], "test": task.predictions(logits, "test")}
    predictions.write(prediction_file, said, task.identity | {"mode": mode})
    summary = [
        {key: trial[key] for key in ("point", "steps", "val_score", "diverged", "seconds")}
        for part in parts
        for trial in part["trials"]
    ]
    record.write_result(
        output,
        **task.identity,
        version=version,
        mode=mode,
        seed=seed,
        n_test=len(logits),
        measurements=[record.measure("finetune", metric, logits, task.labels("test"), seed=seed)],
        took={"seconds": time.monotonic() - started, "device": device, "threads": threads},
        details={
            "point": vars(point),
            "losses": trained.losses,
            "window": trained.window,
            "trials": summary,
            "backbone_sha256": task.fingerprint["backbone"],
        },
    )
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
            snakemake.input.trials,
            snakemake.input.predictions,
            snakemake.output.result,
            snakemake.output.predictions,
            **dict(snakemake.params),
            device=device(snakemake.resources),
            threads=snakemake.threads,
        )
