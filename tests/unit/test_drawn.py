"""What the figures draw is what they were given: their data read back from the axes."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from PIL import Image
from studies import imagenet, settings, study_of

from transferscope.datasets.dense import IGNORED
from transferscope.figures import dense, gallery
from transferscope.figures.calibration_scatter import calibration_scatter
from transferscope.figures.correlation_bars import correlation_bars
from transferscope.figures.correlation_scatter import correlation_scatter
from transferscope.figures.costs import cost_bars
from transferscope.figures.dataset_scatter import dataset_scatter
from transferscope.figures.detections import FOUND, TRUE, detections
from transferscope.figures.finetuning import finetuning
from transferscope.figures.invariance import invariance
from transferscope.figures.properties import properties
from transferscope.figures.rank_radar import rank_radar
from transferscope.figures.reconstructions import reconstructions
from transferscope.figures.reliability import reliability
from transferscope.figures.saliency import saliency
from transferscope.figures.similarity import similarity
from transferscope.figures.style import KINDS, UNKNOWN
from transferscope.protocols.reconstruction.pictures import Reconstruction
from transferscope.protocols.saliency.maps import Map, diffusion
from transferscope.results.correlation import MEAN, correlations, regression_band
from transferscope.results.parts import split
from transferscope.results.resolved import with_settings
from transferscope.results.scores import logit

PLOT = {"font_size": 8, "dpi": 60}
MODELS = pd.DataFrame(
    {
        "name": [f"Model {letter}" for letter in "abcdefgh"],
        "supervision": ["self-supervised", "supervised", *["self-supervised"] * 5, "random"],
        "imagenet_top1": [60.0, 76.0, 70.0, 65.0, 72.0, 68.0, np.nan, np.nan],
    },
    index=pd.Index(list("abcdefgh"), name="id"),
)
DATASETS = pd.DataFrame({"name": ["Data X", "Data Y"]}, pd.Index(["x", "y"], name="id"))
STUDY = study_of(MODELS, DATASETS)
AGAINST = imagenet(STUDY)
TRAINED, KNOWN, UNKNOWN_TOP1, RANDOM = list("abcdefg"), list("abcdef"), "g", "h"
X = pd.Series(logit(MODELS["imagenet_top1"] / 100), MODELS.index)
FIRST = [51.0, 88.0, 69.0, 72.0, 61.0, 80.0, 57.0, 12.0]
SECOND = [44.0, 62.0, 90.0, 53.0, 70.0, 36.0, 65.0, 9.0]


def results(protocol: str, metric: str, *, at: dict | None = None, **datasets: list[float]) -> pd.DataFrame:
    """The results of one setting, at its place on the axes: of each dataset a value a model."""
    rows = [
        {"protocol": protocol, "dataset": dataset, "metric": metric, "model": model, "value": value}
        for dataset, values in datasets.items()
        for model, value in zip(MODELS.index, values, strict=True)
    ]
    return settings(rows, STUDY, n_test=500, **at or {})


def markers(ax: Axes, **properties: str) -> list[tuple[float, float]]:
    """The points that are drawn one by one, from left to right."""
    lines = [line for line in ax.lines if line.get_marker() not in ("None", "", None)]
    chosen = [line for line in lines if all(getattr(line, f"get_{k}")() == v for k, v in properties.items())]
    return sorted(tuple(point) for line in chosen for point in line.get_xydata())


def curves(ax: Axes, linestyle: str = "-") -> list[np.ndarray]:
    return [line.get_xydata() for line in ax.lines if line.get_linestyle() == linestyle]


def check_scatter(ax: Axes, y: pd.Series) -> None:
    """The models' points, the line with its band, and the random baseline, at the scores ``y``."""
    expected = sorted(zip(X[KNOWN], y[KNOWN], strict=True))
    np.testing.assert_allclose(markers(ax), [*expected, (ax.get_xlim()[1], y[UNKNOWN_TOP1])])
    assert markers(ax, marker=UNKNOWN) == [pytest.approx((ax.get_xlim()[1], y[UNKNOWN_TOP1]))]
    assert markers(ax, color=KINDS["supervised"]["color"]) == [pytest.approx((X["b"], y["b"]))]
    [baseline] = curves(ax, "--")
    np.testing.assert_allclose(baseline[:, 1], y[RANDOM])
    [line] = curves(ax)
    middle, half_width = regression_band(X[KNOWN].to_numpy(), y[KNOWN].to_numpy(), line[:, 0])
    np.testing.assert_allclose(line[[0, -1], 0], [X[KNOWN].min(), X[KNOWN].max()])
    np.testing.assert_allclose(line[:, 1], middle)
    [band] = ax.collections
    edges = band.get_paths()[0].vertices[:, 1]
    assert edges.min() == pytest.approx((middle - half_width).min())
    assert edges.max() == pytest.approx((middle + half_width).max())


def test_transfer_is_the_mean_log_odds_over_the_datasets():
    [ax] = correlation_scatter(results("linear", "top1", x=FIRST, y=SECOND), STUDY, AGAINST, PLOT).axes
    y = (logit(np.array(FIRST) / 100) + logit(np.array(SECOND) / 100)) / 2
    check_scatter(ax, pd.Series(y, MODELS.index))
    # Their numbers are in the order of ImageNet top-1, the unknown one's last.
    numbers = {text.get_text(): tuple(text.xy) for text in ax.texts if text.get_text().isdigit()}
    assert numbers["1"][0] == X["a"] and numbers["6"][0] == X["b"]
    assert numbers["7"][0] == ax.get_xlim()[1]


def test_an_axis_of_angles_is_turned_and_still_says_degrees():
    angles = [value / 2 for value in FIRST]
    [part] = split(results("normals", "mean_angle_deg", x=angles), STUDY)
    [ax] = dataset_scatter(part, STUDY, AGAINST, PLOT).axes
    check_scatter(ax, pd.Series(-np.array(angles), MODELS.index))
    assert ax.yaxis.get_major_formatter()(-30.0) == "30"


def test_calibration_is_filled_before_and_hollow_after_scaling():
    before, after = [value / 4 for value in FIRST], [value / 10 for value in SECOND]
    tables = [
        results("calibration_linear", metric, x=values)
        for metric, values in (("ece", before), ("ece_scaled", after))
    ]
    [ax] = calibration_scatter(pd.concat(tables), STUDY, AGAINST, PLOT).axes
    hollow = markers(ax, markerfacecolor="white")
    filled = sorted(set(markers(ax)) - set(hollow))
    for drawn, values in ((filled, before), (hollow, after)):
        y = pd.Series(logit(np.array(values) / 100), MODELS.index)
        expected = sorted(zip(X[KNOWN], y[KNOWN], strict=True))
        np.testing.assert_allclose(drawn, [*expected, (ax.get_xlim()[1], y[UNKNOWN_TOP1])])


def test_bars_are_as_long_as_the_coefficients_and_bear_their_intervals():
    table = correlations(results("linear", "top1", x=FIRST, y=SECOND), STUDY, AGAINST)
    figure = correlation_bars(with_settings(table, STUDY), STUDY, AGAINST, PLOT)
    [ax] = figure.axes
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["All datasets", "Data X", "Data Y"]
    assert list(ax.get_yticks()) == sorted(ax.get_yticks(), reverse=True)  # the first is the uppermost
    rows = table[table["against"] == "imagenet_top1"].set_index("dataset").loc[[MEAN, "x", "y"]]
    handles = zip(figure.legends[0].legend_handles, figure.legends[0].get_texts(), strict=True)
    colours = {text.get_text().split(",")[0].lower(): handle.get_facecolor() for handle, text in handles}
    for bars, intervals, name in zip(ax.containers, ax.collections, ("pearson", "spearman"), strict=True):
        assert {bar.get_facecolor() for bar in bars} == {colours[name]}
        np.testing.assert_allclose([bar.get_width() for bar in bars], rows[name])
        middles = [bar.get_y() + bar.get_height() / 2 for bar in bars]
        assert np.abs(middles - ax.get_yticks()).max() < 0.25
        for segment, middle, (low, high) in zip(
            intervals.get_segments(), middles, rows[[f"{name}_low", f"{name}_high"]].to_numpy(), strict=True
        ):
            np.testing.assert_allclose(segment, [(low, middle), (high, middle)])


def test_a_radar_reaches_the_rim_at_rank_1_and_turns_clockwise_from_the_first_setting():
    values = {"linear": FIRST, "knn": SECOND, "fewshot": [value / 2 for value in FIRST]}
    tables = [
        results("linear", "top1", x=values["linear"]),
        results("knn", "top1", x=values["knn"]),
        results("fewshot", "accuracy", at={"ways": "5", "shots": "5"}, x=values["fewshot"]),
    ]
    figure = rank_radar(pd.concat(tables), STUDY, PLOT)
    ranks = pd.DataFrame(values, MODELS.index).rank(ascending=False)
    order = ranks.mean(axis=1).sort_values(kind="stable").index
    titles = [text.get_text() for text in figure.texts if text.get_weight() == "bold"]
    assert titles == MODELS.loc[order, "name"].tolist()
    turns = 2 * np.pi * np.arange(3) / 3
    for ax, model in zip(figure.axes[1:], order, strict=True):
        distances = 1 - (ranks.loc[model].to_numpy() - 1) / len(MODELS)
        corners = distances[:, None] * np.column_stack([np.sin(turns), np.cos(turns)])
        [drawn] = [line.get_xydata() for line in ax.lines if len(line.get_xydata()) == 3]
        np.testing.assert_allclose(drawn, corners, atol=1e-12)
        np.testing.assert_allclose(ax.patches[-1].get_xy()[:3], corners, atol=1e-12)


def test_cost_bars_are_stacked_hours():
    table = pd.DataFrame(
        [("features", "a", 0.5, 8.0), ("linear", "a", 0.0, 2.0), ("features", "b", 1.5, 4.0)],
        columns=["protocol", "model", "gpu_hours", "core_hours"],
    )
    for hours, label, expected in (
        (table, "GPU hours", {"features": [(0, 1.5), (0, 0.5)]}),
        (
            table.assign(gpu_hours=0.0),
            "Core hours",
            {"features": [(0, 4), (0, 8)], "linear": [(4, 0), (8, 2)]},
        ),
    ):
        [ax] = cost_bars(hours, study_of(MODELS.loc[["b", "a"]]), PLOT).axes
        assert ax.get_xlabel() == label
        assert [text.get_text() for text in ax.get_yticklabels()] == ["Model b", "Model a"]
        assert ax.yaxis_inverted()
        stacks = {
            bars.get_label(): [(bar.get_x(), bar.get_width()) for bar in bars] for bars in ax.containers
        }
        assert stacks == expected


def test_invariance_has_a_dot_a_dataset_and_a_marker_at_their_mean():
    first, second = ([value / 100 for value in values] for values in (FIRST, SECOND))
    [ax] = invariance(results("invariance", "invariance_blur", x=first, y=second), STUDY, AGAINST, PLOT).axes
    order = [*MODELS.loc[KNOWN].sort_values("imagenet_top1").index, UNKNOWN_TOP1, RANDOM]
    place = {model: number for number, model in enumerate(order, start=1)}
    dots = [
        (place[model], value)
        for values in (first, second)
        for model, value in zip(MODELS.index, values, strict=True)
    ]
    np.testing.assert_allclose(sorted(map(tuple, ax.collections[0].get_offsets())), sorted(dots))
    means = zip(MODELS.index, first, second, strict=True)
    expected = sorted((place[model], (one + other) / 2) for model, one, other in means)
    np.testing.assert_allclose(markers(ax), expected)
    [(at, _)] = markers(ax, marker=KINDS["supervised"]["marker"])
    assert at == place["b"]


def test_properties_stand_by_kind_and_their_box_is_of_the_quartiles():
    first = [value / 100 for value in FIRST]
    tables = [
        results("reconstruction", "lpips_vgg", x=first),
        results("saliency", "attentive_diffusion", x=SECOND),
    ]
    figure = properties(pd.concat(tables), STUDY, PLOT)
    for ax, values in zip(figure.axes, (first, SECOND), strict=True):
        of_kind = pd.Series(values, MODELS.index).groupby(MODELS["supervision"])
        for place, kind in enumerate(["self-supervised", "supervised", "random"]):
            drawn = markers(ax, marker=KINDS[kind]["marker"])
            assert sorted(y for _, y in drawn) == sorted(of_kind.get_group(kind))
            assert all(abs(x - place) < 0.2 for x, _ in drawn)
        box = ax.patches[0].get_path().vertices[:, 1]
        quartiles = np.percentile(of_kind.get_group("self-supervised"), [25, 50, 75])
        assert [box.min(), box.max()] == pytest.approx(quartiles[[0, 2]])
        assert any(
            np.allclose(line.get_ydata(), quartiles[1]) for line in ax.lines if len(line.get_ydata()) == 2
        )
    assert [ax.get_xlabel() for ax in figure.axes] == ["less is better", ""]


def test_reliability_draws_the_filled_bins_in_percent_and_their_error():
    count, confidence = [0, 10, 30], [0.2, 0.5, 0.9]
    series = {"before": [0.0, 0.6, 0.7], "after": [0.0, 0.5, 0.8]}
    bins = {
        name: {"count": count, "confidence": confidence, "accuracy": accuracy}
        for name, accuracy in series.items()
    }
    identity = {"model": "a", "dataset": "x", "protocol": "calibration_linear"}
    [ax] = reliability([identity | {"details": {"reliability": bins}}], STUDY, PLOT).axes
    for points, accuracy in zip(ax.collections, series.values(), strict=True):
        np.testing.assert_allclose(points.get_offsets(), [(50, 100 * accuracy[1]), (90, 100 * accuracy[2])])
        small, large = points.get_sizes()
        assert small < large
    # A quarter of the samples is 10 too rarely sure, the others are 20 and then 10 too sure.
    assert ax.texts[0].get_text() == "ECE (%)\n17.5 → 7.5"


def test_a_cell_of_the_heatmap_is_of_the_models_beside_and_below_it():
    upper = np.triu(np.random.default_rng(0).uniform(0, 1, (4, 4)), 1)
    values = pd.DataFrame(upper + upper.T + np.eye(4), list("abcd"), list("abcd"))
    table = values.rename_axis(index="model", columns="other").stack().rename("debiased_cka").reset_index()
    heatmap, tree = similarity(table, STUDY, PLOT).axes
    ids = {name: model for model, name in MODELS["name"].items()}
    rows, columns = (
        [ids[label.get_text()] for label in labels]
        for labels in (heatmap.get_yticklabels(), heatmap.get_xticklabels())
    )
    assert sorted(rows) == list("abcd")
    drawn = heatmap.images[0]
    np.testing.assert_allclose(drawn.get_array(), values.loc[rows, columns])
    assert drawn.get_clim() == (0, 1)
    assert drawn.origin == "upper"
    for text in heatmap.texts:
        column, row = map(int, text.get_position())
        assert text.get_text() == f"{values.loc[rows[row], columns[column]]:.2f}"
    # The first two that join do so at their distance.
    lowest = min(line.get_xdata().max() for line in tree.lines)
    assert lowest == pytest.approx(1 - values.where(~np.eye(4, dtype=bool)).max().max())


def test_finetuning_draws_losses_over_steps_and_scores_over_learning_rates():
    points = [
        {"number": number, "learning_rate": rate, "weight_decay": 0.0, "augmentation": augmentation}
        for number, (rate, augmentation) in enumerate(
            [(0.1, "centre_crop"), (0.01, "random_resized_crop"), (0.001, "random_resized_crop")]
        )
    ]
    scores, diverged = [None, 0.7, 0.4], [5, None, None]
    trials = [
        {"point": point, "steps": 8, "val_score": score, "diverged": step}
        for point, score, step in zip(points, scores, diverged, strict=True)
    ]
    details = {"point": points[1], "losses": [2.0, 1.5, 1.25], "window": 4, "trials": trials}
    result = {"model": "a", "dataset": "x", "protocol": "finetune", "details": details}
    losses, tried = finetuning([result], STUDY, PLOT).axes
    assert losses.lines[0].get_xydata().tolist() == [[4, 2], [8, 1.5], [12, 1.25]]
    drawn = {}
    for points_of_a_kind in tried.collections:
        for at, score in points_of_a_kind.get_offsets():
            drawn.setdefault(round(float(at)), []).append(float(score))
    # Twice at the chosen setting: itself, and the ring around it.
    assert drawn[-2] == pytest.approx([70, 70])
    assert drawn[-3] == pytest.approx([40])
    assert max(drawn[-1]) < 40  # what diverged lies below all scores
    assert [label.get_text() for label in tried.get_xticklabels()] == ["0.001", "0.01", "0.1"]


def test_a_saliency_map_stands_below_its_picture_as_it_is():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
    found = [Map(model, "x", rng.random((20, 20)), picture) for model in "ba"]
    figure = saliency(found, STUDY, PLOT)
    original, *cells = figure.axes
    np.testing.assert_allclose(original.images[0].get_array(), picture / 255)
    for ax, one in zip(cells, reversed(found), strict=True):  # in the order of the models
        np.testing.assert_allclose(ax.images[0].get_array(), one.attention)
        assert ax.texts[0].get_text() == f"{100 * diffusion(one.attention):.0f}"
        assert ax.get_position().y0 < original.get_position().y0


def test_a_reconstruction_stands_below_its_original():
    original, made = np.random.default_rng(0).integers(0, 256, (2, 20, 20, 3), dtype=np.uint8)
    one = Reconstruction("x", "1.png", original, made, 1.0, {"model": "a"})
    above, below = reconstructions([one], STUDY, PLOT).axes
    np.testing.assert_allclose(above.images[0].get_array(), original / 255)
    np.testing.assert_allclose(below.images[0].get_array(), made / 255)
    assert below.get_position().y0 < above.get_position().y0


def test_a_large_picture_is_shrunk_to_the_means_of_blocks():
    image = np.random.default_rng(0).random((229, 229, 3))
    small = gallery.shrunk(image)
    assert small.shape == (114, 114, 3)
    np.testing.assert_allclose(small[3, 5], image[6:8, 10:12].mean(axis=(0, 1)))


def test_normals_are_shown_as_colours_and_their_error_in_degrees():
    right, up, towards = (1.0, 0, 0), (0, -1.0, 0), (0, 0, -1.0)
    truth = np.array([[right, up], [towards, (np.nan,) * 3]])
    predicted = np.array([[right, right], [towards, towards]])
    picture = np.zeros((2, 2, 3), dtype=np.uint8)
    figure = dense.normals([("1", picture, truth, predicted)], [], PLOT)
    _, shown, _, errors = (ax.images[0].get_array() for ax in figure.axes[:4])
    np.testing.assert_allclose(shown[0], [(1, 0.5, 0.5), (0.5, 1, 0.5)])
    np.testing.assert_allclose(shown[1], [(0.5, 0.5, 1), (dense.NOTHING,) * 3])
    np.testing.assert_allclose(np.ma.filled(errors, np.nan), [[0, 90], [0, np.nan]], atol=1e-6)
    assert figure.axes[3].images[0].get_clim() == (0, dense.LARGEST_ERROR)


def test_wrong_classes_are_black_where_there_is_a_true_one():
    truth = np.array([[0, 2, IGNORED]], dtype=np.uint8)
    predicted = np.array([[0, 1, 1]], dtype=np.uint8)
    picture = np.zeros((1, 3, 3), dtype=np.uint8)
    figure = dense.classes([("1", picture, truth, predicted)], ["cat", "dog", "emu"], PLOT)
    _, true, found, wrong = (ax.images[0].get_array() for ax in figure.axes)
    np.testing.assert_allclose(wrong, [[dense.RIGHT, 0, dense.RIGHT]])
    handles = zip(figure.legends[0].legend_handles, figure.legends[0].get_texts(), strict=True)
    colours = {text.get_text(): handle.get_facecolor()[:3] for handle, text in handles}
    np.testing.assert_allclose(true[0], [colours["cat"], colours["emu"], (dense.NOTHING,) * 3])
    np.testing.assert_allclose(found[0], [colours["cat"], colours["dog"], colours["dog"]])


def test_boxes_are_drawn_where_they_are_and_found_ones_from_a_score_of_a_half():
    picture = {
        "name": "folder/1.png",
        "true": {"boxes": [[1, 2, 5, 8]], "labels": [0]},
        "found": {"boxes": [[2, 2, 6, 7], [0, 0, 3, 3]], "labels": [1, 0], "scores": [0.5, 0.49]},
    }
    [ax] = detections([picture], [Image.new("RGB", (20, 10))], ["cat", "dog"], PLOT).axes
    true, found = ax.patches
    assert (true.get_bbox().extents.tolist(), true.get_edgecolor()) == ([1, 2, 5, 8], to_rgba(TRUE["color"]))
    assert (found.get_bbox().extents.tolist(), found.get_edgecolor()) == (
        [2, 2, 6, 7],
        to_rgba(FOUND["color"]),
    )
    assert [text.get_text() for text in ax.texts] == ["dog 0.50"]
    assert ax.images[0].get_extent() == [0, 20, 10, 0]
