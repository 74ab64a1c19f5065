"""Pretraining methods: losses against direct loops, banks, turns, parameter counts, and what they refuse."""

import math

import pytest
import torch
from torch import Tensor, nn

from transferscope.errors import InputError
from transferscope.models import backbones
from transferscope.pretraining import amdim, method, rotation, vae

FACTS = {"size": 32, "samples": 12, "batch_size": 4, "steps": 10}


def network(arch: str) -> nn.Module:
    torch.manual_seed(0)
    module = backbones.create(arch)
    backbones.take_colour(module)
    return module


def flat(width: int) -> nn.Module:
    """A backbone that is nearly nothing."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, width))


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def parameters(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def contrast_by_loops(sources: Tensor, targets: Tensor, clip: float) -> tuple[float, float]:
    """The loss and the penalty, as section 5 of the specification has them."""
    count, width, places = targets.shape

    def raw(b: int, j: int, place: int) -> float:
        return float(sources[b] @ targets[j, :, place]) / math.sqrt(width)

    def clipped(*at: int) -> float:
        return clip * math.tanh(raw(*at) / clip)

    loss = penalty = 0.0
    for b in range(count):
        for place in range(places):
            others = [clipped(b, j, other) for j in range(count) if j != b for other in range(places)]
            right = math.exp(clipped(b, b, place))
            loss -= math.log(right / (right + sum(map(math.exp, others)))) / (count * places)
            penalty += sum(raw(b, j, place) ** 2 for j in range(count))
    return loss, 0.05 * penalty / (count * count * places)


def test_amdims_loss_is_that_of_direct_loops():
    sources, targets = 3 * normal(4, 6), 3 * normal(4, 6, 5, seed=1)
    for clip in (1.5, 30.0):
        loss, penalty, accuracy = amdim.contrast(sources, targets, clip)
        expected = contrast_by_loops(sources, targets, clip)
        assert (loss.item(), penalty.item()) == pytest.approx(expected, abs=1e-6)
    scores = torch.einsum("bd,jdl->bjl", sources, targets)
    above = [
        scores[b, b, place] > max(scores[b, j].max() for j in range(4) if j != b)
        for b in range(4)
        for place in range(5)
    ]
    assert accuracy.item() == pytest.approx(sum(above).item() / len(above))


def test_a_view_is_predicted_from_its_feature_and_one_of_its_places():
    source = amdim.View(normal(4, 6), normal(4, 6, 4, seed=1), normal(4, 6, 9, seed=2))
    target = amdim.View(normal(4, 6, seed=3), normal(4, 6, 4, seed=4), normal(4, 6, 9, seed=5))
    torch.manual_seed(0)
    loss, _ = amdim.predict(source, target, 30)
    torch.manual_seed(0)
    drawn = torch.randint(4, (4, 1, 1)).flatten()
    assert len(set(drawn.tolist())) > 1
    place = torch.stack([source.places_5[b, :, drawn[b]] for b in range(4)])
    expected = (
        sum(contrast_by_loops(source.feature, target.places_5, 30))
        + sum(contrast_by_loops(source.feature, target.places_7, 30))
        + sum(contrast_by_loops(place, target.places_5, 30))
    )
    assert loss.item() == pytest.approx(expected, abs=1e-6)


def test_amdims_loss_is_the_same_for_images_in_another_order():
    sources, targets, order = normal(4, 6), normal(4, 6, 5, seed=1), [2, 0, 3, 1]
    one, other = amdim.contrast(sources, targets, 30), amdim.contrast(sources[order], targets[order], 30)
    torch.testing.assert_close(one, other)


def test_amdims_loss_without_features_is_chance():
    loss, penalty, accuracy = amdim.contrast(torch.zeros(4, 6), torch.zeros(4, 6, 5), 30)
    assert loss.item() == pytest.approx(math.log(1 + 3 * 5), abs=1e-6)
    assert penalty == accuracy == 0


def test_amdim_takes_both_views_of_each_image_in_one_batch():
    made = method.create("amdim", network("selfstudy_resnet9?width=4"), {}, **FACTS)
    images = torch.randn(2 * 4, 3, 32, 32)
    torch.manual_seed(0)
    outcome = made(images, torch.arange(4))
    outcome.loss.backward()
    assert outcome.features.shape == (4, 16)
    assert made.finer.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("arch", ["resnet10t", "test_efficientnet"])
def test_amdim_takes_the_last_maps_that_timm_names(arch):
    made = method.create("amdim", network(arch), {}, **FACTS)
    made.backbone(torch.randn(2, 3, 32, 32))  # as the read-out does, between batches
    outcome = made(torch.randn(8, 3, 32, 32), torch.arange(4))
    assert outcome.features.shape == (4, made.width)
    assert torch.isfinite(outcome.loss)


def test_cmcs_loss_is_that_of_direct_loops_and_its_banks_are_moved():
    torch.manual_seed(0)
    settings = {"negatives": 5, "momentum": 0.4, "temperature": 0.07}
    made = method.create("cmc", network("selfstudy_cmc_resnet9?width=2"), settings, **FACTS).double()
    images, indices = torch.randn(4, 3, 32, 32).double(), torch.tensor([3, 1, 7, 2])
    before = {"luminance": made.luminance.clone(), "colours": made.colours.clone()}
    half = made.width // 2
    assert all(bank.shape == (12, half) and bank.abs().max() <= (3 / half) ** 0.5 for bank in before.values())
    torch.manual_seed(1)
    outcome = made(images, indices)
    torch.manual_seed(1)
    rows = torch.cat([indices[:, None], torch.randint(12, (4, 5))], dim=1)
    own = dict(zip(before, outcome.features.detach().chunk(2, dim=1), strict=True))
    expected = 0.0
    for name, other in (("luminance", "colours"), ("colours", "luminance")):
        for b in range(4):
            scores = [float(before[other][row] @ own[name][b]) / 0.07 for row in rows[b]]
            expected -= (scores[0] - math.log(sum(map(math.exp, scores)))) / 4
    assert outcome.loss.item() == pytest.approx(expected, abs=1e-6)
    for name, bank in before.items():
        after, unseen = getattr(made, name), [row for row in range(12) if row not in indices]
        assert torch.equal(after[unseen], bank[unseen])
        torch.testing.assert_close(after[indices].norm(dim=1), torch.ones(4).double())
        moved = 0.4 * bank[indices] + 0.6 * own[name]
        torch.testing.assert_close(after[indices], moved / moved.norm(dim=1, keepdim=True))


def test_cmcs_loss_with_empty_banks_is_chance_and_gradients_reach_both_branches():
    made = method.create("cmc", network("selfstudy_cmc_resnet9?width=2"), {"negatives": 7}, **FACTS)
    indices = torch.arange(4)
    for bank in (made.luminance, made.colours):
        bank.zero_()
    assert made(torch.randn(4, 3, 32, 32), indices).loss.item() == pytest.approx(2 * math.log(8), abs=1e-6)
    made(torch.randn(4, 3, 32, 32), indices).loss.backward()
    assert all(branch.fc.weight.grad.abs().sum() > 0 for branch in made.backbone.branches)


def test_in_evaluation_cmcs_banks_stay():
    made = method.create("cmc", network("selfstudy_cmc_resnet9?width=2"), {"negatives": 7}, **FACTS).eval()
    before = made.colours.clone()
    made(torch.randn(4, 3, 32, 32), torch.arange(4))
    assert torch.equal(made.colours, before)


def test_the_vaes_loss_of_an_image_does_not_depend_on_the_batch():
    drawn, images = normal(8, 3, 4, 4), normal(8, 3, 4, 4, seed=1)
    mean, log_variance = normal(8, 6, seed=2), normal(8, 6, seed=3)
    whole = vae.losses(drawn, images, mean, log_variance, 5.12e-3)
    parts = [
        vae.losses(*(part[b : b + 2] for part in (drawn, images, mean, log_variance)), 5.12e-3)
        for b in range(0, 8, 2)
    ]
    torch.testing.assert_close(torch.cat(parts), whole)
    # The authors' weight is 1e-5 at 512 images, and their divergence a sum over the batch.
    divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
    expected = nn.functional.mse_loss(drawn, images) + 1e-5 * 512 / 8 * divergence
    torch.testing.assert_close(whole.mean(), expected)


def test_the_vae_draws_larger_images_reduced_by_nearest_neighbour():
    images = normal(2, 3, 8, 8)
    code = torch.zeros(2, 6, dtype=torch.float64)
    assert vae.losses(images[:, :, ::2, ::2], images, code, code, 1.0).tolist() == [0, 0]


def test_the_vae_draws_its_code_at_random():
    made = method.create("vae", flat(16), {"output": 32}, **FACTS)
    images = torch.randn(4, 3, 32, 32)
    assert made(images, torch.arange(4)).loss != made(images, torch.arange(4)).loss
    assert made(images, torch.arange(4)).accuracy is None
    assert not made.augment.cutout


def test_four_quarter_turns_are_none_and_all_are_equally_frequent():
    images = torch.arange(12 * 3 * 4 * 4).float().view(12, 3, 4, 4)
    torch.manual_seed(0)
    turned, turns = rotation.turn(images)
    assert torch.bincount(turns).tolist() == [3, 3, 3, 3]
    assert turns.tolist() != [0, 1, 2, 3] * 3
    for image, back, quarters in zip(images, turned, turns.tolist(), strict=True):
        for _ in range(4 - quarters):
            back = back.flip(1).transpose(1, 2)  # a quarter, clockwise
        assert torch.equal(back, image)


def test_a_turn_is_clockwise():
    image = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).expand(8, 1, 2, 2)
    turned, turns = rotation.turn(image)
    expected = {0: [[1, 2], [3, 4]], 1: [[3, 1], [4, 2]], 2: [[4, 3], [2, 1]], 3: [[2, 4], [1, 3]]}
    assert all(one[0].tolist() == expected[turn] for one, turn in zip(turned, turns.tolist(), strict=True))


def test_rotations_accuracy_is_of_the_turns():
    made = method.create("rotation", flat(8), {}, **FACTS)
    nn.init.zeros_(made.classifier.weight)
    made.classifier.bias.data = torch.tensor([0.0, 9.0, 0.0, 0.0])
    outcome = made(torch.randn(8, 3, 32, 32), torch.arange(8))
    assert outcome.accuracy == 0.25


@pytest.mark.parametrize(
    ("name", "arch", "count"),
    [
        ("vae", 256, 3_935_747),
        ("vae", 512, 5_378_051),
        ("rotation", 256, 4 * 257),
        ("amdim", "selfstudy_resnet9", 197_120),
        ("amdim", "selfstudy_resnet50", 786_944),
        ("amdim", "selfstudy_resnet50_dense", 1_573_888),
        ("cmc", "selfstudy_cmc_resnet9", 0),
    ],
)
def test_methods_add_the_authors_parameters(name, arch, count, monkeypatch):
    for initialise in ("kaiming_normal_", "kaiming_uniform_"):  # seconds, for what is only counted
        monkeypatch.setattr(nn.init, initialise, lambda weight, *_, **__: nn.init.zeros_(weight))
    backbone = flat(arch) if isinstance(arch, int) else network(arch)
    made = method.create(name, backbone, {}, **FACTS)
    assert parameters(made) - parameters(made.backbone) == count


@pytest.mark.parametrize(
    ("name", "arch", "settings", "sentence"),
    [
        ("cmc", "selfstudy_resnet9?width=2", {}, "cmc needs a network of two branches"),
        ("amdim", "selfstudy_cmc_resnet9?width=2", {}, "amdim needs a network of one branch with two maps"),
        ("amdim", "test_vit?img_size=32", {}, "amdim needs maps .* of blocks"),
        ("vae", "selfstudy_resnet9?width=2", {"output": 48}, "output: 48; it has to be a power of two"),
        (
            "rotation",
            "vit_tiny_patch16_224?depth=1",
            {},
            r"takes no images of 32 pixels .* as in \?img_size=32",
        ),
        ("rotation", "selfstudy_resnet9?width=2", {"turns": 3}, "rotation has no setting 'turns', only none"),
        ("cmc", "selfstudy_resnet9?width=2", {"k": 3}, "no setting 'k', only jitter, momentum, negatives"),
    ],
)
def test_what_a_method_cannot_take_is_said(name, arch, settings, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        method.create(name, network(arch), settings, **FACTS)
    assert "\n" not in str(caught.value)
