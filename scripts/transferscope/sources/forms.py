"""Syntax of the ``source`` and ``sha256`` columns; ``fetching`` downloads them.

Forms of a source::

    https://host/path/file.zip            downloaded; incomplete downloads are resumed
    pypi:NAME==VERSION                    the package's wheel
    pypi:NAME==VERSION!path/in/wheel      one file of that wheel
    some/local/path                       used in place, without a copy; ~/path is in the user's home

Blanks separate several in one cell; a local path that has some itself stands alone there.

Forms of a checksum, an entry of the ``sha256`` columns::

    64 hexadecimal digits                 SHA-256
    8 hexadecimal digits                  its first digits, as in PyTorch's file names
    md5:32 hexadecimal digits             MD5, if the authors publish no SHA-256
    -                                     unknown; the download logs the SHA-256
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

from transferscope.errors import InputError
from transferscope.folders import is_clutter
from transferscope.redaction import redacted

PYPI = re.compile(
    r"pypi:(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9][A-Za-z0-9.+_-]*)(!(?P<member>[^!]+))?"
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_CHECKSUM = re.compile(r"[0-9a-f]{64}|[0-9a-f]{8}|md5:[0-9a-f]{32}|-")


def exists(path: str | Path) -> bool:
    """Whether something is at ``path``; no where the path itself is impossible, or may not be looked at."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def split_sources(cell: str) -> list[str]:
    """The sources in a cell; one that is a path with blanks to what exists here is one source."""
    parts = [cell] if exists(_at_home(cell)) else cell.split()
    return [_at_home(part) for part in parts]


def _at_home(path: str) -> str:
    return str(Path.home() / path[2:]) if path.startswith("~/") else path


def check_source(source: str) -> str:
    """Kind of a source: 'url', 'pypi' or 'local'; accesses neither the network nor the disk.

    Raises:
        InputError: the source has none of these forms.
    """
    if source.startswith(("https://", "http://")) and _host(source):
        return "url"
    if PYPI.fullmatch(source):
        return "pypi"
    if source and not _SCHEME.match(source):
        return "local"
    raise InputError(
        f"the source {redacted(source)!r} has no known form; write https://..., pypi:NAME==VERSION, "
        "pypi:NAME==VERSION!path/in/wheel or a local path"
    )


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:  # brackets of an IPv6 address that do not match
        return None


def is_local(source: str) -> bool:
    """Whether the source is a local path; raises as ``check_source``."""
    return check_source(source) == "local"


def check_sources(sources: list[str], sha256s: list[str]) -> list[tuple[str, str]]:
    """Validate the sources of one dataset and pair them with their checksums; nothing is fetched.

    Args:
        sources: see the module docstring.
        sha256s: one checksum per source, or an empty list.

    Returns:
        (source, checksum) pairs; an unknown checksum is ''.

    Raises:
        InputError: no source, unknown form, malformed checksum, or different numbers of both.
    """
    if not sources:
        raise InputError("the source is empty; write where the file comes from")
    shown = redacted(" ".join(sources))
    if sha256s and len(sha256s) != len(sources):
        raise InputError(
            f"{shown} has {len(sources)} sources and {len(sha256s)} checksums; write one for "
            "each source, in their order and - for an unknown one, or none at all"
        )
    for source in sources:
        check_source(source)
    for checksum in sha256s:
        if not _CHECKSUM.fullmatch(checksum):
            raise InputError(
                f"the checksum {checksum!r} of {shown} is not 64 lower-case hexadecimal digits, "
                "the first 8 of them, md5: and 32, or - where it is unknown"
            )
    known = ["" if checksum == "-" else checksum for checksum in sha256s]
    return list(zip(sources, known or [""] * len(sources), strict=True))


def placed_files(folder: str | Path) -> list[Path]:
    """Files and folders that a user placed in ``folder``, without clutter; [] if it does not exist."""
    folder = Path(folder)
    if not folder.is_dir():
        return []
    return sorted(entry for entry in folder.iterdir() if not is_clutter(entry.name))
