"""Average precision of boxes, by COCO's rules and by those of VOC 2007, counted by hand."""

import numpy as np
import pytest
from mmdet.datasets.api_wrappers import COCO

from transferscope.protocols.openmmlab.precision import METRICS, THRESHOLDS, average_precisions

SQUARES = [[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]]


def truth(objects: list[tuple[int, int, list[float], bool]], classes: int = 2) -> COCO:
    """Objects as (picture, class, box, whether to ignore it), in the pictures that these name."""
    content = {
        "images": [{"id": picture} for picture in sorted({one[0] for one in objects})],
        "categories": [{"id": label, "name": str(label)} for label in range(classes)],
        "annotations": [
            {
                "id": 1 + index,
                "image_id": picture,
                "category_id": label,
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "area": (x1 - x0) * (y1 - y0),
                "iscrowd": int(ignored),
            }
            for index, (picture, label, (x0, y0, x1, y1), ignored) in enumerate(objects)
        ],
    }
    coco = COCO()
    coco.dataset = content
    coco.createIndex()
    return coco


def detections(*boxes: tuple[list[float], int, float]) -> dict[str, np.ndarray]:
    corners, labels, scores = zip(*boxes, strict=True) if boxes else ([], [], [])
    return {
        "boxes": np.array(corners, dtype=np.float32).reshape(-1, 4),
        "labels": np.array(labels, dtype=np.int64),
        "scores": np.array(scores, dtype=np.float32),
    }


def test_what_is_found_exactly_counts_whole():
    objects = truth([(0, 0, SQUARES[0], False), (3, 1, SQUARES[1], False)])
    measured = average_precisions(
        objects, {0: detections((SQUARES[0], 0, 0.9)), 3: detections((SQUARES[1], 1, 0.4))}
    )
    assert list(measured.columns) == list(METRICS)
    assert measured.to_numpy() == pytest.approx(1)


def test_a_box_that_is_off_counts_up_to_the_overlap_it_has():
    # 8 of 10 columns in common of 12 in all: an overlap of 2/3, which is enough at 0.5, 0.55, 0.6 and 0.65.
    measured = average_precisions(
        truth([(0, 0, SQUARES[0], False)]), {0: detections(([2, 0, 12, 10], 0, 0.9))}
    )
    assert measured.loc[0].to_dict() == pytest.approx(
        {"ap": 0.4, "ap50": 1, "ap75": 0, "ap_voc07": 0.4, "ap50_voc07": 1, "ap75_voc07": 0}
    )


def test_recalls_are_101_for_coco_and_11_for_voc():
    # Found, wrong, found, of three objects: precision 1 up to a recall of 1/3, then 2/3 up to 2/3, then
    # nothing.
    objects = truth([(0, 0, box, False) for box in SQUARES])
    found = detections((SQUARES[0], 0, 0.9), ([60, 0, 70, 10], 0, 0.8), (SQUARES[1], 0, 0.7))
    measured = average_precisions(objects, {0: found}).loc[0]
    assert measured["ap50"] == pytest.approx((34 + 33 * 2 / 3) / 101)
    assert measured["ap50_voc07"] == pytest.approx((4 + 3 * 2 / 3) / 11)


def test_the_second_box_on_an_object_is_wrong_and_one_on_a_difficult_object_is_neither():
    objects = truth([(0, 0, SQUARES[0], False), (0, 0, SQUARES[1], True)])
    found, difficult, again = (SQUARES[0], 0, 0.9), (SQUARES[1], 0, 0.95), (SQUARES[0], 0, 0.92)
    assert average_precisions(objects, {0: detections(found, difficult)}).to_numpy() == pytest.approx(1)
    twice = truth([(0, 0, SQUARES[0], False), (0, 0, SQUARES[2], False)])
    measured = average_precisions(twice, {0: detections(found, again, (SQUARES[2], 0, 0.8))}).loc[0]
    assert measured["ap50"] == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert measured["ap50_voc07"] == pytest.approx((6 + 5 * 2 / 3) / 11)


def voc_average_precision(objects, boxes, threshold):
    """As VOC's devkit and detectron2 have it, written out: one box after another, by falling score."""
    taken, right, wrong, precisions = set(), 0, 0, []
    asked = sum(not ignored for _, _, ignored in objects)
    for picture, (x0, y0, x1, y1), _ in sorted(boxes, key=lambda one: -one[2]):
        best, nearest = -1, None
        for index, (where, (a0, b0, a1, b1), ignored) in enumerate(objects):
            if where != picture:
                continue
            common = max(min(x1, a1) - max(x0, a0), 0) * max(min(y1, b1) - max(y0, b0), 0)
            overlap = common / ((x1 - x0) * (y1 - y0) + (a1 - a0) * (b1 - b0) - common)
            if overlap > best:
                best, nearest = overlap, (index, ignored)
        if best < threshold:
            wrong += 1
        elif not nearest[1]:
            right, wrong = (right, wrong + 1) if nearest[0] in taken else (right + 1, wrong)
            taken.add(nearest[0])
        if right + wrong:
            precisions.append((right / asked, right / (right + wrong)))
    return (
        sum(
            max((p for recall, p in precisions if recall >= tenths / 10 - 1e-12), default=0)
            for tenths in range(11)
        )
        / 11
    )


def test_vocs_precision_is_the_devkits_at_every_threshold():
    rng = np.random.default_rng(0)
    objects, boxes = [], []
    for picture in range(30):
        for _ in range(rng.integers(1, 5)):
            corner, side = rng.uniform(0, 60, 2), rng.uniform(10, 40, 2)
            box = np.concatenate([corner, corner + side]).astype(np.float32).astype(float)
            objects.append((picture, box.tolist(), bool(rng.random() < 0.2)))
            for _ in range(rng.integers(0, 4)):
                moved = (box + rng.normal(scale=3, size=4)).astype(np.float32).astype(float)
                boxes.append((picture, moved.tolist(), round(rng.random(), 6)))
    coco = truth([(picture, 0, box, ignored) for picture, box, ignored in objects])
    found = {
        picture: detections(*((box, 0, score) for where, box, score in boxes if where == picture))
        for picture in range(30)
    }
    measured = average_precisions(coco, found).loc[0]
    expected = [voc_average_precision(objects, boxes, threshold) for threshold in THRESHOLDS]
    assert measured["ap_voc07"] == pytest.approx(np.mean(expected), abs=1e-6)
    assert measured["ap50_voc07"] == pytest.approx(expected[0], abs=1e-6)
    assert measured["ap75_voc07"] == pytest.approx(expected[5], abs=1e-6)
    assert 0.3 < expected[0] < 0.95
    # Eleven recalls are not COCO's 101: the two families differ.
    assert abs(measured["ap_voc07"] - measured["ap"]) > 0.002


def test_classes_that_the_test_does_not_ask_for_are_left_out():
    objects = truth([(0, 1, SQUARES[0], False), (0, 0, SQUARES[1], True)], classes=3)
    measured = average_precisions(objects, {0: detections((SQUARES[0], 1, 0.9), (SQUARES[2], 2, 0.9))})
    assert list(measured.index) == [1]


def test_nothing_found_is_nothing():
    measured = average_precisions(truth([(0, 1, SQUARES[0], False)]), {0: detections()})
    assert measured.loc[1].tolist() == [0] * len(METRICS)
