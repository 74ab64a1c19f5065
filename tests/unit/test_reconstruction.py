"""Reconstruction: priors that stand side by side and alone, features that are met, distances as published."""

import copy
from functools import cache
from pathlib import Path

import h5py
import lpips
import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor

from transferscope.errors import InputError
from transferscope.models import backbones
from transferscope.protocols.reconstruction import inversion, pictures
from transferscope.protocols.reconstruction.inversion import Stage, image_seed, invert
from transferscope.protocols.reconstruction.perceptual import load_lpips, lpips_distance, unweighted_distance
from transferscope.protocols.reconstruction.prior import Priors, create_priors
from transferscope.training.loop import Trained

MEAN, STD = backbones.normalisation("imagenet")


def random_pictures(count: int, size: int = 32) -> Tensor:
    """Smooth pictures in few colours, uint8 [N, 3, S, S]."""
    coarse = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    return (255 * F.interpolate(coarse, size=size, mode="bilinear")).byte()


@cache
def network(arch: str = "resnet10t") -> torch.nn.Module:
    return backbones.initialise(arch, mean=MEAN, std=STD, seed=0)


def stage(number: int = 1, arch: str = "resnet10t") -> Stage:
    return Stage(network(arch), number)


def inverted(count: int, steps: int, **arguments) -> tuple[Tensor, list[float]]:
    settings = {"mean": MEAN, "std": STD, "seeds": list(range(count)), "steps": steps, "output": "normalised"}
    return invert(stage(), random_pictures(count), device="cpu", **settings | arguments)


@pytest.mark.parametrize("resolution", [32, 57, 64, 224])
def test_a_prior_makes_a_picture_of_the_wanted_size(resolution):
    prior, noise = create_priors(resolution, [3])
    made = prior(noise)
    assert made.shape == (1, 3, resolution, resolution)
    assert 0 <= noise.min() < 0.001
    assert 0.099 < noise.max() < 0.1
    assert resolution <= prior.side < 2 * resolution


def test_the_prior_of_the_paper_has_six_levels_and_its_channels():
    convolutions = [layer for layer in Priors(1, 224).modules() if isinstance(layer, torch.nn.Conv2d)]
    by_kernel = [sum(layer.kernel_size[0] == kernel for layer in convolutions) for kernel in (7, 5, 3)]
    assert by_kernel == [6, 6, 6]  # two levels of each size, with two layers down and one up
    assert sorted({layer.out_channels for layer in convolutions}) == [3, 4, 16, 32, 64, 128]


def test_pictures_side_by_side_are_as_if_alone():
    def gradients(seeds: list[int]) -> tuple[Tensor, list[Tensor]]:
        prior, noise = create_priors(32, seeds)
        # In float64: BatchNorm over few pixels magnifies the rounding of float32, which differs by processor.
        made = prior.double()(noise.double())
        made.square().mean(dim=(1, 2, 3)).sum().backward()
        return made.detach(), [weight.grad for weight in prior.parameters()]

    together, both = gradients([5, 6])
    for place, seed in enumerate([5, 6]):
        alone, own = gradients([seed])
        torch.testing.assert_close(together[place : place + 1], alone, rtol=1e-9, atol=1e-9)
        for shared, gradient in zip(both, own, strict=True):
            torch.testing.assert_close(shared.chunk(2)[place], gradient, rtol=1e-6, atol=1e-9)


def test_inversion_meets_the_features_and_with_them_the_picture():
    first, _ = inverted(2, steps=1)
    made, losses = inverted(2, steps=80)
    wanted = random_pictures(2).float()
    assert losses[-1] < 0.2 * losses[0]
    for before, after, original in zip(first, made, wanted, strict=True):
        assert (after - original).square().mean() < 0.5 * (before - original).square().mean()


@pytest.mark.parametrize("output", ["normalised", "sigmoid"])
def test_the_loss_is_of_the_untrained_priors_pictures_as_the_backbone_sees_them(output):
    _, losses = inverted(2, steps=1, output=output)
    prior, noise = create_priors(32, [0, 1])
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    with torch.no_grad():
        raw = prior(noise)
        normalised = raw if output == "normalised" else (raw.sigmoid() - mean) / std
        wanted, seen = (stage()(batch) for batch in ((random_pictures(2) / 255 - mean) / std, normalised))
    expected = sum(F.mse_loss(one, other) for one, other in zip(seen, wanted, strict=True))
    assert losses == [pytest.approx(float(expected), rel=1e-4)]


def test_a_picture_without_bounds_is_clipped_at_the_end(monkeypatch):
    monkeypatch.setattr(inversion, "train", lambda prior, *_, **__: Trained(Outside(), [1.0], 1, None))
    made, _ = inverted(1, steps=1)
    mean, std = torch.tensor(MEAN), torch.tensor(STD)
    expected = [0, 255, round(float(255 * (mean[2] + 0.5 * std[2])))]
    assert made[0, :, 5, 7].tolist() == expected


class Outside(torch.nn.Module):
    """Red far below black, green far above white, blue half a standard deviation above its mean."""

    def forward(self, noise: Tensor) -> Tensor:
        return torch.tensor([-9.0, 9.0, 0.5]).view(1, 3, 1, 1).expand(len(noise), 3, 32, 32)


def test_the_first_step_of_adam_is_a_thousandth():
    states = []
    inverted(1, steps=2, checkpoint_steps=1, save=lambda state: states.append(copy.deepcopy(state)))
    before = create_priors(32, [0])[0].state_dict()
    moved = [(states[0]["network"][name] - before[name]).abs().max() for name in before]
    assert float(max(moved)) == pytest.approx(1e-3, rel=1e-3)


def test_inversion_that_was_cut_off_goes_on_and_ends_the_same():
    states = []
    whole, losses = inverted(
        2, steps=6, checkpoint_steps=4, save=lambda state: states.append(copy.deepcopy(state))
    )
    again, losses_again = inverted(2, steps=6, state=states[0])
    assert states[0]["step"] == 4
    torch.testing.assert_close(again, whole, rtol=0, atol=0)
    assert losses_again == losses


def test_inversion_that_diverges_says_what_to_change():
    broken = copy.deepcopy(stage())
    broken.network.conv1[0].weight.data.fill_(float("nan"))
    with pytest.raises(InputError, match=r"reconstruction\.stage"):
        invert(
            broken,
            random_pictures(1),
            mean=MEAN,
            std=STD,
            seeds=[0],
            steps=2,
            output="normalised",
            device="cpu",
        )


@pytest.mark.parametrize(
    ("arch", "number", "shape"),
    [("resnet10t", -1, (512, 2, 2)), ("resnet10t", 1, (64, 16, 16)), ("convnext_atto", 2, (160, 4, 4))],
)
def test_a_stage_is_the_one_that_timm_names(arch, number, shape):
    part = stage(number, arch)
    images = torch.randn(2, 3, 64, 64)
    found = part(images)
    assert found.shape == (2, *shape)
    name = part.network.feature_info[number]["module"]
    seen = []
    part.network.get_submodule(name).register_forward_hook(lambda module, given, made: seen.append(made))
    part.network(images)
    torch.testing.assert_close(found, seen[-1])
    assert not any(weight.requires_grad for weight in part.parameters())


@pytest.mark.parametrize("number", [5, -6])
def test_a_stage_that_is_not_there_names_those_that_are(number):
    with pytest.raises(InputError, match=r"-5\.\.4"):
        stage(number)


def test_every_picture_has_a_seed_of_its_own():
    assert len({image_seed(seed, sample) for seed in (0, 1) for sample in ("a:1.png", "b:1.png")}) == 4


@pytest.fixture(scope="module")
def alexnet(tmp_path_factory) -> tuple[Path, torch.nn.Module]:
    """A random trunk as torchvision would publish it."""
    torch.manual_seed(0)
    network = torchvision.models.alexnet(weights=None).eval()
    path = tmp_path_factory.mktemp("trunks") / "alex.pth"
    torch.save(network.state_dict(), path)
    return path, network


def test_lpips_is_what_its_paper_defines(alexnet):
    path, network = alexnet
    one, other = random_pictures(2, 64)[:1], random_pictures(2, 64)[1:]
    weights = torch.load(Path(lpips.__file__).parent / "weights/v0.1/alex.pth", "cpu", weights_only=True)
    # Of ImageNet's mean and deviation, as they are for pictures in -1..1.
    shift, scale = (torch.tensor(v).view(1, 3, 1, 1) for v in ([-0.03, -0.088, -0.188], [0.458, 0.448, 0.45]))
    expected, maps = 0, [(batch / 127.5 - 1 - shift) / scale for batch in (one, other)]
    taken = 0
    with torch.no_grad():
        for place, layer in enumerate(network.features):
            maps = [layer(part) for part in maps]
            if place in (1, 4, 7, 9, 11):
                units = [F.normalize(part, dim=1) for part in maps]
                weight = weights[f"lin{taken}.model.1.weight"]
                expected += F.conv2d((units[0] - units[1]).square(), weight).mean()
                taken += 1
    assert float(lpips_distance(load_lpips("alex", path), one, other)) == pytest.approx(float(expected), 1e-4)


def test_the_trunk_of_another_network_is_refused(alexnet, tmp_path):
    with pytest.raises(InputError, match=r"torchvision's vgg16.*remove it and rerun"):
        load_lpips("vgg", alexnet[0])
    (tmp_path / "page.pth").write_text("<html>not found</html>")
    with pytest.raises(InputError, match=r"page\.pth is "):
        load_lpips("alex", tmp_path / "page.pth")


METADATA = backbones.Metadata("tiny", "resnet10t", "random", "", MEAN, STD, {})


def test_the_unweighted_distance_is_a_quarter_of_the_squared_distance_of_unit_vectors():
    one, other = random_pictures(4, 64).split(2)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    with torch.no_grad():
        maps = [network().forward_intermediates((b / 255 - mean) / std)[1] for b in (one, other)]
    units = [[F.normalize(level, dim=1) for level in levels] for levels in maps]
    stages = [(a - b).square().sum(dim=1).mean(dim=(1, 2)) / 4 for a, b in zip(*units, strict=True)]
    found = unweighted_distance(network(), METADATA, one, other)
    torch.testing.assert_close(found, torch.stack(stages).mean(dim=0), rtol=1e-4, atol=1e-6)


def test_the_unweighted_distance_grows_with_what_is_changed():
    clean = random_pictures(2, 64)
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
    changed = [(clean + strength * noise).clamp(0, 255).byte() for strength in (0, 10, 60)]
    near, some, far = (unweighted_distance(network(), METADATA, clean, other) for other in changed)
    assert near.abs().max() < 1e-6
    assert (near < some).all()
    assert (some < far).all()
    assert far.max() < 1


def test_colour_errors_are_of_each_channel():
    original = np.zeros((4, 4, 3), dtype=np.uint8)
    made = original + np.array([1, 2, 255], dtype=np.uint8)
    made[:2, :, 0] = 0
    assert pictures.colour_errors(original, made) == {"red": 0.5, "green": 4.0, "blue": 65025.0}


def test_reconstructions_are_read_as_they_were_written(tmp_path):
    path = tmp_path / "tiny.h5"
    originals, made = (np.random.default_rng(n).integers(0, 256, (2, 4, 4, 3), np.uint8) for n in (0, 1))
    pictures.write(
        path,
        datasets=["a", "b"],
        samples=["ä.png", "2"],
        originals=originals,
        reconstructions=made,
        seconds=[1.5, 2.5],
        attributes={"model": "tiny", "stage": -1},
    )
    first, second = pictures.read(path)
    assert (first.dataset, first.sample, second.seconds) == ("a", "ä.png", 2.5)
    np.testing.assert_array_equal(second.made, made[1])
    np.testing.assert_array_equal(first.original, originals[0])
    assert (first.facts["model"], first.facts["stage"]) == ("tiny", -1)
    with h5py.File(path, "a") as file:
        file.attrs["version"] = 99
    with pytest.raises(InputError, match="remove it and rerun"):
        pictures.read(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="is no whole file of reconstructions"):
        pictures.read(path)


def test_a_network_without_stages_is_named():
    with pytest.raises(InputError, match="timm knows no stages of tiny; name another model"):
        unweighted_distance(torch.nn.Flatten(), METADATA, random_pictures(1), random_pictures(1))
    with pytest.raises(InputError, match="timm knows no stages of this network; exclude it"):
        Stage(torch.nn.Flatten(), 0)
