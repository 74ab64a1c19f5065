"""Detection: Faster R-CNN on a backbone, trained on the boxes of train and val and tested."""

from transferscope import files, job
from transferscope.datasets import load_boxes
from transferscope.models import backbones
from transferscope.protocols.openmmlab import detection, training
from transferscope.protocols.openmmlab.detector import train_and_test
from transferscope.protocols.openmmlab.precision import METRICS
from transferscope.results.run import Evaluation, Run, measurements, state_file


def main(
    backbone: str,
    root: str,
    output: str,
    example_file: str,
    *,
    run: dict,
    facts: dict,
    settings: dict,
    checkpoint_steps: int,
) -> None:
    """Write the result, and the boxes that were found in a few test pictures.

    Args:
        run: fields of ``Run``.
        facts: of the dataset's row, as ``load_boxes`` takes them.
        settings: see ``train_and_test``.
        checkpoint_steps: between two states from which a killed job resumes.
    """
    _, metadata = backbones.load(backbone)
    run = Run(model=metadata.model, dataset=facts["dataset"], **run)
    sha256 = files.sha256(backbone)
    checkpoints = training.CheckpointHook(
        state_file(output),
        every=checkpoint_steps,
        fingerprint=run.fingerprint(backbone=sha256, facts=facts, settings=settings),
    )
    boxes = load_boxes(root=root, **facts)
    boxes.check_pictures(longest=settings["longest_side"], threads=run.threads)
    tested = train_and_test(
        backbone,
        boxes,
        checkpoints,
        settings=settings,
        seed=run.seed,
        device=run.device,
        workers=run.threads - 1,
    )
    by_class, (curve, window) = tested.by_class, training.curve(tested.losses)
    details = {
        "by_class": {boxes.class_names[label]: values.to_dict() for label, values in by_class.iterrows()},
        "iterations": len(tested.losses),
        "losses": curve,
        "window": window,
        "backbone_sha256": sha256,
    }
    values = measurements({metric: by_class[metric].mean() for metric in METRICS})
    files.write_json(example_file, run.identity | detection.examples(boxes, tested.found))
    run.write(output, Evaluation("faster-rcnn-fpn", len(tested.found), values, details))
    checkpoints.path.unlink()


if __name__ == "__main__":
    with job.logged(snakemake), job.dataset(snakemake) as dataset:
        main(
            snakemake.input.backbone,
            dataset,
            *snakemake.output,
            checkpoint_steps=snakemake.resources.checkpoint_steps,
            **{**snakemake.params, "run": job.run(snakemake)},
        )
