"""BiGAN: both losses and whose gradients they move, one step, the networks, exact states."""

import json
import math
from copy import deepcopy
from pathlib import Path

import pytest
import sklearn
import torch
import yaml
from tests.unit.studies import CONFIG, READY, SCHEMAS
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

import pretrain
from transferscope.errors import InputError
from transferscope.figures.pretraining import pretraining as draw
from transferscope.models import backbones
from transferscope.pretraining import bigan, method, training
from transferscope.pretraining.bigan import BiGAN
from transferscope.study import configuration
from transferscope.training.loop import train
from transferscope.training.recipe import optimisation
from transferscope.training.resume import Resume

DIGITS = Path(sklearn.__file__).parent / "datasets/data"
CONFIGURED = yaml.safe_load((CONFIG / "config.yaml").read_text())
RECOGNITION = {"dataset": "digits", "loader": "digits", "version": "1", "split_rule": "stratified"}
RECOGNITION |= {"classes": 10, "counts": {}}
RATES = {"learning_rate": 2e-3, "last_learning_rate": 2e-5, "warmup": 0.0, "weight_decay": 2.5e-5}
RATES |= {"betas": [0.5, 0.999], "hold": 0.5}
SMALL = {"codes": 5, "width": 4, "statistics": 3}


def build(size: int = 18, arch: str = "bigan_encoder_32?width=6", **settings) -> BiGAN:
    torch.manual_seed(0)
    facts = {"size": size, "samples": 100, "batch_size": 8, "steps": 10}
    return method.create("bigan", backbones.create(arch), SMALL | settings, **facts).train()


def judging(size: int = 18, **settings) -> BiGAN:
    """With a discriminator that is no longer indifferent."""
    made = build(size, **settings)
    nn.init.normal_(made.opponent.score.weight, 0, 0.3)
    return made


def pictures(count: int = 8, size: int = 18, seed: int = 1) -> Tensor:
    return 2 * torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)) - 1


def parameters(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def test_at_the_start_both_losses_are_those_of_a_coin():
    outcome = build()(pictures(), torch.arange(8))
    assert outcome.loss.item() == pytest.approx(math.log(2), abs=1e-6)
    assert outcome.opposed.item() == pytest.approx(math.log(2), abs=1e-6)
    assert outcome.accuracy == 0.5
    assert outcome.features.shape == (8, 16)


def test_the_losses_are_the_papers():
    real, drawn = torch.tensor([[0.3], [-1.2]]), torch.tensor([[2.0], [0.1]])
    ours, theirs = bigan.losses(real, drawn)
    told = [score.sigmoid().flatten().tolist() for score in (real, drawn)]
    expected = [0.0, 0.0]
    for right, wrong in zip(*told, strict=True):
        expected[0] -= (math.log(1 - right) + math.log(wrong)) / 4
        expected[1] -= (math.log(right) + math.log(1 - wrong)) / 4
    assert [ours.item(), theirs.item()] == pytest.approx(expected, abs=1e-6)


def test_one_step_is_that_of_two_optimisers_each_with_a_pass_of_its_own():
    made = judging()
    others = deepcopy(made)
    batch = [pictures(), torch.zeros(8, dtype=torch.bool), torch.arange(8)]
    recipe = optimisation(steps=4, **RATES)
    train(
        training.Pretraining(made, None),
        lambda start: iter([batch] * 4),
        training.Pretraining.__call__,
        steps=4,
        optimiser=lambda weights: training._grouped(recipe["optimiser"], made, weights),
        schedule=recipe["schedule"],
        device="cpu",
        seed=7,
        players=training.Pretraining.players,
    )

    torch.manual_seed(7)
    theirs = dict(others.opponent.named_parameters(prefix="opponent"))
    own = {name: weight for name, weight in others.named_parameters() if name not in theirs}
    steps = []
    for weights in (own, theirs):
        gains = [weight for name, weight in weights.items() if weight.ndim == 1 and name.endswith("weight")]
        rest = [weight for weight in weights.values() if not any(weight is gain for gain in gains)]
        groups = [{"params": rest, "weight_decay": 2.5e-5}, {"params": gains, "weight_decay": 0.0}]
        optimiser = torch.optim.Adam(groups, lr=2e-3, betas=(0.5, 0.999), eps=1e-8)
        steps.append((optimiser, LambdaLR(optimiser, lambda step: 0.01 ** (max(0, step - 1) / 2)), weights))
    for _ in range(4):
        before, gradients = torch.get_rng_state(), []
        for number, (_, _, weights) in enumerate(steps):
            torch.set_rng_state(before)
            outcome = others(batch[0], batch[2])
            loss = (outcome.loss, outcome.opposed)[number]
            gradients.append(torch.autograd.grad(loss, list(weights.values())))
        for (optimiser, schedule, weights), found in zip(steps, gradients, strict=True):
            for weight, gradient in zip(weights.values(), found, strict=True):
                weight.grad = gradient
            optimiser.step()
            schedule.step()
    expected = dict(others.named_parameters())
    for name, weight in made.named_parameters():
        torch.testing.assert_close(weight, expected[name], atol=1e-5, rtol=1e-4, msg=name)


def test_no_loss_moves_the_other_side():
    made = judging()
    network = training.Pretraining(made, None)
    ours, theirs = network.players()
    assert {id(weight) for weight in theirs} == {id(weight) for weight in made.opponent.parameters()}
    assert {id(weight) for weight in ours} | {id(weight) for weight in theirs} == {
        id(weight) for weight in made.parameters()
    }
    values = network([pictures(), torch.zeros(8, dtype=torch.bool), torch.arange(8)])
    values[0].backward(inputs=ours, retain_graph=True)
    assert all(weight.grad is None for weight in theirs)
    assert all(weight.grad.abs().sum() > 0 for weight in ours)
    kept = [weight.grad.clone() for weight in ours]
    values[1].backward(inputs=theirs)
    assert all(torch.equal(weight.grad, gradient) for weight, gradient in zip(ours, kept, strict=True))
    assert all(weight.grad.abs().sum() > 0 for weight in theirs)


def blobs(count: int) -> Tensor:
    """Pictures uint8 of two blobs, in one of two corners each and of a random brightness."""
    draw = torch.Generator().manual_seed(0)
    place = torch.arange(18)
    made = torch.full((count, 18, 18), -0.8)
    for start in (4, 13):
        bright = torch.rand(count, 1, 1, generator=draw)
        column = torch.where(torch.rand(count, 1, 1, generator=draw) < 0.5, 4, 13)
        distance = (place[:, None] - start) ** 2 + (place - column) ** 2
        made += 1.6 * bright * (-distance / 8).exp()
    return ((made.clamp(-1, 1)[:, None].expand(-1, 3, -1, -1) + 1) * 127.5).round().to(torch.uint8)


def test_it_learns_to_code_what_it_draws(tmp_path):
    torch.manual_seed(0)
    facts = {"size": 18, "samples": 256, "batch_size": 16, "steps": 150}
    settings = {"codes": 1, "width": 4, "statistics": 1}
    made = method.create("bigan", backbones.create("bigan_encoder_32?width=6"), settings, **facts)
    noise = torch.empty(256, 1).uniform_(-1, 1, generator=torch.Generator().manual_seed(5))

    @torch.no_grad()
    def distance() -> float:
        """Of codes from what the encoder finds in their pictures."""
        maps = made.train().backbone.forward_features(made.generator(noise))
        return (2 * made.encode(maps.flatten(1)).sigmoid() - 1 - noise).abs().mean().item()

    before = distance()
    history = training.fit(
        made,
        training.Data(training.Part(blobs(256), None), None, 0),
        prepare=lambda images: images.float() / 127.5 - 1,
        batch_size=16,
        steps=150,
        seed=0,
        device="cpu",
        resume=Resume(tmp_path / "state", {}),
        checkpoint_steps=1000,
        **RATES | {"learning_rate": 5e-4, "last_learning_rate": 5e-6},
    )
    assert distance() < 0.75 * before
    assert all(0.3 <= value <= 2 for name in ("loss", "opponent") for value in history[name])


def run(folder: Path, *, checkpoint_steps: int = 30) -> tuple[bytes, bytes]:
    """A backbone and its history."""
    plan = {"method": "bigan", "dataset": "digits", "profile": "tiny", "seed": 0, "images": 100}
    plan |= {"training": {"size": 18, "steps": 20, "batch_size": 8} | RATES, "settings": SMALL}
    output, history = folder / "tiny.safetensors", folder / "tiny.history.json"
    pretrain.main(
        DIGITS,
        output,
        history,
        model="tiny",
        arch="bigan_encoder_32?width=6",
        normalisation="half",
        source="pretrain:method=bigan&dataset=digits&profile=tiny&seed=0",
        plan=plan,
        task="recognition",
        facts=RECOGNITION,
        split_seed=0,
        version=1,
        device="cpu",
        threads=1,
        checkpoint_steps=checkpoint_steps,
    )
    return output.read_bytes(), history.read_bytes()


def test_a_killed_training_ends_as_one_that_was_not(tmp_path, monkeypatch):
    whole = run(tmp_path / "whole")
    saved = Resume.save_training

    def save_and_die(resume, state):
        saved(resume, state)
        raise KeyboardInterrupt

    monkeypatch.setattr(Resume, "save_training", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, checkpoint_steps=13)
    monkeypatch.undo()
    assert run(tmp_path) == whole
    history = json.loads(whole[1])
    assert len(history["opponent"]) == len(history["loss"]) == 20
    assert history["opponent"][0] == pytest.approx(math.log(2), abs=1e-6)
    network, _ = backbones.load(tmp_path / "tiny.safetensors")
    assert network(pictures(2)).shape == (2, 16)


def test_the_figure_shows_the_opponents_loss():
    told = {"method": "bigan", "dataset": "digits", "arch": "bigan_encoder", "steps": 8, "window": 4}
    told |= {"loss": [0.7, 0.9], "opponent": [0.7, 0.5], "accuracy": [0.5, 0.7]}
    told |= {"linear": [0.1, 0.2], "mlp": [0.1, 0.2], "val": {"linear": 0.2, "mlp": 0.2}}
    figure = draw([told], READY, {"font_size": 8, "dpi": 72})
    assert [line.get_ydata().tolist() for line in figure.axes[0].lines] == [[0.7, 0.9], [0.7, 0.5]]


def test_statistics_are_means_over_batches_after_the_training():
    made, batches = build().eval(), [pictures(seed=seed) for seed in range(9)]
    seen, given = [], iter(batches)
    made.backbone.conv2[0].register_forward_hook(lambda layer, inputs, output: seen.append(output))
    with torch.no_grad():
        made.finish(given)
    assert len(list(given)) == 6  # of which three are taken
    norm = made.backbone.conv2[1]
    torch.testing.assert_close(norm.running_mean, torch.stack([x.mean((0, 2, 3)) for x in seen]).mean(0))
    torch.testing.assert_close(norm.running_var, torch.stack([x.var((0, 2, 3)) for x in seen]).mean(0))
    assert norm.momentum == 0.1
    assert not made.backbone.training


def test_windows_are_at_random_places_of_their_images():
    images = torch.arange(400.0).view(400, 1, 1, 1) * 1000 + torch.arange(81.0).view(1, 1, 9, 9)
    torch.manual_seed(0)
    found = bigan.windows(images, 8)
    first = found[:, 0, 0, 0] - torch.arange(400.0) * 1000
    assert set(first.tolist()) == {0, 1, 9, 10}
    assert torch.bincount(first.long(), minlength=11)[[0, 1, 9, 10]].min() > 60
    expected = torch.arange(8.0)[:, None] * 9 + torch.arange(8.0)
    assert torch.equal(found[:, 0] - found[:, :1, 0, :1], expected.expand(400, 8, 8))


def test_gains_alone_have_no_weight_decay():
    made = build()
    (group,) = made.groups()
    assert group["weight_decay"] == 0
    assert all((weight == 1).all() and weight.ndim == 1 for weight in group["params"])
    assert len(group["params"]) == 4 + 2 + 1


def test_the_networks_have_the_papers_parameters():
    torch.manual_seed(0)
    facts = {"size": 72, "samples": 100, "batch_size": 8, "steps": 10}
    made = method.create("bigan", backbones.create("bigan_encoder"), {}, **facts)
    filters = 3 * 96 * 121 + 48 * 256 * 25 + 256 * 384 * 9 + 192 * 384 * 9 + 192 * 256 * 9
    assert parameters(made.backbone) == filters + 2 * (256 + 384 + 384 + 256) == 2_335_264
    assert parameters(made.encode) == 256 * 4 * 4 * 200
    maps = 25 * (512 * 256 + 256 * 128 + 128 * 64)
    inner = 200 * (256 + 128 + 64) + 2 * (256 + 128 + 64)
    assert parameters(made.generator) == 202 * 8192 + maps + inner + 25 * 64 * 3
    inner = 202 * (128 + 256 + 512)
    assert parameters(made.opponent) == 25 * 3 * 64 + 25 * (64 * 128 + 128 * 256 + 256 * 512) + inner + 8192
    assert made.generator.layers[0].code.weight.std().item() == pytest.approx(0.5, rel=0.05)
    assert made.opponent.layers[0].code.weight.std().item() == pytest.approx(0.5, rel=0.05)
    for weight in (made.encode.weight, made.generator.draw.weight, made.opponent.first[0].weight):
        assert weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert (made.opponent.score.weight == 0).all()
    drawn = made.generator(torch.zeros(2, 200))
    assert drawn.shape == (2, 3, 64, 64)
    assert drawn.abs().max() <= 1


@pytest.mark.parametrize(
    ("arch", "size", "sides"),
    [
        ("bigan_encoder?width=6", 64, (16, 8, 4, 4, 4)),
        ("bigan_encoder?width=6", 224, (56, 28, 14, 14, 14)),
        ("bigan_encoder_32?width=6", 32, (16, 8, 4, 4, 4)),
    ],
)
def test_the_encoders_taps_follow_the_leaky_relus(arch, size, sides):
    torch.manual_seed(0)
    network, seen = backbones.create(arch).eval(), []
    for name in ("conv1", "conv2", "conv3", "conv4", "conv5"):
        layer = getattr(network, name)
        assert isinstance(layer[-1], nn.LeakyReLU)
        layer[-1].register_forward_hook(lambda module, inputs, output: seen.append(output.clone()))
    last, maps = network.forward_intermediates(pictures(2, size))
    assert [one.shape for one in maps] == [
        (2, channels, side, side) for channels, side in zip((6, 16, 24, 24, 16), sides, strict=True)
    ]
    assert all(map(torch.equal, maps, seen))
    assert torch.equal(last, maps[-1])
    torch.testing.assert_close(network(pictures(2, size)), last.mean((2, 3)))
    assert [one["num_chs"] for one in network.feature_info] == [6, 16, 24, 24, 16]
    assert [size // one["reduction"] for one in network.feature_info] == list(sides)
    assert (maps[-1] < 0).any()
    assert [layer.groups for layer in network.modules() if isinstance(layer, nn.Conv2d)] == [1, 2, 1, 2, 2]
    assert all(layer.bias is None for layer in network.modules() if isinstance(layer, nn.Conv2d))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"size": 64}, "of 64 pixels that is no power of 2 from 16 on"),
        ({"size": 27}, "of 27 pixels that is no power of 2"),
        ({"size": 9}, "of 9 pixels that is no power of 2"),
        ({"arch": "bigan_encoder?width=8"}, "width=8 is no multiple of 6"),
    ],
)
def test_what_it_cannot_take_is_said(change, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        build(**change)
    assert "\n" not in str(caught.value)


def test_images_of_another_range_are_refused():
    with pytest.raises(InputError, match="write half into the column normalisation"):
        build()(2 * pictures(), torch.arange(8))


def test_the_rate_is_held_and_then_falls_exponentially():
    recipe = optimisation(steps=10, **RATES | {"hold": 0.6})
    optimiser, rates = recipe["optimiser"]([nn.Parameter(torch.zeros(1))]), []
    schedule = recipe["schedule"](optimiser)
    for _ in range(10):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    assert rates == pytest.approx([2e-3] * 6 + [2e-3 * 0.01 ** (place / 4) for place in (1, 2, 3, 4)])
    assert optimiser.param_groups[0]["betas"] == (0.5, 0.999)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"hold": 0.5, "last_learning_rate": 0}, r"small\.hold: .* has to be above 0"),
        ({"hold": 0.5, "milestones": [9]}, "small: milestones and hold exclude each other"),
        (
            {"sgd": {"momentum": 0.9, "nesterov": True}, "methods": {"bigan": {"betas": [0.5, 0.9]}}},
            r"small\.methods\.bigan: sgd and betas exclude each other",
        ),
    ],
)
def test_rates_that_do_not_fit_are_named(change, sentence):
    profile = CONFIGURED["pretrain"]["small"] | change
    with pytest.raises(InputError, match=f"key pretrain\\.{sentence}"):
        configuration.check_pretraining({"small": profile}, None, None)


@pytest.mark.parametrize("name", ["alexnet", "cpu-size"])
def test_the_profiles_are_adams_and_the_papers(name):
    configuration.check_config(CONFIGURED, SCHEMAS / "config.schema.yaml")
    source = f"pretrain:method=bigan&dataset=scenes&profile={name}&seed=0"
    plan = configuration.pretraining(CONFIGURED["pretrain"], source)
    rates = {key: plan["training"][key] for key in plan["training"] if key not in ("size", "batch_size")}
    optimiser = optimisation(**rates)["optimiser"]([nn.Parameter(torch.zeros(1))])
    assert isinstance(optimiser, torch.optim.Adam)
    assert (rates["learning_rate"], rates["last_learning_rate"], rates["hold"]) == (2e-4, 2e-6, 0.5)
    facts = {"samples": 100, "batch_size": 8, "steps": 10, "size": plan["training"]["size"]}
    arch = {"alexnet": "bigan_encoder?width=6", "cpu-size": "bigan_encoder_32?width=6"}[name]
    made = method.create("bigan", backbones.create(arch), {"width": 1} | plan["settings"], **facts)
    assert made.side == {"alexnet": 64, "cpu-size": 32}[name]
