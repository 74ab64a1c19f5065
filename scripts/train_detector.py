"""Detection: Faster R-CNN on a backbone, trained on the boxes of train and val and tested."""

import tempfile
import time
from pathlib import Path

from transferscope import files
from transferscope.datasets import load_boxes
from transferscope.job import device, limit_threads, logged
from transferscope.models import backbones
from transferscope.protocols.openmmlab import detection, training
from transferscope.protocols.openmmlab.backbone import Pyramid
from transferscope.protocols.openmmlab.precision import METRICS, BoxPrecision
from transferscope.results import record
from transferscope.training.scratch import copied_to_scratch


def main(
    backbone: str,
    root: str,
    output: str,
    example_file: str,
    *,
    protocol: str,
    frozen_stages: int,
    facts: dict,
    settings: dict,
    version: int,
    loader_version: str,
    seed: int,
    device: str = "cpu",
    threads: int = 1,
) -> None:
    """Write the result of the run, and what was found in some pictures of the test.

    ``frozen_stages`` is explained by ``Pyramid``; ``settings`` is the section ``detection`` of the
    configuration.
    """
    started = time.monotonic()
    boxes = load_boxes(root=root, **facts)
    pyramid = Pyramid(backbone)
    identity = {"model": pyramid.metadata.model, "dataset": facts["dataset"], "protocol": protocol}
    given = {
        "frozen_stages": frozen_stages,
        "facts": facts,
        "settings": settings,
        "version": version,
        "loader_version": loader_version,
        "seed": seed,
        "device": device,
    }
    inputs = {"backbone_sha256": files.sha256(backbone), "versions": backbones.library_versions()}
    checkpoint = Path(output).with_suffix(".resume")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # In training the authors make no difference between difficult objects and others.
        files.write_json(folder / "train.json", boxes.annotations("train", "val", ignore_difficult=False))
        files.write_json(folder / "test.json", boxes.annotations("test", ignore_difficult=True))
        pictures = {"root": root, "class_names": boxes.class_names, "longest": settings["longest_side"]}
        precision = BoxPrecision(str(folder / "test.json"))
        runner, losses = training.fit(
            scope="mmdet",
            model=detection.faster_rcnn(
                {"type": "Pyramid", "path": str(backbone), "frozen_stages": frozen_stages},
                channels=pyramid.channels,
                metadata=pyramid.metadata,
                classes=len(boxes.class_names),
                proposals=settings["proposals"],
                test_proposals=settings["test_proposals"],
            ),
            dataset=detection.training_set(folder / "train.json", settings["train_scales"], **pictures),
            test_dataset=detection.test_set(folder / "test.json", settings["test_scale"], **pictures),
            evaluator=precision,
            settings=settings,
            schedule=training.warmup_then_steps(settings["warmup_iterations"], settings["milestones"]),
            checkpoint=checkpoint,
            fingerprint=identity | given | inputs,
            folder=folder,
            seed=seed,
            device=device,
            workers=threads - 1,
        )
        runner.test()
    by_class = 100 * precision.measured
    curve, window = training.curve(losses)
    record.write_result(
        output,
        **identity,
        version=version,
        mode="faster-rcnn-fpn",
        seed=seed,
        n_test=len(precision.found),
        measurements=record.measurements(protocol, {name: by_class[name].mean() for name in METRICS}),
        took={"seconds": time.monotonic() - started, "device": device, "threads": threads},
        details={
            "by_class": {boxes.class_names[label]: values.to_dict() for label, values in by_class.iterrows()},
            "iterations": len(losses),
            "losses": curve,
            "window": window,
            "backbone_sha256": inputs["backbone_sha256"],
        },
    )
    files.write_json(example_file, identity | detection.examples(boxes, precision.found))
    checkpoint.unlink()


if __name__ == "__main__":
    with (
        logged(snakemake),
        copied_to_scratch(snakemake.input.dataset, snakemake.resources.get("scratch")) as dataset,
    ):
        limit_threads(snakemake.threads)
        main(
            snakemake.input.backbone,
            dataset,
            snakemake.output.result,
            snakemake.output.examples,
            protocol=snakemake.wildcards.protocol,
            **dict(snakemake.params),
            device=device(snakemake.resources),
            threads=snakemake.threads,
        )
