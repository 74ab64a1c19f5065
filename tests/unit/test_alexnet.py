"""AlexNets of Asano et al.: parameter counts, maps, taps, heads, where weights begin."""

import math

import pytest
import torch
from torch import nn

from transferscope.errors import InputError
from transferscope.models import alexnet, backbones
from transferscope.protocols.efficiency.network import Network
from transferscope.study.catalogue import architectures

SMALL = "alexnet_32?width=2"


def parameters(*modules: nn.Module) -> int:
    return sum(weight.numel() for module in modules for weight in module.parameters())


def network(arch: str) -> nn.Module:
    """In eval mode, with statistics and gains of BatchNorm that are not 0 and 1."""
    torch.manual_seed(0)
    module = backbones.create(arch)
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for values in (layer.running_mean, layer.weight.data, layer.bias.data):
                values.normal_()
            layer.running_var.uniform_(0.5, 2)
    return module.eval()


def images(size: int, count: int = 2) -> torch.Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("arch", "convolutions", "normalisations", "sides"),
    [
        ("alexnet", [34_944, 614_656, 885_120, 1_327_488, 884_992], 2_752, [55, 27, 13, 13, 13]),
        ("alexnet_small", [23_296, 307_392, 663_936, 884_992, 590_080], 2_304, [55, 27, 13, 13, 13]),
        ("alexnet_32", [4_864, 307_392, 663_936, 884_992, 590_080], 2_304, [16, 16, 8, 8, 8]),
        ("alexnet_32?width=16", [1_216, 19_248, 41_568, 55_360, 36_928], 576, [16, 16, 8, 8, 8]),
    ],
)
def test_networks_have_the_papers_parameters_and_maps(arch, convolutions, normalisations, sides):
    with torch.device("meta"):
        module = backbones.create(arch)
        size = module.default_cfg["input_size"][-1]
        maps = module.forward_intermediates(torch.zeros(1, 3, size, size), intermediates_only=True)
    layers = [getattr(module, name) for name in alexnet.LAYERS]
    assert [parameters(layer[0]) for layer in layers] == convolutions
    assert parameters(*(layer[1] for layer in layers)) == normalisations
    assert parameters(module) == sum(convolutions) + normalisations
    assert [one.shape[2] for one in maps] == sides
    assert [one.shape[1] for one in maps] == [info["num_chs"] for info in module.feature_info]
    for info, one in zip(module.feature_info, maps, strict=True):
        assert abs(size / info["reduction"] - one.shape[2]) <= 1
    assert module.num_features == maps[-1].shape[1]
    assert arch.partition("?")[0] in architectures()


@pytest.mark.parametrize(
    ("arch", "kinds", "count", "with_four"),
    [
        ("alexnet", ["Dropout", "Linear", "ReLU"] * 2, 58_284_096, 58_300_484),
        ("alexnet_small", ["Linear", "BatchNorm1d", "ReLU"] * 2, 57_014_336, 57_030_724),
        ("alexnet_32?width=16", ["Linear", "BatchNorm1d", "ReLU"], 417_552, 418_580),
    ],
)
def test_each_network_has_its_authors_head(arch, kinds, count, with_four):
    with torch.device("meta"):
        module = backbones.create(arch)
        head = alexnet.head(module, module.default_cfg["input_size"][-1])
        assert parameters(module, head) == count
        assert parameters(module, head, head.top(4)) == with_four
        maps = module.forward_features(torch.zeros(2, *module.default_cfg["input_size"]))
        assert head(maps).shape == (2, head.width)
    assert [type(layer).__name__ for layer in head] == ["MaxPool2d", "Flatten", *kinds]


def test_a_head_fits_the_size_of_the_images():
    module = backbones.create("alexnet")
    with torch.device("meta"):
        assert alexnet.head(backbones.create("alexnet"), 64)[3].in_features == 256
    with pytest.raises(InputError, match="of images of 32 pixels this AlexNet has too small a last map"):
        alexnet.head(module, 32)
    assert module.training


CHANNELS = {"alexnet": (96, 256, 384, 384, 256), "alexnet_small": (64, 192, 384, 256, 256)}


@pytest.mark.parametrize("arch", CHANNELS)
def test_maps_are_those_of_the_plain_layers(arch):
    """Layer by layer as in the table of the paper's code (linear-probes alexnet.py)."""
    module, x, inputs, expected = network(arch), images(67), 3, []
    pool = nn.MaxPool2d(3, 2)
    for index, (outputs, kernel, stride, margin) in enumerate(
        zip(CHANNELS[arch], (11, 5, 3, 3, 3), (4, 1, 1, 1, 1), (2, 2, 1, 1, 1), strict=True)
    ):
        layer = nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, margin), nn.BatchNorm2d(outputs))
        layer.load_state_dict(getattr(module, f"conv{index + 1}").state_dict())
        x, inputs = layer.eval()(pool(x) if index in (1, 2) else x).relu(), outputs
        expected.append(x.detach())
    with torch.no_grad():
        last, maps = module.forward_intermediates(images(67))
        assert torch.equal(module(images(67)), expected[-1].mean((2, 3)))
    assert all(torch.equal(*pair) for pair in zip(maps, expected, strict=True))
    assert torch.equal(last, expected[-1])


@torch.no_grad()
def test_taps_are_what_the_relus_give():
    module, seen = network(SMALL), []
    for layer in module.modules():
        if isinstance(layer, nn.ReLU):
            layer.register_forward_hook(lambda _, inputs, output: seen.append(output.clone()))
    last, maps = module.forward_intermediates(images(32))
    assert all(torch.equal(*pair) for pair in zip(maps, seen, strict=True))
    assert torch.equal(module.forward_features(images(32)), last)
    assert all((one >= 0).all() and (one == 0).any() for one in maps)
    seen.clear()
    (second,) = module.forward_intermediates(images(32), [1], stop_early=True, intermediates_only=True)
    assert len(seen) == 2
    assert torch.equal(second, maps[1])
    for indices, expected in (([-1], [4]), (2, [3, 4]), ([0, 2], [0, 2])):
        found = module.forward_intermediates(images(32), indices, intermediates_only=True)
        assert all(torch.equal(one, maps[index]) for one, index in zip(found, expected, strict=True))
    with pytest.raises(ValueError, match="NLC"):
        module.forward_intermediates(images(32), output_fmt="NLC")


def test_weights_begin_as_the_authors_have_them():
    torch.manual_seed(0)
    module = backbones.create("alexnet")
    for name in alexnet.LAYERS:
        convolution, norm = getattr(module, name)[:2]
        fan = convolution.kernel_size[0] ** 2 * convolution.out_channels
        assert convolution.weight.std().item() == pytest.approx(math.sqrt(2 / fan), rel=0.02)
        assert not convolution.bias.any()
        assert norm.weight.eq(1).all()
    torch.manual_seed(0)
    fan_in = 3 * 11 * 11
    first = backbones.create("alexnet_small").conv1[0]
    assert first.weight.abs().max() <= 1 / math.sqrt(fan_in)
    assert first.bias.any()
    head = alexnet.head(backbones.create(SMALL), 32)
    for linear in (head[2], head.top(100)):
        assert linear.weight.std().item() == pytest.approx(0.01, rel=0.1)
    assert not head.top(4).bias.any()


@torch.no_grad()
def test_a_backbone_is_saved_loaded_and_classifies(tmp_path):
    module, path = network(SMALL), tmp_path / "a.safetensors"
    metadata = backbones.Metadata("a", SMALL, "random", "", (0.0,) * 3, (1.0,) * 3, {})
    backbones.save(path, backbones.weights(module), metadata)
    loaded, _ = backbones.load(path, 40)
    assert torch.equal(loaded(images(40)), module(images(40)))
    loaded.reset_classifier(7)
    assert loaded(images(32)).shape == (2, 7)
    assert loaded.get_classifier().out_features == 7


def test_each_layer_is_a_stage_that_can_be_frozen():
    frozen = Network(backbones.create(SMALL), "a", size=32, outputs=3, maps=False, freeze=1)
    trained = {name.split(".")[1] for name, weight in frozen.named_parameters() if weight.requires_grad}
    assert trained == {"conv3", "conv4", "conv5", "weight", "bias"}
    read_out = Network(backbones.create(SMALL), "a", size=32, outputs=3, maps=True, read_out=2)
    assert read_out.head.in_features == 6
