"""Label efficiency: subsets, what is frozen and read out, losses, metrics, trainings that survive."""

import copy
import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import sklearn
import torch
from miniatures import lively
from PIL import Image
from torch import nn
from torch.nn.functional import cross_entropy

import collect_budgets
import train_budgets
from transferscope.datasets.base import Samples
from transferscope.datasets.dense import DenseSamples
from transferscope.errors import InputError
from transferscope.models import backbones
from transferscope.protocols.efficiency import depth, pose, recognition, segmentation, subsets
from transferscope.protocols.efficiency import training as trainings
from transferscope.protocols.efficiency.network import Network
from transferscope.protocols.efficiency.tasks import cells
from transferscope.results.long_table import check_result
from transferscope.study import budgets
from transferscope.training import deadline
from transferscope.training.augment import Augmentation
from transferscope.training.recipe import optimisation
from transferscope.training.resume import Resume

NO_FLIP = torch.zeros(2, dtype=torch.bool)


# Numbers of labels


def test_a_job_trains_with_all_small_numbers_and_one_with_each_large_one():
    labels = budgets.fitting([4000, 100, 20000, 50000], 20000)
    assert labels == [100, 4000, 20000]
    assert budgets.jobs(labels, 4000) == {"short": [100, 4000], "20000": [20000]}
    assert budgets.jobs(labels, 0) == {"100": [100], "4000": [4000], "20000": [20000]}
    assert budgets.jobs([100], 4000) == {"short": [100]}


def test_steps_grow_with_the_labels():
    schedule = [{"labels": 1000, "steps": 4}, {"labels": 4000, "steps": 8}]
    assert [budgets.steps(count, schedule) for count in (1, 1000, 1001, 4000, 9000)] == [4, 4, 8, 8, 8]


@pytest.mark.parametrize("subset_seed", [0, 1, 7])
def test_subsets_are_nested_prefixes_of_one_order(subset_seed):
    every = subsets.prefix(50, 50, subset_seed)
    assert sorted(every) == list(range(50))
    for count in (1, 10, 49):
        assert np.array_equal(subsets.prefix(count, 50, subset_seed), every[:count])
    assert (every == np.arange(50)).all() == (subset_seed == 0)


def test_another_seed_is_another_subset():
    assert not np.array_equal(subsets.prefix(50, 50, 1), subsets.prefix(50, 50, 2))


def test_more_labels_than_samples_are_refused():
    with pytest.raises(InputError, match="51 labels were asked for, where the training split has 50 samples"):
        subsets.prefix(51, 50, 0)


@pytest.mark.parametrize("subset_seed", [0, 3])
def test_balanced_subsets_have_as_many_of_each_class(subset_seed):
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [10, 20, 30]))
    chosen = subsets.balanced(16, labels, subset_seed)
    assert np.bincount(labels[chosen]).tolist() == [5, 5, 5]
    smaller = subsets.balanced(7, labels, subset_seed)
    assert np.bincount(labels[smaller]).tolist() == [2, 2, 2]
    assert set(smaller) < set(chosen)
    first = np.flatnonzero(labels == 1)[:5] if subset_seed == 0 else chosen
    assert set(first) <= set(chosen)
    for count in (2, 33):
        with pytest.raises(InputError, match=f"{count} labels are"):
            subsets.balanced(count, labels, subset_seed)


# The network


def network(arch: str = "selfstudy_resnet9?width=8", **changes) -> Network:
    settings = {"size": 32, "outputs": 5, "maps": False} | changes
    return Network(lively(arch), "tiny", **settings)


def images(count: int = 4, size: int = 32) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(1))


def steps(module: Network, count: int = 3) -> dict[str, torch.Tensor]:
    """The state after some steps with weight decay."""
    module.train()
    recipe = optimisation(
        learning_rate=0.01, last_learning_rate=0.01, warmup=0, weight_decay=0.1, steps=count
    )
    optimiser = recipe["optimiser"]([weight for weight in module.parameters() if weight.requires_grad])
    for _ in range(count):
        optimiser.zero_grad()
        module(images()).square().sum().backward()
        optimiser.step()
    return module.state_dict()


STAGES = ["stem", "layer1", "layer2", "layer3", "fc"]


@pytest.mark.parametrize("frozen_bn", ["moving", "fixed"])
@pytest.mark.parametrize("freeze", ["", 0, 1, 2])
def test_what_is_frozen_stays_bit_by_bit_and_all_else_moves(freeze, frozen_bn):
    module = network(freeze=freeze, frozen_bn=frozen_bn)
    before = copy.deepcopy(module.state_dict())
    after = steps(module)
    frozen = [] if freeze == "" else STAGES[: freeze + 2]
    for name, weight in module.named_parameters():
        is_frozen = name.split(".")[3:4] and name.split(".")[3] in frozen
        assert torch.equal(before[name], weight) == bool(is_frozen), name
    statistics = [name for name in before if "running" in name]
    still = {name for name in statistics if torch.equal(before[name], after[name])}
    within = {name for name in statistics if name.split(".")[3] in frozen}
    assert still == (within if frozen_bn == "fixed" else set())


def test_only_the_last_layer_and_the_head_are_trained_at_the_last_stage():
    module = network("selfstudy_resnet9", freeze=2)
    trained = sum(weight.numel() for weight in module.parameters() if weight.requires_grad)
    assert trained == 131_328 + 256 * 5 + 5


@pytest.mark.parametrize(
    ("arch", "size", "last"),
    [
        ("selfstudy_cmc_resnet9?width=8", 32, 2),
        ("resnet10t", 32, 3),
        ("test_vit", 32, 5),
        ("test_convnext", 32, 3),
    ],
)
def test_any_network_of_timm_can_be_frozen_stage_by_stage(arch, size, last):
    counts = []
    for freeze in range(last + 1):
        backbone = lively(arch)
        if hasattr(backbone, "set_input_size"):
            backbone.set_input_size((size, size))
        module = Network(backbone, "tiny", size=size, outputs=5, maps=False, freeze=freeze)
        counts.append(sum(weight.numel() for weight in module.parameters() if weight.requires_grad))
    assert counts == sorted(set(counts), reverse=True)
    with pytest.raises(InputError, match=f"tiny can be frozen up to 0 to {last}, and not up to {last + 1}"):
        Network(lively(arch), "tiny", size=size, outputs=5, maps=False, freeze=last + 1)


@pytest.mark.parametrize(("read_out", "width", "side"), [(0, 8, 32), (1, 16, 16), (2, 32, 8), (3, 64, 4)])
def test_a_stage_is_read_out(read_out, width, side):
    backbone = lively("selfstudy_resnet9?width=8")
    pooled, mapped = (
        Network(copy.deepcopy(backbone), "tiny", size=32, outputs=5, maps=maps, read_out=read_out)
        for maps in (False, True)
    )
    assert pooled.head.in_features == width
    branch, output = backbone.branches[0], backbone.colour(images())
    for name in STAGES[: read_out + 1]:
        output = getattr(branch, name)(output)
    torch.testing.assert_close(pooled.eval()(images()), pooled.head(output.mean((2, 3))))
    assert mapped(images()).shape == (4, 5, side, side)
    with pytest.raises(InputError, match="tiny has the stages 0 to 3, and no stage 4"):
        network(read_out=4)


def test_the_head_sees_the_feature_or_every_position_of_the_map():
    backbone = lively("selfstudy_resnet9?width=8")
    module = Network(copy.deepcopy(backbone), "tiny", size=32, outputs=11, maps=False)
    torch.testing.assert_close(module(images()), module.head(backbone(images())))
    dense = Network(copy.deepcopy(backbone), "tiny", size=32, outputs=11, maps=True)
    found, maps = dense(images()), backbone.forward_features(images())
    assert found.shape == (4, 11, 4, 4)
    torch.testing.assert_close(found[:, :, 1, 2], dense.head(maps[:, :, 1, 2]))


def test_a_network_without_a_map_is_named():
    backbone = lively("test_vit")
    backbone.set_input_size((32, 32))
    with pytest.raises(InputError, match=r"tiny gives \[1, 5, 64\] and no map"):
        Network(backbone, "tiny", size=32, outputs=11, maps=True)
    with pytest.raises(InputError, match=r"tiny gives at stage 2 \[1, 5, 64\] and no map"):
        Network(backbone, "tiny", size=32, outputs=11, maps=False, read_out=2)


def test_the_rate_rises_from_0_and_falls_to_the_last():
    recipe = optimisation(learning_rate=0.1, last_learning_rate=0.001, warmup=0.2, weight_decay=0, steps=11)
    optimiser = recipe["optimiser"]([nn.Parameter(torch.zeros(1))])
    schedule, rates = recipe["schedule"](optimiser), []
    for _ in range(11):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    assert rates[:3] == pytest.approx([0, 0.05, 0.1])
    assert rates[-1] == pytest.approx(0.001)
    assert np.diff(rates[2:]) == pytest.approx(-0.099 / 8)
    assert optimiser.defaults["betas"] == (0.8, 0.999)


# Tasks


def test_a_mirrored_picture_has_the_mirrored_pose():
    outputs = torch.randn(5, 5, generator=torch.Generator().manual_seed(0))
    labels, flipped = torch.arange(5), torch.tensor([True] * 5)
    found = pose.loss(outputs, labels, flipped, swap=True)
    torch.testing.assert_close(found, cross_entropy(outputs, torch.tensor([0, 3, 2, 1, 4])))
    plain = cross_entropy(outputs, labels)
    torch.testing.assert_close(pose.loss(outputs, labels, ~flipped, swap=True), plain)
    torch.testing.assert_close(pose.loss(outputs, labels, flipped, swap=False), plain)


def labelled(classes: int, count: int = 30) -> Samples:
    labels = np.arange(count) % classes
    splits = np.array(["train", "val", "test"])[np.arange(count) // classes % 3]
    return Samples([str(i) for i in range(count)], labels, splits, None, [str(i) for i in range(classes)])


def dense(target, classes: int, count: int = 6) -> DenseSamples:
    splits = np.array(["train", "val", "test"] * (count // 3))
    return DenseSamples(
        [str(i) for i in range(count)], splits, None, target, [str(i) for i in range(classes)]
    )


FACTS = {"dataset": "made-up", "split_rule": "official", "classes": 10, "counts": {}}


def made(monkeypatch, module, loaded, **settings):
    """A task on samples as loaded."""
    for name in ("load_dataset", "load_task", "load_dense"):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, lambda *args, **facts: loaded)
    return module.task("folder", facts=FACTS, seed=0, metric="top1", size=8, **settings)


def test_heads_have_the_papers_sizes(monkeypatch):
    def flat(index):
        return np.zeros((8, 8), np.uint8)

    tasks = [
        made(monkeypatch, recognition, labelled(10)),
        made(monkeypatch, pose, labelled(5), pose_flip="swap"),
        made(monkeypatch, segmentation, dense(flat, 11)),
        made(monkeypatch, depth, dense(flat, 0), depth_loss="absolute"),
    ]
    assert [task.outputs for task in tasks] == [10, 5, 11, 1]
    assert [task.maps for task in tasks] == [False, False, True, True]
    assert [task.augment for task in tasks] == [
        Augmentation(),
        Augmentation(),
        Augmentation(cutout=False),
        Augmentation(crop=False, cutout=False),
    ]
    assert not made(monkeypatch, pose, labelled(5), pose_flip="none").augment.flip
    with pytest.raises(InputError, match="made-up has 3 poses"):
        made(monkeypatch, pose, labelled(3), pose_flip="swap")


def test_recognition_takes_one_label_or_several():
    outputs = torch.tensor([[2.0, -1.0], [0.5, 0.0]])
    one = recognition.loss(outputs, torch.tensor([0, 1]), NO_FLIP)
    assert one.item() == pytest.approx((np.log1p(np.exp(-3)) + np.log1p(np.exp(0.5))) / 2)
    several = recognition.loss(outputs, torch.tensor([[1, 0], [0, 1]], dtype=torch.uint8), NO_FLIP)
    terms = [np.log1p(np.exp(-2)), np.log1p(np.exp(-1)), np.log1p(np.exp(0.5)), np.log(2)]
    assert several.item() == pytest.approx(np.mean(terms))
    (found,) = recognition.scores(outputs, torch.tensor([0, 1]), metric="top1", seed=0)
    assert (found["metric"], found["value"]) == ("top1", 50)


def test_a_cell_takes_the_upper_left_pixel_of_its_square():
    target = torch.arange(36).view(1, 6, 6)
    assert cells(target, 2, 3)[0].tolist() == [[0, 2, 4], [18, 20, 22]]
    # 6 x 4 / 4 = 6: (r 6 / 4) is 0, 1, 3, 4.
    assert cells(target, 4, 4)[0, :, 0].tolist() == [0, 6, 18, 24]


def logits(classes: list[list[int]], count: int) -> torch.Tensor:
    return 9 * nn.functional.one_hot(torch.tensor(classes), count).permute(2, 0, 1)[None].float()


def test_segmentation_counts_cells_and_passes_over_those_without_a_label():
    outputs = logits([[0, 1], [2, 2]], 4)
    target = torch.tensor([[[0, 1], [1, 255]]], dtype=torch.uint8)
    found = {one["metric"]: one["value"] for one in segmentation.scores(outputs, target)}
    assert found["cell_accuracy"] == pytest.approx(200 / 3)
    # Of the classes 0, 1, 2 the overlaps are 1/1, 1/2, 0/1; the class 3 occurs nowhere.
    assert found["mean_iou"] == pytest.approx(50)
    right, wrong = np.log1p(3 * np.exp(-9)), 9 + np.log1p(3 * np.exp(-9))
    expected = (2 * right + wrong) / 3
    assert segmentation.loss(outputs, target, NO_FLIP).item() == pytest.approx(expected, rel=1e-5)
    assert segmentation.loss(outputs, torch.full_like(target, 255), NO_FLIP) == 0


def test_depth_is_compared_by_ratio_and_a_negative_one_is_wrong():
    target = torch.tensor([[[2.0, 2.0], [4.0, 0.0]]])
    outputs = torch.tensor([[[[2.1, -2.0], [3.3, 4.0]]]])
    found = {one["metric"]: one["value"] for one in depth.scores(outputs, target)}
    # The cell of depth 0 takes the greatest depth, 4; -2 is clamped to 0.01.
    assert found["within_1.25"] == pytest.approx(75)
    assert found["within_1.1"] == pytest.approx(50)
    assert found["depth_rmse"] == pytest.approx(np.sqrt((0.1**2 + 1.99**2 + 0.7**2) / 4))
    assert depth.loss(outputs, target, NO_FLIP, power=1).item() == pytest.approx((0.1 + 4 + 0.7) / 4)
    assert depth.loss(outputs, target, NO_FLIP, power=2).item() == pytest.approx((0.01 + 16 + 0.49) / 4)


# Trainings


SETTINGS = {
    "subset_seed": 1,
    "size": 16,
    "read_out": "last",
    "frozen_bn": "moving",
    "batch_size": 8,
    "steps": [{"labels": 40, "steps": 4}, {"labels": 1000, "steps": 6}],
    "learning_rate": 1e-2,
    "last_learning_rate": 1e-4,
    "warmup": 0.2,
    "weight_decay": 1e-4,
    "pose_flip": "swap",
}
RUN = {"protocol": "efficiency_class", "variant": "default", "version": 1, "seed": 0, "dataset_version": "1"}
DIGITS = {"dataset": "digits", "loader": "digits", "version": "1", "split_rule": "stratified", "classes": 10}
DIGITS |= {"counts": {}}


@pytest.fixture(scope="module")
def digits(tmp_path_factory) -> Path:
    """The first 300 of them."""
    folder = tmp_path_factory.mktemp("digits")
    with gzip.open(Path(sklearn.__file__).parent / "datasets/data/digits.csv.gz") as source:
        lines = source.readlines()[:300]
    (folder / "digits.csv.gz").write_bytes(gzip.compress(b"".join(lines)))
    return folder


def backbone_file(folder: Path, arch: str, normalisation: str = "imagenet") -> Path:
    path = folder / "tiny.safetensors"
    metadata = backbones.Metadata("tiny", arch, "random", "", *backbones.normalisation(normalisation), {})
    backbones.save(path, backbones.weights(lively(arch)), metadata)
    return path


@pytest.fixture(scope="module")
def resnet9(tmp_path_factory) -> Path:
    return backbone_file(tmp_path_factory.mktemp("backbone"), "selfstudy_resnet9?width=4", "none")


def trained(
    backbone: Path, root: Path, output: Path, labels=(30, 100), run: dict | None = None, **changes
) -> dict:
    train_budgets.main(
        backbone,
        root,
        output,
        run=RUN | (run or {}),
        facts=DIGITS,
        module="efficiency.recognition",
        metric="top1",
        labels=list(labels),
        settings=SETTINGS | changes,
        checkpoint_steps=2,
    )
    return json.loads(output.read_text())


def numbers(result: dict) -> list[dict]:
    """What has to be equal where runs are."""
    kept = ("labels", "steps", "losses", "val", "test")
    return [{name: training[name] for name in kept} for training in result["trainings"]]


@pytest.mark.parametrize("arch", ["resnet10t", "test_vit", "selfstudy_cmc_resnet9?width=4"])
def test_any_backbone_goes_through_all_numbers_of_labels(arch, digits, tmp_path):
    told = trained(backbone_file(tmp_path, arch), digits, tmp_path / "labels-short.json")
    assert [training["labels"] for training in told["trainings"]] == [30, 100]
    assert [training["steps"] for training in told["trainings"]] == [4, 6]
    tested = told["pictures"]
    assert set(tested) == {"val", "test"}
    assert not list(tmp_path.glob("*.resume"))
    for split in ("val", "test"):
        output = tmp_path / f"{split}.json"
        collect_budgets.main(
            [tmp_path / "labels-short.json"], output, run=RUN, settings={"evaluated_on": split}
        )
        result = json.loads(output.read_text())
        check_result(result, output)
        assert (result["mode"], result["n_test"]) == (split, tested[split])
        found = [(one["labels"], one["metric"], one["value"]) for one in result["measurements"]]
        assert found == [(t["labels"], "top1", t[split][0]["value"]) for t in told["trainings"]]


def test_a_split_that_is_not_there_is_said(tmp_path):
    part = tmp_path / "part.json"
    part.write_text(json.dumps({"model": "a", "dataset": "b", "pictures": {"test": 3}, "trainings": []}))
    with pytest.raises(InputError, match="b has no split 'val'; set `evaluated_on: test`"):
        collect_budgets.main([part], tmp_path / "result.json", run=RUN, settings={"evaluated_on": "val"})


def test_it_learns(resnet9, digits, tmp_path):
    schedule = [{"labels": 1000, "steps": 100}]
    told = trained(resnet9, digits, tmp_path / "a.json", [150], steps=schedule, batch_size=16)
    assert told["trainings"][0]["test"][0]["value"] > 30
    assert told["trainings"][0]["losses"][-1] < 0.7 * told["trainings"][0]["losses"][0]


def test_equal_seeds_give_equal_numbers_and_other_seeds_others(resnet9, digits, tmp_path):
    first, second, other = (
        trained(resnet9, digits, tmp_path / f"{number}.json", run={"seed": seed})
        for number, seed in enumerate((0, 0, 1))
    )
    assert numbers(first) == numbers(second)
    assert numbers(first) != numbers(other)


class Killed(deadline.Deadline):
    """A deadline that has come at a number of saved states."""

    left = 0

    def end(self, step, steps):
        Killed.left -= 1
        if Killed.left == 0:
            raise SystemExit("killed")


@pytest.mark.parametrize("states", [1, 3])
def test_a_run_that_was_killed_ends_as_one_that_was_not(states, resnet9, digits, tmp_path, monkeypatch):
    whole = trained(resnet9, digits, tmp_path / "whole.json", run={"freeze": 0})
    monkeypatch.setattr("transferscope.training.loop.Deadline", Killed)
    Killed.left = states
    with pytest.raises(SystemExit):
        trained(resnet9, digits, tmp_path / "killed.json", run={"freeze": 0})
    assert (tmp_path / "killed.json.resume").exists()
    Killed.left = 0
    assert numbers(trained(resnet9, digits, tmp_path / "killed.json", run={"freeze": 0})) == numbers(whole)


def setup(backbone: Path, root: Path, **changes) -> trainings.Trainings:
    task = recognition.task(root, facts=DIGITS, seed=0, metric="top1")
    settings = SETTINGS | changes
    recipe = trainings.Recipe(**{name: settings[name] for name in trainings.Recipe.__dataclass_fields__})
    run = {name: value for name, value in RUN.items()}
    return trainings.Trainings(backbone, task, recipe, run=run, dataset="digits")


def test_the_subset_is_the_prefix_of_the_training_split_and_nothing_else_is_trained_on(
    resnet9, digits, tmp_path, monkeypatch
):
    training, seen = setup(resnet9, digits), []

    class Watched(trainings.Batches):
        def __init__(self, pictures, targets, **settings):
            seen.append((len(pictures), targets))
            super().__init__(pictures, targets, **settings)

    monkeypatch.setattr(trainings, "Batches", Watched)
    training.run_all([30, 100], Resume(tmp_path / "resume", {}))
    chosen = training.indices["train"][subsets.prefix(100, len(training.indices["train"]), 1)]
    assert [count for count, _ in seen] == [30, 100]
    assert torch.equal(seen[1][1], training.task.targets(chosen))
    assert torch.equal(seen[0][1], seen[1][1][:30])
    assert set(training.task.splits[chosen]) == {"train"}


def test_tests_see_pictures_as_they_are(resnet9, digits):
    training = setup(resnet9, digits)
    pictures, _ = training._load(training.indices["test"][:20])
    backbone, metadata = backbones.load(resnet9)
    expected = backbone(pictures.float() / 255)
    module = training.network().eval()
    torch.testing.assert_close(training.outputs(module, pictures), module.head(expected))
    assert metadata.std == (1, 1, 1)


def test_every_training_begins_with_the_backbone_and_the_seeds_head(resnet9, digits):
    training = setup(resnet9, digits)
    first, second = training.network(), training.network()
    assert all(map(torch.equal, first.state_dict().values(), second.state_dict().values()))
    steps(first, 1)
    assert all(map(torch.equal, training.network().state_dict().values(), second.state_dict().values()))


def test_a_training_that_diverges_is_named(resnet9, digits, tmp_path):
    with pytest.raises(InputError, match="tiny on digits, 30 labels: the loss is no longer finite at step"):
        trained(resnet9, digits, tmp_path / "a.json", [30], learning_rate=1e30)


def test_a_map_task_trains(resnet9, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    shapes = [rng.integers(0, 3, (16, 16)).astype(np.uint8) for _ in range(30)]
    samples = DenseSamples(
        [str(i) for i in range(30)],
        np.array(["train", "val", "test"] * 10),
        lambda i: Image.fromarray(np.repeat(80 * shapes[i][..., None], 3, -1)),
        shapes.__getitem__,
        ["background", "a", "b"],
    )
    for module, extra in (("segmentation", {}), ("depth", {"depth_loss": "absolute"})):
        monkeypatch.setattr(
            f"transferscope.protocols.efficiency.{module}.load_dense", lambda *a, **b: samples
        )
        output = tmp_path / f"{module}.json"
        train_budgets.main(
            resnet9,
            "folder",
            output,
            run=RUN | {"protocol": f"efficiency_{module}"},
            facts=DIGITS,
            module=f"efficiency.{module}",
            metric="",
            labels=[5, 10],
            settings=SETTINGS | {"read_out": 1} | extra,
            checkpoint_steps=100,
        )
        told = json.loads(output.read_text())
        metrics = [one["metric"] for one in told["trainings"][0]["test"]]
        assert metrics[0] == {"segmentation": "cell_accuracy", "depth": "within_1.25"}[module]
        assert all(np.isfinite(one["value"]) for t in told["trainings"] for one in t["val"] + t["test"])
