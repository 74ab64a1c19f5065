"""Today's self-supervised methods: losses by the papers' formulas, moving averages, queues, exact states."""

import math
import sys
from copy import deepcopy
from importlib import import_module

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from transferscope.errors import InputError
from transferscope.models import backbones
from transferscope.pretraining import method
from transferscope.pretraining.method import Method
from transferscope.pretraining.parts.average import MovingAverage
from transferscope.pretraining.parts.views import matched
from transferscope.training.memory import Batches

BATCH, SIZE, SAMPLES, STEPS = 16, 16, 256, 30
NARROW = {
    "simclr": {"temperature": 0.5, "hidden": 64, "outputs": 16},
    "moco": {"queue": 96, "hidden": 64, "outputs": 16, "momentum": 0.9},
    "byol": {"hidden": 64, "outputs": 16, "momentum": 0.9},
    "simsiam": {"hidden": 64, "outputs": 32, "bottleneck": 16},
    "barlow_twins": {"hidden": 64, "outputs": 32},
    "vicreg": {"hidden": 64, "outputs": 32},
    "dino": {"hidden": 64, "bottleneck": 16, "outputs": 32, "momentum": 0.9, "frozen": 0.0},
    "mae": {"decoder_width": 32, "decoder_depth": 1, "decoder_heads": 2},
}
VIT = "test_vit?img_size=16&patch_size=4"
ARCHS = {"mae": VIT, "dino": "test_efficientnet"}
AVERAGES = ["moco", "byol", "dino"]


def build(name: str, arch: str | None = None, *, seed: int = 0, size: int = SIZE, **settings) -> Method:
    torch.manual_seed(seed)
    backbone = backbones.create(arch or ARCHS.get(name, "selfstudy_resnet9?width=4"))
    backbones.take_colour(backbone)
    return around(name, backbone, size=size, **settings)


def around(name: str, backbone: nn.Module, *, size: int, **settings) -> Method:
    facts = {"size": size, "samples": SAMPLES, "batch_size": BATCH, "steps": STEPS}
    return method.create(name, backbone, NARROW[name] | settings, **facts).train()


class Flat(nn.Module):
    """Features that are the pixels, as the scale is 1."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        return self.scale * images.flatten(1)


def flat(name: str, **settings) -> tuple[Method, Tensor]:
    """A method on pixels, and two views of random ones."""
    torch.manual_seed(3)
    return around(name, Flat(), size=2, **settings), torch.randn(2 * BATCH, 3, 2, 2)


def views_of(outputs: Tensor) -> tuple[Tensor, Tensor]:
    return outputs[:BATCH], outputs[BATCH:]


@pytest.fixture(scope="module")
def digits() -> Tensor:
    images = torch.from_numpy(load_digits().images[:SAMPLES]).float()[:, None] * 15
    return nn.functional.interpolate(images, size=(SIZE, SIZE)).to(torch.uint8).expand(-1, 3, -1, -1)


def batches(pictures: Tensor, trained: Method) -> Batches:
    return Batches(
        pictures,
        prepare=lambda images: images.float() / 127.5 - 1,
        augment=trained.augment,
        batch_size=BATCH,
        steps=STEPS,
        seed=0,
        device="cpu",
        views=trained.views,
    )


def optimiser_of(trained: Method) -> torch.optim.Optimizer:
    return torch.optim.Adam([each for each in trained.parameters() if each.requires_grad], lr=1e-3)


def step(trained: Method, optimiser: torch.optim.Optimizer, batch: list[Tensor]) -> method.Outcome:
    images, _, indices = batch
    outcome = trained(images, indices)
    optimiser.zero_grad()
    outcome.loss.backward()
    optimiser.step()
    return outcome


@pytest.mark.parametrize("name", NARROW)
def test_the_loss_falls_and_the_backbone_is_what_it_was_but_for_its_weights(name, digits):
    trained = build(name)
    before = {key: tensor.clone() for key, tensor in backbones.weights(trained.backbone).items()}
    optimiser, losses = optimiser_of(trained), []
    batch = batches(digits, trained).batch(0)
    for _ in range(STEPS):
        outcome = step(trained, optimiser, batch)
        losses.append(outcome.loss.item())
        assert outcome.features.shape == (BATCH, trained.width)
        assert outcome.accuracy is None or 0 <= outcome.accuracy <= 1
    begin, end = sum(losses[6:11]), sum(losses[-5:])  # from when MoCo's queue has been filled
    assert end < begin - 0.05 * abs(begin)
    after = backbones.weights(trained.backbone)
    assert set(after) == set(backbones.weights(build(name).backbone))
    moved = [key for key in after if not torch.equal(after[key], before[key])]
    assert len(moved) > 0.8 * len(after)


@pytest.mark.parametrize("name", NARROW)
def test_a_run_that_goes_on_from_its_state_takes_the_same_step(name, digits):
    first = build(name)
    optimiser = optimiser_of(first)
    draw = batches(digits, first)
    for number in range(3):
        step(first, optimiser, draw.batch(number))
    second = build(name, seed=1)
    second.load_state_dict(first.state_dict())
    other = optimiser_of(second)
    other.load_state_dict(deepcopy(optimiser.state_dict()))
    losses = []
    for trained, its_optimiser in ((first, optimiser), (second, other)):
        torch.manual_seed(5)
        losses.append(step(trained, its_optimiser, draw.batch(3)).loss)
    assert torch.equal(*losses)
    there = second.state_dict()
    assert all(torch.equal(tensor, there[key]) for key, tensor in first.state_dict().items())


@pytest.mark.parametrize("name", NARROW)
def test_losses_are_computed_in_float32(name, digits):
    trained = build(name)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outcome = step(trained, optimiser_of(trained), batches(digits, trained).batch(0))
    assert outcome.loss.dtype == torch.float32
    assert outcome.loss.isfinite()


@pytest.mark.parametrize("name", sorted(NARROW.keys() - {"mae"}))
def test_features_are_those_of_the_first_view(name):
    trained, images = flat(name)
    torch.testing.assert_close(trained(images, torch.arange(BATCH)).features, images[:BATCH].flatten(1))


def test_simclr_tells_a_view_from_all_others():
    trained, images = flat("simclr")
    outcome = trained(images, torch.arange(BATCH))
    outputs = nn.functional.normalize(trained.head(images.flatten(1)))
    total = 0.0
    for own in range(2 * BATCH):
        similar = (outputs @ outputs[own] / 0.5).exp()
        partner = (own + BATCH) % (2 * BATCH)
        total -= torch.log(similar[partner] / (similar.sum() - similar[own]))
    torch.testing.assert_close(outcome.loss, total / (2 * BATCH))


def test_barlow_twins_correlates_outputs():
    trained, images = flat("barlow_twins", redundancy=0.1)
    outcome = trained(images, torch.arange(BATCH))
    first, second = (
        (view - view.mean(0)) / view.std(0, correction=0)
        for view in views_of(trained.head(images.flatten(1)))
    )
    correlation = first.T @ second / BATCH
    off = correlation - correlation.diag().diag()
    expected = ((1 - correlation.diag()) ** 2).sum() + 0.1 * (off**2).sum()
    torch.testing.assert_close(outcome.loss, expected, rtol=1e-3, atol=0)


def test_vicreg_has_its_three_terms():
    weights = {"invariance": 3.0, "variance": 5.0, "covariance": 7.0}
    trained, images = flat("vicreg", **weights)
    outcome = trained(images, torch.arange(BATCH))
    views = views_of(trained.head(images.flatten(1)))
    expected = 3 * ((views[0] - views[1]) ** 2).mean()
    for view in views:
        expected = expected + 5 / 2 * (1 - (view.var(0) + 1e-4).sqrt()).clamp(min=0).mean()
        covariance = view.T.cov()
        expected = expected + 7 * (covariance.pow(2).sum() - covariance.diag().pow(2).sum()) / len(covariance)
    torch.testing.assert_close(outcome.loss, expected)


def minus_cosine(first: Tensor, second: Tensor) -> Tensor:
    return -(nn.functional.normalize(first) * nn.functional.normalize(second)).sum(1).mean()


def test_simsiam_passes_no_gradient_to_what_is_predicted():
    trained, images = flat("simsiam")
    trained(images, torch.arange(BATCH)).loss.backward()
    found = trained.head.layers[0].weight.grad.clone()
    trained.zero_grad()
    outputs = trained.head(images.flatten(1))
    (first, second), predictions = views_of(outputs.detach()), views_of(trained.predictor(outputs))
    expected = (minus_cosine(predictions[0], second) + minus_cosine(predictions[1], first)) / 2
    torch.testing.assert_close(trained(images, torch.arange(BATCH)).loss, expected)
    expected.backward()
    torch.testing.assert_close(trained.head.layers[0].weight.grad, found)


def test_byol_predicts_the_average():
    trained, images = flat("byol")
    with torch.no_grad():  # the average is another network
        trained.average.networks[1].layers[0].weight += 0.3
    outcome = trained(images, torch.arange(BATCH))
    first, second = views_of(trained.average(images))
    predictions = views_of(trained.predictor(trained.head(images.flatten(1))))
    expected = (minus_cosine(predictions[0], second) + minus_cosine(predictions[1], first)) / 2
    torch.testing.assert_close(outcome.loss, expected)


def test_moco_tells_keys_from_a_queue_and_queues_them():
    trained, images = flat("moco", queue=3 * BATCH)
    bank = trained.loss.memory_bank
    with torch.no_grad():
        trained.average.networks[1].layers[0].weight += 0.3
    for number in range(4):
        before = bank.bank.clone()
        outcome = trained(images, torch.arange(BATCH))
        queries = nn.functional.normalize(trained.head(images[:BATCH].flatten(1)))
        keys = nn.functional.normalize(trained.average(images[BATCH:]))
        expected = 0.0
        for query, key in zip(queries, keys, strict=True):
            logits = torch.cat([(query @ key)[None], before @ query]) / 0.2
            expected -= logits.log_softmax(0)[0] / BATCH
        torch.testing.assert_close(outcome.loss, expected)
        place = slice(number % 3 * BATCH, (number % 3 + 1) * BATCH)
        torch.testing.assert_close(bank.bank[place], keys)
        before[place] = bank.bank[place]
        assert torch.equal(bank.bank, before)
    assert "loss.memory_bank.bank" in trained.state_dict()


def test_keys_of_moco_are_computed_in_shuffled_parts():
    trained = build("moco", parts=4)
    seen = []
    trained.average.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    images = torch.randn(2 * BATCH, 3, SIZE, SIZE)
    trained(images, torch.arange(BATCH))
    assert [len(part) for part in seen] == [BATCH // 4] * 4
    assert not torch.equal(torch.cat(seen), images[BATCH:])


def test_dino_centres_and_sharpens_the_average():
    trained, images = flat("dino")
    with torch.no_grad():
        trained.average.networks[1].layers[0].weight += 0.3
    centre = torch.zeros(32)
    for _ in range(2):
        outcome = trained(images, torch.arange(BATCH))
        students = views_of((trained.head(images.flatten(1)) / 0.1).log_softmax(1))
        outputs = trained.average(images)
        teachers = views_of(((outputs - centre) / 0.04).softmax(1))
        expected = -((teachers[0] * students[1]).sum(1) + (teachers[1] * students[0]).sum(1)).mean() / 2
        torch.testing.assert_close(outcome.loss, expected)
        centre = 0.9 * centre + 0.1 * outputs.mean(0)
        torch.testing.assert_close(trained.loss.center.flatten(), centre)


def test_dino_gives_the_average_whole_views_alone():
    trained = build("dino", size=32, local_views=3)
    assert trained.views == 5
    sides = {"backbone": [], "average": []}
    trained.backbone.register_forward_pre_hook(lambda module, args: sides["backbone"].append(args[0].shape))
    trained.average.register_forward_pre_hook(lambda module, args: sides["average"].append(args[0].shape))
    outcome = trained(torch.randn(5 * 4, 3, 32, 32), torch.arange(4))
    assert sides == {"backbone": [(8, 3, 32, 32), (12, 3, 16, 16)], "average": [(8, 3, 32, 32)]}
    assert outcome.features.shape == (4, trained.width)
    with pytest.raises(InputError, match="local_views to 0"):
        build("dino", f"{VIT}&dynamic_img_size=False", local_views=1)
    assert build("dino", f"{VIT}&dynamic_img_size=True", local_views=1).views == 3


def test_the_last_layer_of_dino_stays_for_a_pass(digits):
    trained = build("dino", frozen=0.125)  # of 16 steps
    optimiser, draw = optimiser_of(trained), batches(digits, trained)
    start = trained.head.last_layer.weight_v.clone()
    for number in range(3):
        step(trained, optimiser, draw.batch(number))
        assert torch.equal(trained.head.last_layer.weight_v, start) == (number < 2)


@pytest.mark.parametrize("name", AVERAGES)
def test_an_average_follows_the_network_of_the_last_step(name, digits):
    trained = build(name)
    averages = list(trained.average.networks.parameters())
    networks = [*trained.backbone.parameters(), *trained.head.parameters()]
    assert not any(average.requires_grad for average in averages)
    optimiser, draw = optimiser_of(trained), batches(digits, trained)
    step(trained, optimiser, draw.batch(0))
    before = [average.clone() for average in averages]
    now = [weight.detach().clone() for weight in networks]
    assert not all(map(torch.equal, before, now))
    trained.average.step.fill_(20)
    step(trained, optimiser, draw.batch(1))
    last = 0.9 if name == "moco" else 1.0
    momentum = last - (last - 0.9) * (1 + math.cos(math.pi * 20 / (STEPS - 1))) / 2
    for average, old, weight in zip(averages, before, now, strict=True):
        torch.testing.assert_close(average.detach(), momentum * old + (1 - momentum) * weight)
    trained.eval()
    trained(draw.batch(2)[0], torch.arange(BATCH))
    assert trained.average.step == 21


def test_the_momentum_rises_to_its_last_value():
    network = nn.Linear(1, 1, bias=False)
    average = MovingAverage(network, momentum=0.5, last=1.0, steps=3)
    nn.init.constant_(average.networks[0].weight, 0.0)
    nn.init.constant_(network.weight, 1.0)
    values = []
    for _ in range(3):
        average.follow(network)
        values.append(average.networks[0].weight.item())
    assert values == pytest.approx([0.5, 0.625, 0.625])


def masked(trained: Method, seed: int) -> Tensor:
    """Which patches are not seen, bool [B, 16]."""
    torch.manual_seed(seed)
    order = torch.rand(BATCH, 16).argsort(1)
    return torch.zeros(BATCH, 16).scatter(1, order[:, trained.seen :], 1).bool()


def predict_nothing(trained: Method) -> None:
    nn.init.zeros_(trained.predict.weight)
    nn.init.zeros_(trained.predict.bias)


def test_mae_is_scored_on_patches_that_it_does_not_see():
    patches = torch.arange(16.0).view(4, 4)
    images = patches.repeat_interleave(4, 0).repeat_interleave(4, 1).expand(BATCH, 3, -1, -1)
    trained = build("mae", normalised=False)
    predict_nothing(trained)
    unseen = masked(trained, 7)
    torch.manual_seed(7)
    outcome = trained(images, torch.arange(BATCH))
    assert unseen.sum(1).eq(12).all()
    torch.testing.assert_close(outcome.loss, (patches.flatten() ** 2).expand(BATCH, -1)[unseen].mean())
    shown = unseen.view(BATCH, 1, 4, 4).repeat_interleave(4, 2).repeat_interleave(4, 3)
    for changed, same in ((torch.where(shown, 9.0, images), True), (torch.where(shown, images, 9.0), False)):
        torch.manual_seed(7)
        features = trained(changed, torch.arange(BATCH)).features
        assert torch.allclose(features, outcome.features) == same


def test_mae_puts_its_mask_token_where_nothing_is_seen():
    trained, sequences = build("mae"), []
    trained.decoder.register_forward_pre_hook(lambda module, args: sequences.append(args[0]))
    images, unseen = torch.randn(BATCH, 3, SIZE, SIZE), masked(trained, 7)
    torch.manual_seed(7)
    trained(images, torch.arange(BATCH))
    token = (sequences[0] == trained.decoder.mask_token).all(2)
    assert not token[:, 0].any()
    assert torch.equal(token[:, 1:], unseen)


def test_patches_of_mae_have_mean_0_and_variance_1():
    trained = build("mae")
    predict_nothing(trained)
    outcome = trained(3 + 5 * torch.randn(BATCH, 3, SIZE, SIZE), torch.arange(BATCH))
    assert outcome.loss.item() == pytest.approx(1 - 1 / 48, abs=1e-5)


@pytest.mark.parametrize(
    "arch",
    [
        "test_vit2?img_size=32",
        "test_vit3?img_size=32",
        "test_vit4?img_size=32",
        "vit_tiny_patch16_224?img_size=32&no_embed_class=True&depth=1",
    ],
)
def test_mae_takes_vision_transformers_with_any_tokens_before_the_patches(arch):
    trained = build("mae", arch, size=32, masked=0.5)
    assert trained(torch.randn(4, 3, 32, 32), torch.arange(4)).loss.isfinite()


def test_networks_and_settings_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="EfficientNet is none; choose an arch of timm's VisionTransformer"):
        build("mae", "test_efficientnet")
    with pytest.raises(InputError, match="mae would see 0 of 16 patches"):
        build("mae", masked=0.99)
    with pytest.raises(InputError, match="queue of 257 views is longer than the training set of 256"):
        build("moco", queue=257)
    with pytest.raises(
        InputError, match="no setting 'temprature', only hidden, outputs, temperature; correct"
    ):
        build("simclr", temprature=1.0)


def test_views_are_matched_by_the_most_similar():
    first = torch.eye(4)
    assert matched(first, 3 * first) == 1
    assert matched(first, first[[1, 0, 2, 3]]) == 0.5
    assert matched(torch.ones(4, 2), torch.ones(4, 2)) == 0.25


def test_without_the_package_one_sentence_says_how_to_get_it(monkeypatch):
    here = "transferscope.pretraining"
    for name in (f"{here}.simclr", f"{here}.parts.views", f"{here}.parts.lightly"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "lightly", None)
    with pytest.raises(
        InputError, match=r"needs the package lightly .*`make .venv/lightly.done` installs it"
    ):
        import_module(f"{here}.simclr")
