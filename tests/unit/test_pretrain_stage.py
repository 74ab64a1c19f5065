"""The stage that makes a backbone: from pictures to a canonical file, the same after any interruption."""

import json
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import sklearn
import torch
import yaml
from PIL import Image
from tests.unit.studies import CONFIG, READY, SCHEMAS

import pretrain
from transferscope import pretraining
from transferscope.errors import InputError
from transferscope.figures.pretraining import pretraining as draw
from transferscope.models import backbones
from transferscope.pretraining import training
from transferscope.results.run import state_file
from transferscope.study import catalogue, configuration, own_sources
from transferscope.study.tables import read_cells
from transferscope.training.recipe import optimisation
from transferscope.training.resume import Resume

DIGITS = Path(sklearn.__file__).parent / "datasets/data"
FACTS = {
    "dataset": "digits",
    "loader": "digits",
    "version": "1",
    "split_rule": "stratified",
    "classes": 10,
    "counts": {},
}
STEPS = 8
PROFILE = {"size": 16, "steps": STEPS, "batch_size": 8, "learning_rate": 0.003, "last_learning_rate": 1e-5}
PROFILE |= {"warmup": 0.1, "weight_decay": 1e-5}
SETTINGS = {"vae": {"output": 4}, "cmc": {"negatives": 8}}
PROFILES = {"rotnet": {"sgd": {"momentum": 0.9, "nesterov": True}, "milestones": [4, 6]}}


def run(
    folder: Path, method: str = "rotation", *, profile: dict | None = None, task="recognition", **changes
) -> Path:
    """The backbone of a short pretraining on a few digits."""
    network = "selfstudy_cmc_resnet9" if method == "cmc" else "selfstudy_resnet9"
    plan = {"method": method, "dataset": "digits", "profile": "tiny", "seed": 0, "images": 100}
    plan |= {"training": PROFILE | PROFILES.get(method, {}) | (profile or {})}
    plan |= {"settings": SETTINGS.get(method, {})}
    output = folder / "tiny.safetensors"
    facts = {
        "arch": f"{network}?width=2",
        "normalisation": "none",
        "source": f"pretrain:method={method}&dataset=digits&profile=tiny&seed=0&images=100",
        "task": task,
        "facts": FACTS,
        "split_seed": 0,
        "version": 1,
        "device": "cpu",
        "threads": 1,
        "checkpoint_steps": 3,
    }
    history = folder / "tiny.history.json"
    pretrain.main(DIGITS, output, history, model="tiny", plan=plan | changes, **facts)
    return output


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of each method's backbone and history after an uninterrupted training."""
    made = {}

    def of(method: str) -> tuple[bytes, bytes]:
        if method not in made:
            output = run(tmp_path_factory.mktemp(method), method)
            made[method] = output.read_bytes(), output.with_name("tiny.history.json").read_bytes()
        return made[method]

    return of


@pytest.mark.parametrize("name", ["vae", "rotation", "cmc", "amdim", "rotnet", "supervised"])
def test_a_killed_training_ends_as_one_that_was_not(name, whole, tmp_path, monkeypatch):
    saved = Resume.save_training

    def save_and_die(resume, state):
        saved(resume, state)
        raise KeyboardInterrupt

    monkeypatch.setattr(Resume, "save_training", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, name)
    assert state_file(tmp_path / "tiny.safetensors").exists()
    monkeypatch.undo()
    output = run(tmp_path, name)
    assert (output.read_bytes(), output.with_name("tiny.history.json").read_bytes()) == whole(name)
    assert not state_file(output).exists()


def test_a_backbone_is_a_model_like_any_other(whole, tmp_path):
    path = tmp_path / "made.safetensors"
    path.write_bytes(whole("rotation")[0])
    network, metadata = backbones.load(path)
    assert (metadata.model, metadata.source_sha256) == ("tiny", "")
    assert metadata.source.startswith("pretrain:method=rotation&")
    assert network(torch.rand(2, 3, 16, 16)).shape == (2, 8)
    torch.manual_seed(0)
    fresh = backbones.create("selfstudy_resnet9?width=2")
    weights = backbones.weights(network)
    assert all(not torch.equal(weights[name], tensor) for name, tensor in fresh.named_parameters())


@pytest.mark.parametrize(("name", "has_task"), [("vae", False), ("rotation", True)])
def test_the_history_says_how_it_went(name, has_task, whole):
    history = json.loads(whole(name)[1])
    assert (history["method"], history["dataset"], history["steps"]) == (name, "digits", STEPS)
    assert len(history["loss"]) * history["window"] == STEPS
    assert all((value is not None) == has_task for value in history["accuracy"])
    assert all(0 <= value <= 1 for value in [*history["linear"], *history["mlp"], *history["val"].values()])
    assert history["linear"] != history["mlp"]


def test_equal_seeds_give_equal_bytes_and_others_others(whole, tmp_path):
    assert run(tmp_path / "again").read_bytes() == whole("rotation")[0]
    assert run(tmp_path / "other", seed=1).read_bytes() != whole("rotation")[0]


def test_the_read_out_leaves_the_backbone_alone(whole, tmp_path, monkeypatch):
    expected = whole("rotation")[0]
    monkeypatch.setattr(training.ReadOut, "forward", lambda *_: (torch.zeros(()), torch.zeros(2)))
    assert run(tmp_path).read_bytes() == expected


def test_a_loss_that_is_not_finite_leaves_no_backbone(tmp_path):
    with pytest.raises(InputError, match=r"no longer finite at step .* lower the learning_rate"):
        run(tmp_path, profile={"learning_rate": 1e30, "weight_decay": 1e10})
    assert not (tmp_path / "tiny.safetensors").exists()


MADE_UP = '''
"""Say how bright the image is."""

import torch
from transferscope.pretraining.method import Method, Outcome


class Bright(Method):
    def __init__(self, backbone, *, scale: float = 1.0, **facts):
        super().__init__(backbone, **facts)
        self.scale = scale
        self.head = torch.nn.Linear(self.width, 1)

    def forward(self, images, indices):
        features = self.backbone(images)
        error = self.head(features)[:, 0] - self.scale * images.mean((1, 2, 3))
        return Outcome(error.square().mean(), None, features)
'''


def test_a_method_is_found_by_the_name_of_its_module(tmp_path, monkeypatch):
    (tmp_path / "brightness.py").write_text(MADE_UP)
    monkeypatch.setattr(pretraining, "__path__", [*pretraining.__path__, str(tmp_path)])
    output = run(tmp_path, "brightness", settings={"scale": 2.0})
    history = json.loads(output.with_name("tiny.history.json").read_text())
    assert history["method"] == "brightness"
    monkeypatch.setattr(own_sources, "METHODS", tmp_path)
    assert own_sources.methods() == {"brightness"}


def test_the_first_images_alone_are_trained_on():
    loaded = {"task": "recognition", "facts": FACTS, "size": 8, "seed": 0, "threads": 1}
    every = training.load(DIGITS, images=None, **loaded)
    some = training.load(DIGITS, images=30, **loaded)
    assert torch.equal(some.train.pictures, every.train.pictures[:30])
    assert torch.equal(some.train.labels, every.train.labels[:30])
    assert len(some.val.pictures) == len(every.val.pictures)
    with pytest.raises(InputError, match=r"digits has \d+ training images, .* images=2000"):
        training.load(DIGITS, images=2000, **loaded)


def test_pictures_without_labels_for_recognition_are_trained_on_without_a_read_out(tmp_path, monkeypatch):
    Dense = namedtuple("Dense", "splits read class_names")
    grey = Image.new("RGB", (20, 16), (90, 90, 90))
    samples = Dense(np.array(["train"] * 40 + ["test"] * 4), lambda index: grey, [])
    monkeypatch.setattr(training, "load_for", lambda *_, **__: samples)
    output = run(tmp_path, task="normals", images=None)
    history = json.loads(output.with_name("tiny.history.json").read_text())
    assert set(history["linear"]) == {None} == set(history["val"].values())


def test_the_read_out_of_several_labels_an_image():
    read_out = training.ReadOut(4, 3).eval()
    for layer in (read_out.linear, read_out.mlp[3]):
        torch.nn.init.zeros_(layer.weight)
        layer.bias.data = torch.tensor([9.0, -9.0, 9.0])
    loss, accuracies = read_out(torch.randn(2, 4), torch.tensor([[1, 0, 1], [1, 1, 0]], dtype=torch.uint8))
    assert accuracies.tolist() == pytest.approx([4 / 6] * 2)
    assert loss.item() == pytest.approx(2 * 9 / 6, abs=1e-3)


def test_the_rate_rises_in_a_line_and_falls_in_a_line():
    rates = {"learning_rate": 0.5, "last_learning_rate": 0.1, "warmup": 0.4, "weight_decay": 0.0}
    recipe = optimisation(steps=10, **rates)
    optimiser = recipe["optimiser"]([torch.nn.Parameter(torch.zeros(1))])
    schedule, found = recipe["schedule"](optimiser), []
    for _ in range(10):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    assert found == pytest.approx([0, 0.125, 0.25, 0.375, 0.5, 0.42, 0.34, 0.26, 0.18, 0.1])
    assert optimiser.param_groups[0]["betas"] == (0.8, 0.999)


def test_the_rate_may_fall_by_steps_and_sgd_take_adams_place():
    rates = {"learning_rate": 0.1, "last_learning_rate": 0.0008, "warmup": 0.2, "weight_decay": 5e-4}
    recipe = optimisation(steps=10, milestones=[4, 6, 9], sgd={"momentum": 0.9, "nesterov": True}, **rates)
    optimiser = recipe["optimiser"]([torch.nn.Parameter(torch.zeros(1))])
    schedule, found = recipe["schedule"](optimiser), []
    for _ in range(10):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    # By 5 at each step, as RotNet's authors have it on CIFAR-10.
    assert found == pytest.approx([0, 0.05, 0.1, 0.1, 0.02, 0.02, 0.004, 0.004, 0.004, 0.0008])
    assert isinstance(optimiser, torch.optim.SGD)
    named = ("momentum", "nesterov", "weight_decay", "dampening")
    assert [optimiser.defaults[name] for name in named] == [0.9, True, 5e-4, 0]


def history(method: str, dataset: str = "digits", accuracy: float | None = 0.5) -> dict:
    curves = {"loss": [2.0, 1.0], "accuracy": [accuracy] * 2, "linear": [0.1, 0.3], "mlp": [0.1, 0.4]}
    facts = {"method": method, "dataset": dataset, "arch": "resnet18", "steps": 7, "window": 4}
    return facts | curves | {"val": {"linear": 0.2, "mlp": 0.3}}


def test_the_figure_has_a_row_a_method_and_a_line_a_model(tmp_path):
    plot = {"font_size": 8, "dpi": 72}
    figure = draw([history("vae", accuracy=None), history("cmc"), history("cmc", "dtd")], READY, plot)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles[::3] == ["vae: loss", "cmc: loss"]
    lines = [[line for line in ax.lines if len(line.get_xdata()) > 1] for ax in figure.axes]
    assert [len(one) for one in lines] == [1, 1, 1, 2, 2, 2]
    assert not figure.axes[1].axison
    assert lines[2][0].get_xdata().tolist() == [4, 7]
    assert lines[2][0].get_ydata().tolist() == pytest.approx([10, 30])
    with pytest.raises(InputError, match="no model of the study is pretrained here"):
        draw([], READY, plot)


ROW = {
    "id": "mine",
    "name": "Mine",
    "arch": "resnet18",
    "source": "pretrain:method=rotation&dataset=scenes&profile=small&seed=0",
    "normalisation": "imagenet",
    "method": "rotation",
    "pretraining_data": "scenes",
}
CONFIGURED = yaml.safe_load((CONFIG / "config.yaml").read_text())


def models(folder: Path, **cells: str):
    path, row = folder / "models.tsv", ROW | cells
    path.write_text("\t".join(row) + "\n" + "\t".join(row.values()) + "\n")
    return catalogue.read_models(path, SCHEMAS)


def test_a_row_with_such_a_source_is_a_self_supervised_model(tmp_path):
    table = models(tmp_path)
    assert table[["origin", "supervision"]].iloc[0].tolist() == ["pretrain", "self-supervised"]
    assert configuration.pretraining_datasets(table) == ["scenes"]
    settings = own_sources.pretrain_settings(ROW["source"] + "&images=90")
    assert settings == {
        "method": "rotation",
        "dataset": "scenes",
        "profile": "small",
        "seed": 0,
        "images": 90,
    }


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({"source": "pretrain:method=rotation&dataset=scenes&seed=0"}, "with dataset, method, profile, seed"),
        ({"source": f"{ROW['source']}&size=3"}, "with dataset, method, profile, seed"),
        ({"source": f"{ROW['source']}&images=0"}, "the last two whole numbers"),
        ({"source": f"{ROW['source']}&images={10**20}"}, "the last two whole numbers"),
        ({"source": ROW["source"].replace("seed=0", "seed=-1")}, "the last two whole numbers"),
        (
            {"source": ROW["source"].replace("rotation", "turning")},
            "names the method 'turning', which is not",
        ),
        ({"method": "simclr"}, "column 'method': 'simclr' is not the 'rotation' of its source"),
        ({"seed": "1"}, "column 'seed'"),
        ({"format": "pytorch"}, "column 'format'"),
        ({"arch": "resnet51"}, "no architecture 'resnet51'"),
        ({"arch": ""}, "column 'arch'"),
    ],
)
def test_a_bad_row_is_named(tmp_path, cells, sentence):
    with pytest.raises(InputError) as caught:
        models(tmp_path, **cells)
    assert sentence in str(caught.value)
    assert "line 2" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("=scenes", "=scene"), "'scene' is no id of the table of datasets; did you mean 'scenes'?"),
        (("=small", "=large"), "'large' is not one of smoke, small, resnet9"),
        (("=scenes", "=pooled"), "the dataset pooled has no split to train on"),
    ],
)
def test_what_a_source_names_is_looked_up(tmp_path, change, sentence):
    datasets = catalogue.read_datasets(CONFIG / "datasets.tsv", SCHEMAS)
    datasets.loc["pooled"] = datasets.loc["scenes"].replace("official", "pooled")
    table = models(tmp_path, source=ROW["source"].replace(*change))
    with pytest.raises(InputError, match="the model mine, column 'source': ") as caught:
        configuration.check_pretraining(CONFIGURED["pretrain"], table, datasets)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"milestones": [20, 10]},
            r"small\.milestones: \[20, 10\] has to rise and stay below the 2400",
        ),
        ({"milestones": [2400]}, r"small\.milestones: \[2400\] has to rise"),
        ({"milestones": [9], "last_learning_rate": 0}, r"small\.milestones: .* has to be above 0"),
        (
            {"methods": {"vae": {"milestones": [9], "steps": 9}}},
            r"small\.methods\.vae\.milestones: \[9\]",
        ),
    ],
)
def test_milestones_fit_their_training(tmp_path, change, sentence):
    profile = CONFIGURED["pretrain"]["small"] | change
    with pytest.raises(InputError, match=f"key pretrain\\.{sentence}"):
        configuration.check_pretraining({"small": profile}, models(tmp_path), None)


def test_a_method_on_labels_needs_a_dataset_that_has_them(tmp_path):
    assert own_sources.labelled_methods() == {"supervised"}
    datasets = catalogue.read_datasets(CONFIG / "datasets.tsv", SCHEMAS)
    source = ROW["source"].replace("rotation", "supervised")
    table = models(tmp_path, source=source, method="supervised")
    configuration.check_pretraining(CONFIGURED["pretrain"], table, datasets)
    table = models(tmp_path, source=source.replace("scenes", "nyuv2"), method="supervised")
    with pytest.raises(InputError, match=r"from labels for recognition, and the dataset nyuv2 has none"):
        configuration.check_pretraining(CONFIGURED["pretrain"], table, datasets)


def test_a_profile_for_a_method_that_there_is_not_is_named(tmp_path):
    profiles = {"mine": {"methods": {"turning": {}}}}
    with pytest.raises(InputError, match=r"key pretrain\.mine\.methods: 'turning' is not one of"):
        configuration.check_pretraining(profiles, models(tmp_path), None)


def test_a_method_has_the_profile_with_what_it_does_otherwise():
    resolved = configuration.pretraining(
        CONFIGURED["pretrain"], "pretrain:method=cmc&dataset=scenes&profile=small&seed=3"
    )
    assert resolved["training"]["steps"] == 2400
    assert resolved["training"]["last_learning_rate"] == 1e-6
    assert resolved["settings"] == {"negatives": 256, "momentum": 0.4}
    assert resolved["seed"] == 3
    other = configuration.pretraining(CONFIGURED["pretrain"], ROW["source"])
    assert other["settings"] == {}
    assert other["training"] == resolved["training"] | {"weight_decay": 1e-4, "last_learning_rate": 1e-5}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"size": "big"}, "pretrain.small.size"),
        ({"warmup": 1}, "pretrain.small.warmup"),
        ({"methods": {"cmc": {"steps": 0}}}, "pretrain.small.methods.cmc.steps"),
        ({"speed": 3}, "pretrain.small"),
        ({"sgd": {"momentum": 0.9}}, "pretrain.small.sgd"),
        ({"sgd": {"momentum": 1, "nesterov": True}}, "pretrain.small.sgd.momentum"),
        ({"milestones": [0]}, "pretrain.small.milestones.0"),
        ({"methods": {"cmc": {"milestones": []}}}, "pretrain.small.methods.cmc.milestones"),
    ],
)
def test_profiles_are_checked(change, sentence):
    config = CONFIGURED | {"pretrain": {"small": CONFIGURED["pretrain"]["small"] | change}}
    with pytest.raises(InputError, match=f"key {sentence}"):
        configuration.check_config(config, SCHEMAS / "config.schema.yaml")


@pytest.mark.parametrize(("table", "rows"), [("newell2020", 3 * (2 + 12 * 4)), ("newell2020-small", 14)])
def test_the_papers_models_are_rows(table, rows):
    path = CONFIG / f"models-{table}.tsv"
    found = catalogue.read_models(path, SCHEMAS)
    assert len(found) == rows == len(read_cells(path))
    made = found[found["origin"] == "pretrain"]
    for model, row in made.iterrows():
        plan = configuration.pretraining(CONFIGURED["pretrain"], row["source"])
        assert plan["method"] in model
        assert plan["dataset"] == row["pretraining_data"]
        assert ("cmc" in row["arch"]) == (plan["method"] == "cmc")
        assert model.endswith(plan["dataset"].removeprefix("factors-")[:4])
    assert set(found["supervision"]) == {"random", "self-supervised"}
