"""Atomic file writes: write to a temporary file in the same folder, then rename."""

import errno
import hashlib
import json
import os
import platform
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from transferscope.errors import InputError

ABANDONED_S = 24 * 3600
"""A temporary file of another machine, where nobody can ask whether its writer lives, counts as a killed
writer's when it has not grown for so long."""


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` on success, remove it on failure.

    Works for files and folders. The suffix is kept because writers often infer the format from it. The
    temporary name is of this machine and process, so that several may write ``path`` at once: the last to
    end has it, whole. What killed writers of ``path`` left is removed first, see ``_abandoned``.

    Raises:
        InputError: the disk is full.
    """
    path = Path(path)
    with disk_full_as_input_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path)
        temporary, replaced = (_temporary(path, kind) for kind in ("new", "old"))
        try:
            yield temporary
            _rename(temporary, path, replaced)
        finally:
            _remove(temporary)


def _temporary(path: Path, kind: str) -> Path:
    return path.with_name(f".{path.stem}.{_machine()}.{os.getpid()}.{kind}{path.suffix}")


def _machine() -> str:
    """This machine's name, and whose processes its numbers count: those in a container are its own."""
    name = re.sub("[^A-Za-z0-9-]", "-", platform.node())
    with suppress(OSError):  # not Linux
        name += f"-{Path('/proc/self/ns/pid').stat().st_ino:x}"
    return name


def _remove_abandoned(path: Path) -> None:
    of_path = re.compile(
        rf"\.{re.escape(path.stem)}\.(?P<machine>[^.]+)\.(?P<pid>\d+)\.(new|old){re.escape(path.suffix)}"
    )
    for other in path.parent.iterdir():
        name = of_path.fullmatch(other.name)
        # Another user's may not be ours to remove, and another writer may be removing it too.
        with suppress(OSError):
            if name and _abandoned(other, name["machine"], int(name["pid"])):
                _remove(other)


def _abandoned(temporary: Path, machine: str, pid: int) -> bool:
    """Whether the writer of a temporary path is gone.

    On this machine, if there is no such process, or it is this one, which has yet to begin; on another one,
    if nothing was written for ABANDONED_S.
    """
    if machine == _machine():
        return pid == os.getpid() or not psutil.pid_exists(pid)
    times = [part.lstat().st_mtime for part in (temporary, *temporary.rglob("*"))]
    return max(times) < time.time() - ABANDONED_S


def _rename(temporary: Path, path: Path, replaced: Path) -> None:
    """Put ``temporary`` at ``path``; a folder there, which no rename would replace, is moved away first."""
    while True:
        if path.is_dir() and not path.is_symlink():
            with suppress(FileNotFoundError):  # another writer has just moved it
                path.rename(replaced)
            _remove(replaced)
        try:
            temporary.replace(path)
            return
        except OSError as error:
            # Another writer has just put its folder there.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.EISDIR):
                raise


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def disk_full_as_input_error(path: str | Path) -> Iterator[None]:
    """Turn what a full disk, or an exceeded quota, makes of writing ``path`` into one sentence.

    Raises:
        InputError: there is no space left.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        reason = _no_space(error)
        if not reason:
            raise
        raise InputError(
            f"no space left on the device for {path} ({reason}); free some and run the same command again, "
            "or keep resources and results on another disk (`pathvars` in the configuration)"
        ) from error


def _no_space(error: BaseException | None) -> str:
    """What says that there is no space left, in an error or in those that it was raised after; else empty.

    PyTorch, closing a file that it could not write, raises an error of its own on top of the first one.
    """
    while error:
        number = getattr(error, "errno", None)
        if number in (errno.ENOSPC, errno.EDQUOT):
            # HDF5's own words fill a screen.
            return os.strerror(number) if "\n" in error.strerror else error.strerror
        error = error.__cause__ or error.__context__
    return ""


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
