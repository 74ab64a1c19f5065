"""Canonical files, normalisations, and random backbones."""

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from miniatures import features, lively
from timm import data
from timm.layers import resample_abs_pos_embed

from transferscope.errors import InputError
from transferscope.models import backbones, canonical

IMAGENET = backbones.NORMALISATIONS["imagenet"]
VIT = "vit_tiny_patch16_224?embed_dim=48&depth=2"
SWIN = "swin_tiny_patch4_window7_224?embed_dim=12&depths=(1,1,1,1)&num_heads=(1,1,2,2)"


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


def test_arguments_of_the_constructor_follow_the_architecture():
    module = backbones.create("vit_tiny_patch16_224?depth=2&num_heads=6&global_pool=avg&fc_norm=False")
    assert len(module.blocks) == 2
    assert module.blocks[0].attn.num_heads == 6
    assert isinstance(module.fc_norm, torch.nn.Identity)


@pytest.mark.parametrize("argument", ["heads=12", "num_heads=7"])
def test_a_refused_argument_is_named(argument):
    with pytest.raises(InputError, match=rf"timm cannot build 'vit_tiny_patch16_224\?{argument}': "):
        backbones.create(f"vit_tiny_patch16_224?{argument}")


def test_unknown_normalisation_lists_the_known():
    with pytest.raises(InputError, match="'imagnet'; choose one of imagenet, clip, half, lite, none"):
        backbones.normalisation("imagnet")


@pytest.mark.parametrize("name", backbones.NORMALISATIONS)
def test_normalisations_are_per_channel(name):
    mean, std = backbones.normalisation(name)
    assert len(mean) == len(std) == 3
    assert min(std) > 0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("imagenet", (data.IMAGENET_DEFAULT_MEAN, data.IMAGENET_DEFAULT_STD)),
        ("clip", (data.OPENAI_CLIP_MEAN, data.OPENAI_CLIP_STD)),
        ("half", (data.IMAGENET_INCEPTION_MEAN, data.IMAGENET_INCEPTION_STD)),
    ],
)
def test_normalisations_are_those_that_timm_knows(name, expected):
    assert backbones.normalisation(name) == expected


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


def test_flipped_bits_are_never_loaded(tmp_path):
    path, rng = tmp_path / "tiny.safetensors", np.random.default_rng(0)
    module = lively("test_efficientnet")
    backbones.save(path, backbones.weights(module), metadata())
    content = path.read_bytes()
    header = int.from_bytes(content[:8], "little")
    places = [*rng.integers(8, header, 100), *rng.integers(header + 8, len(content), 20)]
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"tiny\.safetensors .*; remove it and run prepare_backbone or"):
            backbones.load(path)


def test_zeros_in_a_file_are_named(tmp_path):
    path = tmp_path / "tiny.safetensors"
    backbones.save(path, backbones.weights(lively("test_efficientnet")), metadata())
    content = path.read_bytes()
    path.write_bytes(content[:-100_000] + bytes(100_000))
    with pytest.raises(InputError, match=r"tiny\.safetensors is damaged: its content is not what was"):
        backbones.load(path)


def test_a_file_from_before_there_was_a_digest_is_loaded(tmp_path):
    path, module = tmp_path / "tiny.safetensors", lively("test_efficientnet")
    backbones.save(path, backbones.weights(module), metadata())
    with safetensors.safe_open(path, "pt") as file:
        fields = file.metadata()
    del fields["sha256"]
    safetensors.torch.save_file(backbones.weights(module), path, fields)
    loaded, _ = backbones.load(path)
    assert torch.equal(features(loaded), features(module))


def test_load_names_missing_metadata(tmp_path):
    path = tmp_path / "tiny.safetensors"
    fields = vars(metadata()) | {"mean": "[]", "std": "[]", "versions": "{}"}
    canonical.write(path, {}, {name: text for name, text in fields.items() if name != "arch"})
    with pytest.raises(InputError, match="its metadata lack arch; remove it"):
        backbones.load(path)


def test_load_refuses_tensors_of_another_architecture(tmp_path):
    path = tmp_path / "tiny.safetensors"
    backbones.save(path, backbones.weights(lively("test_efficientnet")), metadata("test_vit"))
    with pytest.raises(InputError, match="does not fit test_vit of timm"):
        backbones.load(path)


def saved(folder: Path, arch: str) -> tuple[Path, torch.nn.Module]:
    module = lively(arch)
    backbones.save(folder / "tiny.safetensors", backbones.weights(module), metadata(arch))
    return folder / "tiny.safetensors", module


def test_at_another_resolution_a_vit_has_its_position_embedding_resampled(tmp_path):
    path, module = saved(tmp_path, VIT)
    loaded, _ = backbones.load(path, resolution=128)
    expected = backbones.create(f"{VIT}&img_size=128").eval()
    state = module.state_dict()
    state["pos_embed"] = resample_abs_pos_embed(state["pos_embed"], new_size=(8, 8), old_size=(14, 14))
    expected.load_state_dict(state)
    assert features(loaded, 128).shape == (2, 48)
    assert torch.equal(features(loaded, 128), features(expected, 128))


@pytest.mark.parametrize("arch", [VIT, SWIN, "test_efficientnet"])
def test_at_its_own_resolution_nothing_changes(tmp_path, arch):
    path, module = saved(tmp_path, arch)
    loaded, _ = backbones.load(path, resolution=224)
    assert torch.equal(features(loaded, 224), features(module, 224))


@pytest.mark.parametrize("arch", [SWIN, "test_efficientnet", "test_convnext"])
def test_other_networks_take_another_resolution(tmp_path, arch):
    path, _ = saved(tmp_path, arch)
    loaded, _ = backbones.load(path, resolution=128)
    assert features(loaded, 128).shape == (2, loaded.num_features)


def test_a_resolution_that_patches_do_not_divide_is_named(tmp_path):
    path, _ = saved(tmp_path, "vit_small_patch14_dinov2?embed_dim=48&depth=1")
    with pytest.raises(
        InputError, match=r"^tiny: pictures of 128 pixels cannot be cut into patches of 14; set"
    ):
        backbones.load(path, resolution=128)


def test_a_network_of_one_size_names_it(tmp_path):
    path, module = saved(tmp_path, "pit_ti_224")
    loaded, _ = backbones.load(path, resolution=224)
    assert torch.equal(features(loaded, 224), features(module, 224))
    with pytest.raises(
        InputError, match=r"^tiny: the network takes pictures of 224 pixels and none of 128; set"
    ):
        backbones.load(path, resolution=128)


@pytest.mark.parametrize(
    "arch, size",
    [
        ("test_efficientnet", 160),
        ("test_resnet", 160),
        ("mobilenetv2_035", 224),
        ("test_vit", 160),
        ("vit_tiny_patch16_224?img_size=64", 64),
        ("convnext_atto", 64),
    ],
)
def test_random_features_tell_pictures_apart(arch, size):
    module = initialise(arch)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in IMAGENET)
    pictures = torch.cat(list(backbones.synthetic_images(size, seed=123)))[:32]
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


@pytest.mark.parametrize("arch", ["test_efficientnet", "test_convnext", f"{VIT}&img_size=64"])
def test_random_initialisation_is_deterministic_and_leaves_the_global_seed(arch):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, second = initialise(arch, seed=1), initialise(arch, seed=1)
    assert torch.equal(torch.rand(3), expected)
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(features(first), features(initialise(arch, seed=2)))
    assert not first.training


def test_batchnorm_goes_on_as_the_architecture_has_it():
    def momenta(module: torch.nn.Module) -> list[float]:
        return [layer.momentum for layer in module.modules() if isinstance(layer, torch.nn.BatchNorm2d)]

    assert momenta(initialise("test_resnet")) == momenta(backbones.create("test_resnet")) != []


def test_synthetic_images_follow_from_the_seed():
    first, again, other = (next(backbones.synthetic_images(8, seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


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
