"""Average precision of boxes: COCO's, and VOC 2007's over eleven points; all digits, and each class's."""

import numpy as np
import pandas as pd
from mmdet.datasets.api_wrappers import COCO, COCOeval
from mmdet.evaluation import CocoMetric, bbox_overlaps
from mmdet.evaluation.functional.mean_ap import average_precision

METRICS = ("ap", "ap50", "ap75", "ap_voc07", "ap50_voc07", "ap75_voc07")
THRESHOLDS = np.arange(50, 100, 5) / 100  # of the overlap, COCO's
AP50, AP75 = 0, 5  # places among them


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
    last three are those of Everingham et al. 2010, section 4.2, at the same thresholds of the overlap, as
    detectron2 evaluates VOC 2007: at 11 recalls, all boxes, a box belonging to the object that it overlaps
    most. Neither asks for an object that is marked as a crowd, nor counts a box on it as wrong.

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
    eleven_points = np.array([_eleven_points(truth, found, label) for label in classes]).T
    values = [
        summary
        for by_threshold in (precision.mean(axis=1), eleven_points)
        for summary in (by_threshold.mean(axis=0), by_threshold[AP50], by_threshold[AP75])
    ]
    return pd.DataFrame(dict(zip(METRICS, values, strict=True)), index=classes)


def _eleven_points(truth: COCO, found: dict[int, dict[str, np.ndarray]], label: int) -> list[float]:
    """VOC 2007's average precision of one class at each of THRESHOLDS."""
    parts, asked = [], 0
    for picture, result in found.items():
        objects = truth.load_anns(truth.get_ann_ids(img_ids=[picture], cat_ids=[label]))
        crowd = np.array([one["iscrowd"] for one in objects], dtype=bool)
        chosen = result["labels"] == label
        # An object by its place among all pictures' objects of the class; a crowd is none.
        part = pd.DataFrame({"score": result["scores"][chosen], "overlap": 0.0, "object": -1, "crowd": False})
        if len(objects) and len(part):
            boxes = np.array([one["bbox"] for one in objects], dtype=np.float32)
            boxes[:, 2:] += boxes[:, :2]
            overlaps = bbox_overlaps(result["boxes"][chosen].astype(np.float32), boxes)
            nearest = overlaps.argmax(axis=1)
            part["overlap"] = overlaps.max(axis=1)
            part["object"] = asked + nearest
            part["crowd"] = crowd[nearest]
        parts.append(part)
        asked += len(objects)
    boxes = pd.concat(parts).sort_values("score", ascending=False, kind="stable")
    objects = [one for one in truth.anns.values() if one["category_id"] == label and not one["iscrowd"]]
    precisions = []
    for threshold in THRESHOLDS:
        near = boxes["overlap"] >= threshold
        counted = boxes[~(near & boxes["crowd"])]
        near = near[~(near & boxes["crowd"])]
        first = ~counted["object"].where(near).duplicated()
        right = (near & first).cumsum().to_numpy()
        precision = right / np.arange(1, len(right) + 1)
        recall = right / len(objects)
        precisions.append(float(average_precision(recall, precision, mode="11points")))
    return precisions
