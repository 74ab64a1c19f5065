"""Pretrained backbones: created through timm, kept in one canonical file, or initialised at random."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import timm
import torch
from timm.layers import PatchEmbed
from timm.models import get_model_traits
from torch import Tensor, nn

from transferscope.arguments import parse
from transferscope.errors import InputError
from transferscope.files import atomic_path

CALIBRATION_BATCHES = 4
CALIBRATION_BATCH_SIZE = 16

# Per channel (R, G, B): the network sees (x - mean) / std of a picture x in 0..1.
NORMALISATIONS = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    # Of the pictures that OpenAI's CLIP was trained on.
    "clip": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    # 127 and 128 on the 0..255 scale, as in TensorFlow's official EfficientNet-Lite.
    "lite": ((127 / 255,) * 3, (128 / 255,) * 3),
    "none": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}


@dataclass(frozen=True)
class Metadata:
    """What a canonical backbone file says of itself.

    Attributes:
        model: id of the models table.
        arch: as ``create`` takes it.
        source: where the weights come from.
        source_sha256: of the authors' file; empty for a random initialisation.
        mean, std: input normalisation per channel (R, G, B) of pictures in 0..1.
        versions: of the libraries that wrote the file.
    """

    model: str
    arch: str
    source: str
    source_sha256: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    versions: dict[str, str]


def library_versions() -> dict[str, str]:
    """Versions of the libraries that decide what a backbone computes."""
    return {
        "safetensors": safetensors.__version__,
        "timm": timm.__version__,
        "torch": str(torch.__version__),
    }


def normalisation(name: str) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and standard deviation per channel (R, G, B) of a named input normalisation.

    Raises:
        InputError: the name is unknown.
    """
    if name not in NORMALISATIONS:
        raise InputError(f"unknown normalisation {name!r}; choose one of {', '.join(NORMALISATIONS)}")
    return NORMALISATIONS[name]


def create(arch: str, **arguments) -> nn.Module:
    """An untrained backbone without a classifier: images float32 [N, 3, H, W] to pooled features [N, D].

    Args:
        arch: timm's name; arguments of its constructor may follow, as in
            ``vit_small_patch16_224?num_heads=12``.
        arguments: further ones, which change no weight.

    Raises:
        InputError: timm has no such architecture (names the closest ones), or refuses an argument.
    """
    name, _, query = arch.partition("?")
    known = timm.list_models()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3)
        remedy = f"did you mean {' or '.join(close)}?" if close else "see timm.list_models() for the names"
        raise InputError(f"timm has no architecture {name!r}; {remedy}")
    arguments |= parse(query)
    try:
        return timm.create_model(name, pretrained=False, num_classes=0, **arguments)
    except (TypeError, ValueError, AssertionError) as error:
        raise InputError(f"timm cannot build {arch!r}: {error}; correct what follows the name") from error


def weights(module: nn.Module) -> dict[str, Tensor]:
    """The parameters and buffers that make a backbone, by name.

    BatchNorm's ``num_batches_tracked`` is left out: it counts training steps and influences no output.
    """
    return {
        name: tensor
        for name, tensor in module.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


def save(path: str | Path, tensors: dict[str, Tensor], metadata: Metadata) -> None:
    """Write the canonical file, atomically; the same content gives the same bytes.

    Args:
        path: the safetensors file to write.
        tensors: all of ``weights(create(metadata.arch))``, by timm's names.
        metadata: written beside them as strings; mean, std and versions as JSON.
    """
    fields = {
        name: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for name, value in vars(metadata).items()
    }
    content = safetensors.torch.save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, fields
    )
    # safetensors writes metadata in the order of a hash map, which differs from run to run.
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.write(memoryview(content)[end:])


def load(
    path: str | Path, resolution: int | None = None, *, pad: bool = False, **arguments
) -> tuple[nn.Module, Metadata]:
    """Read a canonical file into a backbone in eval mode, on the CPU.

    Args:
        path: a file of ``save``.
        resolution: side of the square pictures that it will be given, in pixels; the architecture's own where
            nothing is said.
        pad: where these pictures cannot be cut into whole patches, add zeros to their right and below.
        arguments: of the network's constructor, as ``create`` takes them.

    Raises:
        InputError: the file is no canonical backbone, timm has changed the architecture since, or the
            network cannot take pictures of this size.
    """
    remedy = "remove it and run prepare_backbone or initialise_backbone again"
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            fields = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, safetensors.SafetensorError) as error:
        raise InputError(f"{path} is not a whole safetensors file ({error}); {remedy}") from error
    missing = [name for name in Metadata.__dataclass_fields__ if name not in fields]
    if missing:
        raise InputError(f"{path} is no canonical backbone: its metadata lack {', '.join(missing)}; {remedy}")
    metadata = Metadata(
        model=fields["model"],
        arch=fields["arch"],
        source=fields["source"],
        source_sha256=fields["source_sha256"],
        mean=tuple(json.loads(fields["mean"])),
        std=tuple(json.loads(fields["std"])),
        versions=json.loads(fields["versions"]),
    )
    module = create(metadata.arch, **arguments)
    expected = {name: tensor.shape for name, tensor in weights(module).items()}
    if expected != {name: tensor.shape for name, tensor in tensors.items()}:
        raise InputError(
            f"{path} does not fit {metadata.arch} of timm {timm.__version__} "
            f"(it was written with timm {metadata.versions.get('timm', 'of unknown version')}); {remedy}"
        )
    module.load_state_dict(tensors, strict=False)
    if resolution is not None:
        rest = -resolution % _patch(module) if pad else 0
        try:
            _set_resolution(module, resolution + rest)
        except InputError as error:
            raise InputError(f"{metadata.model}: {error}") from error
        if rest:
            module = nn.Sequential(nn.ZeroPad2d((0, rest, 0, rest)), module)
    return module.eval(), metadata


def _patch(module: nn.Module) -> int:
    """Side in pixels of the patches that pictures are cut into; 1 where they are not."""
    embedding = getattr(module, "patch_embed", None)
    return embedding.patch_size[0] if isinstance(embedding, PatchEmbed) else 1


def _set_resolution(module: nn.Module, resolution: int) -> None:
    """Fit a network to square pictures of ``resolution`` pixels, once its weights are in place.

    timm resamples position embeddings (bicubic, antialiased) and scales attention windows with the picture;
    at the architecture's own size nothing changes. A convolutional network takes any size as it is.
    """
    patch, traits = _patch(module), get_model_traits(module)
    # Left to itself, timm would cut off the pixels that fill no patch.
    if resolution % patch:
        raise InputError(
            f"pictures of {resolution} pixels cannot be cut into patches of {patch}; "
            "set features.resolution to a multiple of that"
        )
    if hasattr(module, "set_input_size"):
        module.set_input_size((resolution, resolution))
    elif traits.get("fixed_input_size") and traits["img_size"] != (resolution, resolution):
        size = traits["img_size"][0]
        raise InputError(
            f"the network takes pictures of {size} pixels and none of {resolution}; "
            f"set features.resolution to {size}"
        )


def initialise(arch: str, *, mean: tuple[float, ...], std: tuple[float, ...], seed: int) -> nn.Module:
    """A random backbone in eval mode, the same for the same seed.

    BatchNorm starts with mean 0 and variance 1, which no layer of a random network has: in eval mode the
    activations' scale would drift with depth (down to features of 1e-5 in efficientnet_b0), and one direction
    would hold much of their variance (60 % in resnet18). So its statistics are measured, as training would,
    by passes over synthetic images that have the spectrum and the colours of natural ones; no real image
    enters a baseline. An architecture without BatchNorm keeps its initialisation.

    Args:
        arch: as ``create`` takes it.
        mean, std: the normalisation that the backbone's inputs will have, per channel (R, G, B).
        seed: of weights and images.

    Raises:
        InputError: as ``create``.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = create(arch)
        norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)]
        if norms:
            momenta = [layer.momentum for layer in norms]
            for layer in norms:
                layer.reset_running_stats()
                layer.momentum = None  # the plain average over the passes
            module.train()
            with torch.no_grad():
                for images in synthetic_images(module.default_cfg["input_size"][-1], seed):
                    module((images - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1))
            for layer, momentum in zip(norms, momenta, strict=True):
                layer.momentum = momentum
    return module.eval()


def synthetic_images(size: int, seed: int) -> Iterator[Tensor]:
    """Batches of random images, float32 [16, 3, size, size], with natural ones' second-order statistics.

    Amplitudes fall as 1/f (Field 1987); luminance varies most, blue against yellow less and red against
    green least, independently of each other (Ruderman, Cronin and Chiao 1998). Values lie in 0..1, with about
    the mean 0.45 and the standard deviation 0.23 of ImageNet's channels.
    """
    generator = torch.Generator().manual_seed(seed)
    frequencies = torch.fft.fftfreq(size)
    radius = torch.hypot(frequencies[:, None], frequencies[None, : size // 2 + 1])
    radius[0, 0] = 1 / size
    opponents = torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, -2.0], [1.0, -1.0, 0.0]])
    opponents = opponents / opponents.norm(dim=1, keepdim=True) * torch.tensor([[1.0], [0.3], [0.15]])
    for _ in range(CALIBRATION_BATCHES):
        noise = torch.randn(CALIBRATION_BATCH_SIZE, 3, size, size, generator=generator)
        fields = torch.fft.irfft2(torch.fft.rfft2(noise) / radius, s=(size, size))
        fields = fields / fields.std(dim=(2, 3), keepdim=True)
        yield (0.45 + 0.4 * torch.einsum("nohw,oc->nchw", fields, opponents)).clamp(0, 1)
