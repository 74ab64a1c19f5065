"""Saliency: windows give what whole passes give, at every position; the map and its diffusion as defined."""

from itertools import product

import h5py
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from timm.layers import BatchNormAct2d
from torch import Tensor, nn

from transferscope.errors import InputError
from transferscope.models import backbones
from transferscope.protocols.folding import fold_batch_norms
from transferscope.protocols.saliency import maps, windows
from transferscope.protocols.saliency.maps import attention, diffusion
from transferscope.protocols.saliency.occlusion import Occlusion, feature_error, occluder_positions
from transferscope.protocols.saliency.windows import Tape, Windowed


def network(arch: str) -> nn.Module:
    """A random backbone, no BatchNorm of which does nothing."""
    torch.manual_seed(0)
    module = backbones.create(arch)
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.0)
            nn.init.normal_(layer.bias, std=0.3)
            nn.init.normal_(layer.running_mean, std=0.3)
            nn.init.uniform_(layer.running_var, 0.5, 2.0)
    return module.eval()


def picture(size: int) -> Tensor:
    return torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(1))


def occlusion(module: nn.Module, size: int, **changes) -> Occlusion:
    return Occlusion(module, picture(size), **{"occluder": 10, "stride": 1, "batch_size": 64} | changes)


def test_the_map_is_exact_at_every_position_of_a_small_network():
    small = occlusion(network("resnet10t"), 50)
    errors = np.concatenate(list(small.bands()))
    assert errors.shape == (41, 41)
    reference = small.naive(list(product(small.positions, small.positions))).reshape(41, 41)
    np.testing.assert_allclose(errors, reference, rtol=1e-4)
    np.testing.assert_allclose(
        attention(errors, small.positions, 10), attention(reference, small.positions, 10), rtol=1e-5
    )


def check_tiles(occlusion: Occlusion, tiles: int, side: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(tiles):
        corner = rng.integers(len(occlusion.positions) - side + 1, size=2)
        rows, columns = (occlusion.positions[start : start + side] for start in corner)
        expected = occlusion.naive(list(product(rows, columns))).reshape(side, side)
        np.testing.assert_allclose(occlusion.errors(rows, columns), expected, rtol=1e-4, atol=1e-7)


def test_resnet50_is_exact_at_random_positions():
    check_tiles(occlusion(network("resnet50"), 242), tiles=4, side=2)


@pytest.mark.parametrize(
    ("arch", "size", "share"),
    [
        ("mobilenetv2_050", 98, (0.3, 0.7)),
        ("tf_efficientnet_lite0", 101, (0.3, 0.9)),  # padded on one side more than on the other
        ("resnet18d", 98, (0.3, 0.9)),  # average pooling has no rule
        ("efficientnet_b0", 64, (0.7, 1.0)),  # squeeze and excitation looks at all
        ("convnext_atto", 64, (0.9, 1.05)),
    ],
)
def test_any_network_is_exact_and_computed_whole_from_where_it_looks_at_all(arch, size, share):
    seen = occlusion(network(arch), size)
    check_tiles(seen, tiles=3, side=3)
    check_tiles(occlusion(seen.network, size, stride=7), tiles=2, side=2)
    assert share[0] < seen.flop_fraction() < share[1]
    assert seen.check() < 1e-4


def test_a_transformer_takes_a_picture_that_does_not_fill_its_patches(tmp_path):
    module = backbones.create("vit_tiny_patch16_224")
    metadata = backbones.Metadata("vit", "vit_tiny_patch16_224", "random", "", (0,) * 3, (1,) * 3, {})
    backbones.save(tmp_path / "vit.safetensors", backbones.weights(module), metadata)
    padded, _ = backbones.load(tmp_path / "vit.safetensors", 50, pad=True)
    whole, _ = backbones.load(tmp_path / "vit.safetensors", 64)
    with torch.inference_mode():
        torch.testing.assert_close(padded(picture(50)), whole(F.pad(picture(50), (0, 14, 0, 14))))
    check_tiles(occlusion(padded, 50), tiles=2, side=3)


def windowed(seed: int = 0, size: int = 13) -> Windowed:
    """A batch of two that differs from its clean activation in a random window."""
    torch.manual_seed(seed)
    rows, columns = (tuple(sorted(torch.randperm(size + 1)[:2].tolist())) for _ in range(2))
    clean = torch.randn(1, 4, size, size)
    window = torch.randn(2, 4, rows[1] - rows[0], columns[1] - columns[0])
    return Windowed(clean, window, rows, columns, Tape())


@pytest.mark.parametrize("case", range(60))
def test_a_sliding_kernel_sees_the_window_from_anywhere(case):
    rng = np.random.default_rng(case)
    kernel, stride, dilation = (int(rng.integers(1, most + 1)) for most in (4, 3, 2))
    padding = int(rng.integers(kernel // 2 + 1))
    batch, weight = windowed(case), torch.randn(5, 4, kernel, kernel)
    convolved = torch.conv2d(batch, weight, None, stride, padding, dilation)
    assert isinstance(convolved, Windowed)
    torch.testing.assert_close(
        convolved.whole(), torch.conv2d(batch.whole(), weight, None, stride, padding, dilation)
    )
    batch.tape = Tape()  # for another pass
    pooled = F.max_pool2d(batch, kernel, stride, padding)
    assert isinstance(pooled, Windowed)
    torch.testing.assert_close(pooled.whole(), F.max_pool2d(batch.whole(), kernel, stride, padding))


def test_functions_of_several_batches_join_their_windows():
    first = windowed()
    second = torch.conv2d(first, torch.randn(4, 4, 3, 3), None, 1, 1)
    assert isinstance(first + second, Windowed)
    torch.testing.assert_close((first + second).whole(), first.whole() + second.whole())
    padded = F.pad(first, (1, 2, 3, 0))
    assert isinstance(padded, Windowed)
    torch.testing.assert_close(padded.whole(), F.pad(first.whole(), (1, 2, 3, 0)))


def test_a_function_without_a_rule_gets_whole_tensors():
    batch = windowed()
    assert torch.equal(batch.mean((2, 3)), batch.whole().mean((2, 3)))
    assert torch.equal(torch.cat([batch, batch], 1), torch.cat([batch.whole(), batch.whole()], 1))
    assert torch.equal(batch * torch.ones(2, 4, 1, 1), batch.whole())
    assert F.softmax not in windows.RULES


def test_batch_norms_are_folded_where_that_changes_nothing():
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3, bias=False), BatchNormAct2d(4)
    )
    for norm in (module[1], module[4]):
        norm.running_mean.uniform_(-1, 1)
        norm.running_var.uniform_(0.5, 2)
    module.eval()
    folded = fold_batch_norms(module, picture(12))
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in folded.modules())
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in module.modules()) == 2
    with torch.inference_mode():
        torch.testing.assert_close(folded(picture(9)), module(picture(9)))


class TwoReaders(nn.Module):
    """The convolution's output goes past the BatchNorm too."""

    def __init__(self):
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.norm.running_mean.fill_(1.0)

    def forward(self, images: Tensor) -> Tensor:
        convolved = self.convolution(images)
        return convolved + self.norm(convolved)


def test_a_convolution_with_two_readers_keeps_its_batch_norm():
    module = TwoReaders().eval()
    assert fold_batch_norms(module, picture(12)) is module


def test_a_wrong_rule_is_noticed(monkeypatch):
    monkeypatch.setitem(windows.RULES, F.relu, lambda function, batch, inplace: batch)
    with pytest.raises(RuntimeError, match="whole passes give"):
        occlusion(network("resnet10t"), 50).check()


def test_positions_of_the_paper_and_of_a_stride():
    assert np.array_equal(occluder_positions(242, 10, 1), np.arange(233))
    assert list(occluder_positions(20, 4, 5)) == [0, 5, 10, 15, 16]
    assert list(occluder_positions(20, 4, 8)) == [0, 8, 16]
    assert 233**2 / len(occluder_positions(242, 10, 5)) ** 2 > 20


def test_tiles_cover_every_position_once_and_keep_close():
    for stride, side in ((1, 8), (2, 8), (5, 4), (30, 1)):
        seen = occlusion(nn.Flatten(), 242, stride=stride)
        assert np.array_equal(np.concatenate(seen.tiles), seen.positions)
        assert max(map(len, seen.tiles)) == side


def test_the_error_is_relative_to_the_spread_of_the_features():
    clean, features = torch.tensor([[1.0, 3.0]]), torch.tensor([[1.0, 3.0], [2.0, 3.0], [4.0, 7.0]])
    expected = [0.0, np.sqrt(1 / 2), np.sqrt(25 / 2)]
    torch.testing.assert_close(feature_error(features, clean), torch.tensor(expected, dtype=torch.float64))
    torch.testing.assert_close(feature_error(7 * features, 7 * clean), feature_error(features, clean))


def test_attention_is_the_mean_over_the_occluders_that_cover_a_pixel():
    resolution, occluder = 21, 4
    at = occluder_positions(resolution, occluder, 1)
    errors = np.random.default_rng(0).random((len(at), len(at)))
    total, count = np.zeros((2, resolution, resolution))
    for (row, column), value in np.ndenumerate(errors):
        covered = np.s_[row : row + occluder, column : column + occluder]
        total[covered] += value
        count[covered] += 1
    centre = np.s_[occluder - 1 : 1 - occluder, occluder - 1 : 1 - occluder]
    assert (count[centre] == occluder**2).all()
    np.testing.assert_allclose(attention(errors, at, occluder), (total / count)[centre])


def test_what_a_stride_leaves_out_is_interpolated():
    every, some = occluder_positions(30, 6, 1), occluder_positions(30, 6, 5)
    plane = 2.0 * every[:, None] - 0.5 * every[None, :] + 3
    np.testing.assert_allclose(
        attention(plane[np.ix_(some, some)], some, 6), attention(plane, every, 6), rtol=1e-12
    )


def test_diffusion_is_the_share_above_the_mean():
    assert diffusion(np.array([[0.0, 0.0], [0.0, 4.0]])) == 0.25
    assert diffusion(np.ones((3, 3))) == 0


def test_an_occluder_is_a_square_of_zeros():
    clean = picture(24)
    covered = clean[:, :, 3:8, 7:12].double().square().sum()
    expected = float((covered / (clean - clean.mean()).double().square().sum()).sqrt())
    seen = occlusion(nn.Flatten(), 24, occluder=5)
    assert seen.naive([(3, 7)]).tolist() == pytest.approx([expected])
    assert seen.errors(np.array([3]), np.array([7])).tolist() == [pytest.approx([expected])]


def test_bands_that_are_done_are_left_out():
    seen = occlusion(nn.Flatten(), 24, occluder=5, batch_size=16)
    bands = list(seen.bands())
    assert len(bands) == len(seen.tiles) == 5
    np.testing.assert_array_equal(np.concatenate(list(seen.bands(done=2))), np.concatenate(bands[2:]))


def test_a_map_is_read_as_it_was_written(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "tiny.h5"
    content = {"picture": rng.integers(0, 256, (4, 4, 3), np.uint8), "attention": rng.random((4, 4))}
    errors = {"errors": rng.random((3, 3)), "at": np.array([0, 2, 3])}
    maps.write(path, **content, **errors, attributes={"model": "tiny", "dataset": "pets"})
    found = maps.read(path)
    assert (found.model, found.dataset) == ("tiny", "pets")
    np.testing.assert_array_equal(found.picture, content["picture"])
    np.testing.assert_allclose(found.attention, content["attention"], rtol=1e-6)
    with h5py.File(path, "a") as file:
        file.attrs["version"] = 99
    with pytest.raises(InputError, match="is no saliency map of version 1"):
        maps.read(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="is no whole saliency map"):
        maps.read(path)
