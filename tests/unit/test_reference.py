"""The reference: which number it is, what is said of it, and what becomes of its own rows."""

import numpy as np
import pandas as pd
import pytest
import yaml
from studies import CONFIG, ERICSSON, SCHEMAS, imagenet, measured, over_seeds, settings, study_of
from texts import PLOT, check_texts, words

from transferscope.errors import InputError
from transferscope.figures import style
from transferscope.figures.calibration_scatter import calibration_scatter
from transferscope.figures.correlation_bars import correlation_bars
from transferscope.figures.correlation_scatter import correlation_scatter
from transferscope.figures.dataset_scatter import dataset_scatter
from transferscope.figures.invariance import invariance
from transferscope.results.correlation import MEAN, correlations, summary
from transferscope.results.long_table import published, read_table
from transferscope.results.parts import split, split_by_dataset
from transferscope.results.reference import read_reference
from transferscope.results.resolved import with_settings
from transferscope.results.scores import logit
from transferscope.study import catalogue, configuration, protocols, reference, runs

DATASETS = catalogue.read_datasets(CONFIG / "datasets.tsv", SCHEMAS)
PROTOCOLS = protocols.read_protocols(CONFIG / "protocols.tsv", SCHEMAS)
MODELS = catalogue.read_models(CONFIG / "models.tsv", SCHEMAS)
GOLDEN = CONFIG.parent / "tests" / "workflow" / "golden.tsv"


def planned(
    datasets: list[str] = ("digits", "scenes", "scenes-multi"),
    chosen: list[str] = ("linear", "knn", "fewshot", "finetune", "calibration", "normals", "reconstruction"),
    frozen: list[int] = (),
) -> pd.DataFrame:
    """The numbers of a study without results."""
    stages = {"finetune": list(frozen)}
    table = runs.plan_runs(
        *(MODELS.loc[["mobilenetv2"]], DATASETS.loc[list(datasets)], PROTOCOLS, list(chosen), []),
        runs.variants([0], frozen),
        frozen=stages,
    )
    return reference.planned_numbers(table, DATASETS, PROTOCOLS, 5)


def resolve(numbers: pd.DataFrame | None = None, **chosen) -> dict[str, str]:
    return reference.resolve(chosen, planned() if numbers is None else numbers, DATASETS, PROTOCOLS)


def test_the_default_is_the_column_of_the_models_table():
    facts = reference.resolve(reference.IMAGENET, planned(), DATASETS, PROTOCOLS)
    assert (facts["key"], facts["label"]) == ("imagenet_top1", "ImageNet top-1 (%)")


@pytest.mark.parametrize(
    ("chosen", "key", "label"),
    [
        ({"dataset": "scenes", "protocol": "linear"}, "linear/scenes/top1", "Linear, {}: top-1 accuracy (%)"),
        (
            {"dataset": "scenes-multi", "protocol": "knn"},
            "knn/scenes-multi/map11",
            "k-NN, {}: 11-point mAP (%)",
        ),
        (
            {"dataset": "scenes", "protocol": "calibration_linear", "metric": "ece_scaled"},
            "calibration_linear/scenes/ece_scaled",
            "Calibration, linear, {}: ECE after temperature scaling (%)",
        ),
        (
            {"dataset": "scenes-multi", "protocol": "normals"},
            "normals/scenes-multi/within_11.25",
            "Surface normals, {}: within 11.25° (%)",
        ),
        (
            {"dataset": "scenes", "protocol": "finetune", "freeze": 0},
            "finetune_freeze0/scenes/top1",
            "Fine-tuned, frozen to stage 0, {}: top-1 accuracy (%)",
        ),
        ({"dataset": "scenes", "protocol": "finetune"}, "finetune/scenes/top1", None),
        (
            {"dataset": "scenes", "protocol": "reconstruction", "metric": "mse_red"},
            "reconstruction/scenes/mse_red",
            "Reconstruction, {}: squared error, red",
        ),
    ],
)
def test_a_number_is_the_one_that_the_protocol_stands_for_unless_another_is_named(chosen, key, label):
    facts = resolve(planned(frozen=[0, 1]), **chosen)
    assert facts["key"] == key
    if label:
        assert facts["label"] == label.format(DATASETS.at[chosen["dataset"], "name"])


def test_of_few_shot_the_shots_decide():
    two = planned()
    two = pd.concat([two, two[two["protocol"] == "fewshot"].assign(shots="50")])
    one = resolve(dataset="digits", protocol="fewshot", shots=5)
    assert one["label"] == f"5-way 5-shot, {DATASETS.at['digits', 'name']}: accuracy (%)"
    assert resolve(two, dataset="digits", protocol="fewshot", shots=50)["setting"] == "fewshot_ways5_shots50"
    with pytest.raises(InputError, match=r"a number at each of the shots 5, .*50; add `shots:` with one"):
        resolve(two, dataset="digits", protocol="fewshot")


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (
            {"dataset": "scene", "protocol": "linear"},
            "key reference.dataset: 'scene' is no dataset that this study has numbers of; did you mean "
            "'scenes'? name one of digits, scenes, scenes-multi, or write `reference: imagenet_top1`",
        ),
        ({"dataset": "pets", "protocol": "linear"}, "'pets' is no dataset that this study has numbers of"),
        (
            {"dataset": "scenes", "protocol": "lineer"},
            "key reference.protocol: 'lineer' is no id of the table",
        ),
        (
            {"dataset": "digits", "protocol": "normals"},
            "'normals' is a protocol that this study has no numbers of on digits; name one of linear, knn,",
        ),
        (
            {"dataset": "scenes", "protocol": "efficiency_class"},
            "'efficiency_class' is a protocol whose results are curves and no single numbers; name one of",
        ),
        (
            {"dataset": "scenes", "protocol": "layerwise"},
            "'layerwise' is a protocol whose results are curves",
        ),
        (
            {"dataset": "scenes", "protocol": "linear", "metric": "map11"},
            "key reference.metric: 'map11' is no metric of linear on scenes; name one of top1, or write",
        ),
        (
            {"dataset": "scenes", "protocol": "reconstruction"},
            "no metric of reconstruction on scenes stands for the others; add `metric:` with one of lpips",
        ),
        (
            {"dataset": "scenes", "protocol": "linear", "shots": 5},
            "key reference.shots: 5 is none of the shots of linear there; leave it out",
        ),
        (
            {"dataset": "scenes", "protocol": "finetune", "freeze": 3},
            "key reference.freeze: 3 is none of the freeze of finetune there",
        ),
    ],
)
def test_what_is_no_number_of_the_study_is_refused(chosen, said):
    with pytest.raises(InputError) as caught:
        resolve(**chosen)
    assert str(caught.value).startswith("configuration, key reference")
    assert said in str(caught.value)


def test_a_reference_needs_something_to_be_held_against_it():
    with pytest.raises(InputError, match="nothing but linear on scenes, so nothing is left"):
        resolve(planned(["scenes"], ["linear"]), dataset="scenes", protocol="linear")
    # Its other metrics are of the same run, and curves are no points.
    curves = planned(["scenes-multi"], ["normals", "layerwise"])
    with pytest.raises(InputError, match="nothing but normals on scenes-multi"):
        resolve(curves, dataset="scenes-multi", protocol="normals")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("imagenet", "key reference: 'imagenet' does not fit; expected: imagenet_top1, or a number"),
        ({"dataset": "scenes"}, "key reference: 'protocol' is a required property"),
        ({"dataset": "scenes", "protocol": "linear", "model": "a"}, "'model' was unexpected"),
    ],
)
def test_the_form_of_the_key_is_checked(value, said):
    config = yaml.safe_load((CONFIG / "config.yaml").read_text())
    with pytest.raises(InputError) as caught:
        configuration.check_config(config | {"reference": value}, SCHEMAS / "config.schema.yaml")
    assert said in str(caught.value)


@pytest.mark.parametrize("table", [GOLDEN, ERICSSON])
def test_the_table_of_protocols_names_every_metric_that_there_are_results_in(table):
    results = read_table(table) if table == GOLDEN else published(table, MODELS)
    for protocol, metrics in results.groupby("protocol")["metric"]:
        row = PROTOCOLS.loc[protocol]
        own = {"top1", "mean_per_class", "map11"} if row["metric"] == protocols.OWN else {row["metric"]}
        assert set(metrics) <= own | set(row["also"]), protocol


def test_published_results_may_be_the_reference():
    results = published(ERICSSON, MODELS)
    facts = reference.resolve({"dataset": "cifar10", "protocol": "linear"}, results, DATASETS, PROTOCOLS)
    assert facts["name"] == "top-1 accuracy (Linear, CIFAR-10)"
    with pytest.raises(
        InputError, match="normals' is a protocol that this study has no numbers of on cifar10"
    ):
        reference.resolve({"dataset": "cifar10", "protocol": "normals"}, results, DATASETS, PROTOCOLS)


# What becomes of it: seven models of which none has an ImageNet accuracy, g is random, f lacks the scenes.

IDS = list("abcdefg")
STUDY = study_of(
    pd.DataFrame(
        {
            "name": [f"Model {letter}" for letter in IDS],
            "supervision": [*["self-supervised"] * 6, "random"],
            "imagenet_top1": [np.nan] * 7,
        },
        index=pd.Index(IDS, name="id"),
    )
)
SCENES, DIGITS = [50.0, 70.0, 60.0, 80.0, 90.0, 55.0, 20.0], [80.0, 75.0, 90.0, 92.0, 95.0, 60.0, 30.0]
ANGLES = [30.0, 25.0, 28.0, 20.0, 15.0, 29.0, 60.0]


def rows(protocol: str, dataset: str, metric: str, values: list[float], without: str = "") -> list[dict]:
    row = {"protocol": protocol, "dataset": dataset, "metric": metric, "n_test": 400}
    return [
        row | {"model": model, "value": value}
        for model, value in zip(IDS, values, strict=True)
        if model not in without
    ]


ROWS = [
    *rows("linear", "scenes", "top1", SCENES, without="f"),
    *rows("linear", "digits", "top1", DIGITS),
    *rows("knn", "scenes", "top1", DIGITS),
    *rows("calibration_linear", "scenes", "ece", ANGLES),
    *rows("normals", "scenes-multi", "within_11.25", SCENES),
    *rows("normals", "scenes-multi", "mean_angle_deg", ANGLES),
    *rows("invariance", "scenes", "invariance_blur", [0.1 * place for place in range(7)]),
]
RESULTS = settings(ROWS, STUDY)
AGAINST = measured(RESULTS, STUDY, dataset="scenes", protocol="linear")
NAME = STUDY.dataset_name("scenes")


def test_its_scores_are_log_odds_of_the_mean_over_seeds():
    np.testing.assert_allclose(AGAINST.scores[list("abcde")], logit(np.array(SCENES[:5]) / 100))
    assert np.isnan(AGAINST.scores["f"])
    several = settings(over_seeds(ROWS, 4.0), STUDY)
    mean = measured(several, STUDY, dataset="scenes", protocol="linear").scores
    np.testing.assert_allclose(mean, AGAINST.scores)
    angles = measured(RESULTS, STUDY, dataset="scenes-multi", protocol="normals", metric="mean_angle_deg")
    assert angles.scores.tolist() == [-value for value in ANGLES]
    with pytest.raises(InputError, match="the results have no top-1 accuracy"):
        read_reference(resolve(dataset="scenes", protocol="linear"), RESULTS[:0], STUDY)


def test_its_own_rows_are_left_out_and_the_whole_setting_is_the_mean_of_the_other_datasets():
    table = correlations(RESULTS, STUDY, AGAINST)
    against = table[table["against"] == "linear/scenes/top1"].set_index(["protocol", "dataset"])
    itself = against.loc[("linear", "scenes")]
    assert (itself["n"], itself["left_out"]) == (0, "a,b,c,d,e,g")
    assert np.isnan(itself["pearson"])
    one = against.loc[("linear", "digits")]
    assert (one["n"], one["left_out"]) == (5, "f,g")
    expected = np.corrcoef(AGAINST.scores[list("abcde")], logit(np.array(DIGITS[:5]) / 100))[0, 1]
    assert one["pearson"] == pytest.approx(expected)
    assert against.loc[("linear", MEAN), "pearson"] == pytest.approx(expected)
    # The mean of the linear probes is of all datasets still.
    many_shot = table[table["against"] == "linear"].set_index(["protocol", "dataset"])
    means = (AGAINST.scores + logit(np.array(DIGITS) / 100)) / 2
    knn = logit(np.array(DIGITS) / 100)
    expected = np.corrcoef(means[list("abcde")], knn[:5])[0, 1]
    assert many_shot.loc[("knn", "scenes"), "pearson"] == pytest.approx(expected)


def test_all_metrics_of_the_same_run_are_the_reference_itself():
    against = measured(RESULTS, STUDY, dataset="scenes-multi", protocol="normals")
    table = correlations(RESULTS, STUDY, against)
    table = table[table["against"] == against.key]
    assert (table.loc[table["protocol"] == "normals", "n"] == 0).all()
    assert MEAN not in set(table.loc[table["protocol"] == "normals", "dataset"])
    assert set(table.loc[table["protocol"] == "knn", "n"]) == {6}


def test_the_text_names_the_reference_and_what_is_left_out():
    lines = summary(correlations(RESULTS, STUDY, AGAINST), STUDY, AGAINST).splitlines()
    assert lines[0].startswith(f"Correlation with top-1 accuracy (Linear, {NAME})")
    assert lines[1].startswith(f"Linear, without {NAME} ")
    assert f"Left out is the reference itself, top-1 accuracy (Linear, {NAME})." in lines
    block = lines[lines.index("") + 1 :]
    assert block[0].startswith("Correlation with mean linear transfer")
    assert "without" not in "".join(block)


def bars(against=AGAINST):
    table = with_settings(correlations(RESULTS, STUDY, against), STUDY)
    return correlation_bars(table, STUDY, against, PLOT)


def test_figures_say_on_their_axis_what_the_reference_is_and_draw_no_point_of_it():
    figure = correlation_scatter(RESULTS, STUDY, AGAINST, PLOT)
    assert f"Linear, {NAME}: top-1 accuracy (%)" in words(figure)
    assert "ImageNet" not in words(figure)
    titles = [ax.get_title(loc="left").replace("\n", " ") for ax in figure.axes]
    assert titles == [f"Linear, without {NAME}", "k-NN", "Surface normals"]
    drawn = [line.get_xydata()[0] for line in figure.axes[0].lines if line.get_marker() == "o"]
    expected = zip(AGAINST.scores[list("abcde")], logit(np.array(DIGITS[:5]) / 100), strict=True)
    np.testing.assert_allclose(sorted(map(tuple, drawn)), sorted(expected))
    # The one without a value stands on the edge, and the key says what it lacks.
    assert sum(line.get_marker() == style.UNKNOWN for line in figure.axes[0].lines) == 1
    assert "x unknown" in words(figure)
    check_texts(figure)
    check_texts(bars())


def test_panels_and_bars_leave_out_the_reference():
    part = next(part for part in split(RESULTS, STUDY) if part.name == "linear")
    figure = dataset_scatter(part, STUDY, AGAINST, PLOT)
    assert [ax.get_title(loc="left") for ax in figure.axes] == [STUDY.dataset_name("digits")]
    page = next(part for part in split_by_dataset(RESULTS, STUDY) if part.name == "scenes")
    titles = [ax.get_title(loc="left") for ax in dataset_scatter(page, STUDY, AGAINST, PLOT).axes]
    assert "k-NN" in titles and "Linear" not in titles
    names = [label.get_text() for label in bars().axes[0].get_yticklabels()]
    assert [name.replace("\n", " ") for name in names] == [
        f"All datasets, without {NAME}",
        STUDY.dataset_name("digits"),
    ]


def test_where_nothing_but_the_reference_is_left_the_figure_says_so():
    against = measured(RESULTS, STUDY, dataset="scenes", protocol="calibration_linear")
    assert "Nothing but the reference itself" in words(calibration_scatter(RESULTS, STUDY, against, PLOT))
    only = RESULTS[(RESULTS["setting"] == "linear") & (RESULTS["dataset"] == "scenes")]
    assert "Nothing but the reference itself" in words(correlation_scatter(only, STUDY, AGAINST, PLOT))
    [part] = split(only, STUDY)
    figure = dataset_scatter(part, STUDY, AGAINST, PLOT)
    assert "nothing but the reference itself" in words(figure).replace("\n", " ")
    check_texts(figure)


def test_an_axis_of_an_angle_is_turned_and_says_degrees():
    against = measured(RESULTS, STUDY, dataset="scenes-multi", protocol="normals", metric="mean_angle_deg")
    figure = correlation_scatter(RESULTS, STUDY, against, PLOT)
    assert figure.axes[0].xaxis.get_major_formatter()(-30.0) == "30"
    assert "mean angular error (°)" in words(figure)


def test_models_are_numbered_by_the_reference():
    models = style.number_models(STUDY.models, set(IDS), AGAINST)
    assert list(models.index) == ["a", "c", "b", "d", "e", "f", "g"]
    figure = invariance(RESULTS, STUDY, AGAINST, PLOT)
    assert "1 Model a" in words(figure) and "2 Model c" in words(figure)


def test_a_long_label_takes_two_lines_within_the_figure():
    long = STUDY.datasets.assign(name="Rendered scenes of several objects, seen from above")
    study = study_of(STUDY.models, long)
    against = measured(RESULTS, study, dataset="scenes", protocol="linear")
    only = RESULTS[RESULTS["setting"] == "knn"]
    figure = correlation_scatter(
        pd.concat([only, only.assign(setting="x")])[: len(only)], study, against, PLOT
    )
    assert "scenes of several" in words(figure).replace("\n", " ")
    check_texts(figure)


@pytest.mark.parametrize(
    ("chosen", "sign"),
    [
        ({"dataset": "scenes", "protocol": "calibration_linear"}, "a positive coefficient favours"),
        ({"dataset": "scenes", "protocol": "linear"}, "a negative coefficient favours"),
        (
            {"dataset": "scenes-multi", "protocol": "normals", "metric": "mean_angle_deg"},
            "a negative coefficient favours",
        ),
        ({"dataset": "scenes", "protocol": "saliency"}, "a negative coefficient says that they fall"),
    ],
)
def test_the_sign_of_an_error_depends_on_the_reference(chosen, sign):
    numbers = planned(chosen=["linear", "calibration", "normals", "saliency"])
    assert resolve(numbers, **chosen)["errors"].startswith(sign)


def test_imagenet_has_no_rows_of_its_own():
    assert not imagenet(STUDY).is_itself(RESULTS).any()
