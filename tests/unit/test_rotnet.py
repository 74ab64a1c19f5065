"""RotNet and the supervised network beside it: turns, losses, what can be learned, what they refuse."""

import math
from functools import partial

import pytest
import torch
from torch import nn

from transferscope.errors import InputError
from transferscope.models import backbones
from transferscope.pretraining import method, rotnet
from transferscope.pretraining.training import Data, Part, fit
from transferscope.training.augment import NONE
from transferscope.training.resume import Resume

FACTS = {"size": 32, "samples": 12, "batch_size": 8, "steps": 10}
ARCH = "alexnet_32?width=4"
SGD = {"learning_rate": 0.05, "last_learning_rate": 0.005, "warmup": 0.1, "weight_decay": 5e-4}
SGD |= {"sgd": {"momentum": 0.9, "nesterov": True}}


def made(name: str = "rotnet", arch: str = ARCH, **settings) -> method.Method:
    torch.manual_seed(0)
    return method.create(name, backbones.create(arch), settings, classes=5, **FACTS)


def images(count: int = 8) -> torch.Tensor:
    return torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def train(method: method.Method, pictures: torch.Tensor, steps: int, path) -> dict:
    return fit(
        method,
        Data(Part(pictures, None), None, 0),
        prepare=lambda batch: batch / 127.5 - 1,
        batch_size=8,
        steps=steps,
        seed=0,
        device="cpu",
        resume=Resume(path, {}),
        checkpoint_steps=10**6,
        **SGD,
    )


def test_turns_are_of_each_image_and_counter_clockwise():
    turned = rotnet.all_turns(images())
    assert turned.shape == (32, 3, 32, 32)
    for quarters in range(4):
        assert torch.equal(turned[8 * quarters : 8 * quarters + 8], torch.rot90(images(), quarters, (2, 3)))
    # Counter-clockwise: what is on the right comes to the top.
    ramp = torch.arange(4.0).expand(1, 1, 4, 4)
    assert rotnet.all_turns(ramp)[1, 0, :, 0].tolist() == [3, 2, 1, 0]
    again = rotnet.all_turns(rotnet.all_turns(images()))
    assert torch.equal(again.unflatten(0, (4, 4, 8))[1, 3], images())


def test_the_loss_is_the_mean_over_images_and_turns():
    one = made()
    outcome = one(images(), torch.arange(8))
    one.zero_grad()
    maps = one.backbone.forward_features(rotnet.all_turns(images()))
    chances = one.top(one.head(maps)).softmax(1).unflatten(0, (4, 8))
    expected = -sum(chances[turn, index, turn].log() for turn in range(4) for index in range(8)) / 32
    assert outcome.loss.item() == pytest.approx(expected.item(), rel=1e-5)
    right = sum(chances[turn].argmax(1).eq(turn).sum() for turn in range(4)) / 32
    assert outcome.accuracy.item() == pytest.approx(right.item())
    assert torch.allclose(outcome.features, maps[:8].mean((2, 3)))
    outcome.loss.backward()
    assert all(weight.grad.abs().sum() > 0 for name, weight in one.named_parameters() if "bias" not in name)


@pytest.mark.parametrize("arch", [ARCH, "test_efficientnet", "selfstudy_resnet9?width=2"])
def test_the_loss_begins_at_chance_with_any_network(arch):
    outcome = made(arch=arch)(images(16), torch.arange(16))
    assert outcome.loss.item() == pytest.approx(math.log(4), rel=0.05 if "alexnet" in arch else 0.3)
    assert outcome.features.shape[0] == 16


def test_the_whole_network_has_the_papers_parameters():
    whole = made(arch="alexnet_32?width=16")
    assert sum(weight.numel() for weight in whole.parameters()) == 418_580


def test_what_a_quarter_turn_leaves_alone_cannot_be_told(tmp_path):
    noise = torch.randint(256, (16, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    quarters = [torch.rot90(noise, turn, (2, 3)) for turn in range(4)]
    pictures = torch.cat(
        [torch.cat([quarters[0], quarters[3]], 3), torch.cat([quarters[1], quarters[2]], 3)], 2
    )
    assert torch.equal(torch.rot90(pictures, 1, (2, 3)), pictures)
    history = train(made(augment=False), pictures, 12, tmp_path / "state")
    assert min(history["loss"]) >= math.log(4) - 1e-6
    assert set(history["accuracy"]) == {0.25}


def test_a_ramp_is_learned(tmp_path):
    start = torch.linspace(0, 127, 32).view(32, 1, 1, 1)
    ramp = (start + torch.linspace(0, 128, 32)).expand(32, 3, 32, 32).round().to(torch.uint8)
    history = train(made(arch="alexnet_32?width=2", augment=False), ramp, 100, tmp_path / "state")
    assert history["loss"][-1] < 0.1
    assert history["accuracy"][-1] == 1


def test_images_are_cropped_and_flipped_or_left_alone():
    draw = partial(torch.Generator().manual_seed, 0)
    assert made(augment=False).augment == NONE
    assert torch.equal(made(augment=False).augment(images(), draw())[0], images())
    augment = made(smallest_area=0.5).augment
    assert (augment.area, augment.flip, augment.resized_crop) == ((0.5, 1.0), True, True)
    assert not (augment.jitter or augment.greyscale or augment.crop or augment.cutout or augment.blur)
    assert made().augment.area == (0.08, 1.0)
    # Of a ramp from -1 to 1 a crop has the middle part that its width leaves.
    ramp = torch.linspace(-1, 1, 32).expand(500, 1, 32, 32).contiguous()
    found = augment(ramp, draw())[0]
    widths = (found[:, 0, 0, -1] - found[:, 0, 0, 0]).abs() / 2
    assert widths.min() >= math.sqrt(0.5 * 3 / 4) - 0.05
    assert widths.max() <= 1


@pytest.mark.parametrize("settings", [{"augment": "no"}, {"smallest_area": 0}, {"smallest_area": 1.5}])
def test_settings_of_another_kind_are_refused(settings):
    with pytest.raises(InputError, match=r"`augment` is .* and `smallest_area`"):
        made(**settings)


def test_the_supervised_network_learns_from_labels(tmp_path):
    one = made("supervised")
    labels = torch.tensor([0, 4, 2, 1, 3, 3, 0, 1])
    outcome = one(images(), torch.arange(8), labels)
    scores = one.scores(images())[0]
    assert outcome.loss.item() == pytest.approx(nn.functional.cross_entropy(scores, labels).item(), rel=1e-5)
    assert outcome.accuracy.item() == pytest.approx(scores.argmax(1).eq(labels).float().mean().item())
    several = nn.functional.one_hot(labels, 5).to(torch.uint8)
    outcome = one(images(), torch.arange(8), several)
    expected = nn.functional.binary_cross_entropy_with_logits(scores, several.float())
    assert outcome.loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert outcome.accuracy.item() == pytest.approx((scores > 0).eq(several == 1).float().mean().item())
    assert outcome.features.shape == (8, one.width)
