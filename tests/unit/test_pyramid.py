"""One adaptor for both toolboxes: the probes' network, map by map; what is frozen stays as it was."""

import pytest
import timm
import torch
from miniatures import lively
from mmengine.registry import MODELS
from torch import nn

from transferscope.errors import InputError
from transferscope.models import backbones
from transferscope.protocols.openmmlab.backbone import STRIDES, Pyramid, up_to

PICTURES = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(7))


def saved(folder, arch: str):
    path = folder / "some.safetensors"
    metadata = backbones.Metadata(
        "some", arch, "random", "", *backbones.NORMALISATIONS["imagenet"], backbones.library_versions()
    )
    backbones.save(path, backbones.weights(lively(arch)), metadata)
    return path


@torch.inference_mode()
def test_the_last_map_of_a_resnet_pools_to_the_probes_feature(tmp_path):
    path = saved(tmp_path, "resnet50")
    pyramid, (network, _) = Pyramid(path).eval(), backbones.load(path)
    maps = pyramid(PICTURES)
    assert pyramid.channels == [256, 512, 1024, 2048]
    assert [tuple(one.shape[1:]) for one in maps] == [
        (channels, 64 // stride, 96 // stride)
        for channels, stride in zip(pyramid.channels, STRIDES, strict=True)
    ]
    assert torch.equal(maps[-1].mean(dim=(2, 3)), network(PICTURES))


@pytest.mark.parametrize("arch", ["mobilenetv2_100", "efficientnet_lite0", "convnext_atto", "regnety_002"])
@torch.inference_mode()
def test_the_maps_are_those_of_the_probes_network(tmp_path, arch):
    path = saved(tmp_path, arch)
    network, _ = backbones.load(path)
    seen = {}
    for info in network.feature_info[-4:]:
        name = info["module"]
        network.get_submodule(name).register_forward_hook(
            lambda layer, inputs, output, name=name: seen.update({name: output})
        )
    network(PICTURES)
    for found, expected in zip(Pyramid(path).eval()(PICTURES), seen.values(), strict=True):
        assert torch.equal(found, expected)


@torch.inference_mode()
def test_dilation_enlarges_the_maps_and_changes_no_weight(tmp_path):
    path = saved(tmp_path, "resnet10t")
    plain, dilated = Pyramid(path).eval(), Pyramid(path, output_stride=8).eval()
    assert dilated.state_dict().keys() == plain.state_dict().keys()
    assert [tuple(one.shape[2:]) for one in dilated(PICTURES)] == [(16, 24), (8, 12), (8, 12), (8, 12)]
    for found, expected in zip(dilated(PICTURES)[:2], plain(PICTURES)[:2], strict=True):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("arch", ["resnet10t", "mobilenetv2_100", "convnext_atto"])
@pytest.mark.parametrize("frozen_stages", [0, 3, 4])
def test_training_moves_what_is_not_frozen_and_nothing_else(tmp_path, arch, frozen_stages):
    pyramid = Pyramid(saved(tmp_path, arch), frozen_stages=frozen_stages)
    before = {name: tensor.clone() for name, tensor in pyramid.state_dict().items()}
    trained = [parameter for parameter in pyramid.parameters() if parameter.requires_grad]
    if trained:
        optimiser = torch.optim.SGD(trained, 0.1)
        for _ in range(2):
            optimiser.zero_grad()
            sum(one.square().mean() for one in pyramid.train()(PICTURES)).backward()
            optimiser.step()
    moved = {name for name, tensor in pyramid.state_dict().items() if not torch.equal(tensor, before[name])}
    names = [name for name, _ in pyramid.network.named_parameters()]
    stages = [info["module"] for info in pyramid.network.feature_info[-4:]]
    ends = [max(place for place, name in enumerate(names) if name.startswith(stage)) for stage in stages]
    frozen = set(names[: ends[frozen_stages - 1] + 1] if frozen_stages else [])
    for name, layer in pyramid.network.named_modules():
        if isinstance(layer, nn.BatchNorm2d):
            frozen |= {f"{name}.{key}" for key in layer.state_dict()}
    assert moved == {f"network.{name}" for name in set(names) - frozen}


def test_batchnorm_may_be_trained(tmp_path):
    pyramid = Pyramid(saved(tmp_path, "resnet10t"), frozen_stages=1, frozen_norm=False)
    pyramid.train()(PICTURES)
    norms = {name: layer for name, layer in pyramid.network.named_modules() if name.endswith("bn1")}
    assert not norms["bn1"].training and not norms["layer1.0.bn1"].training
    assert norms["layer2.0.bn1"].training and norms["layer2.0.bn1"].weight.requires_grad


def test_the_modules_up_to_one_leave_out_those_that_hold_it():
    network = timm.create_model("mobilenetv2_100")
    frozen = up_to(network, "blocks.4")
    assert network.conv_stem in frozen and network.blocks[4] in frozen
    assert (
        network.blocks not in frozen and network.blocks[5] not in frozen and network.conv_head not in frozen
    )


def test_both_toolboxes_build_it_by_its_name(tmp_path):
    path = saved(tmp_path, "resnet10t")
    for scope in ("mmdet", "mmseg"):
        pyramid = MODELS.build({"type": "Pyramid", "path": path, "frozen_stages": 3, "_scope_": scope})
        assert isinstance(pyramid, Pyramid)


def test_a_network_without_a_pyramid_is_refused(tmp_path):
    with pytest.raises(
        InputError, match=r"some: timm's vit_tiny_patch16_224 has no maps at the strides 4, 8"
    ):
        Pyramid(saved(tmp_path, "vit_tiny_patch16_224"))
