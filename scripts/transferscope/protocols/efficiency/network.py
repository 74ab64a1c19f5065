"""A backbone with a linear head, some of it frozen (Newell and Deng, CVPR 2020; models/wrapper.py).

Stages are what timm's ``group_matcher`` names: 0 is the stem, 1 and on are its blocks in the coarse sense. In
a network frozen up to k the stem and the stages 1 to k + 1 are, as if the output of the last of these were
detached; what follows is trained, a last linear layer of the backbone too.
"""

import re
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from transferscope.errors import InputError

LAST = "last"


class Network(nn.Module):
    """Normalised images [N, 3, S, S] to the head's outputs: [N, outputs] or, of maps, [N, outputs, h, w].

    Args:
        backbone: of timm, without classifier, in eval mode; it becomes part of the network.
        name: of the backbone, for messages.
        size: S.
        outputs: of the head.
        maps: whether the head is at every position of the map that the backbone makes.
        read_out: LAST, or the stage whose output the head sees in place of the feature (or the last map).
        freeze: up to which stage the network is frozen, or nothing.
        frozen_bn: whether in what is frozen the statistics of BatchNorm go on ``moving``, as in the authors'
            code, or are ``fixed``.

    Raises:
        InputError: the backbone has no such stage, or makes no map.
    """

    def __init__(
        self,
        backbone: nn.Module,
        name: str,
        *,
        size: int,
        outputs: int,
        maps: bool,
        read_out: str | int = LAST,
        freeze: str | int = "",
        frozen_bn: str = "moving",
    ):
        super().__init__()
        self.backbone, self.name, self.maps, self.read_out = backbone, name, maps, read_out
        self._seen: list[Tensor] = []
        if read_out != LAST:
            self._watch(int(read_out))
        with torch.no_grad():
            width = self._features(torch.zeros(1, 3, size, size)).shape[1]
        self.head = nn.Linear(width, outputs)
        frozen = [] if freeze == "" else list(self._frozen(int(freeze)))
        for parameter in frozen:
            self.backbone.get_parameter(parameter).requires_grad_(False)
        homes = {parameter.rpartition(".")[0] for parameter in frozen}
        self._fixed = sorted(
            home
            for home in homes
            if frozen_bn == "fixed" and isinstance(self.backbone.get_submodule(home), _BatchNorm)
        )

    def train(self, mode: bool = True) -> "Network":
        super().train(mode)
        for home in self._fixed:
            self.backbone.get_submodule(home).eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        features = self._features(images)
        if self.maps:
            return self.head(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2).float()
        return self.head(features).float()

    def _features(self, images: Tensor) -> Tensor:
        """What the head sees: [N, D] or, of maps, [N, D, h, w]."""
        if self.read_out == LAST and not self.maps:
            return self.backbone(images)
        self._seen.clear()
        last = self.backbone.forward_features(images)
        parts = [last] if self.read_out == LAST else self._seen
        if any(part.ndim != 4 or part.shape[2:] != parts[0].shape[2:3] * 2 for part in parts):
            where = "" if self.read_out == LAST else f" at stage {self.read_out}"
            shapes = " and ".join(str(list(part.shape)) for part in parts)
            raise InputError(
                f"{self.name} gives{where} {shapes} and no map [N, D, h, w]; exclude it from this protocol, "
                "or set another `read_out`"
            )
        whole = torch.cat(parts, dim=1)
        return whole if self.maps else whole.mean((2, 3))

    def _matcher(self) -> dict:
        if not hasattr(self.backbone, "group_matcher"):
            raise InputError(
                f"{self.name} names no stages (timm's group_matcher); set `read_out: last`, `freeze: [none]`"
            )
        return self.backbone.group_matcher(coarse=True)

    def _stages(self) -> list[list[str]]:
        """The names of the modules of stage 1 and on; a network of two branches has two in each."""
        numbered: dict[int, list[str]] = {}
        for pattern in _patterns(self._matcher()["blocks"]):
            for name, _ in self.backbone.named_modules():
                found = re.fullmatch(pattern, name)
                if found and found.groups():
                    numbered.setdefault(int(found[1]), []).append(name)
        return [numbered[number] for number in sorted(numbered)]

    def _frozen(self, freeze: int) -> Iterator[str]:
        """The parameters of the stem and of the stages 1 to ``freeze`` + 1."""
        stages = self._stages()
        if freeze + 1 > len(stages):
            raise InputError(
                f"{self.name} can be frozen up to 0 to {len(stages) - 1}, and not up to {freeze}; take "
                f"{freeze} out of `freeze` in the protocol's settings, or exclude the model"
            )
        within = tuple(f"{module}." for stage in stages[: freeze + 1] for module in stage)
        stem = _patterns(self._matcher()["stem"])
        for name, _ in self.backbone.named_parameters():
            if name.startswith(within) or any(re.match(pattern, name) for pattern in stem):
                yield name

    def _watch(self, stage: int) -> None:
        """Keep the output of a stage; that of the stem is what stage 1 takes."""
        stages = self._stages()
        if stage > len(stages):
            raise InputError(
                f"{self.name} has the stages 0 to {len(stages)}, and no stage {stage}; set another `read_out`"
            )
        for name in stages[max(stage, 1) - 1]:
            module = self.backbone.get_submodule(name)
            if stage:
                module.register_forward_hook(lambda _, inputs, output: self._seen.append(output))
            else:
                module.register_forward_pre_hook(lambda _, inputs: self._seen.append(inputs[0]))


def _patterns(matcher: str | list[tuple[str, tuple | None]]) -> list[str]:
    return [matcher] if isinstance(matcher, str) else [pattern for pattern, _ in matcher]
