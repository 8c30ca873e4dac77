"""The folder that a run writes: first into a hidden folder within it, then all at once; foreign files are never touched.

::

    best/.best-1a2b.part/…       while the run works; gone when it is interrupted, and the earlier results still stand
    best/metadata.json           names every file that a run of this program wrote, with its SHA-256

What an earlier run wrote, and nobody changed since, is replaced or removed; anything else of the same name stops the run.
"""

import contextlib
import errno
import hashlib
import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from stream_processor.best.metadata import NAME as METADATA
from stream_processor.clipping.cut import publish
from stream_processor.errors import ClipWriteError, SettingsError

_PART = re.compile(r"\.best-\w+\.part")
_OURS = re.compile(
    r"highlights/clip_\d{3,}\.(mp4|json|jpg)|metadata\.json|contact_sheet\.jpg|scores\.(png|svg)|similarity\.(csv|png)"
    r"|selection\.(edl|otio|fcpxml|csv)|chapters\.txt|(timeline_[^/\\]+\.csv)|(chapters_[^/\\]+\.ffmetadata)"
)
"""No other name is ever removed, whatever metadata.json says."""
_FORGOTTEN_SECONDS = 86400.0
"""A hidden folder that a killed run left is removed when it is so old."""
_MOST_BYTES = 100_000_000


def check_folder(folder: Path) -> None:
    """Comes before hours of scoring. SettingsError: it cannot be written to, or files that are not ours are in the way."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except FileExistsError as error:
        raise SettingsError(f"--output {folder}: there is a file of that name") from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise SettingsError(f"--output {folder}: the disk is full: make room, or give another one") from error
        raise SettingsError(f"--output {folder}: cannot be written to ({error.strerror or error})") from error
    ours = _written_before(folder)
    found = [*folder.glob("*"), *(folder / "highlights").glob("*")]
    present = {path.relative_to(folder).as_posix() for path in found if path.is_file() or path.is_symlink()}
    for name in sorted(name for name in present if _OURS.fullmatch(name) and name not in ours):
        raise SettingsError(_in_the_way(folder, name))


@contextlib.contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """A hidden folder to write into, on the same disk; whatever happens, it is gone afterwards."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _clear_forgotten(folder)
        stage = Path(tempfile.mkdtemp(prefix=".best-", suffix=".part", dir=folder))
    except OSError as error:
        raise refused(folder, error) from error
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def hashes(stage: Path) -> dict[str, str]:
    """Path below ``stage`` -> SHA-256 of the file."""
    found = sorted(path for path in stage.rglob("*") if path.is_file())
    return {path.relative_to(stage).as_posix(): _sha256(path) for path in found}


def move_in(stage: Path, folder: Path, files: Mapping[str, str]) -> None:
    """What is in ``stage`` replaces what an earlier run wrote; metadata.json, which ``files`` does not name, comes last.

    ClipWriteError: the disk refuses, or somebody put a file of his own in the way meanwhile. Where it breaks off, whichever
    files are there by then are still known to be ours.
    """
    ours = _written_before(folder)
    for name in files:
        if (folder / name).exists() and name not in ours:
            raise ClipWriteError(_in_the_way(folder, name))
    try:
        both = {name: [table[name] for table in (ours, files) if name in table] for name in {**ours, **files}}
        (stage / ".both").write_text(json.dumps({"files": both}), encoding="utf-8")
        publish(stage / ".both", folder / METADATA)
        for name in sorted(ours.keys() - files.keys() - {METADATA}):
            (folder / name).unlink(missing_ok=True)
        for name in sorted(files, key=lambda name: (name.endswith(".json"), name)):  # a sidecar after its clip
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            publish(stage / name, target)
        publish(stage / METADATA, folder / METADATA)
    except OSError as error:
        raise refused(folder, error) from error


def refused(folder: Path, error: OSError) -> ClipWriteError:
    """What the disk said, in words for people."""
    if error.errno == errno.ENOSPC:
        return ClipWriteError(f"{folder}: the disk is full: make room, or give another --output")
    return ClipWriteError(f"{folder}: {error.strerror or error}")


def _written_before(folder: Path) -> dict[str, str]:
    """What metadata.json says and is still true, and itself."""
    path = folder / METADATA
    try:
        if path.stat().st_size > _MOST_BYTES:
            return {}
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        known = {name: [said] if isinstance(said, str) else list(said) for name, said in files.items() if _OURS.fullmatch(name)}
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return {}
    found = {name: _sha256_of_file(folder / name) for name in known}
    return {**{name: found[name] for name, accepted in known.items() if found[name] in accepted}, METADATA: ""}


def _sha256_of_file(path: Path) -> str:
    """Empty where there is no plain file."""
    try:
        return _sha256(path) if path.is_file() and not path.is_symlink() else ""
    except OSError:
        return ""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _in_the_way(folder: Path, name: str) -> str:
    return f"{folder / name} is not, or no longer, what an earlier run wrote: move it away, or give another --output"


def _clear_forgotten(folder: Path) -> None:
    for path in folder.iterdir():
        if _PART.fullmatch(path.name) and path.is_dir() and time.time() - path.stat().st_mtime > _FORGOTTEN_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
