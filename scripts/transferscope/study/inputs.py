"""How a picture becomes a network's input, as settings: the controller asks, so without torch."""

import math


def input_of(kind: str, resolution: int, wanted: dict) -> dict:
    """The keyword arguments of ``resize_and_crop`` for one way to make a picture a network's input.

    Args:
        kind: ``study``, the same for all networks; ``model``, as the network's authors have it; or
            ``squash``, as the few-shot code of Ericsson et al. has it: 1.15 times the resolution both ways.
        resolution: R in pixels.
        wanted: of the network's row: ``crop``, the share of the shorter side that the crop keeps, and
            ``interpolation``. What is not there is the study's.
    """
    if kind == "squash":
        return {"shorter_side": int(resolution * 1.15), "squash": True, "interpolation": "bilinear"}
    if kind == "study" or not wanted:
        return {}
    shorter_side = math.floor(resolution / wanted.get("crop", 1))  # as timm has it
    return {"shorter_side": shorter_side, "interpolation": wanted.get("interpolation", "bicubic")}
