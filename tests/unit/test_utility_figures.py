"""Figures over numbers of labels, read back: which curves stand where, what is censored, what a note says."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from label_curves import BUDGETS, CLASS, LINEAR, POSE, SCRATCH, growing, rows, runs, study
from matplotlib.colors import to_hex
from matplotlib.image import imread
from scripts import draw_outcomes, plot_curves, plot_linear_rank
from texts import PLOT, check_texts, drawn_texts, words

from transferscope.figures import curves
from transferscope.figures.architectures import architectures
from transferscope.figures.frozen import frozen
from transferscope.figures.label_efficiency import label_efficiency
from transferscope.figures.linear_rank import linear_rank
from transferscope.figures.tasks import tasks
from transferscope.figures.transfer_matrix import transfer_matrix
from transferscope.figures.unlabelled import unlabelled
from transferscope.figures.utility import utility
from transferscope.results.efficiency import utility_table, write
from transferscope.results.linear_rank import pairs
from transferscope.results.resolved import Study, resolve, write_study

DOCS = Path(__file__).parents[2] / "docs"
SETTINGS = {"baseline": "common", "interpolation": "linear", "monotone": "none", "resamples": 2}
SEEDS = (-1, 0, 1)


def table(known: Study, *groups: list[dict]) -> pd.DataFrame:
    return utility_table(runs(*groups), known, **SETTINGS)


def methods(count: int) -> dict[str, dict]:
    return {"random": SCRATCH} | {f"method-{index}": {} for index in range(count)}


def several(count: int, datasets: int) -> tuple[pd.DataFrame, Study]:
    """Random and ``count`` methods on some datasets; the last method goes beyond scratch."""
    known = study(methods(count), [f"d{index}" for index in range(datasets)])
    groups = [
        rows(model, growing(2000 / (1 + place), 60 + place), dataset=dataset, seeds=SEEDS)
        for dataset in known.datasets.index
        for place, model in enumerate(known.models.index)
    ]
    return table(known, *groups), known


def titles(figure) -> list[str]:
    return [ax.get_title(loc="left").replace("\n", " ") for ax in figure.axes]


def named(figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def note_of(figure) -> str:
    assert not figure.axes
    check_texts(figure)
    return " ".join(words(figure).split())


def line(ax, color: str) -> np.ndarray:
    """The points of the first curve of a colour."""
    return next(one.get_xydata() for one in ax.get_lines() if to_hex(one.get_color()) == color.lower())


@pytest.mark.parametrize(
    ("figure", "count", "datasets"),
    [(label_efficiency, 1, 1), (label_efficiency, 4, 12), (utility, 1, 1), (utility, 14, 2)],
)
def test_a_panel_a_dataset_whole_and_legible(figure, count, datasets):
    drawn = figure(*several(count, datasets), PLOT)
    assert titles(drawn) == [f"D{index}" for index in range(datasets)]
    assert len(drawn.legends) == 1
    assert {f"Method-{index}" for index in range(count)} <= set(named(drawn))
    assert "± standard deviation over 3 seeds" in named(drawn)
    check_texts(drawn)
    texts = drawn_texts(drawn)
    for ax in drawn.axes:
        ticks = {tick.label1 for tick in ax.xaxis.get_major_ticks()}
        boxes = sorted((box[0], box[2]) for text, box in texts if text in ticks)
        assert all(left[1] < right[0] for left, right in itertools.pairwise(boxes))


def test_accuracies_stand_at_their_labels_beside_scratch():
    [ax] = label_efficiency(*several(1, 1), PLOT).axes
    assert ax.get_xscale() == "log" and ax.get_ylim() == (0, 100)
    scratch, model = (line(ax, color) for color in (curves.SCRATCH["color"], curves.COLOURS[0]))
    assert scratch[:, 0].tolist() == list(BUDGETS)
    assert scratch[:, 1] == pytest.approx(growing(2000, 60))
    assert model[:, 1] == pytest.approx(growing(1000, 61))


def cmc(*values: float) -> tuple[pd.DataFrame, Study]:
    known = study({"random": SCRATCH, "cmc": {}})
    return table(known, rows("random", (20, 35, 50, 60, 65)), rows("cmc", values)), known


def drawn_at(ax, marker: str) -> list[list[float]]:
    lines = [one for one in ax.get_lines() if one.get_marker() == marker and len(one.get_xydata())]
    return [point for one in lines for point in one.get_xydata().tolist()]


def test_a_curve_of_utility_ends_on_the_limit_and_what_is_censored_is_an_arrow_at_its_bound():
    found, known = cmc(10, 50, 60, 70, 70)
    figure = utility(found, known, PLOT)
    [ax] = figure.axes
    own = found[found["model"] == "cmc"]
    end = own[own["place"] == "end"].iloc[0]
    shown = line(ax, curves.COLOURS[0])
    assert shown[-1 - 2].tolist() == pytest.approx([end["labels"], 20000 / end["labels"] - 1])
    up, down = (drawn_at(ax, curves._ARROWS[kind]) for kind in ("right", "left"))
    assert up == [[4000, 4], [20000, 0]]
    assert down == [[100, 0]]
    limit = next(one for one in ax.get_lines() if to_hex(one.get_color()) == curves.GREY.lower())
    at, most = limit.get_xydata().T
    assert at * (most + 1) == pytest.approx(20000)
    assert {"At least", "At most", "The most that can be measured"} <= set(named(figure))


def test_utility_beyond_ten_stands_at_the_edge():
    found, known = cmc(60, 64, 64, 64, 64)
    figure = utility(found, known, PLOT)
    [ax] = figure.axes
    assert ax.get_ylim()[1] == 10
    hollow = [one for one in ax.get_lines() if one.get_markerfacecolor() == "white"]
    assert [100, 10] in [point for one in hollow for point in one.get_xydata().tolist()]
    assert "More than 10" in named(figure)
    check_texts(figure)


def test_without_a_baseline_accuracies_are_drawn_and_utility_says_what_is_missing():
    known = study({"cmc": {}})
    found = table(known, rows("cmc", growing(500, 60)))
    figure = label_efficiency(found, known, PLOT)
    assert named(figure) == ["Cmc"]
    for draw in (utility, tasks):
        assert "No model has a baseline here: utility is over a random model" in note_of(
            draw(found, known, PLOT)
        )


def test_models_that_were_pretrained_on_the_dataset_are_called_by_their_method():
    own = {f"cmc-{name}": {"method": "cmc", "pretrained_on": name} for name in ("d", "e")}
    known = study({"random": SCRATCH} | own | {"vae-e": {"method": "vae", "pretrained_on": "e"}}, ("d", "e"))
    found = table(
        known,
        *(rows(model, growing(900, 60), dataset=dataset) for dataset in "de" for model in known.models.index),
    )
    panels = curves.panels(found, known)
    assert [sorted(set(panel.rows["model"])) for panel in panels] == [["cmc-d"], ["cmc-e", "vae-e"]]
    assert curves.labels(panels, known) == {"cmc-d": "cmc", "cmc-e": "cmc", "vae-e": "Vae-E"}
    assert named(utility(found, known, PLOT))[:2] == ["cmc", "Vae-E"]


def test_two_models_of_one_method_in_one_panel_keep_their_names():
    known = study({"random": SCRATCH, "cmc-0": {"method": "cmc"}, "cmc-1": {"method": "cmc"}})
    found = table(known, *(rows(model, growing(900, 60)) for model in known.models.index))
    assert set(curves.labels(curves.panels(found, known), known).values()) == {"Cmc-0", "Cmc-1"}


def two_architectures() -> tuple[pd.DataFrame, Study]:
    deep = {"arch": "deep"}
    known = study(
        {"random": SCRATCH, "cmc": {}, "vae": {}, "random-deep": SCRATCH | deep, "cmc-deep": deep}, ("d", "e")
    )
    groups = [
        rows(model, growing(2000 / (1 + place), 60), dataset=dataset, seeds=SEEDS)
        for dataset in "de"
        for place, model in enumerate(known.models.index)
    ]
    return table(known, *groups), known


def test_models_over_different_baselines_stand_in_panels_of_their_own():
    found, known = two_architectures()
    figure = utility(found, known, PLOT)
    assert titles(figure) == [f"{name}, over {over}" for name in "DE" for over in ("Random", "Random-Deep")]
    check_texts(figure)


def test_architectures_stand_side_by_side_with_the_best_of_each():
    found, known = two_architectures()
    figure = architectures(found, known, PLOT)
    assert titles(figure) == ["D", "E"]
    assert "best: Vae, Cmc-Deep" in words(figure).replace("\n", " ")
    assert named(figure)[:2] == ["Random: scratch", "Random: best model"]
    check_texts(figure)
    assert "two have a random model; 1 has" in note_of(architectures(*several(2, 1), PLOT))


def test_tasks_stand_side_by_side_and_the_first_protocol_of_each_is_taken():
    protocols = {"finetuned": CLASS, "linear": LINEAR, "pose": POSE}
    known = study(methods(2), ("d", "e"), protocols)
    groups = [
        rows(model, growing(2000 / (1 + place), 60), protocol=protocol, metric=metric, dataset=dataset)
        for protocol, metric in (("finetuned", "top1"), ("linear", "top1"), ("pose", "accuracy"))
        for dataset in ("d", "e")[: 1 if protocol == "pose" else 2]
        for place, model in enumerate(known.models.index)
    ]
    figure = tasks(table(known, *groups), known, PLOT)
    assert titles(figure) == ["D: Finetuned on labels", "D: Pose on labels", "E: Finetuned on labels"]
    check_texts(figure)


def test_each_frozen_depth_is_a_curve_beside_the_whole_of_scratch():
    known = study(methods(2))
    groups = [
        rows(model, growing(500, 60 - 10 * len(freeze)), freeze=freeze)
        for model in known.models.index
        for freeze in ("", "0", "11")
    ]
    figure = frozen(table(known, *groups), known, PLOT)
    assert titles(figure) == ["D: Method-0", "D: Method-1"]
    assert named(figure) == ["Scratch", "Nothing frozen", "Frozen to stage 0", "Frozen to stage 11"]
    assert line(figure.axes[0], curves.COLOURS[2])[:, 1] == pytest.approx(growing(500, 40))
    assert line(figure.axes[0], curves.SCRATCH["color"])[:, 1] == pytest.approx(growing(500, 60))
    check_texts(figure)
    assert "Nothing was frozen" in note_of(frozen(*several(1, 1), PLOT))


def ranked(count: int, datasets: int) -> tuple[pd.DataFrame, Study]:
    known = study(
        methods(count), [f"d{index}" for index in range(datasets)], {"linear": LINEAR, "finetuned": CLASS}
    )
    rng = np.random.default_rng(0)
    groups = [
        rows(model, np.sort(rng.uniform(20, 90, 2)), budgets=(100, 1000), protocol=protocol, dataset=dataset)
        for protocol in ("linear", "finetuned")
        for dataset in known.datasets.index
        for model in known.models.index
    ]
    return table(known, *groups), known


@pytest.mark.parametrize(("count", "datasets"), [(1, 1), (4, 12)])
def test_a_panel_of_ranks_has_a_point_a_model_and_dataset(count, datasets):
    found, known = ranked(count, datasets)
    figure = linear_rank(pairs(found, known), known, PLOT)
    assert titles(figure) == ["100 labels", "1k labels"]
    points = [one for one in figure.axes[0].get_lines() if one.get_linestyle() == "None"]
    assert sum(len(one.get_xydata()) for one in points) == count * datasets
    assert ("% flipped" in words(figure)) == (count > 1)
    assert ("ρ " in words(figure)) == (count > 2)
    check_texts(figure)


def test_ranks_without_common_labels_are_a_note():
    found, known = several(2, 1)
    assert "probed and finetuned on the same" in note_of(linear_rank(pairs(found, known), known, PLOT))


def crossed(datasets: str, kinds=("cmc", "vae")) -> tuple[pd.DataFrame, Study]:
    """Every method pretrained on every dataset, evaluated on every one; its own suits it best."""
    models = {
        f"{kind}-{source}": {"method": kind, "pretrained_on": source} for kind in kinds for source in datasets
    }
    known = study({"random": SCRATCH} | models, tuple(datasets))
    groups = [
        rows(model, growing(500 if row["pretrained_on"] == dataset else 1500, 60), dataset=dataset)
        for dataset in datasets
        for model, row in known.models.iterrows()
    ]
    return table(known, *groups), known


@pytest.mark.parametrize("datasets", ["de", "abcdefg"])
def test_a_transfer_matrix_a_method(datasets):
    found, known = crossed(datasets)
    figure = transfer_matrix(found, known, PLOT)
    assert titles(figure) == ["cmc", "vae"]
    values = np.asarray(figure.axes[0].images[0].get_array())
    assert values.shape == (len(datasets),) * 2
    assert (np.argmax(values, axis=0) == range(len(datasets))).all()
    assert "Pretrained on" in words(figure) and "Evaluated on, with" in words(figure)
    check_texts(figure)


def test_censored_cells_of_a_transfer_matrix_are_bounds():
    known = study({"random": SCRATCH, "cmc": {"pretrained_on": "d"}})
    found = table(known, rows("random", (20, 30, 40, 50, 60)), rows("cmc", (65, 65, 65, 65, 65)))
    figure = transfer_matrix(found, known, PLOT)
    assert "≥ 199" in words(figure)
    assert "No model that was pretrained here" in note_of(transfer_matrix(*several(1, 1), PLOT))


def test_unlabelled_pictures_are_those_seen_or_all():
    amounts = {
        f"cmc-{amount}": {"method": "cmc", "pretrained_on": "d", "unlabelled": amount}
        for amount in (0, 100, 300)
    }
    known = study({"random": SCRATCH} | amounts)
    groups = [rows(model, growing(1000 - place, 60)) for place, model in enumerate(known.models.index)]
    figure = unlabelled(table(known, *groups), known, PLOT)
    assert titles(figure) == ["D: cmc"]
    assert line(figure.axes[0], curves.COLOURS[0])[:, 0].tolist() == [100, 300, 1000]
    assert named(figure)[0] == "100 labels"
    check_texts(figure)
    assert "No two models with a baseline differ" in note_of(unlabelled(*several(2, 1), PLOT))


def test_the_scripts_draw_one_protocol_from_the_tables(tmp_path):
    found, known = ranked(3, 1)
    write(tmp_path / "utility.tsv", found)
    write_study(tmp_path / "study.json", resolve(known.models, known.datasets, known.protocols))
    paths = [tmp_path / name for name in ("utility.tsv", "study.json", "a.pdf", "a.png")]
    for figure in ("label_efficiency", "utility", "architectures", "frozen", "transfer_matrix", "unlabelled"):
        plot_curves.main(*paths, figure=figure, protocol="linear", plot=PLOT)
        assert paths[-1].stat().st_size > 2000
        paths[-1].unlink()
    outputs = {"pdf": paths[2], "png": paths[3], "table": tmp_path / "rank.tsv"}
    plot_linear_rank.main(*paths[:2], **outputs, plot=PLOT)
    assert len(pd.read_csv(tmp_path / "rank.tsv", sep="\t")) == 2
    assert paths[-1].stat().st_size > 2000


def test_the_figure_of_the_documentation_is_what_the_code_draws(tmp_path):
    """``make docs/utility.png`` makes it anew."""
    draw_outcomes.main(DOCS / "utility_curves.tsv", tmp_path / "utility.png")
    drawn, committed = imread(tmp_path / "utility.png"), imread(DOCS / "utility.png")
    assert drawn.shape == committed.shape
    assert np.abs(drawn - committed).mean() < 0.01
