"""Whole files or none: write to a temporary name in the same folder, then rename."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it there on success, remove it on failure.

    Serves files and folders alike. The suffix is kept, since writers often choose a format by it. What a
    writer of the same path left when it was killed is removed first.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    left = re.compile(rf"\.{re.escape(path.stem)}\.\d+{re.escape(path.suffix)}")
    for other in path.parent.iterdir():
        if left.fullmatch(other.name):
            _remove(other)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        temporary.replace(path)
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, content: dict | list) -> None:
    """Write ``content`` as indented JSON, atomically; NaN is refused, since JSON has none."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def digest(path: str | Path, algorithm: str) -> str:
    """The file's digest by ``sha256``, ``md5``, ... as lower-case hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def sha256(path: str | Path) -> str:
    """The file's SHA-256 as 64 lower-case hexadecimal digits."""
    return digest(path, "sha256")
