"""Authors' layouts of PyTorch and safetensors files, converted strictly."""

import argparse
import bz2
import datetime
import gzip
import io
import lzma
import os
import pickle
import re
import tarfile
import types
import zipfile
from collections import defaultdict
from pathlib import Path

import hostile
import numpy as np
import pytest
import safetensors.torch
import torch
import torchvision
from hostile import OBJECTS, POINTER, Made, Name, array
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


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"content")
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("model.pth"))
    return file.getvalue()


def of_torch(content: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def script() -> bytes:
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)), file)
    return file.getvalue()


ELSE = {
    "an empty file": (b"", "is empty, not a checkpoint; remove it and check this model's source"),
    "blank lines": (b"\n\n", "is empty, not a checkpoint; remove it"),
    "a web page": (b"\n<!DOCTYPE html><title>Sign in</title>", "is a web page, not a checkpoint; remove it"),
    "an error of a server": (b"<?xml version='1.0'?><Error>", "is a web page, not a checkpoint; remove it"),
    "a pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "is a pointer of Git LFS .*`git lfs pull`",
    ),
    "TorchScript": (script(), "is TorchScript, which is code and is not loaded, .* save its state_dict"),
    "Keras": (b"\x89HDF\r\n\x1a\n" + bytes(99), "is an HDF5 file, .*; convert it to safetensors"),
    "NumPy's": (zipped("a.npy", "b.npy"), "is an archive of NumPy's, .*; convert it to safetensors"),
    "one array": (b"\x93NUMPY" + bytes(99), "is an archive of NumPy's, .*; convert it to safetensors"),
    "GGUF": (b"GGUF" + bytes(99), "is a GGUF file, .*; convert it to safetensors"),
    "gzip": (gzip.compress(b"a"), "is compressed, .*; decompress it"),
    "bzip2": (bz2.compress(b"a"), "is compressed, .*; decompress it"),
    "xz": (lzma.compress(b"a"), "is compressed, .*; decompress it"),
    "a tar archive": (tarred(), "is a tar archive, .*; unpack it"),
}
OTHERS = {
    ("pytorch", "safetensors"): safetensors.torch.save({"a": torch.ones(2)}),
    ("haiku", "safetensors"): safetensors.torch.save({"a": torch.ones(2)}),
    ("tensorflow", "safetensors"): safetensors.torch.save({"a": torch.ones(2)}),
    ("safetensors", "pytorch"): of_torch({"a": torch.ones(2)}),
    ("haiku", "pytorch"): of_torch({"a": torch.ones(2)}),
    ("tensorflow", "pytorch"): of_torch({"a": torch.ones(2)}),
    ("pytorch", "tensorflow"): zipped("model.index", "model.data-00000-of-00001"),
    ("safetensors", "tensorflow"): zipped("model.index"),
}


@pytest.mark.parametrize("format", checkpoints.FORMATS)
@pytest.mark.parametrize("what", ELSE)
def test_what_is_no_checkpoint_is_recognised(tmp_path, format, what):
    content, sentence = ELSE[what]
    (tmp_path / "checkpoint.pth").write_bytes(content)
    with pytest.raises(InputError, match=rf"^tiny: \S+checkpoint.pth {sentence}"):
        convert(tmp_path / "checkpoint.pth", format=format)


@pytest.mark.parametrize(("format", "real"), OTHERS)
def test_a_checkpoint_of_another_format_is_recognised(tmp_path, format, real):
    (tmp_path / "checkpoint.pth").write_bytes(OTHERS[format, real])
    with pytest.raises(InputError, match=rf"the row's format is {format}; write {real} as its format$"):
        convert(tmp_path / "checkpoint.pth", format=format)


@pytest.mark.parametrize("format", ["pytorch", "safetensors", "haiku"])
def test_a_zip_archive_is_recognised(tmp_path, format):
    (tmp_path / "checkpoint.pth").write_bytes(zipped("model.pth", "readme.txt"))
    with pytest.raises(
        InputError, match=r"is a zip archive, and .*; unpack it, and name the checkpoint inside"
    ):
        convert(tmp_path / "checkpoint.pth", format=format)


@pytest.mark.parametrize("container", ["trunk.base.model", "absent trunk.base.model"])
def test_a_container_may_lie_in_others(tmp_path, container):
    module = lively(ARCH)
    checkpoint = saved(tmp_path, {"trunk": {"base": {"model": module.state_dict()}}, "epoch": 3})
    loaded, _ = backbones.load(convert(checkpoint, container=container))
    assert torch.equal(features(loaded), features(module))


def test_a_key_may_have_dots_itself(tmp_path):
    module = lively(ARCH)
    checkpoint = saved(tmp_path, {"state.dict": module.state_dict(), "state": {"dict": {}}})
    loaded, _ = backbones.load(convert(checkpoint, container="state.dict"))
    assert torch.equal(features(loaded), features(module))


@pytest.mark.parametrize("container", ["trunk.model", "trunk.base.model", "epoch.model", "trunk..base", "."])
def test_a_path_that_is_not_there_is_told(tmp_path, container):
    checkpoint = saved(tmp_path, {"trunk": {"base": {"w": torch.ones(1)}}, "epoch": 3})
    with pytest.raises(
        InputError, match=r"the file has no \S+ at its top level but trunk, epoch; correct the"
    ):
        convert(checkpoint, container=container)


VIT = "vit_small_patch14_dinov2?embed_dim=48&depth=4&num_heads=3"
REGISTERS = "vit_small_patch14_reg4_dinov2?embed_dim=48&depth=4&num_heads=3&img_size=28"


def in_chunks(state: dict) -> dict:
    """The names while DINOv2 trains: two blocks a chunk."""
    return {
        re.sub(r"^blocks\.(\d+)", lambda found: f"blocks.{int(found[1]) // 2}.{found[1]}", name): tensor
        for name, tensor in state.items()
    } | {"mask_token": torch.ones(1, 48)}


def with_registers(state: dict) -> dict:
    """As DINOv2 with registers is published: the class token has a position of its own."""
    state = dict(state)
    position = torch.full((1, 1, 48), 0.25)
    state["register_tokens"] = state.pop("reg_token")
    state["cls_token"] = state["cls_token"] - position
    state["pos_embed"] = torch.cat([position, state["pos_embed"]], dim=1)
    return state


@pytest.mark.parametrize(
    ("arch", "layout"),
    [
        (f"{VIT}&img_size=28", in_chunks),
        (f"{VIT}&img_size=28", dict),
        (REGISTERS, with_registers),
        (REGISTERS, lambda state: in_chunks(with_registers(state))),
    ],
)
def test_dinov2_gives_identical_features(tmp_path, arch, layout):
    module = lively(arch)
    checkpoint = saved(tmp_path, prefixed("backbone.", layout(module.state_dict())))
    loaded, _ = backbones.load(convert(checkpoint, arch=arch, prefix="backbone.", match="dinov2"))
    torch.testing.assert_close(features(loaded, 28), features(module, 28))


@pytest.mark.parametrize(("arch", "given"), [(VIT, 28), (f"{VIT}&img_size=28", 56)])
def test_a_position_embedding_of_another_size_names_the_remedy(tmp_path, arch, given):
    other = f"{VIT}&img_size={given}"
    checkpoint = saved(tmp_path, lively(other).state_dict())
    side = given // 14
    with pytest.raises(
        InputError, match=rf"of {side} x {side} patches.*; write {re.escape(VIT)}&img_size={given}"
    ):
        convert(checkpoint, arch=arch)
    convert(checkpoint, arch=other)


@pytest.mark.parametrize("shape", [(1, 6, 48), (1, 5, 47), (5, 48), (1, 0, 48)])
def test_another_position_embedding_is_a_tensor_like_others(tmp_path, shape):
    state = lively(f"{VIT}&img_size=28").state_dict() | {"pos_embed": torch.ones(shape)}
    with pytest.raises(InputError, match=r"tensors have other shapes than in .*: pos_embed is"):
        convert(saved(tmp_path, state), arch=f"{VIT}&img_size=28")


@pytest.mark.parametrize("format", checkpoints.FORMATS)
@pytest.mark.parametrize("content", [b"no checkpoint at all", b"\x80\x02}q\x00."])
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
        with pytest.raises(
            InputError, match=r"checkpoint.pth (is truncated or no PyTorch|asks for|is empty)"
        ):
            checkpoints.read(checkpoint, "pytorch")


def test_truncated_safetensors_file(tmp_path):
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file(dict(lively(ARCH).state_dict()), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="is truncated or no safetensors file"):
        convert(path, format="safetensors")


EXTRAS = {
    "options": argparse.Namespace(lr=0.1, folder=Path("/data"), seen={"best": np.float64(71.5)}),
    "a path": Path("/data/imagenet"),
    "an accuracy": np.float32(71.5),
    "curves": np.arange(3.0),
    "none of NumPy's": np.zeros(0),
    "a random state": np.random.RandomState(0).get_state(),
    "a time": datetime.datetime(2020, 1, 1),
    "a namespace": types.SimpleNamespace(lr=0.1),
    "counts": defaultdict(int, a=1),
    "hyper-parameters of Lightning": Made(Name("pytorch_lightning.utilities.parsing", "AttributeDict"), []),
    "hyper-parameters of Lightning 2": Made(Name("lightning.fabric.utilities.data", "AttributeDict"), []),
    "a callback": {Name("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"): {"best": 1}},
    "a configuration": Made(
        Name("omegaconf.dictconfig", "DictConfig"),
        state={"_metadata": Made(Name("omegaconf.base", "ContainerMetadata")), "_content": {"lr": 0.1}},
    ),
    "pointers": array(OBJECTS, (1,), POINTER),
}


@pytest.mark.parametrize("what", EXTRAS)
def test_what_trainers_store_beside_the_weights_is_of_no_consequence(tmp_path, what):
    module = lively(ARCH)
    checkpoint = tmp_path / "checkpoint.pth"
    hostile.save({"state_dict": module.state_dict(), "extra": EXTRAS[what]}, checkpoint)
    loaded, _ = backbones.load(convert(checkpoint, container="state_dict"))
    assert torch.equal(features(loaded), features(module))
    extra = checkpoints.read(checkpoint, "pytorch")["extra"]
    assert not isinstance(extra, np.ndarray | argparse.Namespace | Path)


REFUSED = {
    "a command": Made(Name("os", "system"), "true"),
    "code": Made(Name("builtins", "eval"), "1"),
    "an attribute": Made(Name("builtins", "getattr"), "", "format"),
    "a file": Made(Name("numpy", "fromfile"), "/etc/passwd"),
    "another checkpoint": Made(Name("torch", "load"), "/etc/passwd"),
    "a whole network": Made(Name("torchvision.models.resnet", "ResNet")),
    "a library's class": Made(Name("timm.models.resnet", "ResNet"), state={"training": True}),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_could_run_code_is_refused(tmp_path, what):
    hostile.save({"state_dict": REFUSED[what]}, tmp_path / "checkpoint.pth")
    with pytest.raises(
        InputError,
        match=r"^tiny: .*checkpoint.pth asks for [\w.]+, which could run code and was refused",
    ):
        convert(tmp_path / "checkpoint.pth", container="state_dict")


@pytest.mark.parametrize(
    "content",
    [
        Made(Name("argparse", "Namespace"), {"a": 1}, {"b": 2}, state=3),
        Made(Name("collections", "OrderedDict"), 1, 2, 3),
        Made(Name("torch", "Size"), "a"),
        Made(Name("torch._utils", "_rebuild_tensor_v2"), 1, 0, (1 << 62,), (1,), False, {}),
    ],
)
def test_calls_that_cannot_be_are_one_sentence_or_nothing(tmp_path, content):
    hostile.save({"state_dict": content}, tmp_path / "checkpoint.pth")
    with pytest.raises(InputError, match=r"^tiny: "):
        convert(tmp_path / "checkpoint.pth", container="state_dict")


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
