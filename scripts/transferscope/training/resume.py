"""State file from which a killed job resumes."""

import json
import logging
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch

from transferscope.errors import InputError
from transferscope.files import atomic_path


def read(path: Path, fingerprint: str) -> dict | None:
    """Read a state; None (with a warning) if it is damaged or has another ``fingerprint``."""
    if not path.exists():
        return None
    try:
        # torch.save writes a zip archive, with a checksum of each tensor, which torch.load does not look at.
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged:
            raise ValueError(f"{damaged} in it is damaged")
        content = dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # a damaged pickle can raise anything
        logging.warning("%s cannot be read (%s); starting over", path, error)
        return None
    if content.get("fingerprint") != fingerprint:
        logging.warning("%s was saved by a run with other settings; starting over", path)
        return None
    return content


def write(path: Path, save: Callable[[Path], None]) -> None:
    """Replace a state by what ``save`` writes to a path; warn, and keep what is there, if it cannot.

    A state is for a job that is killed: one that lives goes on without.
    """
    try:
        with atomic_path(path) as temporary:
            save(temporary)
    except (InputError, OSError) as error:
        logging.warning("the state of the training cannot be saved, and it goes on without: %s", error)


class Resume:
    """Progress of a job, stored in a file until the results are written.

    ``fingerprint`` is everything that the results depend on; a file with another fingerprint is ignored. The
    job alone has it: it holds the lock of its output (``job.logged``).
    """

    def __init__(self, path: str | Path, fingerprint: dict):
        self.path = Path(path)
        empty = {"fingerprint": json.dumps(fingerprint, sort_keys=True), "finished": [], "training": None}
        self.content = read(self.path, empty["fingerprint"]) or empty

    @property
    def finished(self) -> list[dict]:
        """Outcomes of the finished trainings."""
        return self.content["finished"]

    @property
    def training(self) -> dict | None:
        """State of the interrupted training, if any."""
        return self.content["training"]

    def save_training(self, state: dict) -> None:
        """Store the state of the current training."""
        self._write(training=state)

    def finish(self, outcome: dict) -> None:
        """Store the outcome of the current training and drop its state."""
        self._write(finished=[*self.finished, outcome], training=None)

    def _write(self, **changes) -> None:
        self.content = self.content | changes
        write(self.path, self._save)

    def _save(self, path: Path) -> None:
        # Writing through Python's file, torch tells of a full disk.
        with path.open("wb") as file:
            torch.save(self.content, file)

    def remove(self) -> None:
        """Delete the file, after the results are written."""
        self.path.unlink(missing_ok=True)
