"""Canonical files, normalisations, and random backbones."""

import json

import pytest
import torch
from miniatures import features, lively

from transferscope import backbones
from transferscope.errors import InputError

IMAGENET = backbones.NORMALISATIONS["imagenet"]


def metadata(arch: str = "test_efficientnet") -> backbones.Metadata:
    mean, std = IMAGENET
    return backbones.Metadata("tiny", arch, "somewhere", "0" * 64, mean, std, backbones.library_versions())


def initialise(arch: str, seed: int = 0) -> torch.nn.Module:
    mean, std = IMAGENET
    return backbones.initialise(arch, mean=mean, std=std, seed=seed)


def test_create_yields_pooled_features():
    assert features(backbones.create("test_efficientnet").eval()).shape == (2, 256)


def test_unknown_architecture_names_close_ones():
    with pytest.raises(InputError, match=r"no architecture 'resnet-50'; did you mean .*resnet50"):
        backbones.create("resnet-50")


def test_unknown_normalisation_lists_the_known():
    with pytest.raises(InputError, match="'imagnet'; choose one of imagenet, half, lite, none"):
        backbones.normalisation("imagnet")


@pytest.mark.parametrize("name", backbones.NORMALISATIONS)
def test_normalisations_are_per_channel(name):
    mean, std = backbones.normalisation(name)
    assert len(mean) == len(std) == 3
    assert min(std) > 0


def test_saved_and_loaded_features_are_identical(tmp_path):
    module = lively("test_efficientnet")
    backbones.save(tmp_path / "tiny.safetensors", backbones.weights(module), metadata())
    loaded, read = backbones.load(tmp_path / "tiny.safetensors")
    assert read == metadata()
    assert not loaded.training
    assert torch.equal(features(loaded), features(module))


def test_same_content_gives_same_bytes(tmp_path):
    for name in "abcdef":  # the order that safetensors gives its metadata is random
        backbones.save(tmp_path / name, backbones.weights(lively("test_efficientnet")), metadata())
    assert len({(tmp_path / name).read_bytes() for name in "abcdef"}) == 1


def test_load_refuses_what_is_no_canonical_file(tmp_path):
    path = tmp_path / "tiny.safetensors"
    path.write_bytes(b"something else")
    with pytest.raises(InputError, match=r"tiny.safetensors is not a whole safetensors file .* run prepare_"):
        backbones.load(path)


def test_load_refuses_a_truncated_file(tmp_path):
    path = tmp_path / "tiny.safetensors"
    backbones.save(path, backbones.weights(lively("test_efficientnet")), metadata())
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match="not a whole safetensors file"):
        backbones.load(path)


def test_load_names_missing_metadata(tmp_path):
    path = tmp_path / "tiny.safetensors"
    backbones.save(path, {}, metadata())
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"arch"', b'"arcs"'))
    with pytest.raises(InputError, match="its metadata lack arch; remove it"):
        backbones.load(path)


def test_load_refuses_tensors_of_another_architecture(tmp_path):
    path = tmp_path / "tiny.safetensors"
    backbones.save(path, backbones.weights(lively("test_efficientnet")), metadata("test_vit"))
    with pytest.raises(InputError, match="does not fit test_vit of timm"):
        backbones.load(path)


@pytest.mark.parametrize("arch", ["test_efficientnet", "test_resnet", "mobilenetv2_035", "test_vit"])
def test_random_features_tell_pictures_apart(arch):
    module = initialise(arch)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in IMAGENET)
    pictures = torch.cat(list(backbones.synthetic_images(module.default_cfg["input_size"][-1], seed=123)))[
        :32
    ]
    with torch.inference_mode():
        rows = module((pictures - mean) / std)
    assert rows.isfinite().all()
    spread = rows.std(dim=0) / rows.abs().mean(dim=0).clamp_min(1e-6)
    assert spread.median() > 0.05
    # No single direction holds all the variance: the features are not one brightness.
    variances = torch.linalg.svdvals((rows - rows.mean(dim=0)).double()) ** 2
    assert variances[0] / variances.sum() < 0.9


def test_every_batchnorm_knows_the_variance_of_its_inputs():
    module = initialise("mobilenetv2_035")
    ratios = []

    def compare(layer, inputs, _):
        ratios.append((inputs[0].var(dim=(0, 2, 3)) / layer.running_var.clamp_min(1e-6)).median())

    for layer in module.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.register_forward_hook(compare)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in IMAGENET)
    with torch.inference_mode():
        module((next(backbones.synthetic_images(128, seed=99)) - mean) / std)
    assert len(ratios) > 50
    assert min(ratios) > 0.5
    assert max(ratios) < 2


def test_random_initialisation_is_deterministic_and_leaves_the_global_seed():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, second = initialise("test_efficientnet", seed=1), initialise("test_efficientnet", seed=1)
    assert torch.equal(torch.rand(3), expected)
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(features(first), features(initialise("test_efficientnet", seed=2)))
    assert not first.training


def test_synthetic_images_are_colourful_and_smooth():
    images = next(backbones.synthetic_images(64, seed=0))
    assert images.shape == (16, 3, 64, 64)
    assert images.min() >= 0
    assert images.max() <= 1
    assert 0.4 < images.mean() < 0.5
    assert 0.18 < images.std() < 0.28
    red, green, blue = images.unbind(dim=1)
    correlation = torch.corrcoef(torch.stack([red.flatten(), green.flatten(), blue.flatten()]))
    assert 0.5 < correlation[0, 1] < 0.99
    neighbours = torch.corrcoef(torch.stack([red[:, :, 1:].flatten(), red[:, :, :-1].flatten()]))
    assert neighbours[0, 1] > 0.6


def test_metadata_are_strings_in_the_file(tmp_path):
    path = tmp_path / "tiny.safetensors"
    backbones.save(path, {}, metadata())
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert json.loads(header["__metadata__"]["mean"]) == list(IMAGENET[0])
    assert header["__metadata__"]["arch"] == "test_efficientnet"
