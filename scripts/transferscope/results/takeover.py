"""Results of the layout before variants (no `variant` in a result), brought into that of today."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

EPISODES = re.compile(r"fewshot_(\d+)w(\d+)s")
KINDS = {"normals": "normals", "segmentation": "classes"}
"""How the examples of the earlier dense protocols are shown."""


def is_older(path: Path) -> bool:
    """Whether the file is a result of the earlier layout."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return isinstance(result, dict) and "measurements" in result and "variant" not in result


def first_older(paths: Iterable[str | Path]) -> Path | None:
    """The first file that exists, where it is a result of the earlier layout."""
    present = next((path for path in map(Path, paths) if path.exists()), None)
    return present if present and is_older(present) else None


def converted(result: dict) -> dict:
    """A result of the earlier layout in that of today: the default variant, places on axes for settings."""
    measurements = []
    for one in result["measurements"]:
        episodes = EPISODES.fullmatch(one["setting"])
        axes = {"ways": int(episodes[1]), "shots": int(episodes[2])} if episodes else {}
        measurements.append({name: one[name] for name in ("metric", "value", "ci95")} | axes)
    run = {name: result[name] for name in ("model", "dataset", "protocol")}
    facts = {"variant": "default", "seed": result["seed"], "labels": "", "layer": ""}
    rest = {name: value for name, value in result.items() if name not in (*run, "seed", "measurements")}
    return run | facts | rest | {"measurements": measurements}
