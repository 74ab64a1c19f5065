"""A file from which a killed job goes on."""

import json
import logging
from pathlib import Path

import torch

from transferscope.files import atomic_path


def read(path: Path, fingerprint: str) -> dict | None:
    """What was kept, or None, with a warning, where that is damaged or has another ``fingerprint``."""
    if not path.exists():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle may fail in any way
        logging.warning("%s cannot be read (%s); starting afresh", path, error)
        return None
    if content.get("fingerprint") != fingerprint:
        logging.warning("%s is of a run with other settings; starting afresh", path)
        return None
    return content


class Resume:
    """What a job has done so far, kept in a file until its results are written.

    ``fingerprint`` is whatever the results depend on: a file with another one is of no use and not taken.
    """

    def __init__(self, path: str | Path, fingerprint: dict):
        self.path = Path(path)
        empty = {"fingerprint": json.dumps(fingerprint, sort_keys=True), "finished": [], "training": None}
        self.content = read(self.path, empty["fingerprint"]) or empty

    @property
    def finished(self) -> list[dict]:
        """What ``finish`` was given so far."""
        return self.content["finished"]

    @property
    def training(self) -> dict | None:
        """The state of the training that was cut off."""
        return self.content["training"]

    def save_training(self, state: dict) -> None:
        """Keep the state of a training that is under way."""
        self._write(training=state)

    def finish(self, outcome: dict) -> None:
        """Keep what came of a training, in place of its state."""
        self._write(finished=[*self.finished, outcome], training=None)

    def _write(self, **changes) -> None:
        self.content = self.content | changes
        with atomic_path(self.path) as temporary:
            torch.save(self.content, temporary)

    def remove(self) -> None:
        """The results are written."""
        self.path.unlink(missing_ok=True)
