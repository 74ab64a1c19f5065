"""Create backbones with timm, save and load them as canonical files, or initialise them randomly."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import safetensors
import timm
import torch
from timm.layers import PatchEmbed
from timm.models import get_model_traits
from torch import Tensor, nn

from transferscope.arguments import parse
from transferscope.errors import InputError
from transferscope.models import alexnet, bigan, canonical, selfstudy, statistics, wavelets  # noqa: F401 (for timm)

CALIBRATION_BATCHES = 4
CALIBRATION_BATCH_SIZE = 16

# Mean and std per channel (R, G, B); the network input is (x - mean) / std for an image x in 0..1.
NORMALISATIONS = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    # Statistics of the training images of OpenAI's CLIP.
    "clip": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    # 127 and 128 on the 0..255 scale, as in TensorFlow's official EfficientNet-Lite.
    "lite": ((127 / 255,) * 3, (128 / 255,) * 3),
    "none": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}


@dataclass(frozen=True)
class Metadata:
    """Metadata of a canonical backbone file.

    Attributes:
        model: id in the models table.
        arch: architecture, see ``create``.
        source: where the weights come from.
        source_sha256: SHA-256 of the authors' file; empty for a random initialisation.
        mean, std: input normalisation per channel (R, G, B) for images in 0..1.
        versions: versions of the libraries that wrote the file.
    """

    model: str
    arch: str
    source: str
    source_sha256: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    versions: dict[str, str]


def library_versions() -> dict[str, str]:
    """Versions of the libraries that affect a backbone's output."""
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
    """Create an untrained backbone without classifier: images float32 [N, 3, H, W] to features [N, D].

    Args:
        arch: timm model name, optionally with constructor arguments:
            ``vit_small_patch16_224?num_heads=12``.
        arguments: further constructor arguments, which must not change the weights.

    Raises:
        InputError: unknown architecture (the message suggests similar names) or invalid argument.
    """
    name, _, query = arch.partition("?")
    known = timm.list_models()
    if name not in known:
        similar = difflib.get_close_matches(name, known, n=3)
        remedy = (
            f"did you mean {' or '.join(similar)}?" if similar else "see timm.list_models() for the names"
        )
        raise InputError(f"timm has no architecture {name!r}; {remedy}")
    arguments |= parse(query)
    try:
        return timm.create_model(name, pretrained=False, num_classes=0, **arguments)
    except (TypeError, ValueError, AssertionError) as error:
        raise InputError(f"timm cannot build {arch!r}: {error}; correct what follows the name") from error


def weights(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers of a backbone by name.

    BatchNorm's ``num_batches_tracked`` is omitted: it counts training steps and does not affect the output.
    """
    return {
        name: tensor
        for name, tensor in module.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


def save(path: str | Path, tensors: dict[str, Tensor], metadata: Metadata) -> None:
    """Write a canonical file atomically; equal content gives equal bytes.

    Args:
        path: the safetensors file to write.
        tensors: all of ``weights(create(metadata.arch))``, by timm name.
        metadata: stored in the header as strings; mean, std and versions as JSON.
    """
    fields = {
        name: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for name, value in vars(metadata).items()
    }
    canonical.write(path, tensors, fields)


def load(
    path: str | Path, resolution: int | None = None, *, pad: bool = False, **arguments
) -> tuple[nn.Module, Metadata]:
    """Load a canonical file as a backbone in eval mode on the CPU.

    Args:
        path: a file written by ``save``.
        resolution: side of the square input images in pixels; default: the architecture's input size.
        pad: zero-pad images on the right and at the bottom to a multiple of the patch size.
        arguments: constructor arguments, see ``create``.

    Raises:
        InputError: not a canonical backbone, or damaged; the architecture has changed in timm, or the network
            does not support this resolution.
    """
    tensors, fields = canonical.read(path)
    missing = [name for name in Metadata.__dataclass_fields__ if name not in fields]
    if missing:
        raise InputError(
            f"{path} is not a canonical backbone: its metadata lack {', '.join(missing)}; {canonical.REMEDY}"
        )
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
            f"(it was written with timm {metadata.versions.get('timm', 'of unknown version')}); "
            f"{canonical.REMEDY}"
        )
    module.load_state_dict(tensors, strict=False)
    if resolution is not None:
        padding = -resolution % patch_size(module) if pad else 0
        try:
            _set_resolution(module, resolution + padding)
        except InputError as error:
            raise InputError(f"{metadata.model}: {error}") from error
        if padding:
            module = nn.Sequential(nn.ZeroPad2d((0, padding, 0, padding)), module)
    return module.eval(), metadata


def take_colour(module: nn.Module) -> nn.Module:
    """Take out of a network the layer without parameters that brings RGB into the network's colour space.

    A training augments images in that space. Networks without such a layer (``colour``) stay as they are.

    Returns:
        The layer: normalised RGB [N, 3, H, W] to what the network takes from now on.
    """
    colour = getattr(module, "colour", nn.Identity())
    if hasattr(module, "colour"):
        module.colour = nn.Identity()
    return colour


def patch_size(module: nn.Module) -> int:
    """Patch size in pixels; 1 for networks without patches."""
    embedding = getattr(module, "patch_embed", None)
    return embedding.patch_size[0] if isinstance(embedding, PatchEmbed) else 1


def _set_resolution(module: nn.Module, resolution: int) -> None:
    """Adapt a network with loaded weights to square images of ``resolution`` pixels.

    timm resamples position embeddings (bicubic, antialiased) and scales attention windows with the image
    size; at the native size nothing changes. Convolutional networks accept any size.
    """
    patch, traits = patch_size(module), get_model_traits(module)
    # timm would silently crop the pixels of incomplete patches.
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
    """Randomly initialised backbone in eval mode, deterministic given the seed.

    BatchNorm's initial statistics (mean 0, variance 1) do not match the activations of a random network: in
    eval mode the activation scale would drift with depth (features of 1e-5 in efficientnet_b0), and one
    direction would dominate the variance (60 % in resnet18). The statistics are therefore estimated by
    forward passes over synthetic images with the spectrum and colours of natural images; the baseline uses
    no real image. Architectures without BatchNorm keep their initialisation.

    Args:
        arch: architecture, see ``create``.
        mean, std: input normalisation of the backbone per channel (R, G, B).
        seed: seed of weights and images.

    Raises:
        InputError: as ``create``.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = create(arch)
        centre, spread = (torch.tensor(values).view(3, 1, 1) for values in (mean, std))
        images = synthetic_images(module.default_cfg["input_size"][-1], seed)
        return statistics.measure(module, ((batch - centre) / spread for batch in images))


def synthetic_images(size: int, seed: int) -> Iterator[Tensor]:
    """Batches of random images, float32 [16, 3, size, size], with second-order statistics of natural images.

    Amplitudes fall as 1/f (Field 1987). Luminance, blue-yellow and red-green channels are independent, with
    decreasing variance (Ruderman, Cronin and Chiao 1998). Values are in 0..1 with about the mean (0.45) and
    standard deviation (0.23) of ImageNet's channels.
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
