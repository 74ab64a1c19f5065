"""The one registry of metrics: how each is printed, compared and correlated."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """How a metric's values are printed, compared and correlated.

    A value is in the printed unit of the tables; ``value / scale`` is in the metric's natural unit. Where
    ``bounded``, that is a share in 0..1 and a correlation takes its logit; elsewhere the value is taken raw.
    A correlation then multiplies by ``sign``: -1 for the angles, which stand for a whole setting beside
    accuracies; +1 for every other error, so that a negative coefficient says that it falls, as the paper
    prints it (Ericsson et al. 2021).

    Attributes:
        higher_is_better: None where neither more nor less is better: what a model is indifferent to, or looks
            at, is a property of it. Such values are not ranked, and none is printed bold.
        decimals: digits after the point in tables.
        recognition: a dataset's own metric of recognition; all of these average into one score of a setting.
        multilabel: of pictures with several labels.
        represented_by: the metric that stands for this one where a whole setting is correlated, or nothing.
    """

    name: str
    label: str
    scale: int = 100
    higher_is_better: bool | None = True
    bounded: bool = True
    sign: int = 1
    decimals: int = 2
    recognition: bool = False
    multilabel: bool = False
    represented_by: str = ""

    @property
    def direction(self) -> int:
        """1 where a higher score in it is better, -1 where a lower one is, 0 where neither."""
        if self.higher_is_better is None:
            return 0
        return 1 if self.higher_is_better else -self.sign


def without_unit(label: str) -> str:
    """A metric's label for what has no unit, such as its correlation."""
    return label.removesuffix(" (%)").removesuffix(" (°)")


def _error(name: str, label: str, **facts) -> Metric:
    return Metric(name, label, higher_is_better=False, **facts)


def _angle(name: str, label: str) -> Metric:
    return _error(name, label, scale=1, bounded=False, sign=-1, represented_by="within_11.25")


def _property(name: str, label: str, **facts) -> Metric:
    return Metric(name, label, higher_is_better=None, **facts)


def _colour_error(name: str, label: str) -> Metric:
    return _error(name, label, scale=1, bounded=False, decimals=0)


METRICS = {
    metric.name: metric
    for metric in (
        Metric("top1", "Top-1 accuracy (%)", recognition=True),
        Metric("mean_per_class", "Mean per-class accuracy (%)", recognition=True),
        Metric("map11", "11-point mAP (%)", recognition=True, multilabel=True),
        Metric("accuracy", "Accuracy (%)", recognition=True),
        Metric("ap", "AP, COCO's (%)", represented_by="ap50_voc07"),
        Metric("ap50", "AP50, COCO's (%)", represented_by="ap50_voc07"),
        Metric("ap75", "AP75, COCO's (%)", represented_by="ap50_voc07"),
        Metric("ap_voc07", "AP, VOC 2007's 11 points (%)", represented_by="ap50_voc07"),
        Metric("ap50_voc07", "AP50, VOC 2007's 11 points (%)"),
        Metric("ap75_voc07", "AP75, VOC 2007's 11 points (%)", represented_by="ap50_voc07"),
        _angle("mean_angle_deg", "Mean angular error (°)"),
        _angle("median_angle_deg", "Median angular error (°)"),
        Metric("within_11.25", "Within 11.25° (%)"),
        Metric("within_22.5", "Within 22.5° (%)", represented_by="within_11.25"),
        Metric("within_30", "Within 30° (%)", represented_by="within_11.25"),
        Metric("mean_iou", "Mean IoU (%)"),
        Metric("cell_accuracy", "Cell accuracy (%)"),
        Metric("within_1.25", "Depth within a factor of 1.25 (%)"),
        Metric("within_1.1", "Depth within a factor of 1.1 (%)", represented_by="within_1.25"),
        _error("depth_rmse", "Depth, RMSE", scale=1, bounded=False, represented_by="within_1.25"),
        Metric("pixel_accuracy", "Pixel accuracy (%)", represented_by="mean_iou"),
        _error("ece", "ECE (%)"),
        _error("ece_scaled", "ECE after temperature scaling (%)"),
        _error("ece_scaled_val", "ECE after temperature scaling on val (%)"),
        _error("lpips_alex", "LPIPS, AlexNet", scale=1),
        _error("lpips_vgg", "LPIPS, VGG", scale=1),
        _error("lpips_squeeze", "LPIPS, SqueezeNet", scale=1),
        _error("perceptual", "Perceptual distance, unweighted", scale=1),
        _colour_error("mse_red", "Squared error, red"),
        _colour_error("mse_green", "Squared error, green"),
        _colour_error("mse_blue", "Squared error, blue"),
        _property("attentive_diffusion", "Attentive diffusion (%)"),
        _property("invariance_crop", "Invariance to crops", scale=1, bounded=False),
        _property("invariance_colour", "Invariance to colours", scale=1, bounded=False),
        _property("invariance_blur", "Invariance to blur", scale=1, bounded=False),
        _property("invariance_rotation", "Invariance to rotation", scale=1, bounded=False),
    )
}

OF_DATASETS = ("top1", "mean_per_class", "map11")
"""Those that a dataset may have as its own (``results.metrics.SCORERS``); ``accuracy`` is of episodes."""
