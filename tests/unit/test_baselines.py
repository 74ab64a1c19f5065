"""Networks that learn nothing: random weights as drawn and rescaled, scattering, Gabor filters."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from tests.unit.studies import CONFIG, SCHEMAS
from torch import nn

import draw_backbone
from transferscope.errors import InputError
from transferscope.models import backbones, drawn, wavelets
from transferscope.study import catalogue, configuration, own_sources

GOLDEN = Path(__file__).parent / "golden/kymatio_scattering.npy"
"""Made once with kymatio 0.3.0, SciPy 1.17 and this:

from kymatio.scattering2d.frontend.torch_frontend import ScatteringTorch2D
values = torch.rand(1, 32, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64).float()
made = [ScatteringTorch2D(J=2, shape=(32, 32))(values), ScatteringTorch2D(J=3, shape=(32, 32), L=4)(values)]
np.save(path, np.concatenate([one.numpy().ravel() for one in made]))
"""
NORMAL = {"mean": (0.5,) * 3, "std": (0.25,) * 3}
SMALL = "alexnet_32?width=4"


def images(size: int = 32, count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(1))


def draw(seed: int = 0, *, arch: str = SMALL, rescaled: bool = False) -> nn.Module:
    return drawn.draw(arch, rescaled=rescaled, seed=seed, **NORMAL)


def test_weights_as_drawn_are_those_of_the_architecture():
    torch.manual_seed(3)
    expected, found = backbones.weights(backbones.create(SMALL)), backbones.weights(draw(3))
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    assert not found["conv1.1.running_mean"].any()
    assert found["conv5.1.running_var"].eq(1).all()
    assert not torch.equal(found["conv1.0.weight"], draw(4).conv1[0].weight)
    assert backbones.initialise(SMALL, seed=3, **NORMAL).conv1[1].running_mean.any()


@torch.no_grad()
def test_rescaled_units_have_one_mean_and_one_deviation():
    module, seen = draw(), {}
    batch = (torch.cat(list(backbones.synthetic_images(32, 0))) - 0.5) / 0.25
    before = draw()
    drawn.rescale(module, batch)
    for name in ("conv1", "conv3", "conv5"):
        getattr(module, name)[0].register_forward_hook(
            lambda _, inputs, output, name=name: seen.update({name: output})
        )
    module(batch)
    for outputs in seen.values():
        assert torch.allclose(outputs.mean((0, 2, 3)), torch.tensor(0.1), atol=1e-4)
        assert torch.allclose(outputs.std((0, 2, 3)), torch.tensor(1.0), atol=1e-3)
    # Each filter is scaled as a whole.
    ratio = module.conv3[0].weight / before.conv3[0].weight
    assert torch.allclose(ratio, ratio[:, :1, :1, :1].expand_as(ratio), rtol=1e-4)
    whole = draw(rescaled=True)
    assert torch.equal(whole.conv5[0].weight, module.conv5[0].weight)
    assert whole.conv5[1].running_var.eq(1).all()


@torch.no_grad()
def test_layers_without_bias_and_linear_ones_are_rescaled_too():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5))
    batch = torch.randn(64, 3, 8, 8)
    drawn.rescale(module, batch)
    assert torch.allclose(module[0](batch).std((0, 2, 3)), torch.tensor(1.0), atol=1e-2)
    assert torch.allclose(module(batch).mean(0), torch.tensor(0.1), atol=1e-4)
    assert torch.allclose(module(batch).std(0, correction=0), torch.tensor(1.0), atol=1e-4)


@pytest.mark.parametrize("source", own_sources.RANDOM_WEIGHTS)
def test_the_script_writes_a_backbone(tmp_path, source):
    path = tmp_path / "a.safetensors"
    draw_backbone.main(path, model="a", arch=SMALL, source=source, normalisation="half", seed=0)
    module, metadata = backbones.load(path)
    assert (metadata.model, metadata.source, metadata.mean) == ("a", source, (0.5, 0.5, 0.5))
    assert module.conv1[0].bias.any() == source.endswith("rescaled")


def test_a_source_of_random_weights_is_checked(tmp_path):
    assert {own_sources.origin_of_random(source) for source in own_sources.RANDOM_WEIGHTS} == {"drawn"}
    cells = {"id": "a", "name": "A", "arch": "alexnet_32", "source": "random:weights=drawn"}
    cells |= {"normalisation": "none", "method": "none", "pretraining_data": "none", "seed": "1"}

    def read(**changes):
        path, row = tmp_path / "models.tsv", cells | changes
        path.write_text("\t".join(row) + "\n" + "\t".join(row.values()) + "\n")
        return catalogue.read_models(path, SCHEMAS).iloc[0]

    assert read()[["origin", "supervision"]].tolist() == ["drawn", "random"]
    assert read(source="random")["origin"] == "random"
    with pytest.raises(InputError, match=r"line 2.*'random:0' has to be random, or random:weights=drawn or"):
        read(source="random:0")
    with pytest.raises(InputError, match=r"line 2.*column 'seed'"):
        read(seed="")


@pytest.mark.parametrize("size", ["", "-cifar", "-small"])
def test_the_papers_models_are_rows(size):
    found = catalogue.read_models(CONFIG / f"models-asano2020{size}.tsv", SCHEMAS)
    assert set(found["origin"]) <= {"drawn", "random", "pretrain"}
    assert {"rotnet", "deepcluster", "bigan"} < set(found["method"])
    assert set(found["supervision"]) == {"random", "supervised", "self-supervised"}
    for arch in found["arch"].unique():
        backbones.create(arch)
    tables = [CONFIG / f"datasets{name}.tsv" for name in ("", "-asano2020", "-asano2020-small")]
    profiles = yaml.safe_load((CONFIG / "config.yaml").read_text())["pretrain"]
    configuration.check_pretraining(profiles, found, catalogue.read_datasets(list(map(str, tables)), SCHEMAS))


@torch.no_grad()
def test_scattering_gives_kymatios_numbers():
    generator = torch.Generator().manual_seed(0)
    plane = torch.rand(1, 32, 32, generator=generator, dtype=torch.float64).float()
    golden, place = np.load(GOLDEN), 0
    for scales, angles in ((2, 8), (3, 4)):
        maps = wavelets.Scattering(scales, angles).transform(plane).flatten().numpy()
        expected = golden[place : place + len(maps)]
        assert np.abs(maps - expected).max() < 1e-4
        place += len(maps)
    assert place == len(golden)


@pytest.mark.parametrize(
    ("arch", "size", "channels", "side"),
    [
        ("scattering", 32, 3 * 81, 8),
        ("scattering?scales=4", 224, 3 * 417, 14),
        ("scattering?scales=1&angles=6", 17, 3 * 7, 8),
        ("gabor", 32, 3 * 24, 16),
        ("gabor?stride=4", 64, 3 * 24, 16),
    ],
)
@torch.no_grad()
def test_maps_have_the_channels_and_sides_of_the_specification(arch, size, channels, side):
    module = backbones.create(arch).eval()
    last, maps = module.forward_intermediates(images(size, 1))
    assert last.shape == (1, channels, side, side)
    assert len(maps) == len(module.feature_info) == 1
    assert torch.equal(maps[0], last)
    assert torch.equal(module(images(size, 1)), last.mean((2, 3)))
    assert module.num_features == module.feature_info[0]["num_chs"] == channels
    assert abs(size / module.feature_info[0]["reduction"] - side) <= 1
    assert backbones.weights(module) == {}
    assert arch.partition("?")[0] in catalogue.architectures()


@torch.no_grad()
def test_scattering_shrinks_and_hardly_moves_with_its_image():
    module = backbones.create("scattering").eval()
    wide = images(49, 4)
    still, moved = wide[:, :, :-1, :-1], wide[:, :, :-1, 1:]
    one, other = module.forward_features(still), module.forward_features(moved)
    # A pixel of the map stands for 4 x 4.
    assert 4 * one.norm() <= 1.05 * still.norm()
    assert 4 * (one - other).norm() < 0.5 * (still - moved).norm()


@torch.no_grad()
def test_no_more_images_are_transformed_at_a_time_than_memory_holds(monkeypatch):
    for arch in ("scattering", "gabor"):
        module = backbones.create(arch).eval()
        together = module(images(count=5))
        monkeypatch.setattr(wavelets, "PIXELS", 1)
        assert torch.allclose(module(images(count=5)), together, atol=1e-6)
        monkeypatch.undo()
        assert torch.allclose(module(images(count=5)[3:]), together[3:], atol=1e-6)


@torch.no_grad()
def test_gabor_maps_are_moduli_of_convolutions():
    module, plane = backbones.create("gabor").eval(), images(32, 1)
    maps = module.forward_features(plane)[0]
    offset = torch.arange(-24, 24)
    for channel in (0, 9, 3 * 8 - 1):
        scale, angle = divmod(channel, 8)
        turn, sigma = (3 - angle) * np.pi / 8, 0.8 * 2**scale
        rows, columns = torch.meshgrid(offset, offset, indexing="ij")
        along = rows * np.cos(turn) + columns * np.sin(turn)
        across = columns * np.cos(turn) - rows * np.sin(turn)
        wave = torch.exp(-(along**2 + across**2 / 4) / (2 * sigma**2)) / (4 * np.pi * sigma**2)
        padded = nn.functional.pad(plane, [31] * 4, mode="reflect")[0, 0]
        for row, column in ((5, 8), (7, 7)):
            centre = torch.tensor([31 + 2 * row, 31 + 2 * column])
            seen = padded[centre[0] - offset[:, None], centre[1] - offset[None]]
            response = (seen * torch.polar(wave, 0.75 * np.pi / 2**scale * along)).sum()
            assert maps[channel, row, column].item() == pytest.approx(response.abs().item(), abs=2e-3)


@pytest.mark.parametrize("arch", ["scattering", "gabor"])
def test_a_gradient_reaches_the_image_after_features_were_extracted(arch):
    for made in (wavelets.morlets, wavelets.gabors):
        made.cache_clear()
    module, pictures = backbones.create(arch).eval(), images(16, 1).requires_grad_()
    with torch.inference_mode():
        module(pictures)
    module(pictures).sum().backward()
    assert pictures.grad.isfinite().all()
    assert pictures.grad.abs().sum() > 0


def test_images_that_are_too_small_are_refused():
    with pytest.raises(InputError, match="images of 16 pixels are too small for wavelets of 4 scales"):
        backbones.create("scattering?scales=4")(images(16))


def test_a_network_without_weights_is_a_backbone_file_like_any_other(tmp_path):
    path = tmp_path / "a.safetensors"
    draw_backbone.main(
        path, model="a", arch="scattering", source="random:weights=drawn", normalisation="none", seed=0
    )
    module, _ = backbones.load(path, 64)
    assert module(images(64)).shape == (2, 243)
