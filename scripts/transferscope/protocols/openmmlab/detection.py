"""Faster R-CNN with a feature pyramid on any backbone: configurations of mmdet's classes.

Ren et al. 2015, Lin et al. 2017; heads, anchors and their training as in mmdet's own configuration of it,
which is Detectron's.
"""

from pathlib import Path

import numpy as np

from transferscope.datasets.boxes import Boxes
from transferscope.datasets.pictures import Files
from transferscope.models.backbones import Metadata
from transferscope.results.examples import draw

FLIP = 0.5
EXAMPLES = 6


def faster_rcnn(
    backbone: dict,
    *,
    maps: list[int],
    channels: int,
    metadata: Metadata,
    classes: int,
    proposals: int,
    test_proposals: int,
) -> dict:
    """The model's configuration.

    Args:
        backbone: configuration of ``Pyramid``.
        maps: channels of its four maps.
        channels: of the feature pyramid and the heads; the two layers of the head for boxes have four times
            as many.
        metadata: of the backbone, for the normalisation of pictures.
        classes: how many.
        proposals: boxes a picture that the second stage is trained on.
        test_proposals: boxes a picture that it looks at in a test.
    """
    nms = {"type": "nms", "iou_threshold": 0.7}
    proposed = {"nms_pre": 2000, "max_per_img": 1000, "nms": nms, "min_bbox_size": 0}
    return {
        "type": "FasterRCNN",
        "data_preprocessor": {
            "type": "DetDataPreprocessor",
            "mean": [255 * value for value in metadata.mean],
            "std": [255 * value for value in metadata.std],
            "pad_size_divisor": 32,
        },
        "backbone": backbone,
        "neck": {"type": "FPN", "in_channels": maps, "out_channels": channels, "num_outs": 5},
        "rpn_head": {
            "type": "RPNHead",
            "in_channels": channels,
            "feat_channels": channels,
            "anchor_generator": {
                "type": "AnchorGenerator",
                "scales": [8],
                "ratios": [0.5, 1.0, 2.0],
                "strides": [4, 8, 16, 32, 64],
            },
            "bbox_coder": _coder(1.0, 1.0),
            "loss_cls": {"type": "CrossEntropyLoss", "use_sigmoid": True},
            "loss_bbox": {"type": "L1Loss"},
        },
        "roi_head": {
            "type": "StandardRoIHead",
            "bbox_roi_extractor": {
                "type": "SingleRoIExtractor",
                "roi_layer": {"type": "RoIAlign", "output_size": 7, "sampling_ratio": 0},
                "out_channels": channels,
                "featmap_strides": [4, 8, 16, 32],
            },
            "bbox_head": {
                "type": "Shared2FCBBoxHead",
                "in_channels": channels,
                "fc_out_channels": 4 * channels,
                "roi_feat_size": 7,
                "num_classes": classes,
                "bbox_coder": _coder(0.1, 0.2),
                "loss_cls": {"type": "CrossEntropyLoss", "use_sigmoid": False},
                "loss_bbox": {"type": "L1Loss"},
            },
        },
        "train_cfg": {
            "rpn": {
                "assigner": _assigner(0.7, 0.3, min_pos_iou=0.3, match_low_quality=True),
                "sampler": _sampler(256, pos_fraction=0.5, add_gt_as_proposals=False),
                "allowed_border": -1,
                "pos_weight": -1,
                "debug": False,
            },
            "rpn_proposal": proposed,
            "rcnn": {
                "assigner": _assigner(0.5, 0.5, min_pos_iou=0.5, match_low_quality=False),
                "sampler": _sampler(proposals, pos_fraction=0.25, add_gt_as_proposals=True),
                "pos_weight": -1,
                "debug": False,
            },
        },
        "test_cfg": {
            "rpn": proposed | {"nms_pre": 1000, "max_per_img": test_proposals},
            "rcnn": {"score_thr": 0.05, "nms": nms | {"iou_threshold": 0.5}, "max_per_img": 100},
        },
    }


def _coder(centre: float, size: float) -> dict:
    stds = [centre, centre, size, size]
    return {"type": "DeltaXYWHBBoxCoder", "target_means": [0.0] * 4, "target_stds": stds}


def _assigner(positive: float, negative: float, **others) -> dict:
    thresholds = {"pos_iou_thr": positive, "neg_iou_thr": negative, "ignore_iof_thr": -1}
    return {"type": "MaxIoUAssigner", **thresholds, **others}


def _sampler(number: int, **others) -> dict:
    return {"type": "RandomSampler", "num": number, "neg_pos_ub": -1, **others}


def training_set(
    annotations: str | Path, scales: list[int], *, root: str | Path, class_names: list[str], longest: int
) -> dict:
    """Pictures with an object, the shorter side one of ``scales`` pixels, the longer at most ``longest``."""
    scaled = {
        "type": "RandomChoiceResize",
        "scales": [(longest, scale) for scale in scales],
        "keep_ratio": True,
    }
    flipped = {"type": "RandomFlip", "prob": FLIP}
    return _dataset(annotations, root, class_names) | {
        "filter_cfg": {"filter_empty_gt": True},
        "pipeline": [read_picture, _LABEL, scaled, flipped, {"type": "PackDetInputs"}],
    }


def test_set(
    annotations: str | Path, scale: int, *, root: str | Path, class_names: list[str], longest: int
) -> dict:
    """All pictures at one scale; the boxes that are found are in pixels of the picture as it was."""
    scaled = {"type": "Resize", "scale": (longest, scale), "keep_ratio": True}
    kept = ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor")
    return _dataset(annotations, root, class_names) | {
        "test_mode": True,
        "pipeline": [read_picture, scaled, {"type": "PackDetInputs", "meta_keys": kept}],
    }


def read_picture(sample: dict) -> dict:
    """The first step of a pipeline: the picture ``img_path`` as all protocols read it, uint8 RGB [H, W, 3].

    In place of the toolbox's own step, which leaves alpha out and knows no range of 16 bits.

    Raises:
        SampleError: as ``Files``.
    """
    path = Path(sample["img_path"])
    pixels = np.array(Files(path.parent, [path.name])(0))
    return sample | {"img": pixels, "img_shape": pixels.shape[:2], "ori_shape": pixels.shape[:2]}


_LABEL = {"type": "LoadAnnotations", "with_bbox": True}


def _dataset(annotations: str | Path, root: str | Path, class_names: list[str]) -> dict:
    return {
        "type": "CocoDataset",
        "ann_file": str(annotations),
        "data_prefix": {"img": str(root)},
        "metainfo": {"classes": class_names},
    }


def examples(boxes: Boxes, found: dict[int, dict[str, np.ndarray]]) -> dict:
    """A few test pictures (``examples.draw``): their objects, and the boxes found in them.

    Args:
        boxes: the dataset.
        found: of each picture's index its ``boxes`` [n, 4], ``labels`` [n] and ``scores`` [n].
    """
    return {
        "class_names": boxes.class_names,
        "pictures": [
            {
                "name": boxes.names[picture],
                "true": {
                    "boxes": boxes.boxes[boxes.pictures == picture].tolist(),
                    "labels": boxes.labels[boxes.pictures == picture].tolist(),
                },
                "found": {key: np.asarray(values).tolist() for key, values in found[picture].items()},
            }
            for picture in draw(sorted(found), EXAMPLES)
        ],
    }
