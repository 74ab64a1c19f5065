"""What networks saw, and figures over it: pictures needed, augmentations, first filters, frozen stages."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from label_curves import SCRATCH, study
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from scripts import plot_augmentations, plot_filters, plot_frozen_prefix, plot_images_needed
from studies import CONFIG, SCHEMAS, long_table
from texts import PLOT, check_texts, words
from torch import nn

from transferscope.errors import InputError
from transferscope.figures.augmentations import augmentations, beside, tables
from transferscope.figures.filters import across, filters, scaled
from transferscope.figures.frozen_prefix import frozen_prefix
from transferscope.figures.frozen_prefix import tables as frozen_tables
from transferscope.figures.images_needed import images_needed
from transferscope.figures.tables import to_markdown
from transferscope.models import backbones
from transferscope.protocols.folding import first_filters
from transferscope.results import learned
from transferscope.results.frozen import read_frozen
from transferscope.results.layers import by_layer, read_rows
from transferscope.results.long_table import write_table
from transferscope.results.resolved import RANDOM, SUPERVISED, resolve, write_study
from transferscope.study import catalogue

ALL, FEW = "jitter+rotation+scale", "count=9&size=32&preset=paper"
LAYERWISE = {"layerwise": {"family": "layers", "title": "Linear", "metric": "dataset"}}


def crops(picture: str, pictures: int, augment: str = ALL, rest: str = FEW) -> dict:
    return {"picture": picture, "pictures": pictures, "augment": augment, "crops": rest}


CROPS = {
    "china-all": crops("china", 1),
    "china-none": crops("china", 1, "none"),
    "china-scale": crops("china", 1, "scale"),
    "d-1": crops("d", 1),
    "d-10": crops("d", 10),
    "mine": crops("./far/off.jpg", 0),
}


def rotnet(dataset: str, profile: str = "p", **more) -> dict:
    return {"method": "rotnet", "pretrained_on": dataset, "profile": profile} | more


MODELS = {
    "scratch": SCRATCH,
    "labels": {"supervision": "supervised", "method": "supervised", "pretrained_on": "d", "profile": "p"},
    "china": rotnet("china-all"),
    "china-again": rotnet("china-all", repeats="china"),
    "plain": rotnet("china-none", "q"),
    "scale": rotnet("china-scale"),
    "one": rotnet("d-1"),
    "ten": rotnet("d-10"),
    "some": rotnet("d", unlabelled=200),
    "whole": rotnet("d"),
    "mine": rotnet("mine"),
    "elsewhere": {},
}
KNOWN = study(MODELS, ("d", "e"), LAYERWISE, CROPS)


def of_model(model: str, values: list[float], dataset: str = "d") -> list[dict]:
    run = {"protocol": "layerwise", "dataset": dataset, "metric": "top1", "model": model}
    return [run | {"layer": str(number), "value": value} for number, value in enumerate(values, start=1)]


VALUES = {
    "scratch": [30, 25, 20],
    "labels": [50, 60, 70],
    "china": [40, 41, 30],
    "china-again": [42, 41, 34],
    "plain": [31, 26, 21],
    "scale": [35, 33, 25],
    "one": [41, 40, 31],
    "ten": [42, 43, 36],
    "some": [43, 45, 40],
    "whole": [44, 47, 44],
    "mine": [1, 2, 3],
}
ROWS = [row for model, values in VALUES.items() for row in of_model(model, values)]


@pytest.fixture
def files(tmp_path) -> dict:
    write_table(tmp_path / "long.tsv", long_table(ROWS))
    write_study(tmp_path / "study.json", resolve(KNOWN.models, KNOWN.datasets, KNOWN.protocols))
    return {"table": str(tmp_path / "long.tsv"), "study": str(tmp_path / "study.json")}


@pytest.fixture
def rows(files) -> pd.DataFrame:
    return read_rows(files["table"], KNOWN)


def test_the_tables_say_what_sets_of_crops_are_made_of(tmp_path):
    paths = [CONFIG / f"datasets-{name}.tsv" for name in ("asano2020-small", "asano2020")]
    header, *lines = paths[1].read_text().splitlines()[2:]
    source = lines[0].split("\t")[header.split("\t").index("source")]
    assert source.startswith("crops:picture=china&images=1&count=50000&")
    more = [
        lines[0].replace("china-crops", name).replace("picture=china&images=1", changed)
        for name, changed in {
            "scenes-all": "picture=scenes-12000&images=all",
            "scenes-7": "picture=scenes-12000&images=7",
            "deka": "picture=deka-upright&images=all",
            "path": "picture=./a/b.jpg&images=all",
            "plain": "picture=china&images=1",
        }.items()
    ]
    more[-1] = more[-1].replace("augment=scale+rotation+jitter", "augment=none").replace("seed=0", "seed=4")
    (tmp_path / "more.tsv").write_text("\n".join([header, *more]) + "\n")
    found = catalogue.read_datasets([CONFIG / "datasets.tsv", *paths, tmp_path / "more.tsv"], SCHEMAS)
    assert found.loc["scenes-12000", ["picture", "pictures", "augment", "crops"]].tolist() == ["", 0, "", ""]
    counts = found.loc[["scenes-all", "scenes-7", "deka", "path", "china-crops"], "pictures"]
    assert counts.tolist() == [7200, 7, 10, 0, 1]
    rest = "count=50000&size=32&preset=released"
    assert found.loc["china-crops", ["picture", "augment", "crops"]].tolist() == ["china", ALL, rest]
    assert found.loc["plain", ["augment", "crops"]].tolist() == ["none", rest]


def test_what_a_network_saw_follows_from_its_row_and_its_datasets():
    found = learned.learned_from(KNOWN.models, KNOWN.datasets).set_index("model")
    assert list(found.index) == [name for name in MODELS if name not in ("scratch", "labels", "elsewhere")]
    assert found["pictures"].to_dict() == {
        **{"china": 1, "china-again": 1, "plain": 1, "scale": 1},
        **{"one": 1, "ten": 10, "some": 200, "whole": 1000, "mine": 0},
    }
    assert found.loc["whole", ["picture", "augment", "crops"]].tolist() == ["d", "", ""]
    assert found.loc["ten", ["picture", "augment", "crops"]].tolist() == ["d", ALL, FEW]
    models = KNOWN.models.assign(unlabelled=KNOWN.models["unlabelled"].mask(KNOWN.models.index == "ten", 5))
    found = learned.learned_from(models, KNOWN.datasets).set_index("model")
    assert found.loc["ten", ["pictures", "crops"]].tolist() == [10, f"{FEW}&used=5"]


def test_the_pictures_themselves_end_the_series_of_their_crops():
    found = learned.in_numbers(learned.learned_from(KNOWN.models, KNOWN.datasets))
    of_target = found[found["picture"] == "d"]
    assert of_target["model"].tolist() == ["one", "ten", "some", "whole"]
    assert set(of_target["augment"]) == {ALL} and set(of_target["crops"]) == {FEW}
    assert set(found["model"]) == {"one", "ten", "some", "whole", "china", "china-again"}


def test_crops_of_all_pictures_are_not_the_pictures():
    sets = CROPS | {"d-all": crops("d", 1000)}
    known = study(MODELS | {"cropped": rotnet("d-all")}, ("d",), LAYERWISE, sets)
    found = learned.in_numbers(learned.learned_from(known.models, known.datasets)).set_index("model")
    assert found.loc["cropped", "crops"] == found.loc["some", "crops"] == FEW
    assert found.loc["whole", ["augment", "crops"]].tolist() == ["", ""]


def test_one_number_of_pictures_is_no_series():
    facts = learned.learned_from(KNOWN.models, KNOWN.datasets)
    assert learned.in_numbers(facts[facts["pictures"] == 1]).empty
    assert learned.in_augmentations(facts[facts["augment"] == ALL]).empty
    nothing = learned.learned_from(KNOWN.models.iloc[:2], KNOWN.datasets)
    assert learned.in_numbers(nothing).empty and learned.in_augmentations(nothing).empty


def test_values_are_means_over_seeds(rows):
    found = learned.by_pictures(rows, KNOWN)
    china = found[found["picture"] == "china"]
    assert china["value"].tolist() == [41, 41, 32] and china["runs"].tolist() == [2, 2, 2]
    assert china["deviation"].tolist() == pytest.approx([2**0.5, 0, 8**0.5])
    target = found[(found["picture"] == "d") & (found["layer"] == 3)]
    assert dict(zip(target["pictures"], target["value"], strict=True)) == {1: 31, 10: 36, 200: 40, 1000: 44}
    assert target["deviation"].isna().all()


def levels(rows: pd.DataFrame) -> pd.DataFrame:
    return learned.levels(by_layer(rows, KNOWN), KNOWN)


def test_levels_are_those_of_the_first_of_each_kind(rows):
    found = levels(rows)
    assert set(found["model"]) == {"scratch", "labels"} and set(found["arch"]) == {"net"}
    assert found[found["supervision"] == RANDOM]["value"].tolist() == VALUES["scratch"]
    assert found[found["supervision"] == SUPERVISED]["value"].tolist() == VALUES["labels"]


def drawn_lines(figure: Figure) -> list[list[tuple[float, float]]]:
    return [[tuple(point) for point in line.get_xydata()] for line in figure.axes[0].lines]


def test_lines_of_a_layer_join_the_pictures_of_one_source(rows):
    figure = images_needed(learned.by_pictures(rows, KNOWN), levels(rows), KNOWN, PLOT)
    check_texts(figure)
    assert len(figure.axes) == 1 and figure.axes[0].get_title(loc="left") == "D: rotnet"
    lines = [line for line in figure.axes[0].lines if line.get_marker() != "None"]
    assert len(lines) == 2 * 3 and len({line.get_marker() for line in lines}) == 2
    whole = [line for line in lines if len(line.get_xdata()) == 4]
    assert [line.get_ydata().tolist() for line in whole] == [
        [41, 42, 43, 44],
        [40, 43, 45, 47],
        [31, 36, 40, 44],
    ]
    assert whole[0].get_xdata() == pytest.approx(np.array([1, 10, 200, 1000]) * whole[0].get_xdata()[0])
    assert len({to_hex(line.get_color()) for line in whole}) == 3
    thin = [line for line in figure.axes[0].lines if line.get_marker() == "None"]
    assert sorted(line.get_ydata()[0] for line in thin) == [20, 25, 30, 50, 60, 70]
    assert figure.axes[0].get_xscale() == "log"
    assert {"Layer 1", "Layer 3", "D", "china", "Random", "Labels"} <= set(words(figure).split(" | "))
    assert "± over 2 seeds" in words(figure)


def test_datasets_methods_and_profiles_have_panels_of_their_own(rows):
    models = MODELS | {f"vae-{name}": MODELS[name] | {"method": "vae"} for name in ("one", "ten")}
    models |= {f"long-{name}": MODELS[name] | {"profile": "long"} for name in ("one", "ten")}
    known = study(models, ("d", "e"), LAYERWISE, CROPS)
    more = [*ROWS, *of_model("one", [1, 2, 3, 4], "e"), *of_model("ten", [1, 2, 3, 4], "e")]
    more += [row for name in list(models)[len(MODELS) :] for row in of_model(name, [10, 20, 30])]
    table = long_table(more).astype({"layer": int})
    around = learned.levels(by_layer(table, known), known)
    figure = images_needed(learned.by_pictures(table, known), around, known, PLOT)
    check_texts(figure)
    titles = [ax.get_title(loc="left").replace("\n", " ") for ax in figure.axes]
    assert sorted(titles) == ["D: rotnet, long", "D: rotnet, p", "D: vae, p", "E: rotnet, p"]


def test_sets_of_one_picture_that_were_made_otherwise_are_told_apart(rows):
    sets = CROPS | {f"{name}-other": CROPS[name] | {"crops": "count=5"} for name in ("d-1", "d-10")}
    models = MODELS | {"one-5": rotnet("d-1-other"), "ten-5": rotnet("d-10-other")}
    known = study(models, ("d",), LAYERWISE, sets)
    table = long_table([*ROWS, *of_model("one-5", [1, 2, 3]), *of_model("ten-5", [1, 2, 3])])
    table = table.astype({"layer": int})
    figure = images_needed(learned.by_pictures(table, known), levels(rows), known, PLOT)
    check_texts(figure)
    assert {"D (count=5)", "D (count=9, size=32, preset=paper)"} <= set(words(figure).split(" | "))


def test_without_numbers_of_pictures_the_figure_says_so(rows):
    table = learned.by_pictures(rows[rows["model"] == "one"], KNOWN)
    figure = images_needed(table, levels(rows), KNOWN, PLOT)
    assert "several numbers of pictures" in words(figure).replace("\n", " ")


def cells(figure: Figure) -> list[list[str]]:
    image = figure.axes[0].images[0].get_array()
    found = [[""] * image.shape[1] for _ in range(image.shape[0])]
    for text in figure.axes[0].texts:
        x, y = text.get_position()
        found[y][x] = text.get_text()
    return found


def test_augmentations_stand_below_labels_and_no_training(rows):
    found = beside(learned.by_augmentation(rows, KNOWN), levels(rows))
    figure = augmentations(found, KNOWN, PLOT)
    check_texts(figure)
    [ax] = figure.axes
    assert ax.get_title(loc="left") == "D: rotnet on china"
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        *("Labels", "Random", "none; q", "scale; p", "jitter + rotation + scale; p")
    ]
    assert cells(figure) == [
        ["50.0", "60.0", "70.0"],
        ["30.0", "25.0", "20.0"],
        ["31.0", "26.0", "21.0"],
        ["35.0", "33.0", "25.0"],
        ["41.0 ± 1.4", "41.0 ± 0.0", "32.0 ± 2.8"],
    ]
    [table] = tables(found, KNOWN)
    text = to_markdown(table)
    assert "| Labels | **50.00** | **60.00** | **70.00** |" in text
    assert "<u>41.00</u> ± 1.41" in text and "over 2 seeds" in text and "Layer 3" in text


def test_without_two_augmentations_there_is_no_ablation(rows):
    rows = rows[~rows["model"].isin(["plain", "scale"])]
    found = beside(learned.by_augmentation(rows, KNOWN), levels(rows))
    assert "differ in their augmentation" in words(augmentations(found, KNOWN, PLOT)).replace("\n", " ")
    assert tables(found, KNOWN) == []


def test_filters_have_the_scale_of_their_batch_norm():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 5), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 3)).eval()
    norm = network[1]
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([1.0, -2.0, 0.5, 3.0]))
        norm.running_var.copy_(torch.tensor([1e-3, 1.0, 4.0, 9.0]))
    before = network[0].weight.clone()
    found = first_filters(network, torch.zeros(1, 3, 9, 9))
    expected = before * (norm.weight / (norm.running_var + norm.eps).sqrt()).view(-1, 1, 1, 1)
    torch.testing.assert_close(found, expected)
    assert torch.equal(network[0].weight, before) and not found.requires_grad
    torch.testing.assert_close(first_filters(network[:1], torch.zeros(1, 3, 9, 9)), before)


@pytest.mark.parametrize(
    "network",
    [nn.Conv2d(1, 4, 5), nn.Conv2d(3, 4, 3), nn.Conv2d(3, 6, 7, groups=3), nn.Linear(3, 2)],
    ids=["one colour", "small", "grouped", "none"],
)
def test_other_first_layers_are_not_shown(network):
    assert first_filters(nn.Sequential(network), torch.zeros(1, 3, 9, 9)) is None


def test_each_filter_has_its_own_range():
    weights = np.random.default_rng(0).normal(size=(3, 5, 5, 3)) * [[[[1]]], [[[100]]], [[[0]]]]
    found = scaled(weights)
    assert found[:2].min(axis=(1, 2, 3)).tolist() == [0, 0]
    assert found[:2].max(axis=(1, 2, 3)).tolist() == [1, 1]
    assert not found[2].any()
    np.testing.assert_allclose(found[1], (weights[1] - weights[1].min()) / np.ptp(weights[1]))


@pytest.mark.parametrize(
    ("count", "wide"), [(96, 12), (64, 8), (16, 4), (24, 6), (768, 32), (17, 5), (1, 1), (2, 2)]
)
def test_filters_stand_in_even_rows(count, wide):
    assert across(count) == wide


def test_a_panel_of_filters_a_model():
    rng = np.random.default_rng(0)
    shown = {
        "One": rng.normal(size=(96, 11, 11, 3)),
        "A network with a long name": rng.normal(size=(16, 5, 5, 3)),
    }
    figure = filters(shown, PLOT)
    check_texts(figure)
    first, second = (ax.images[0].get_array() for ax in figure.axes)
    assert first.shape == (8 * 12, 12 * 12, 3) and second.shape == (4 * 6, 4 * 6, 3)
    np.testing.assert_allclose(first[12:23, 24:35], scaled(shown["One"])[14])
    assert (first[11::12] == 1).all()  # what is between them is white
    assert "No network here" in words(filters({}, PLOT)).replace("\n", " ")


def frozen(model: str, values: dict[str, float], seed: int = 0, dataset: str = "d") -> list[dict]:
    run = {"protocol": "finetune", "dataset": dataset, "metric": "top1", "model": model}
    return [
        run | {"freeze": stage, "seed": seed, "value": value, "variant": f"frozen-{stage}-{seed}"}
        for stage, value in values.items()
    ]


FINETUNED = {"finetune": {"family": "transfer", "title": "Fine-tuned", "metric": "dataset"}}
FROZEN = [
    *frozen("scratch", {"": 60, "1": 50, "10": 20, "0": 55}),
    *frozen("china", {"": 62, "1": 58, "10": 30, "0": 61}),
    *frozen("china-again", {"": 64, "1": 58, "10": 32, "0": 61}),
    *frozen("elsewhere", {"": 66}, dataset="e"),
]


@pytest.fixture
def frozen_files(tmp_path) -> tuple[str, str]:
    known = study(MODELS, ("d", "e"), FINETUNED | LAYERWISE, CROPS)
    write_table(tmp_path / "long.tsv", long_table([*FROZEN, *ROWS]))
    write_study(tmp_path / "study.json", resolve(known.models, known.datasets, known.protocols))
    return str(tmp_path / "long.tsv"), str(tmp_path / "study.json")


def test_frozen_stages_stand_in_their_order(frozen_files):
    known = study(MODELS, ("d", "e"), FINETUNED, CROPS)
    found = read_frozen(frozen_files[0], known, "finetune")
    figure = frozen_prefix(found, known, PLOT)
    check_texts(figure)
    first, second = figure.axes
    assert [tick.get_text() for tick in first.get_xticklabels()] == ["none", "0", "1", "10"]
    lines = {tuple(line.get_ydata()): line for line in first.lines}
    assert set(lines) == {(60, 55, 50, 20), (63, 61, 58, 31), (60, 60)}
    assert lines[60, 55, 50, 20].is_dashed() and not lines[63, 61, 58, 31].is_dashed()
    assert lines[63, 61, 58, 31].get_xdata().tolist() == [0, 1, 2, 3]
    assert [line.get_ydata().tolist() for line in second.lines] == [[66]]
    one, _ = frozen_tables(found, known)
    assert one.header == ["Model", *(f"{name} ↑" for name in ("Nothing frozen", "Frozen to stage 0"))] + [
        f"Frozen to stage {stage} ↑" for stage in (1, 10)
    ]
    assert (
        "| China | **63.00** ± 1.41 | **61.00** ± 0.00 | **58.00** ± 0.00 | **31.00** ± 1.41 |"
        in to_markdown(one)
    )


def test_where_nothing_was_frozen_the_sentence_says_what_to_add(tmp_path):
    write_table(tmp_path / "long.tsv", long_table([row for row in FROZEN if not row["freeze"]]))
    with pytest.raises(InputError, match="finetune with a frozen network; add stages to `freeze`"):
        read_frozen(tmp_path / "long.tsv", study(MODELS, ("d", "e"), FINETUNED, CROPS), "finetune")


def outputs(folder, *names: str) -> dict[str, str]:
    return {name: str(folder / f"out.{name}") for name in names}


def test_the_scripts_draw_and_print(files, frozen_files, tmp_path):
    out = outputs(tmp_path, "pdf", "png")
    how = {"protocol": "layerwise", "plot": PLOT}
    plot_images_needed.main(files["table"], files["study"], *out.values(), **how)
    printed = outputs(tmp_path, "tsv", "markdown")
    plot_augmentations.main(files["table"], files["study"], **out, **printed, **how)
    table = pd.read_csv(printed["tsv"], sep="\t", keep_default_na=False)
    assert table["augment"].unique().tolist() == ["", ALL, "none", "scale"]
    assert table[table["augment"] == "none"]["value"].astype(float).tolist() == [31, 26, 21]
    plot_frozen_prefix.main(*frozen_files, **out, **printed, protocol="finetune", plot=PLOT)
    table = pd.read_csv(printed["tsv"], sep="\t", keep_default_na=False)
    assert table[table["model"] == "china"]["value"].astype(float).tolist() == [63, 58, 31, 61]
    assert (tmp_path / "out.png").stat().st_size > 1000
    assert "## E: Top-1" in (tmp_path / "out.markdown").read_text().replace("\\", "")


def test_the_script_draws_the_filters_of_the_networks_that_have_some(tmp_path):
    paths = []
    for name, arch in {"a": "alexnet_32?width=4", "v": "scattering", "r": "test_resnet"}.items():
        network = backbones.create(arch)
        paths.append(tmp_path / f"{len(paths)}.safetensors")
        metadata = backbones.Metadata(name, arch, "random", "", (0.0,) * 3, (1.0,) * 3, {})
        backbones.save(paths[-1], backbones.weights(network), metadata)
    known = {
        "models": {"id": list("avr"), "name": ["Alex", "Wavelets", "Small"], "imagenet_top1": [None] * 3}
    }
    (tmp_path / "study.json").write_text(
        json.dumps(known | {"datasets": {"id": []}, "protocols": {"id": []}})
    )
    out = outputs(tmp_path, "pdf", "png")
    plot_filters.main(paths, tmp_path / "study.json", *out.values(), plot=PLOT)
    assert (tmp_path / "out.png").stat().st_size > 1000
