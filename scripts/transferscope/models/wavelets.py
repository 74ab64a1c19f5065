"""Networks without weights, for timm: a scattering transform, and one layer of Gabor filters.

Baselines of Asano, Rupprecht and Vedaldi (ICLR 2020): how far does one get without any learning? The
scattering transform (Bruna and Mallat, IEEE TPAMI 35, 2013) is that of the package kymatio
(``kymatio.scattering2d``), whose numbers it gives: |x * w1| * g and ||x * w1| * w2| * g for Morlet wavelets w
of several scales and angles and a Gaussian g, on each colour by itself.
"""

import math
from functools import lru_cache

import torch
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models._features import feature_take_indices
from torch import Tensor, nn

from transferscope.errors import InputError

PIXELS = 2**16
"""Images of so many pixels together are transformed at a time: the maps are a thousand times larger."""


class Wavelets(nn.Module):
    """Images [N, 3, S, S] to features [N, D], the mean of one map, with nothing in between to be learned.

    Args:
        scales: J; wavelets are 1, 2, ..., 2 ** (J - 1) times as long as the shortest.
        angles: L, of the wavelets, in half a turn.
        channels: of the map, for each colour.
        reduction: how many pixels one of the map stands for.
        num_classes: of a linear layer on the feature; 0 for none.
        drop_rate, in_chans, global_pool: for timm, which calls every network with them.
    """

    def __init__(self, scales: int, angles: int, *, channels: int, reduction: int, num_classes: int = 0, **_):
        super().__init__()
        self.scales, self.angles, self.reduction = scales, angles, reduction
        self.num_features = self.head_hidden_size = 3 * channels
        self.feature_info = [{"module": "maps", "num_chs": self.num_features, "reduction": reduction}]
        self.maps = nn.Identity()
        self.reset_classifier(num_classes)

    def get_classifier(self) -> nn.Module:
        return self.classifier

    def reset_classifier(self, num_classes: int, global_pool: str = "avg") -> None:
        self.num_classes = num_classes
        self.classifier = nn.Linear(self.num_features, num_classes) if num_classes else nn.Identity()

    def transform(self, planes: Tensor) -> Tensor:
        """Of planes of one colour, [N, S, S], the maps [N, channels, S / r, S / r]."""
        raise NotImplementedError

    def forward_features(self, images: Tensor) -> Tensor:
        """The map [N, D, S / r, S / r], colour by colour."""
        size = images.shape[-1]
        if 2**self.scales >= size:
            raise InputError(
                f"images of {size} pixels are too small for wavelets of {self.scales} scales; write fewer "
                "`scales` after the name in `arch`, or take larger images"
            )
        with torch.autocast(images.device.type, enabled=False):
            parts = images.float().flatten(0, 1).split(max(1, PIXELS // size**2))
            maps = torch.cat([self.transform(part) for part in parts])
        return self.maps(maps.unflatten(0, (-1, 3)).flatten(1, 2))

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | list[int] | None = None,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> list[Tensor] | tuple[Tensor, list[Tensor]]:
        """The map, and the list of it; arguments are timm's."""
        if output_fmt != "NCHW":
            raise ValueError(f"the map is NCHW and not {output_fmt}")
        taken, _ = feature_take_indices(1, indices)
        x = self.forward_features(x)
        return [x] * len(taken) if intermediates_only else (x, [x] * len(taken))

    def forward_head(self, maps: Tensor, pre_logits: bool = False) -> Tensor:
        features = maps.mean(dim=(2, 3))
        return features if pre_logits else self.classifier(features)

    def forward(self, images: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(images))


class Scattering(Wavelets):
    """Order 0, 1 and 2, a pixel for each 2 ** J x 2 ** J; in the order of kymatio's channels."""

    def __init__(self, scales: int, angles: int, **others):
        channels = 1 + angles * scales + angles**2 * scales * (scales - 1) // 2
        super().__init__(scales, angles, channels=channels, reduction=2**scales, **others)

    def transform(self, planes: Tensor) -> Tensor:
        total = self.scales
        spectra, _ = _spectra(planes, total)
        banks = morlets(spectra.shape[-1], total, self.angles)
        filters, low = (bank.to(planes.device) for bank in banks)

        def averaged(spectra: Tensor, scale: int) -> Tensor:
            """Means of maps at one pixel in 2 ** scale, without the margin."""
            means = subsampled(spectra * _coarser(low, scale), total - scale)
            return torch.fft.ifft2(means).real[..., 1:-1, 1:-1]

        def modulus(spectra: Tensor, scale: int, coarser_by: int) -> Tensor:
            """Spectra of |x * w| for all angles of a scale, [..., L, m, m], from maps coarser by a scale."""
            products = spectra[..., None, :, :] * _coarser(filters[scale], coarser_by)
            return torch.fft.fft2(torch.fft.ifft2(subsampled(products, scale - coarser_by)).abs())

        first, second = [averaged(spectra, 0)[:, None]], []
        for scale in range(total):
            once = modulus(spectra, scale, 0)
            first.append(averaged(once, scale))
            twice = [averaged(modulus(once, next_, scale), next_) for next_ in range(scale + 1, total)]
            second += [torch.cat(twice, dim=2).flatten(1, 2)] if twice else []
        return torch.cat(first + second, dim=1)


class Gabor(Wavelets):
    """|x * w| of Gabor filters, at every pixel of ``stride``: one layer, without a mean."""

    def __init__(self, scales: int, angles: int, stride: int, **others):
        super().__init__(scales, angles, channels=scales * angles, reduction=stride, **others)

    def transform(self, planes: Tensor) -> Tensor:
        spectra, margin = _spectra(planes, self.scales)
        filters = gabors(spectra.shape[-1], self.scales, self.angles).to(planes.device)
        maps = torch.fft.ifft2(spectra[:, None] * filters.flatten(0, 1)).abs()
        taken = slice(margin, margin + planes.shape[-1], self.reduction)
        return maps[..., taken, taken]


def _spectra(planes: Tensor, scales: int) -> tuple[Tensor, int]:
    """Spectra of planes with a margin of their mirror image, and how wide it is above and on the left.

    The side becomes a multiple of 2 ** ``scales``, larger by more than that.
    """
    size, unit = planes.shape[-1], 2**scales
    margin = ((size + unit) // unit + 1) * unit - size
    before = margin // 2
    wide = [before, margin - before] * 2
    return torch.fft.fft2(nn.functional.pad(planes[:, None], wide, mode="reflect")[:, 0]), before


def subsampled(spectra: Tensor, halvings: int) -> Tensor:
    """Spectra [..., m, m] of every 2 ** halvings-th pixel of maps."""
    for axis in (-2, -1):
        spectra = sum(spectra.chunk(2**halvings, axis))
    return spectra / 4**halvings


def _coarser(filters: Tensor, halvings: int) -> Tensor:
    """Spectra [..., m, m] of filters for maps of which every 2 ** halvings-th pixel is there."""
    side = filters.shape[-1]
    kept = side >> halvings
    index = torch.arange(kept, device=filters.device)
    index = torch.where(index < kept // 2, index, index + side - kept)
    return filters[..., index, :][..., index]


@lru_cache(maxsize=4)
@torch.inference_mode(False)
def morlets(side: int, scales: int, angles: int) -> tuple[Tensor, Tensor]:
    """Spectra of Morlet wavelets, float32 [J, L, side, side], and of the Gaussian g, [side, side].

    A wavelet is a wave under an ellipse of a Gaussian, less the same Gaussian by as much as makes its sum 0.
    They are kept, so a gradient may have to pass through those that were made where there was none.
    """
    found = []
    for scale in range(scales):
        for angle in range(angles):
            wave, envelope = _wave(side, **_shape(scale, angle, angles))
            found.append(wave - wave.sum() / envelope.sum() * envelope)
    _, low = _wave(side, sigma=0.8 * 2 ** (scales - 1), turn=0.0, frequency=0.0, slant=1.0)
    # On either side of its centre a wave has conjugate values, so its spectrum is real.
    spectra = torch.fft.fft2(torch.stack(found)).real.float().unflatten(0, (scales, angles))
    return spectra, torch.fft.fft2(low).real.float()


@lru_cache(maxsize=4)
@torch.inference_mode(False)
def gabors(side: int, scales: int, angles: int) -> Tensor:
    """Spectra of the same waves, whose sum is not made 0, float32 [J, L, side, side]."""
    shapes = [_shape(scale, angle, angles) for scale in range(scales) for angle in range(angles)]
    waves = torch.stack([_wave(side, **shape)[0] for shape in shapes])
    return torch.fft.fft2(waves).real.float().unflatten(0, (scales, angles))


def _shape(scale: int, angle: int, angles: int) -> dict[str, float]:
    """Width, direction, frequency and slant as kymatio chooses them (filter_bank.py)."""
    return {
        "sigma": 0.8 * 2**scale,
        "turn": (angles // 2 - 1 - angle) * math.pi / angles,
        "frequency": 0.75 * math.pi / 2**scale,
        "slant": 4 / angles,
    }


def _wave(side: int, *, sigma: float, turn: float, frequency: float, slant: float) -> tuple[Tensor, Tensor]:
    """A plane wave under a Gaussian of sum 1, and the Gaussian, around pixel 0 of a torus; double precision.

    Returns:
        Complex and real, [side, side].
    """
    place = torch.arange(-side, 2 * side, dtype=torch.float64)
    rows, columns = place[:, None], place
    along = rows * math.cos(turn) + columns * math.sin(turn)
    across = columns * math.cos(turn) - rows * math.sin(turn)
    gaussian = torch.exp(-(along**2 + (slant * across) ** 2) / (2 * sigma**2))
    gaussian *= slant / (2 * math.pi * sigma**2)
    one = torch.ones_like(place)
    waves = [torch.polar(one, frequency * part * place) for part in (math.cos(turn), math.sin(turn))]
    wave = gaussian * waves[0][:, None] * waves[1]
    whole, envelope = (part.view(3, side, 3, side).sum((0, 2)) for part in (wave, gaussian))
    return whole, envelope


def _cfg(size: int) -> dict:
    return {
        "input_size": (3, size, size),
        "num_classes": 0,
        "mean": (0.0, 0.0, 0.0),
        "std": (1.0, 1.0, 1.0),
        "classifier": "classifier",
    }


default_cfgs = generate_default_cfgs({"scattering": _cfg(32), "gabor": _cfg(32)})


@register_model
def scattering(pretrained: bool = False, scales: int = 2, angles: int = 8, **kwargs) -> Scattering:
    """Of 32 pixels 3 x 81 channels at 8 x 8; ``scales=4`` for 224, 3 x 417 at 14 x 14."""
    return build_model_with_cfg(Scattering, "scattering", pretrained, scales=scales, angles=angles, **kwargs)


@register_model
def gabor(pretrained: bool = False, scales: int = 3, angles: int = 8, stride: int = 2, **kwargs) -> Gabor:
    """3 x 24 channels at half the side; ``stride=4`` for 224 pixels."""
    return build_model_with_cfg(
        Gabor, "gabor", pretrained, scales=scales, angles=angles, stride=stride, **kwargs
    )
