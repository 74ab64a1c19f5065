"""Every figure, for few and many models and datasets: whole, legible, and the same twice."""

import itertools
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.text import Text
from studies import READY, ericsson, imagenet, over_seeds, settings, study_of, with_protocol
from texts import PLOT, check_texts, drawn_texts, words

from transferscope.errors import InputError
from transferscope.figures import style
from transferscope.figures.calibration_scatter import calibration_scatter
from transferscope.figures.correlation_bars import correlation_bars
from transferscope.figures.correlation_scatter import correlation_scatter
from transferscope.figures.costs import cost_bars
from transferscope.figures.dataset_scatter import dataset_scatter
from transferscope.figures.finetuning import finetuning
from transferscope.figures.invariance import invariance
from transferscope.figures.properties import properties
from transferscope.figures.rank_radar import rank_radar
from transferscope.figures.reconstructions import reconstructions
from transferscope.figures.reliability import reliability
from transferscope.figures.saliency import saliency
from transferscope.figures.similarity import similarity
from transferscope.protocols.reconstruction.pictures import Reconstruction
from transferscope.protocols.saliency.maps import Map
from transferscope.results.correlation import correlations
from transferscope.results.parts import split, split_by_dataset
from transferscope.results.ranks import rank_models
from transferscope.results.resolved import Study, with_settings
from transferscope.results.scores import logit

RNG = np.random.default_rng(0)
PAPER = [name for name in READY.datasets.index if name not in ("voc0712", "nyuv2", "ade20k")]


def study(
    trained: int, datasets: int = 3, unknown: int = 0, random: int = 0, spread: float | None = None
) -> tuple[pd.DataFrame, Study]:
    """Results by setting and their study: ``unknown`` of the trained models have no ImageNet top-1.

    With a ``spread``, each value is the mean over three seeds that far apart.
    """
    rng = np.random.default_rng(0)
    total = trained + random
    top1 = np.linspace(60, 77, total).round(1)
    top1[:unknown] = np.nan
    top1[trained:] = np.nan
    kinds = ["supervised" if index % 4 == 3 else "self-supervised" for index in range(trained)]
    ids = pd.Index([f"m{index}" for index in range(total)], name="id")
    names = [f"Model-{index} v2" for index in range(total)]
    models = pd.DataFrame(
        {"name": names, "supervision": kinds + ["random"] * random, "imagenet_top1": top1}, index=ids
    )
    measured = [
        {"protocol": "linear", "metric": "top1"},
        {"protocol": "knn", "metric": "top1"},
        {"protocol": "fewshot", "ways": "5", "shots": "5", "metric": "accuracy"},
        {"protocol": "calibration_linear", "metric": "ece"},
        {"protocol": "calibration_linear", "metric": "ece_scaled"},
    ]
    rows = [
        row | {"dataset": f"data{index}", "model": model, "value": value, "n_test": 500}
        for row in measured
        for index in range(datasets)
        for model, value in zip(ids, rng.uniform(5, 95, total).round(2), strict=True)
    ]
    known = study_of(models)
    return settings(rows if spread is None else over_seeds(rows, spread), known), known


def published() -> tuple[pd.DataFrame, Study]:
    return ericsson(), READY


STUDIES = {
    "two models": lambda: study(2),
    "three models": lambda: study(3),
    "the demo": lambda: study(5, datasets=5, unknown=1, random=1),
    "many": lambda: study(30, datasets=20, unknown=2, random=2),
    "one dataset": lambda: study(6, datasets=1),
    "no top-1": lambda: study(4, unknown=4),
    "three seeds": lambda: study(5, datasets=5, unknown=1, random=1, spread=2.0),
    "published": published,
}


def bars(table: pd.DataFrame, known: Study) -> Figure:
    coefficients = correlations(table, known, imagenet(known))
    return correlation_bars(with_settings(coefficients, known), known, imagenet(known), PLOT)


def first_datasets(table: pd.DataFrame, known: Study) -> Figure:
    return dataset_scatter(split(table, known)[0], known, imagenet(known), PLOT)


def first_settings(table: pd.DataFrame, known: Study) -> Figure:
    return dataset_scatter(split_by_dataset(table, known)[0], known, imagenet(known), PLOT)


FIGURES = {
    "correlation_scatter": lambda table, known: correlation_scatter(table, known, imagenet(known), PLOT),
    "calibration_scatter": lambda table, known: calibration_scatter(table, known, imagenet(known), PLOT),
    "dataset_scatter": first_datasets,
    "task_scatter": first_settings,
    "correlation_bars": bars,
    "rank_radar": lambda table, known: rank_radar(table, known, PLOT),
}


def reliability_results(datasets: int) -> list[dict]:
    edges = (np.arange(15) + 0.5) / 15
    before = {"count": [0, *[10] * 14], "confidence": list(edges), "accuracy": list(edges**2)}
    after = before | {"accuracy": list(edges)}
    return [
        {
            "model": "a",
            "dataset": f"data{index}",
            "protocol": "calibration_linear",
            "details": {"reliability": {"before": before, "after": after}},
        }
        for index in range(datasets)
    ]


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize("figure", FIGURES)
def test_no_text_leaves_the_figure(figure, name):
    check_texts(FIGURES[figure](*STUDIES[name]()))


@pytest.mark.parametrize("name", ["the demo", "published"])
@pytest.mark.parametrize("figure", ["correlation_scatter", "calibration_scatter", "dataset_scatter"])
def test_numbers_of_models_do_not_cover_each_other(figure, name):
    drawn = FIGURES[figure](*STUDIES[name]())
    texts = drawn_texts(drawn)
    for ax in drawn.axes:
        boxes = [box for text, box in texts if text.axes is ax and text in ax.texts]
        for first, second in itertools.combinations(boxes, 2):
            overlap = np.prod(np.clip(np.minimum(first, second)[2:] - np.maximum(first, second)[:2], 0, None))
            smaller = min(np.prod(box[2:] - box[:2]) for box in (first, second))
            assert overlap < 0.4 * smaller


@pytest.mark.parametrize("figure", FIGURES)
def test_the_same_figure_has_the_same_bytes(figure, tmp_path):
    for attempt in ("first", "second"):
        drawn = FIGURES[figure](*STUDIES["the demo"]())
        style.save(drawn, tmp_path / f"{attempt}.pdf", tmp_path / f"{attempt}.png", PLOT)
    for form in ("pdf", "png"):
        first, second = ((tmp_path / f"{attempt}.{form}").read_bytes() for attempt in ("first", "second"))
        assert len(first) > 2000
        assert first == second


def test_an_svg_is_one_element_with_the_same_ids_twice():
    first, second = (style.to_svg(first_settings(*STUDIES["the demo"]()), PLOT) for _ in range(2))
    assert first == second
    assert ElementTree.fromstring(first).tag == "{http://www.w3.org/2000/svg}svg"
    assert "<text" not in first


@pytest.mark.parametrize("dataset", ["nyuv2", "average"])
def test_long_titles_stay_within_the_figure(dataset):
    table, known = published()
    [part] = split_by_dataset(table[table["dataset"] == dataset], known)
    check_texts(dataset_scatter(part, known, imagenet(known), PLOT))


def test_text_in_a_pdf_stays_text(tmp_path):
    style.save(FIGURES["correlation_scatter"](*study(4)), tmp_path / "a.pdf", tmp_path / "a.png", PLOT)
    content = (tmp_path / "a.pdf").read_bytes()
    assert b"/Subtype /Type0" in content or b"/TrueType" in content
    assert b"/Type3" not in content
    assert b"CreationDate" not in content


def test_two_models_have_no_line_but_a_note():
    figure = FIGURES["correlation_scatter"](*study(2))
    assert words(figure).count("no r of 2 models") == 3
    assert all(not ax.collections for ax in figure.axes)


def test_a_panel_has_the_line_and_coefficient_of_the_paper():
    table, known = published()
    figure = correlation_scatter(table, known, imagenet(known), PLOT)
    assert len(figure.axes) == 9
    assert "r = 0.93" in [text.get_text() for text in figure.axes[0].texts]
    assert (
        words(calibration_scatter(table, known, imagenet(known), PLOT)).count(
            "before: r = −0.77\nafter: r = −0.59"
        )
        == 1
    )


def test_bars_leave_out_what_two_models_were_measured_on():
    table, known = study(5)
    figure = bars(table.drop(table.query("setting == 'knn' and model > 'm1'").index), known)
    assert "Linear (n" in words(figure)
    assert "k-NN" not in words(figure)
    assert "k-NN" in words(bars(table, known))


@pytest.mark.parametrize("kinds", [{}, {"unknown": 2}])
def test_bars_without_any_coefficient_are_a_note(kinds):
    figure = bars(*study(2, **kinds))
    assert "it needs three models" in " ".join(words(figure).split())
    assert not figure.axes
    check_texts(figure)


def test_random_baselines_and_unknown_accuracies_are_marked():
    figure = FIGURES["correlation_scatter"](*study(5, unknown=1, random=2))
    lines = figure.axes[0].get_lines()
    assert sum(line.get_linestyle() == "--" for line in lines) == 2
    assert sum(line.get_marker() == style.UNKNOWN for line in lines) == 1
    assert "ImageNet top-1 unknown" in words(figure)


def test_one_setting_is_one_panel():
    table, known = study(4)
    figure = correlation_scatter(table[table["setting"] == "knn"], known, imagenet(known), PLOT)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["k-NN"]
    check_texts(figure)


def test_figures_without_their_settings_say_what_to_add():
    table, known = study(4)
    calibration = table["setting"] == "calibration_linear"
    with pytest.raises(InputError, match="add one of the protocols calibration_linear"):
        calibration_scatter(table[~calibration], known, imagenet(known), PLOT)
    with pytest.raises(InputError, match="add one of the protocols linear"):
        correlation_scatter(table[calibration], known, imagenet(known), PLOT)


def test_a_radar_of_two_settings_is_a_note():
    table, known = study(4)
    figure = rank_radar(table[table["setting"].isin(["linear", "knn"])], known, PLOT)
    assert "needs three settings" in " ".join(words(figure).split())


def test_a_model_without_a_setting_is_named_not_ranked():
    table, known = study(4)
    figure = rank_radar(table.drop(table.query("model == 'm2' and setting == 'knn'").index), known, PLOT)
    assert "Not ranked, since a setting is missing: Model-2 v2." in words(figure)
    check_texts(figure)


def test_a_setting_that_few_models_have_is_left_out_of_the_ranks():
    table, known = study(5)
    few = table[table["setting"] == "knn"].assign(setting="dear", title="Dear")
    half, third = few[few["model"].isin(["m0", "m1", "m2"])], few[few["model"].isin(["m0", "m1"])]
    ranks = rank_models(pd.concat([table, third]), known)
    assert ranks.sparse == ["Dear"] and len(ranks.ranks) == 5
    assert "Left out, since few models were tried there: Dear." in words(
        rank_radar(pd.concat([table, third]), known, PLOT)
    )
    ranks = rank_models(pd.concat([table, half]), known)
    assert ranks.sparse == [] and ranks.unranked == ["m3", "m4"]


def test_a_radar_without_a_model_that_has_every_setting_is_a_note():
    table, known = study(2)
    lost = table.query("(model == 'm0' and setting == 'knn') or (model == 'm1' and setting == 'linear')")
    assert "a score in every setting" in " ".join(
        words(rank_radar(table.drop(lost.index), known, PLOT)).split()
    )


def deviations(figure: Figure) -> list[tuple[float, float]]:
    """The ends of the vertical bars in the first panel."""
    segments = [bar.get_segments() for bar in figure.axes[0].collections if isinstance(bar, LineCollection)]
    return [(one[0][1], one[1][1]) for [one] in segments]


@pytest.mark.parametrize("figure", ["correlation_scatter", "calibration_scatter", "dataset_scatter"])
def test_several_seeds_have_bars_and_the_key_says_what_they_are(figure):
    one, several = (FIGURES[figure](*study(5, spread=spread)) for spread in (None, 2.0))
    assert deviations(one) == []
    assert len(deviations(several)) == 5 * (2 if figure == "calibration_scatter" else 1)
    assert "± standard deviation over 3 seeds" in words(several)
    assert "seeds" not in words(one)


def test_a_bar_ends_a_standard_deviation_from_the_mean():
    table, known = study(4, datasets=1, spread=1.5)
    value = table.query("setting == 'linear' and model == 'm0'")["value"].item()
    low, high = deviations(first_datasets(table, known))[0]
    assert high - low == pytest.approx(np.ptp(logit(np.array([value - 1.5, value + 1.5]) / 100)))


def with_depth(metric: str, **facts) -> tuple[pd.DataFrame, Study]:
    """A study in which a protocol of its own, ``depth``, gives the models the values 10, 20, ..."""
    table, known = study(4, datasets=1)
    known = with_protocol(known, "depth", title="Depth", metric=metric, **facts)
    row = {"protocol": "depth", "dataset": "data0", "metric": metric}
    rows = [row | {"model": f"m{index}", "value": 10.0 * (index + 1)} for index in range(4)]
    return pd.concat([table, settings(rows, known)]), known


def test_a_protocol_is_drawn_where_the_family_of_its_row_says():
    transfer = with_depth("mean_iou", family="transfer")
    assert "Depth" in [ax.get_title(loc="left") for ax in FIGURES["correlation_scatter"](*transfer).axes]
    assert "Depth" in words(rank_radar(*transfer, PLOT))
    assert "Depth (n" in words(bars(*transfer))
    features = with_depth("attentive_diffusion", family="features")
    assert len(properties(*features, PLOT).axes) == 1
    calibration = with_depth("ece", family="calibration")
    assert "Depth" in words(FIGURES["calibration_scatter"](*calibration))
    for table, known in (features, calibration):
        assert "Depth" not in words(FIGURES["correlation_scatter"](table, known))
        assert "Depth" not in words(rank_radar(table, known, PLOT))


OF_FAMILY = {
    "transfer": [FIGURES["correlation_scatter"], FIGURES["rank_radar"]],
    "calibration": [FIGURES["calibration_scatter"]],
    "features": [lambda table, known: properties(table, known, PLOT)],
    "efficiency": [],  # curves have figures of their own
    "layers": [],
}


@pytest.mark.parametrize("protocol", READY.protocols.index)
def test_every_protocol_alone_on_one_dataset_is_drawn(protocol):
    known = study(4)[1]
    facts = known.protocols.loc[protocol]
    metric = {"dataset": "top1", "": "lpips_alex"}.get(facts["metric"], facts["metric"])
    row = {"protocol": protocol, "dataset": "digits", "metric": metric}
    rows = [
        row | {"model": model, "value": value}
        for model, value in zip(("m0", "m1", "m2"), (1, 0.5, 0.7), strict=True)
    ]
    table = settings(rows, known)
    for draw in OF_FAMILY[facts["family"]]:
        check_texts(draw(table, known))
    check_texts(first_datasets(table, known))
    check_texts(first_settings(table, known))
    assert len(bars(table, known).axes) == 1
    assert facts["title"].format(ways="", shots="") in bars(table, known).texts[0].get_text().replace(
        "\n", " "
    )


def test_a_transfer_metric_without_log_odds_is_named_and_less_may_be_better():
    table, known = with_depth("mse_red", family="transfer")
    figure = correlation_scatter(table, known, imagenet(known), PLOT)
    assert figure.axes[-1].get_title(loc="left").replace("\n", " ") == "Depth: Squared error, red"
    only = table[table["protocol"] == "depth"]
    three = pd.concat([only.assign(setting=f"depth{place}", title=f"Depth {place}") for place in range(3)])
    ranked = [text for text, _ in drawn_texts(rank_radar(three, known, PLOT))]
    names = [text.get_text() for text in ranked if text.get_text().startswith("Model-")]
    assert names[0] == "Model-0 v2"


@pytest.mark.parametrize("datasets", [1, 4, 14])
def test_reliability_has_a_panel_a_dataset(datasets):
    figure = reliability(reliability_results(datasets), READY, PLOT)
    assert len(figure.axes) == datasets
    assert figure.axes[0].get_title(loc="left").replace("\n", " ") == "data0, linear"
    assert "→ 0.0" in words(figure)
    check_texts(figure)


def test_reliability_is_of_one_model_and_of_calibration_results():
    two = reliability_results(2)
    two[1]["model"] = "b"
    with pytest.raises(InputError, match="not of a and b"):
        reliability(two, READY, PLOT)
    del two[1]["details"]
    with pytest.raises(InputError, match=r"no details\.reliability"):
        reliability(two, READY, PLOT)


@pytest.mark.parametrize(
    ("low", "high"), [(59, 78), (72, 78), (23, 28), (1.8, 18), (15, 97), (99.1, 99.9), (40, 60)]
)
def test_ticks_are_round_and_spread(low, high):
    ax = Figure().add_subplot()
    style.share_axis(ax.xaxis, *logit(np.array([low, high]) / 100))
    ticks = [float(label.get_text()) for label in ax.get_xticklabels()]
    assert 3 <= len(ticks) <= 7
    assert all(low <= tick <= high for tick in ticks)


def test_a_font_that_nobody_can_read_is_refused():
    table, known = study(3)
    with pytest.raises(InputError, match="at least 7"):
        correlation_scatter(table, known, imagenet(known), {"font_size": 5, "dpi": 60})


def finetuning_results(models: list[str], halvings: int = 0) -> list[dict]:
    """Results as finetune_refit writes them, with a setting that diverged."""
    rates = (0.1, 0.01, 0.001)
    points = [
        {"number": number, "learning_rate": rate, "weight_decay": decay / rate, "augmentation": augmentation}
        for number, (rate, decay, augmentation) in enumerate(
            itertools.product(rates, (0, 1e-4), ("random_resized_crop", "centre_crop"))
        )
    ]
    trials = [
        {"point": point, "steps": 8 // 2**rung, "val_score": 0.3 + 0.05 * number, "diverged": None}
        for rung in range(halvings + 1)
        for number, point in enumerate(points)
    ]
    trials[0] |= {"val_score": None, "diverged": 3}
    details = {"point": points[5], "losses": [2.0, 1.5, 1.2, 1.1], "window": 2, "trials": trials}
    return [{"model": model, "dataset": "d", "protocol": "finetune", "details": details} for model in models]


@pytest.mark.parametrize(("count", "halvings"), [(1, 0), (3, 1), (14, 0)])
def test_finetuning_has_two_panels_a_model(count, halvings):
    _, known = study(14)
    results = finetuning_results(list(known.models.index[:count]), halvings)
    figure = finetuning(results, known, PLOT)
    assert len(figure.axes) == 2 * count
    losses, scores = figure.axes[:2]
    assert losses.get_lines()[0].get_xdata().tolist() == [2, 4, 6, 8]
    drawn = sum(len(points.get_offsets()) for points in scores.collections)
    assert drawn == 12 * (halvings + 1) + 1  # every setting, and the ring around the one chosen
    check_texts(figure)


def test_finetuning_is_of_one_dataset_and_has_trials():
    _, known = study(3)
    results = finetuning_results(["m0", "m1"])
    results[1]["dataset"] = "other"
    with pytest.raises(InputError, match="of one dataset"):
        finetuning(results, known, PLOT)
    with pytest.raises(InputError, match=r"the linear result of model m0 on d has no details\.trials"):
        finetuning([results[0] | {"protocol": "linear", "details": {}}], known, PLOT)


def maps(known: Study, datasets: list[str]) -> list[Map]:
    return [
        Map(model, dataset, RNG.random((40, 40)), RNG.integers(0, 256, (40, 40, 3), dtype=np.uint8))
        for dataset in datasets
        for model in known.models.index
    ]


@pytest.mark.parametrize(("trained", "datasets"), [(1, 1), (5, 4), (14, 15)])
def test_saliency_has_a_cell_a_model_and_dataset_and_the_pictures(trained, datasets):
    known = study(trained, random=1)[1]
    figure = saliency(maps(known, PAPER[:datasets]), known, PLOT)
    assert sum(bool(ax.images) for ax in figure.axes) == (2 + trained) * datasets
    assert figure.get_size_inches()[0] <= style.TEXT_WIDTH + 0.01
    check_texts(figure)


def seen_again(known: Study, datasets: list[str]) -> list[Reconstruction]:
    def picture() -> np.ndarray:
        return RNG.integers(0, 256, (40, 40, 3), dtype=np.uint8)

    return [
        Reconstruction(dataset, "1.png", picture(), picture(), 1.0, {"model": model})
        for dataset in datasets
        for model in known.models.index
    ]


@pytest.mark.parametrize(("trained", "datasets"), [(1, 1), (14, 15)])
def test_reconstructions_stand_below_their_originals(trained, datasets):
    known = study(trained)[1]
    figure = reconstructions(seen_again(known, PAPER[:datasets]), known, PLOT)
    assert sum(bool(ax.images) for ax in figure.axes) == (1 + trained) * datasets
    assert "Original" in words(figure)
    check_texts(figure)
    with pytest.raises(InputError, match="add the protocol reconstruction"):
        reconstructions([], known, PLOT)


def test_properties_have_a_panel_a_metric_and_a_box_where_models_allow():
    table, known = published()
    figure = properties(table, known, PLOT)
    assert len(figure.axes) == 7
    assert all(len(ax.patches) == 1 for ax in figure.axes)  # 13 self-supervised models, one supervised
    alex = table[table["metric"] == "lpips_alex"].set_index("model")["value"]
    drawn = np.concatenate(
        [line.get_ydata() for line in figure.axes[0].lines if line.get_marker() in ("o", "D")]
    )
    assert sorted(drawn) == sorted(alex)
    check_texts(figure)
    with pytest.raises(InputError, match="add one of the protocols reconstruction"):
        properties(*study(3), PLOT)


def test_a_map_that_was_not_made_leaves_its_cell_empty():
    known = study(3)[1]
    figure = saliency(maps(known, PAPER[:2])[:-1], known, PLOT)
    assert sum(bool(ax.images) for ax in figure.axes) == 4 * 2 - 1
    with pytest.raises(InputError, match="add the protocol saliency"):
        saliency([], known, PLOT)


def alike(known: Study) -> pd.DataFrame:
    """Models of two families that take turns in the table."""
    models = known.models
    family = np.arange(len(models)) % 2
    values = np.where(family[:, None] == family, 0.8, 0.1) + 0.1 * RNG.random((len(models),) * 2)
    values = (values + values.T) / 2
    np.fill_diagonal(values, 1)
    return pd.DataFrame(
        [
            (model, other, values[i, j])
            for i, model in enumerate(models.index)
            for j, other in enumerate(models.index)
        ],
        columns=["model", "other", "debiased_cka"],
    )


def heatmap(figure: Figure) -> np.ndarray:
    return np.asarray(figure.axes[0].images[0].get_array())


@pytest.mark.parametrize("count", [2, 6, 14, 40])
def test_similarity_brings_families_together(count):
    known = study(count)[1]
    figure = similarity(alike(known), known, PLOT)
    check_texts(figure)
    assert figure.get_size_inches()[0] <= style.TEXT_WIDTH + 0.01
    half = (count + 1) // 2
    blocks = heatmap(figure)
    assert min(blocks[:half, :half].min(), blocks[half:, half:].min()) > 0.5 or count % 2
    assert ("1.00" in words(figure)) == (count < 20)


def test_similarity_of_one_model_says_what_to_add():
    known = study(1)[1]
    with pytest.raises(InputError, match="two models at least"):
        similarity(alike(known), known, PLOT)


def invariances(trained: int, **kinds: int) -> tuple[pd.DataFrame, Study]:
    table, known = study(trained, **kinds)
    rows = table[table["setting"] == "linear"].assign(protocol="invariance", value=lambda t: t["value"] / 100)
    names = ("crop", "colour", "blur", "rotation")
    table = pd.concat([rows.assign(metric=f"invariance_{name}") for name in names])
    return with_settings(table, known), known


@pytest.mark.parametrize("trained", [1, 5, 14])
def test_invariance_has_a_panel_a_change(trained):
    table, known = invariances(trained, unknown=1, random=1)
    figure = invariance(table, known, imagenet(known), PLOT)
    assert len(figure.axes) == 4
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["Crops", "Colours", "Blur", "Rotation"]
    check_texts(figure)


def test_invariance_without_its_setting_says_what_to_add():
    table, known = study(3)
    with pytest.raises(InputError, match="add the protocol invariance"):
        invariance(table, known, imagenet(known), PLOT)


@pytest.mark.parametrize("name", ["saliency", "similarity", "invariance", "properties", "reconstructions"])
def test_the_same_property_has_the_same_bytes(name, tmp_path):
    table, known = invariances(4)
    seen, again, pairs = maps(known, PAPER[:3]), seen_again(known, PAPER[:3]), alike(known)
    for attempt in ("first", "second"):
        drawn = {
            "saliency": lambda: saliency(seen, known, PLOT),
            "similarity": lambda: similarity(pairs, known, PLOT),
            "invariance": lambda: invariance(table, known, imagenet(known), PLOT),
            "properties": lambda: properties(*published(), PLOT),
            "reconstructions": lambda: reconstructions(again, known, PLOT),
        }[name]()
        style.save(drawn, tmp_path / f"{attempt}.pdf", tmp_path / f"{attempt}.png", PLOT)
    for form in ("pdf", "png"):
        first, second = ((tmp_path / f"{attempt}.{form}").read_bytes() for attempt in ("first", "second"))
        assert first == second


MARKUP = ["$x", "$x$", r"$\frac{$", "_name", "a_b^c", r"\input{x}", "<img/onerror=x>", "-->&"]


@pytest.mark.parametrize("name", MARKUP)
def test_markup_in_a_name_is_text_in_figures(name):
    results, known = study(3, random=1)
    models = known.models.assign(name=[name, f"{name}2", f"{name}3", name])
    named = study_of(models, known.datasets.assign(name=name), known.protocols.assign(title=name))
    results = results.assign(title=name)
    hours = {"gpu_hours": [1.0, 2.0], "core_hours": [1.0, 2.0]}
    costs = pd.DataFrame({"model": ["m0", "m1"], "protocol": [name, "b"], **hours})
    [part, *_] = split_by_dataset(results, named)
    for figure in (
        correlation_scatter(results, named, imagenet(named), PLOT),
        dataset_scatter(part, named, imagenet(named), PLOT),
        rank_radar(results, named, PLOT),
        cost_bars(costs, named, PLOT),
    ):
        shown = [text for text in figure.findobj(Text) if name in text.get_text()]
        assert shown and not any(text.get_parse_math() for text in shown)
        svg = style.to_svg(figure, PLOT)
        ElementTree.fromstring(svg)  # well-formed
        assert "<img" not in svg


def test_a_protocol_whose_name_begins_with_an_underscore_is_in_the_key_of_costs():
    costs = pd.DataFrame({"model": ["m0"], "protocol": ["_mine"], "gpu_hours": [1.0], "core_hours": [1.0]})
    figure = cost_bars(costs, study(2)[1], PLOT)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["_mine"]
