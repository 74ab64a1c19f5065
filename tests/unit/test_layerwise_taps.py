"""Which layers are probed, and what a probe sees of them: any backbone of timm, folded or not."""

from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from transferscope.datasets.base import Samples
from transferscope.errors import InputError
from transferscope.features.extraction import Pictures
from transferscope.features.images import normalise
from transferscope.models import backbones, statistics
from transferscope.protocols.folding import fold_batch_norms
from transferscope.protocols.layerwise import grids, trunk
from transferscope.protocols.layerwise.taps import Tapped, find

D = 9600
RELU, SIGNED = grids.MAX, grids.AVERAGE
POOLS = {RELU: nn.functional.adaptive_max_pool2d, SIGNED: nn.functional.adaptive_avg_pool2d}


def picture(index: int, *, side: int) -> Image.Image:
    drawn = np.random.default_rng(index).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(drawn)


def samples(count: int, side: int = 32) -> Samples:
    splits = np.array(["train", "train", "val", "test"])[np.arange(count) % 4]
    labels = np.arange(count, dtype=np.int64) % 3
    return Samples([f"p{i}" for i in range(count)], labels, splits, partial(picture, side=side), list("abc"))


def small(arch: str, size: int, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    network = backbones.create(arch)
    if hasattr(network, "set_input_size"):
        network.set_input_size((size, size))
    return network.eval()


@pytest.mark.parametrize(
    ("arch", "names", "shapes", "sides", "pools"),
    [
        (
            "resnet50",
            ["act1", "layer1", "layer2", "layer3", "layer4"],
            [(64, 112), (256, 56), (512, 28), (1024, 14), (2048, 7)],
            [12, 6, 4, 3, 2],
            [RELU] * 5,
        ),
        (
            "vit_small_patch16_224",
            [f"blocks.{index}" for index in (0, 3, 6, 8, 11)],
            [(384, 14)] * 5,
            [5] * 5,
            [SIGNED] * 5,
        ),
        ("vit_base_patch16_224", None, [(768, 14)] * 5, [3] * 5, [SIGNED] * 5),
        (
            "convnext_tiny",
            [f"stages.{stage}" for stage in range(4)],
            [(96, 56), (192, 28), (384, 14), (768, 7)],
            [10, 7, 5, 3],
            [SIGNED] * 4,
        ),
        (
            "swin_tiny_patch4_window7_224",
            [f"layers.{stage}" for stage in range(4)],
            [(96, 56), (192, 28), (384, 14), (768, 7)],
            [10, 7, 5, 3],
            [SIGNED] * 4,
        ),
        (
            "mobilenetv2_100",
            [f"blocks.{block}" for block in (0, 1, 2, 4, 6)],
            [(16, 112), (24, 56), (32, 28), (96, 14), (320, 7)],
            [24, 20, 17, 10, 5],
            [SIGNED] * 5,
        ),
        (
            "alexnet",
            ["conv1", "conv2", "conv3", "conv4", "conv5"],
            [(96, 55), (256, 27), (384, 13), (384, 13), (256, 13)],
            [10, 6, 5, 5, 6],
            [RELU] * 5,
        ),
    ],
)
def test_layers_and_grids_are_those_of_the_table(arch, names, shapes, sides, pools):
    with torch.device("meta"):  # shapes alone
        found = find(backbones.create(arch).eval(), arch, 224, taps=5, values=D)
    assert names is None or [tap.name for tap in found] == names
    assert [(tap.channels, tap.height, tap.width) for tap in found] == [(c, s, s) for c, s in shapes]
    assert [(tap.grid.rows, tap.grid.columns) for tap in found] == [(side, side) for side in sides]
    assert [tap.grid.pool for tap in found] == pools


def test_alexnet_is_pooled_by_its_authors_windows_where_they_give_the_grid():
    windows = [(6, 6, 3), (4, 4, 0), (3, 3, 1), (3, 3, 1), (2, 2, 0)]
    with torch.device("meta"):
        network = backbones.create("alexnet").eval()
        found = find(network, "alexnet", 224, taps=5, values=D)
        fewer = find(network, "alexnet", 224, taps=5, values=1024)
    assert [tap.grid.window for tap in found] == windows
    assert [tap.values for tap in found] == [9600, 9216, 9600, 9600, 9216]
    assert [tap.grid.window for tap in fewer] == [None] * 5
    assert [tap.grid.rows for tap in fewer] == [3, 2, 1, 1, 2]
    maps = torch.randn(2, 96, 55, 55)
    assert torch.equal(found[0].grid(maps), nn.functional.max_pool2d(maps, 6, 6, 3))


def test_a_grid_has_as_many_cells_as_fit_and_keeps_a_constant():
    rng = np.random.default_rng(0)
    for channels, height, width, values in rng.integers(1, [3000, 60, 60, 10_000], (500, 4)).tolist():
        grid = grids.choose(channels, height, width, values=values, rectified=bool(channels % 2))
        side = grid.rows
        assert side == grid.columns <= min(height, width)
        assert channels * side**2 <= values or (side == 1 and channels > values)
        assert channels * (side + 1) ** 2 > values or side == min(height, width)
    for pool in (grids.MAX, grids.AVERAGE):
        constant = torch.full((2, 3, 13, 11), 0.25)
        assert torch.equal(grids.Grid(pool, 5, 5)(constant), torch.full((2, 3, 5, 5), 0.25))


SMALL = {
    "resnet10t": 64,
    "vit_tiny_patch16_224?embed_dim=48&depth=7": 64,
    "convnext_atto": 64,
    "swin_tiny_patch4_window7_224?embed_dim=24&window_size=4": 64,
    "mobilenetv2_050": 32,
    "mobilenetv3_small_050": 32,
    "efficientnet_lite0": 32,
    "alexnet_32?width=16": 32,
}


@pytest.mark.parametrize("arch", SMALL)
def test_any_kind_of_backbone_gives_its_layers_side_by_side(arch):
    size = SMALL[arch]
    network = small(arch, size)
    found = find(network, arch, size, taps=5, values=200)
    images = torch.randn(2, 3, size, size)
    values = Tapped(network, found)(images)
    assert values.shape == (2, sum(tap.values for tap in found)) and values.isfinite().all()
    with torch.no_grad():
        every = network.forward_intermediates(images, norm=False, output_fmt="NCHW", intermediates_only=True)
    for tap, part in zip(found, values.split([tap.values for tap in found], dim=1), strict=True):
        assert tap.grid.pool == grids.MAX or every[tap.index].min() < 0
        expected = POOLS[tap.grid.pool](every[tap.index], (tap.grid.rows, tap.grid.columns))
        assert part.shape[1] == tap.channels * tap.grid.rows**2
        torch.testing.assert_close(part, expected.flatten(1))


def test_alexnets_taps_are_the_outputs_of_its_relus():
    network = small("alexnet_32?width=8", 32)
    found = find(network, "alexnet_32", 32, taps=5, values=10**6)
    seen = []
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(lambda _, inputs, output: seen.append(output.clone()))
    values = Tapped(network, found)(torch.randn(2, 3, 32, 32))
    assert [tap.grid.rows for tap in found] == [16, 16, 8, 8, 8]
    assert torch.equal(values, torch.cat([one.flatten(1) for one in seen], dim=1))


@pytest.mark.parametrize(
    ("arch", "dtype"),
    # Deep networks with such statistics would blow float32's rounding up.
    [
        ("alexnet_32?width=16", torch.float32),
        ("resnet10t", torch.float64),
        ("mobilenetv2_050", torch.float64),
    ],
)
def test_folded_taps_agree(arch, dtype):
    network = small(arch, 64)
    torch.manual_seed(1)
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_()
            norm.running_var.uniform_(1e-3, 2)
            norm.running_var[0] = 1e-3
            nn.init.normal_(norm.weight)  # of both signs
            nn.init.normal_(norm.bias)
    whole = Tapped(network, find(network, arch, 64, taps=5, values=500)).eval().to(dtype)
    images = torch.randn(2, 3, 64, 64, dtype=dtype)
    folded = fold_batch_norms(whole, images[:1])
    left = {name for name, module in folded.named_modules() if isinstance(module, nn.BatchNorm2d)}
    assert left <= {"network.bn2"}  # MobileNet's head, which no tap needs
    widths = [tap.values for tap in whole.taps]
    for before, after in zip(whole(images).split(widths, 1), folded(images).split(widths, 1), strict=True):
        assert (before - after).abs().max() <= 1e-4 * before.abs().max()


def test_folding_a_random_network_leaves_its_weights():
    """Its statistics are 0 and 1, so the factor is 1 / sqrt(1 + eps)."""
    network = small("alexnet_32?width=8", 32)
    whole = Tapped(network, find(network, "alexnet_32", 32, taps=5, values=500)).eval()
    folded = fold_batch_norms(whole, torch.randn(1, 3, 32, 32))
    for name in ("conv1", "conv5"):
        before = getattr(network, name)[0].weight
        after = getattr(folded.network, name)[0].weight
        torch.testing.assert_close(after, before / (1 + 1e-5) ** 0.5, rtol=1e-6, atol=0)


def saved(path, arch: str, network: nn.Module):
    metadata = backbones.Metadata("tiny", arch, "random", "", *backbones.NORMALISATIONS["imagenet"], {})
    backbones.save(path, backbones.weights(network), metadata)
    return path


def test_statistics_of_the_target_are_those_of_its_training_pictures(tmp_path):
    arch = "alexnet_32?width=8"
    path = saved(tmp_path / "tiny.safetensors", arch, small(arch, 32))
    pictures = Pictures(samples(24), 32)
    settings = {"seed": 0, "taps": 5, "values": 10**6}
    own, _ = trunk.load(path, pictures, statistics="own", **settings)
    target, metadata = trunk.load(path, pictures, statistics="target", **settings)
    train = np.flatnonzero(pictures.samples.splits == "train")
    assert np.array_equal(trunk.draw(pictures.samples, 0), train)
    images = normalise(torch.stack([pictures[index] for index in train]), metadata.mean, metadata.std)
    convolution = small(arch, 32).conv1[0]
    with torch.no_grad():
        maps = convolution(images)
        expected = nn.functional.batch_norm(maps, None, None, training=True).relu()
    found = target(images).split([tap.values for tap in target.taps], dim=1)[0]
    # The variance that is kept is the unbiased one.
    torch.testing.assert_close(found, expected.flatten(1), rtol=1e-3, atol=1e-4)
    assert not torch.allclose(own(images), target(images), rtol=1e-2)


def test_measured_statistics_change_nothing_else():
    network = small("alexnet_32?width=8", 32)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    statistics.measure(network, [torch.randn(8, 3, 32, 32)])
    for name, value in network.state_dict().items():
        if "running" not in name and "tracked" not in name:
            assert torch.equal(value, before[name])
    assert all(norm.momentum == 0.1 for norm in network.modules() if isinstance(norm, nn.BatchNorm2d))
    assert not network.training


@pytest.mark.parametrize("network", [nn.Flatten(), small("selfstudy_resnet9?width=8", 32)])
def test_a_network_that_does_not_tell_its_layers_is_refused(network):
    with pytest.raises(InputError, match=r"mine does not tell its layers .*exclude it"):
        find(network, "mine", 32, taps=5, values=100)


class Sequence(nn.Module):
    """Gives tokens, and no maps."""

    feature_info = ({"module": "tokens", "num_chs": 4, "reduction": 1},)

    def forward_intermediates(self, images, **how):
        return [images.flatten(2)]


def test_a_layer_that_is_no_map_is_refused():
    with pytest.raises(InputError, match=r"mine gives \[1, 3, 64\] at tokens and no map"):
        find(Sequence(), "mine", 8, taps=5, values=100)
