"""Average precision of boxes: COCO's, and VOC 2007's over eleven points; all digits, and each class's."""

import numpy as np
import pandas as pd
from mmdet.datasets.api_wrappers import COCO, COCOeval
from mmdet.evaluation import CocoMetric
from mmdet.evaluation.functional.mean_ap import average_precision, tpfp_default

METRICS = ("ap", "ap50", "ap75", "ap50_voc07")
AP50, AP75 = 0, 5  # places among COCO's thresholds 0.5, 0.55, ..., 0.95


class BoxPrecision(CocoMetric):
    """mmdet's metric, which also keeps the boxes that were found, and does not round.

    After the test, ``found`` has of each picture's id its ``boxes`` float32 [n, 4] (x0 y0 x1 y1 in pixels),
    ``labels`` [n] and ``scores`` [n]; ``measured`` is the table of ``average_precisions``.
    """

    def compute_metrics(self, results: list[tuple[dict, dict]]) -> dict[str, float]:
        self.found = {
            result["img_id"]: {
                "boxes": result["bboxes"],
                "labels": result["labels"],
                "scores": result["scores"],
            }
            for _, result in results
        }
        self.measured = average_precisions(self._coco_api, self.found)
        return {metric: values.mean() for metric, values in self.measured.items()}


def average_precisions(truth: COCO, found: dict[int, dict[str, np.ndarray]]) -> pd.DataFrame:
    """A column for each of METRICS, a row for each class (its id) that the test asks for, in 0..1.

    The first three are COCO's: precision interpolated at 101 recalls, the best 100 boxes of a picture. The
    last is that of Everingham et al. 2010, section 4.2: at 11 recalls, all boxes, a box belonging to the
    object that it overlaps most. Neither asks for an object that is marked as a crowd, nor counts a box on it
    as wrong.

    Args:
        truth: the annotations.
        found: as ``BoxPrecision.found``.
    """
    asked = [one["category_id"] for one in truth.anns.values() if not one["iscrowd"]]
    classes = [label for label in truth.get_cat_ids() if label in set(asked)]
    rows = [
        [picture, x0, y0, x1 - x0, y1 - y0, score, label]
        for picture, result in found.items()
        for (x0, y0, x1, y1), score, label in zip(
            result["boxes"], result["scores"], result["labels"], strict=True
        )
    ]
    if not rows:
        return pd.DataFrame(0.0, index=classes, columns=METRICS)
    evaluation = COCOeval(truth, truth.loadRes(np.array(rows, dtype=np.float64)), "bbox")
    evaluation.params.catIds = classes
    evaluation.evaluate()
    evaluation.accumulate()
    # [thresholds, recalls, classes]: of objects of all sizes, with the most boxes a picture.
    precision = evaluation.eval["precision"][:, :, :, 0, -1]
    values = [precision.mean(axis=(0, 1)), precision[AP50].mean(axis=0), precision[AP75].mean(axis=0)]
    return pd.DataFrame(
        dict(zip(METRICS, [*values, _eleven_points(truth, found, classes)], strict=True)), index=classes
    )


def _eleven_points(truth: COCO, found: dict[int, dict[str, np.ndarray]], classes: list[int]) -> list[float]:
    """As ``mmdet.evaluation.eval_map`` does it, but without its pool of processes, which may hang."""
    return [_eleven_points_of(truth, found, label) for label in classes]


def _eleven_points_of(truth: COCO, found: dict[int, dict[str, np.ndarray]], label: int) -> float:
    scores, right, wrong, asked = [], [], [], 0
    for picture, result in found.items():
        objects = truth.load_anns(truth.get_ann_ids(img_ids=[picture], cat_ids=[label]))
        boxes = np.array([one["bbox"] for one in objects], dtype=np.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        crowd = np.array([one["iscrowd"] for one in objects], dtype=bool)
        chosen = result["labels"] == label
        scored = np.column_stack([result["boxes"], result["scores"]])[chosen].astype(np.float32)
        true_positive, false_positive = tpfp_default(scored, boxes[~crowd], boxes[crowd], iou_thr=0.5)
        scores.append(scored[:, -1])
        right.append(true_positive[0])
        wrong.append(false_positive[0])
        asked += int((~crowd).sum())
    order = np.argsort(-np.concatenate(scores), kind="stable")
    right, wrong = np.concatenate(right)[order].cumsum(), np.concatenate(wrong)[order].cumsum()
    precision = right / np.maximum(right + wrong, np.finfo(np.float32).eps)
    return float(average_precision(right / asked, precision, mode="11points"))
