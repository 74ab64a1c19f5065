"""Atomic file writes: write to a temporary file in the same folder, then rename."""

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
    """Yield a temporary path beside ``path``; rename it to ``path`` on success, remove it on failure.

    Works for files and folders. The suffix is kept because writers often infer the format from it.
    Temporary files of killed writers of the same path are removed first.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    stale = re.compile(rf"\.{re.escape(path.stem)}\.\d+{re.escape(path.suffix)}")
    for other in path.parent.iterdir():
        if stale.fullmatch(other.name):
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
    """Write ``content`` as indented JSON, atomically; NaN raises ValueError, since JSON has none."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def placeholder(path: str | Path) -> str:
    """What a file is that was fetched in place of the wanted one; empty if it looks like content."""
    with Path(path).open("rb") as file:
        head = file.read(1024).lstrip().lower()
    if not head:
        return "empty"
    if b"<!doctype html" in head or b"<html" in head or head.startswith(b"<?xml"):
        return "a web page"
    if head.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS (the file itself comes by `git lfs pull`)"
    return ""


def digest(path: str | Path, algorithm: str) -> str:
    """Digest of a file (``sha256``, ``md5``, ...) as lower-case hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def sha256(path: str | Path) -> str:
    """SHA-256 of a file as 64 lower-case hexadecimal digits."""
    return digest(path, "sha256")
