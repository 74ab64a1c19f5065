"""Curves over layers: read from the long table, compared with random and labels, and drawn."""

import numpy as np
import pandas as pd
import pytest
from label_curves import SCRATCH, study
from matplotlib.figure import Figure
from studies import CONFIG, SCHEMAS, long_table

from transferscope.errors import InputError
from transferscope.figures import layers as drawn
from transferscope.figures.layer_similarity import layer_similarity
from transferscope.results import layers
from transferscope.results.long_table import published, write_table
from transferscope.results.resolved import RANDOM, by_setting, read_settings
from transferscope.study import catalogue

PLOT = {"font_size": 8, "dpi": 100}
LAYERWISE = {"layerwise": {"family": "layers", "title": "Linear", "metric": "dataset"}}
MODELS = {
    "scratch": SCRATCH,
    "labels": {"supervision": "supervised", "method": "supervised"},
    "rotnet": {},
    "rotnet-1": {"repeats": "rotnet"},
    "vit": {"arch": "other"},
}
KNOWN = study(MODELS, datasets=("d", "e"), protocols=LAYERWISE)


def of_model(model: str, values: list[float], dataset: str = "d", variant: str = "default") -> list[dict]:
    run = {"protocol": "layerwise", "dataset": dataset, "metric": "top1", "model": model, "variant": variant}
    return [run | {"layer": str(number), "value": value} for number, value in enumerate(values, start=1)]


ROWS = [
    *of_model("scratch", [30, 28, 26, 24, 22]),
    *of_model("labels", [34, 44, 54, 64, 74]),
    *of_model("rotnet", [35, 40, 41, 38, 31]),
    *of_model("rotnet-1", [37, 40, 43, 40, 33]),
    *of_model("vit", [20, 30, 40, 50]),
    *of_model("vit", [21, 31, 41, 51], dataset="e"),
]


@pytest.fixture
def curves(tmp_path) -> pd.DataFrame:
    write_table(tmp_path / "long.tsv", long_table(ROWS))
    return layers.read_curves(tmp_path / "long.tsv", KNOWN)


def of(curves: pd.DataFrame, model: str, dataset: str = "d") -> pd.DataFrame:
    return curves[(curves["model"] == model) & (curves["dataset"] == dataset)]


def test_models_that_differ_in_their_seed_are_one_curve(curves):
    rotnet = of(curves, "rotnet")
    assert rotnet["layer"].tolist() == [1, 2, 3, 4, 5]
    assert rotnet["depth"].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert rotnet["value"].tolist() == [36, 40, 42, 39, 32]
    assert rotnet["deviation"].tolist() == pytest.approx([2**0.5, 0, 2**0.5, 2**0.5, 2**0.5])
    assert rotnet["runs"].tolist() == [2] * 5
    assert "rotnet-1" not in set(curves["model"])


def test_a_network_with_fewer_layers_reaches_as_deep(curves):
    vit = of(curves, "vit", "e")
    assert vit["depth"].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert vit["deviation"].isna().all() and vit["value"].tolist() == [21, 31, 41, 51]


def test_layers_are_compared_with_those_of_the_same_architecture(curves):
    there = layers.references(curves, KNOWN)
    assert there[RANDOM] == {"labels": "scratch", "rotnet": "scratch"}
    assert there[layers.SUPERVISED] == {"scratch": "labels", "rotnet": "labels"}
    gain = layers.differences(curves, there[RANDOM])
    assert of(gain, "rotnet")["value"].tolist() == [6, 12, 16, 15, 10]
    assert of(gain, "rotnet")["deviation"].tolist() == of(curves, "rotnet")["deviation"].tolist()
    assert of(gain, "labels")["deviation"].isna().all()
    behind = layers.differences(curves, there[layers.SUPERVISED])
    assert of(behind, "rotnet")["value"].tolist() == [2, -4, -12, -25, -42]
    assert "vit" not in set(gain["model"]) | set(behind["model"])


def test_a_difference_has_the_spread_of_both(tmp_path):
    rows = [*of_model("scratch", [10.0, 12.0]), *of_model("scratch", [16.0, 12.0], variant="seed-1")]
    rows += [*of_model("rotnet", [30.0, 30.0]), *of_model("rotnet", [38.0, 30.0], variant="seed-1")]
    write_table(tmp_path / "long.tsv", long_table(rows))
    curves = layers.read_curves(tmp_path / "long.tsv", KNOWN)
    found = layers.differences(curves, layers.references(curves, KNOWN)[RANDOM])
    assert found["deviation"].tolist() == pytest.approx([np.hypot(18**0.5, 32**0.5), 0])


def test_layers_are_no_settings(tmp_path):
    write_table(tmp_path / "long.tsv", long_table(ROWS))
    with pytest.raises(InputError, match="or layers alone"):
        read_settings(tmp_path / "long.tsv", KNOWN)
    assert len(by_setting(long_table(ROWS), KNOWN)["title"].unique()) == 5  # what it would have been


def test_without_layers_nothing_is_drawn(tmp_path):
    row = {"protocol": "linear", "dataset": "d", "metric": "top1", "model": "vit", "value": 1.0}
    write_table(tmp_path / "long.tsv", long_table([row]))
    with pytest.raises(InputError, match="no result of a layer"):
        layers.read_curves(tmp_path / "long.tsv", KNOWN)


def texts(figure: Figure) -> list[str]:
    found = [text.get_text() for ax in figure.axes for text in ax.texts]
    found += [ax.get_title(loc="left") for ax in figure.axes]
    return found + [text.get_text() for ax in figure.axes for text in ax.get_yticklabels()]


def test_the_heat_map_has_a_row_a_group_and_a_column_a_layer(curves):
    figure = drawn.heat(curves, KNOWN, PLOT)
    first, second = figure.axes
    image = first.images[0].get_array()
    assert image.shape == second.images[0].get_array().shape == (4, 5)
    assert (image[2].tolist() == [36, 40, 42, 39, 32] and image[3, 4] is np.ma.masked) or np.isnan(
        image[3, 4]
    )
    assert {"D", "E", "Rotnet", "Vit", "36.0", "51.0"} <= set(texts(figure))
    assert "Rotnet-1" not in texts(figure)


def test_curves_have_bands_where_there_are_several_runs(curves):
    figure = drawn.by_depth(curves, KNOWN, PLOT)
    first, second = figure.axes
    assert [line.get_xdata().tolist() for line in first.lines][2] == [0, 0.25, 0.5, 0.75, 1]
    assert len(first.lines) == 4 and len(second.lines) == 1
    dashed = [line for line in first.lines if line.is_dashed()]
    assert len(dashed) == 1 and dashed[0].get_ydata().tolist() == [30, 28, 26, 24, 22]


def test_gaps_stand_beside_a_line_at_zero(curves):
    figure = drawn.gaps(curves, KNOWN, PLOT)
    assert [ax.get_title(loc="left").replace("\n", " ") for ax in figure.axes] == [
        "D: gain over random",
        "D: against labels",
    ]
    alone = drawn.gaps(curves[curves["model"] == "vit"], KNOWN, PLOT)
    assert "No model here" in alone.texts[0].get_text()


def test_similarity_is_drawn_model_by_model():
    places = [("rotnet", 1), ("rotnet", 2), ("vit", 1), ("vit", 2), ("vit", 3)]
    rows = [
        {"model": model, "layer": layer, "other": other, "other_layer": there}
        | {
            "debiased_cka": float((model, layer) == (other, there)),
            "cca": 0.5,
            "svcca": 0.25,
            "pwcca": np.nan,
        }
        for model, layer in places
        for other, there in places
    ]
    figure = layer_similarity(pd.DataFrame(rows), KNOWN, PLOT)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["CKA, debiased", "Mean CCA", "SVCCA", "PWCCA"]
    first = figure.axes[0]
    assert np.array_equal(first.images[0].get_array(), np.eye(5))
    assert first.get_yticks().tolist() == [0.5, 3] and len(first.lines) == 2


def test_published_layers_stand_beside_measured_ones_and_are_compared_among_themselves(curves, tmp_path):
    rows = [*of_model("scratch", [11, 17]), *of_model("labels", [19, 36]), *of_model("vit", [1, 2], "f")]
    write_table(tmp_path / "published.tsv", long_table(rows))
    both, known = layers.beside(curves, layers.read_curves(tmp_path / "published.tsv", KNOWN), KNOWN)
    assert len(both) == len(curves) + 4  # nothing is measured on the dataset f
    assert known.models["name"].tolist()[-2:] == ["Scratch, published", "Labels, published"]
    there = layers.references(both, known)
    assert there[RANDOM] == layers.references(curves, KNOWN)[RANDOM] | {
        "labels@published": "scratch@published"
    }
    gain = layers.differences(both, there[RANDOM])
    assert of(gain, "labels@published")["value"].tolist() == [8, 19]
    assert "Labels, published" in texts(drawn.heat(both, known, PLOT))


def test_the_printed_accuracies_of_alexnets_layers_are_a_published_set():
    tables = [CONFIG / f"models-asano2020{name}.tsv" for name in ("", "-published")]
    models = catalogue.read_models(list(map(str, tables)), SCHEMAS)
    table = published(CONFIG / "published/asano2020.csv", models)
    assert set(zip(table["protocol"], table["dataset"], table["metric"], strict=True)) == {
        ("layerwise_online", "imagenet", "top1")
    }
    values = table.pivot(index="model", columns="layer", values="value")
    assert values.shape == (9, 5) and not values.isna().any(axis=None)
    assert values.loc["alexnet-labels"].tolist() == [19.3, 36.3, 44.2, 48.3, 50.5]
    assert values.loc["alexnet-random"].tolist() == [11.6, 17.1, 16.9, 16.3, 14.1]
    assert values.loc["alexnet-random-rescaled"].tolist() == [17.5, 23.0, 24.5, 23.2, 20.6]
    assert values.loc["alexnet-bigan"].tolist() == [17.7, 24.5, 31.0, 29.9, 28.0]
    supervision = models.loc[values.index, "supervision"]
    assert supervision.value_counts().to_dict() == {"self-supervised": 6, "random": 2, "supervised": 1}
