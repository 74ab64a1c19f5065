"""Networks of Newell and Deng: parameter counts, maps, features, colours."""

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from transferscope.errors import InputError
from transferscope.models import backbones
from transferscope.models.selfstudy import COLOURS, Lab
from transferscope.study.catalogue import architectures


def parameters(module: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


# Counted in the authors' modules, built with the arguments of their configurations.
@pytest.mark.parametrize(
    ("arch", "count"),
    {
        "selfstudy_resnet9": 6_699_328,
        "selfstudy_resnet9?width=8": 105_384,
        "selfstudy_resnet9?width=16": 419_920,
        "selfstudy_cmc_resnet9": 3_322_176 + 3_322_752,
        "selfstudy_resnet50": 24_032_576,
        "selfstudy_resnet50_dense": 24_557_120,
        "selfstudy_cmc_resnet50": 6_027_456 + 6_030_592,
        "selfstudy_cmc_resnet50_dense": 6_158_656 + 6_161_792,
    }.items(),
)
def test_networks_have_the_authors_parameters(arch, count):
    assert parameters(backbones.create(arch)) == count
    assert arch.partition("?")[0] in architectures()


def test_each_stage_of_resnet9_has_the_authors_parameters():
    branch = backbones.create("selfstudy_resnet9").branches[0]
    counts = [parameters(getattr(branch, name)) for name in ("stem", *branch.stages, "fc")]
    assert counts == [1_856, 369_408, 295_424, 5_901_312, 131_328]


@pytest.mark.parametrize(
    ("arch", "size", "shape"),
    [
        ("selfstudy_resnet9?width=8", 32, (32, 4, 4)),
        ("selfstudy_cmc_resnet9?width=8", 32, (32, 4, 4)),
        ("selfstudy_resnet50", 64, (256, 4, 4)),
        ("selfstudy_resnet50_dense", 128, (512, 16, 16)),
    ],
)
def test_the_feature_is_the_mean_of_the_map(arch, size, shape):
    module = backbones.create(arch).eval()
    images = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        maps, features = module.forward_features(images), module(images)
    assert maps.shape == (2, *shape)
    assert features.shape == (2, module.num_features) == (2, shape[0])
    mean = maps.mean((2, 3))
    if len(module.branches) == 2:
        assert torch.allclose(features.norm(dim=1), torch.tensor(2.0).sqrt().expand(2))
        halves = mean.split(shape[0] // 2, 1)
        mean = torch.cat([half / half.norm(dim=1, keepdim=True) for half in halves], 1)
    assert torch.allclose(features, mean, atol=1e-6)


def test_maps_of_resnet9_halve_at_each_stage():
    branch = backbones.create("selfstudy_resnet9?width=8").branches[0].eval()
    x, sides = torch.rand(1, 3, 64, 64), []
    for name in ("stem", *branch.stages):
        x = getattr(branch, name)(x)
        sides.append((x.shape[1], x.shape[2]))
    assert sides == [(8, 64), (16, 32), (32, 16), (64, 8)]


@pytest.mark.parametrize("colours", COLOURS)
def test_colours_are_lab_as_scikit_image_has_it(colours):
    images = np.random.default_rng(0).random((2, 8, 8, 3)).astype(np.float32)
    images[0, 0] = [[0, 0, 0], [1, 1, 1], [0.02, 0.03, 0.01], *[[0.5, 0.1, 0.9]] * 5]
    mean, std = (np.array(values) for values in COLOURS[colours])
    expected = (rgb2lab(images) - mean) / std
    found = Lab(colours)(torch.from_numpy(images).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    assert np.allclose(found.numpy(), expected, atol=2e-4)


def test_colours_are_no_weights():
    names = backbones.weights(backbones.create("selfstudy_resnet9?width=8"))
    assert not [name for name in names if "colour" in name]
    with pytest.raises(InputError, match="there are no colours 'pink'; choose one of selfstudy"):
        backbones.create("selfstudy_resnet9?width=8&colours=pink")


def test_a_pair_sees_luminance_and_colours_apart():
    module = backbones.create("selfstudy_cmc_resnet9?width=8").eval()
    backbones.take_colour(module)
    lab = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    grey = lab.clone()
    grey[:, 1:] = 0
    with torch.no_grad():
        features, of_grey = module(lab), module(grey)
    assert torch.equal(features[:, :16], of_grey[:, :16])
    assert not torch.allclose(features[:, 16:], of_grey[:, 16:])


def test_the_colour_layer_can_be_taken_out():
    module = backbones.create("selfstudy_resnet9?width=8").eval()
    images = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        whole = module(images)
        colour = backbones.take_colour(module)
        assert torch.equal(module(colour(images)), whole)
        plain = backbones.create("test_efficientnet").eval()
        assert torch.equal(backbones.take_colour(plain)(images), images)
