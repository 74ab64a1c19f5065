"""The networks of Newell and Deng (CVPR 2020; their code, models/resnet.py and models/cmc.py), for timm.

All take RGB in 0..1 and turn it into normalised LAB in a first layer without parameters, ``colour``; so
every protocol works on them unchanged, with the normalisation ``none``. A network is one branch, or, for
contrastive multiview coding, one for luminance and one for the two other channels. The last layer of a branch
is linear at every position of its map; the mean over all positions is the feature.
"""

import torch
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck

from transferscope.errors import InputError

# Mean and standard deviation of L, a and b.
COLOURS = {
    # Over the authors' data (their code, util/preprocess_data.py).
    "selfstudy": ((38.44, 3.03, 4.77), (17.42, 9.41, 11.37)),
    # Over 300 training pictures of each of the twelve single-object datasets that are rendered here.
    "factors": ((64.58, 0.59, -0.33), (16.15, 10.46, 10.09)),
}
# Linear RGB to XYZ under D65, with the white of the 2° observer, as scikit-image has them.
TO_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
WHITE = (0.95047, 1.0, 1.08883)
DARK = 0.04045  # below it sRGB is linear


class Lab(nn.Module):
    """RGB float32 [N, 3, H, W] in 0..1 to LAB, each channel less its mean and over its standard deviation.

    Raises:
        InputError: ``colours`` is not in COLOURS.
    """

    def __init__(self, colours: str):
        super().__init__()
        if colours not in COLOURS:
            raise InputError(f"there are no colours {colours!r}; choose one of {', '.join(COLOURS)}")
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in COLOURS[colours])
        # They follow from the architecture, so the weights are without them.
        to_lab = torch.tensor([[0.0, 116, 0], [500, -500, 0], [0, 200, -200]])
        black = torch.tensor([-16.0, 0, 0]).view(3, 1, 1)
        self.register_buffer("to_xyz", torch.tensor(TO_XYZ) / torch.tensor(WHITE)[:, None], persistent=False)
        self.register_buffer("to_lab", to_lab / std[:, 0], persistent=False)
        self.register_buffer("offset", (black - mean) / std, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, enabled=False):
            images = images.float()
            # Each curve is a line in the dark; as sums and minima of clamped parts both take half the time.
            curve = _power((images.clamp(min=DARK) + 0.055) / 1.055, 2.4) - ((DARK + 0.055) / 1.055) ** 2.4
            xyz = torch.einsum("ij,njhw->nihw", self.to_xyz, images.clamp(max=DARK) / 12.92 + curve)
            # The line is the cube root's tangent, which lies above it.
            root = torch.minimum(_power(xyz.clamp(min=0.008856), 1 / 3), 7.787 * xyz + 16 / 116)
            return torch.einsum("ij,njhw->nihw", self.to_lab, root) + self.offset


def _power(x: Tensor, exponent: float) -> Tensor:
    """A power of what is above 0, in place; twice as fast as ``pow``."""
    return x.log_().mul_(exponent).exp_()


class ConvBlock(nn.Sequential):
    """3 x 3 convolution, max-pooling to half the side, BatchNorm, CELU."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.MaxPool2d(2),
            nn.BatchNorm2d(outputs),
            nn.CELU(alpha=0.075, inplace=True),
        )


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions with a shortcut, which is a projection where the channels change."""

    def __init__(self, inputs: int, outputs: int, inner: int):
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(inputs, inner, 3, padding=1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Identity() if inputs == outputs else _projection(inputs, outputs)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.residual(x) + self.shortcut(x))


def _projection(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 1, stride, bias=False),
        nn.BatchNorm2d(outputs),
    )


def _stem(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Branch(nn.Module):
    """Images [N, C, H, W] to the map [N, D, H / r, W / r] of the last layer.

    Args:
        stages: ``layer1`` and on, after the stem.
        inputs, outputs: channels of the last layer, which is linear at every position.
    """

    def __init__(self, stem: nn.Module, stages: list[nn.Module], inputs: int, outputs: int):
        super().__init__()
        self.stem = stem
        self.stages = [f"layer{number}" for number in range(1, len(stages) + 1)]
        for name, stage in zip(self.stages, stages, strict=True):
            self.add_module(name, stage)
        self.fc = nn.Linear(inputs, outputs)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        for name in ("stem", *self.stages):
            x = getattr(self, name)(x)
        return self.fc(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def resnet9_branch(channels: int, width: int, *, half: bool) -> Branch:
    """ResNet9 for images of some channels; ``half`` is that of a pair."""
    stem = _stem(channels, width, 3, 1)
    if half:
        stages = [
            nn.Sequential(ConvBlock(width, width), BasicBlock(width, 2 * width, inner=width)),
            nn.Sequential(ConvBlock(2 * width, 2 * width)),
            nn.Sequential(ConvBlock(2 * width, 8 * width), BasicBlock(8 * width, 8 * width, inner=4 * width)),
        ]
        return Branch(stem, stages, 8 * width, 2 * width)
    stages = [
        nn.Sequential(ConvBlock(width, 2 * width), BasicBlock(2 * width, 2 * width, inner=2 * width)),
        nn.Sequential(ConvBlock(2 * width, 4 * width)),
        nn.Sequential(ConvBlock(4 * width, 8 * width), BasicBlock(8 * width, 8 * width, inner=8 * width)),
    ]
    return Branch(stem, stages, 8 * width, 4 * width)


def resnet50_branch(channels: int, *, half: bool, dense: bool) -> Branch:
    """ResNet-50 without max-pooling; ``dense``: the last stage is dilated in place of its stride."""
    inner, inputs, stages = 32 if half else 64, 64, []
    for number, depth in enumerate((3, 4, 6, 3)):
        outputs = Bottleneck.expansion * inner
        dilated = dense and number == 3
        stride = 1 if number == 0 or dilated else 2
        blocks = [Bottleneck(inputs, inner, stride, _projection(inputs, outputs, stride))]
        blocks += [Bottleneck(outputs, inner, dilation=2 if dilated else 1) for _ in range(1, depth)]
        stages.append(nn.Sequential(*blocks))
        inner, inputs = 2 * inner, outputs
    return Branch(_stem(channels, 64, 7, 2), stages, inputs, (512 if dense else 256) // (2 if half else 1))


class SelfStudy(nn.Module):
    """A network of one branch, or of two whose features are brought to length 1 and put beside each other.

    Args:
        branches: on all three channels, or on L and on a and b.
        colours: those of COLOURS that the images have.
        amdim: the layers whose maps AMDIM takes for 7 x 7 and 5 x 5 places (their code, models/amdim.py).
        drop_rate, in_chans, num_classes, global_pool: for timm, which calls every network with them.
    """

    def __init__(
        self,
        branches: list[Branch],
        *,
        colours: str,
        amdim: tuple[str, ...] = (),
        num_classes: int = 0,
        **_,
    ):
        super().__init__()
        self.colour = Lab(colours)
        self.branches = nn.ModuleList(branches)
        self.amdim = amdim
        self.num_features = self.head_hidden_size = sum(branch.fc.out_features for branch in branches)
        self.num_classes = num_classes
        self.head = nn.Linear(self.num_features, num_classes) if num_classes else nn.Identity()

    def get_classifier(self) -> nn.Module:
        return self.head

    def reset_classifier(self, num_classes: int, global_pool: str = "avg") -> None:
        self.num_classes = num_classes
        self.head = nn.Linear(self.num_features, num_classes) if num_classes else nn.Identity()

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        blocks = r"^branches\.\d+\.layer(\d+)" + ("" if coarse else r"\.(\d+)")
        return {"stem": r"^branches\.\d+\.stem", "blocks": blocks}

    def forward_features(self, images: Tensor) -> Tensor:
        """The map [N, D, h, w] whose mean over all positions is the feature; of a pair, both maps."""
        channels = (
            self.colour(images).split([1, 2], dim=1) if len(self.branches) > 1 else [self.colour(images)]
        )
        return torch.cat([branch(part) for branch, part in zip(self.branches, channels, strict=True)], dim=1)

    def forward_head(self, maps: Tensor, pre_logits: bool = False) -> Tensor:
        features = maps.mean(dim=(2, 3))
        if len(self.branches) > 1:
            halves = features.chunk(2, dim=1)
            features = torch.cat([nn.functional.normalize(half) for half in halves], dim=1)
        return features if pre_logits else self.head(features)

    def forward(self, images: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(images))


def _cfg(size: int) -> dict:
    return {
        "input_size": (3, size, size),
        "num_classes": 0,
        "mean": (0.0, 0.0, 0.0),
        "std": (1.0, 1.0, 1.0),
        "classifier": "head",
        "first_conv": "branches.0.stem.0",
        "license": "bsd-3-clause",
    }


default_cfgs = generate_default_cfgs(
    {
        "selfstudy_resnet9": _cfg(64),
        "selfstudy_cmc_resnet9": _cfg(64),
        "selfstudy_resnet50": _cfg(64),
        "selfstudy_cmc_resnet50": _cfg(64),
        "selfstudy_resnet50_dense": _cfg(128),
        "selfstudy_cmc_resnet50_dense": _cfg(128),
    }
)

R9_AMDIM = ("branches.0.layer2", "branches.0.layer3.0")
R50_AMDIM = ("branches.0.layer3.4", "branches.0.layer4.1")


def _build(variant: str, pretrained: bool, branches: list[Branch], amdim: tuple[str, ...], kwargs: dict):
    kwargs.setdefault("colours", "selfstudy")
    return build_model_with_cfg(SelfStudy, variant, pretrained, branches=branches, amdim=amdim, **kwargs)


@register_model
def selfstudy_resnet9(pretrained: bool = False, width: int = 64, **kwargs) -> SelfStudy:
    """ResNet9, features of 4 x ``width``."""
    branches = [resnet9_branch(3, width, half=False)]
    return _build("selfstudy_resnet9", pretrained, branches, R9_AMDIM, kwargs)


@register_model
def selfstudy_cmc_resnet9(pretrained: bool = False, width: int = 64, **kwargs) -> SelfStudy:
    """A pair of halves of ResNet9, features of 2 x 2 x ``width``."""
    branches = [resnet9_branch(channels, width, half=True) for channels in (1, 2)]
    return _build("selfstudy_cmc_resnet9", pretrained, branches, (), kwargs)


@register_model
def selfstudy_resnet50(pretrained: bool = False, **kwargs) -> SelfStudy:
    """ResNet-50 without max-pooling, 256 features."""
    branches = [resnet50_branch(3, half=False, dense=False)]
    return _build("selfstudy_resnet50", pretrained, branches, R50_AMDIM, kwargs)


@register_model
def selfstudy_cmc_resnet50(pretrained: bool = False, **kwargs) -> SelfStudy:
    """A pair of halves of that ResNet-50."""
    branches = [resnet50_branch(channels, half=True, dense=False) for channels in (1, 2)]
    return _build("selfstudy_cmc_resnet50", pretrained, branches, (), kwargs)


@register_model
def selfstudy_resnet50_dense(pretrained: bool = False, **kwargs) -> SelfStudy:
    """ResNet-50 for dense tasks: 512 features at an eighth of the side."""
    branches = [resnet50_branch(3, half=False, dense=True)]
    return _build("selfstudy_resnet50_dense", pretrained, branches, R50_AMDIM, kwargs)


@register_model
def selfstudy_cmc_resnet50_dense(pretrained: bool = False, **kwargs) -> SelfStudy:
    """A pair of halves of the dense one."""
    branches = [resnet50_branch(channels, half=True, dense=True) for channels in (1, 2)]
    return _build("selfstudy_cmc_resnet50_dense", pretrained, branches, (), kwargs)
