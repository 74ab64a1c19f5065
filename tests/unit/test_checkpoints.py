"""Authors' layouts of PyTorch and safetensors files, converted strictly."""

import argparse
import os
import pickle
from pathlib import Path

import pytest
import safetensors.torch
import torch
import torchvision
from miniatures import features, lively, prefixed

from transferscope.errors import InputError
from transferscope.files import sha256
from transferscope.models import backbones, checkpoints

ARCH = "test_efficientnet"
ROW = {
    "model": "tiny",
    "arch": ARCH,
    "format": "pytorch",
    "container": "",
    "prefix": "",
    "drop": "",
    "match": "names",
    "normalisation": "imagenet",
    "source": "somewhere",
}


def convert(checkpoint: Path, **columns: str) -> Path:
    output = checkpoint.with_name("canonical.safetensors")
    checkpoints.convert(checkpoint, output, **{**ROW, **columns})
    return output


def saved(folder: Path, content: object, **options) -> Path:
    torch.save(content, folder / "checkpoint.pth", **options)
    return folder / "checkpoint.pth"


def moco(state: dict) -> tuple[object, dict]:
    heads = {"module.encoder_q.fc.0.weight": torch.ones(2), "module.queue": torch.ones(2, 3)}
    keys = prefixed("module.encoder_k.", {name: tensor + 1 for name, tensor in state.items()})
    content = {
        "epoch": 800,
        "arch": "resnet50",
        "state_dict": prefixed("module.encoder_q.", state) | heads | keys,
        "optimizer": {"state": {}, "param_groups": [{"lr": 0.03}]},
    }
    return content, {"container": "state_dict", "prefix": "module.encoder_q.", "drop": "fc."}


def pycontrast(state: dict) -> tuple[object, dict]:
    heads = {"module.head.0.weight": torch.ones(2), "module.head_jig.fc1.weight": torch.ones(2)}
    content = {
        "opt": argparse.Namespace(epochs=800, mem="moco"),
        "model": prefixed("module.encoder.", state) | heads,
        "epoch": 800,
    }
    return content, {"container": "model state_dict", "prefix": "module.encoder."}


def swav(state: dict) -> tuple[object, dict]:
    heads = {
        "module.projection_head.0.weight": torch.ones(2),
        "module.prototypes.prototypes0.weight": torch.ones(2),
    }
    return prefixed("module.", state) | heads, {"prefix": "module.", "drop": "projection_head. prototypes."}


def supervised(state: dict) -> tuple[object, dict]:
    return state | {"fc.weight": torch.ones(2), "fc.bias": torch.ones(2)}, {"drop": "fc."}


@pytest.mark.parametrize("layout", [moco, pycontrast, swav, supervised])
@pytest.mark.parametrize("legacy", [False, True])
def test_official_layouts_give_identical_features(tmp_path, layout, legacy):
    module = lively(ARCH)
    content, columns = layout(module.state_dict())
    checkpoint = saved(tmp_path, content, _use_new_zipfile_serialization=not legacy)
    loaded, metadata = backbones.load(convert(checkpoint, **columns))
    assert torch.equal(features(loaded), features(module))
    assert metadata.model == "tiny"
    assert metadata.source == "somewhere"
    assert metadata.source_sha256 == sha256(checkpoint)


def test_safetensors_gives_identical_features(tmp_path):
    module = lively(ARCH)
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file(dict(module.state_dict()), path)
    loaded, _ = backbones.load(convert(path, format="safetensors"))
    assert torch.equal(features(loaded), features(module))


def test_torchvision_names_are_matched_in_order(tmp_path):
    torch.manual_seed(0)
    module = torchvision.models.mobilenet_v2(width_mult=0.35).eval()
    for name, tensor in module.state_dict().items():
        if tensor.ndim == 1:
            tensor.copy_(torch.rand_like(tensor) * 0.5 + 0.5 * ("weight" in name or "var" in name))
    checkpoint = saved(tmp_path, module.state_dict())
    loaded, _ = backbones.load(convert(checkpoint, arch="mobilenetv2_035", drop="classifier.", match="order"))
    pooled = torch.nn.Sequential(module.features, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    assert torch.equal(features(loaded), features(pooled))


def test_counters_may_be_absent_and_half_precision_is_widened(tmp_path):
    module = lively(ARCH)
    state = {name: tensor.half() for name, tensor in backbones.weights(module).items()}
    loaded, _ = backbones.load(convert(saved(tmp_path, state)))
    for name, tensor in backbones.weights(loaded).items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, state[name].float())


def test_same_checkpoint_gives_same_bytes(tmp_path):
    checkpoint = saved(tmp_path, lively(ARCH).state_dict())
    assert len({convert(checkpoint).read_bytes() for _ in range(5)}) == 1


def test_metadata_name_the_normalisation(tmp_path):
    checkpoint = saved(tmp_path, lively(ARCH).state_dict())
    _, metadata = backbones.load(convert(checkpoint, normalisation="lite"))
    assert metadata.mean == (127 / 255,) * 3
    assert metadata.std == (128 / 255,) * 3
    assert set(metadata.versions) == {"safetensors", "timm", "torch"}


def changed(state: dict, how: str) -> dict:
    state = dict(state)
    if how == "missing":
        del state["conv_stem.weight"]
    if how == "extra":
        state["decoder.weight"] = torch.ones(2)
    if how == "misshapen":
        state["conv_stem.weight"] = state["conv_stem.weight"][:, :2]
    if how == "not finite":
        state["conv_stem.weight"] = state["conv_stem.weight"] * torch.nan
    return state


@pytest.mark.parametrize(
    "how, sentence",
    [
        ("missing", r"^tiny: tensors of test_efficientnet are missing: conv_stem.weight; check"),
        (
            "extra",
            r"^tiny: tensors are left over that test_efficientnet does not have: decoder.weight; check",
        ),
        ("misshapen", r"^tiny: .*other shapes .*: conv_stem.weight is \[.*, 2, .*\] and should be \[.*, 3, "),
        ("not finite", r"^tiny: .*values that are not finite: conv_stem.weight; download"),
    ],
)
def test_wrong_tensors_are_named(tmp_path, how, sentence):
    checkpoint = saved(tmp_path, changed(lively(ARCH).state_dict(), how))
    with pytest.raises(InputError, match=sentence):
        convert(checkpoint)
    assert not (tmp_path / "canonical.safetensors").exists()


def test_at_most_five_keys_are_named(tmp_path):
    state = dict(list(lively(ARCH).state_dict().items())[20:])
    with pytest.raises(InputError, match=r"are missing: ([^,]+, ){4}[^,]+ and \d+ more; check"):
        convert(saved(tmp_path, state))


def test_missing_or_misplaced_tensors_cannot_be_matched_in_order(tmp_path):
    state = lively(ARCH).state_dict()
    with pytest.raises(InputError, match=r"^tiny: it has \d+ backbone tensors and the architecture \d+"):
        convert(saved(tmp_path, changed(state, "missing")), match="order")
    swapped = list(state.items())
    first = next(i for i, (name, _) in enumerate(swapped) if name.endswith("running_mean"))
    swapped[first], swapped[first + 1] = swapped[first + 1], swapped[first]
    with pytest.raises(InputError, match=r"in order, bn1.running_var .* would become bn1.running_mean"):
        convert(saved(tmp_path, dict(swapped)), match="order")


def test_of_several_containers_the_first_that_is_there_counts(tmp_path):
    module = lively(ARCH)
    moving = {name: tensor + 1 for name, tensor in module.state_dict().items()}
    checkpoint = saved(tmp_path, {"state_dict": moving, "model": module.state_dict()})
    loaded, _ = backbones.load(convert(checkpoint, container="teacher model state_dict"))
    assert torch.equal(features(loaded), features(module))


@pytest.mark.parametrize(
    "container, sentence",
    [
        ("model state_dict", "no model or state_dict at its top level but epoch, weights; correct the cont"),
        ("", "the file's top level has no tensors but epoch, weights; correct the container"),
        ("epoch", "'epoch' has no tensors at all; correct the container"),
    ],
)
def test_wrong_container_is_told_with_the_keys_there_are(tmp_path, container, sentence):
    checkpoint = saved(tmp_path, {"epoch": 3, "weights": lively(ARCH).state_dict()})
    with pytest.raises(InputError, match=sentence):
        convert(checkpoint, container=container)


def test_wrong_prefix_is_told_with_the_keys_there_are(tmp_path):
    checkpoint = saved(tmp_path, prefixed("module.", lively(ARCH).state_dict()))
    with pytest.raises(
        InputError, match=r"no tensor starts with 'encoder.', they are module.conv_stem.weight,"
    ):
        convert(checkpoint, prefix="encoder.")


def test_a_bare_tensor_is_no_checkpoint(tmp_path):
    with pytest.raises(InputError, match="holds a Tensor and not tensors by name"):
        convert(saved(tmp_path, torch.ones(3)))


@pytest.mark.parametrize("format", checkpoints.FORMATS)
def test_a_web_page_is_no_checkpoint(tmp_path, format):
    page = tmp_path / "checkpoint.pth"
    page.write_text("\n<!DOCTYPE html><html><title>Sign in</title></html>")
    with pytest.raises(InputError, match=r"^tiny: .*checkpoint.pth is a web page, not a checkpoint"):
        convert(page, format=format)


@pytest.mark.parametrize("format", checkpoints.FORMATS)
@pytest.mark.parametrize("content", [b"", b"no checkpoint at all", b"\x80\x02}q\x00."])
def test_other_files_are_no_checkpoints(tmp_path, format, content):
    path = tmp_path / "checkpoint.pth"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"^tiny: "):
        convert(path, format=format)


@pytest.mark.parametrize("legacy", [False, True])
def test_truncated_pytorch_file(tmp_path, legacy):
    tensors = {"weight": torch.zeros(4, 3), "steps": torch.arange(5)}
    checkpoint = saved(tmp_path, tensors, _use_new_zipfile_serialization=not legacy)
    content = checkpoint.read_bytes()
    for kept in range(len(content)):
        checkpoint.write_bytes(content[:kept])
        # Cut within the name of an object, it asks for another.
        with pytest.raises(InputError, match=r"checkpoint.pth (is truncated or no PyTorch|asks for)"):
            checkpoints.read(checkpoint, "pytorch")


def test_truncated_safetensors_file(tmp_path):
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file(dict(lively(ARCH).state_dict()), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="is truncated or no safetensors file"):
        convert(path, format="safetensors")


class Hostile:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def dump(content: object, path: Path) -> None:
    path.write_bytes(pickle.dumps(content, protocol=2))


@pytest.mark.parametrize("write", [torch.save, dump])
def test_hostile_pickle_is_refused_by_name_and_not_run(tmp_path, write):
    victim = tmp_path / "victim"
    checkpoint = tmp_path / "checkpoint.pth"
    write({"state_dict": Hostile(victim)}, checkpoint)
    with pytest.raises(
        InputError, match=r"^tiny: .*checkpoint.pth asks for (posix|nt).mkdir, which could run"
    ):
        convert(checkpoint, container="state_dict")
    assert not victim.exists()


@pytest.mark.parametrize(
    "columns, sentence",
    [
        ({"arch": "test_eficientnet"}, "no architecture 'test_eficientnet'; did you mean test_efficientnet"),
        ({"format": "onnx"}, "unknown format 'onnx'; choose one of pytorch, "),
        ({"match": "luck"}, "unknown match 'luck'; choose one of names, order, "),
        ({"normalisation": "rgb"}, "unknown normalisation 'rgb'"),
    ],
)
def test_unknown_columns_are_named(tmp_path, columns, sentence):
    checkpoint = saved(tmp_path, lively(ARCH).state_dict())
    with pytest.raises(InputError, match=f"^tiny: .*{sentence}"):
        convert(checkpoint, **columns)


def test_absent_file(tmp_path):
    with pytest.raises(InputError, match=r"^tiny: there is no file .*absent.pth; check the source"):
        convert(tmp_path / "absent.pth")


def test_script_writes_the_same_file(tmp_path):
    from scripts import prepare_backbone

    checkpoint = saved(tmp_path, lively(ARCH).state_dict())
    prepare_backbone.main(checkpoint, tmp_path / "script.safetensors", **ROW)
    assert (tmp_path / "script.safetensors").read_bytes() == convert(checkpoint).read_bytes()


def test_script_initialises(tmp_path):
    from scripts import initialise_backbone

    path = tmp_path / "random.safetensors"
    initialise_backbone.main(path, model="random-tiny", arch=ARCH, normalisation="none", seed=3)
    loaded, metadata = backbones.load(path)
    assert (metadata.source, metadata.source_sha256, metadata.std) == ("random", "", (1.0, 1.0, 1.0))
    alone = backbones.initialise(ARCH, mean=(0.0,) * 3, std=(1.0,) * 3, seed=3)
    assert torch.equal(features(loaded), features(alone))
