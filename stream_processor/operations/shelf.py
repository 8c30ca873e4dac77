"""The finished clips of an output folder: found by their sidecars, removed so that no sidecar ever tells of one that is gone.

    STEM.json  ──rename──▶  .STEM.json.gone     nobody is told any more
    STEM.mp4, STEM.jpg      removed
    .STEM.json.gone         removed; one that a crash left behind tells the next look what is still to be removed

Only files that a sidecar of ours describes are touched: it has the name that ``sidecar.file_stem`` gives, says the same id and
names files of its own stem. Links are never followed. Blocking.
"""

import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from stream_processor.operations.retention import KeptClip

_SIDECAR = re.compile(r"(?P<stem>\d{8}T\d{6}Z-(?P<id>.+))\.json")
_GONE = re.compile(r"\.(?P<sidecar>.+\.json)\.gone")
_MAX_SIDECAR_BYTES = 50_000_000


class _Described(NamedTuple):
    id: str
    names: tuple[str, ...]
    """Of the clip and its picture."""
    score: float


class Shelf:
    """What was read of a sidecar is remembered until the file changes: to look again costs a directory listing."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self._known: dict[Path, tuple[tuple[int, int], _Described | None]] = {}
        self.troubles: list[str] = []
        """Of the last look: folders and files that could not be read."""

    def clips(self) -> list[KeptClip]:
        """All that are finished, in all channels' folders. OSError: the output folder itself cannot be read."""
        self.troubles = []
        before, self._known = self._known, {}
        found: list[KeptClip] = []
        for channel in _entries(self._output):
            if channel.is_dir(follow_symlinks=False) and not channel.name.startswith("."):
                try:
                    found += self._clips_of(Path(channel.path), before)
                except OSError as error:
                    self.troubles.append(f"{channel.name}: {error.strerror or error}")
        return found

    def remove(self, clip: KeptClip) -> None:
        """OSError: it is still there, or a rest of it that the next look removes."""
        gone = clip.sidecar.with_name(f".{clip.sidecar.name}.gone")
        clip.sidecar.replace(gone)
        _remove_all(gone, clip.others)

    def _clips_of(self, folder: Path, before: Mapping[Path, tuple[tuple[int, int], _Described | None]]) -> list[KeptClip]:
        files = {entry.name: entry for entry in _entries(folder) if entry.is_file(follow_symlinks=False)}
        found = []
        for name, entry in files.items():
            if left := _GONE.fullmatch(name):
                self._finish(folder / name, left["sidecar"])
            if not _SIDECAR.fullmatch(name):
                continue
            path, stat = folder / name, entry.stat(follow_symlinks=False)
            state = (stat.st_mtime_ns, stat.st_size)
            known = before.get(path)
            described = known[1] if known is not None and known[0] == state else _described(path, name)
            self._known[path] = (state, described)
            if described is not None:
                others = [other for other in described.names if other in files]
                sizes = (files[other].stat(follow_symlinks=False).st_size for other in others)
                found.append(
                    KeptClip(
                        id=described.id,
                        sidecar=path,
                        others=tuple(folder / other for other in others),
                        score=described.score,
                        written_at=stat.st_mtime,
                        size_bytes=stat.st_size + sum(sizes),
                    )
                )
        return found

    def _finish(self, gone: Path, sidecar: str) -> None:
        """A removal that broke off."""
        if (described := _described(gone, sidecar)) is not None:
            try:
                _remove_all(gone, [gone.with_name(name) for name in described.names])
            except OSError as error:
                self.troubles.append(f"{gone.parent.name}/{sidecar}: {error.strerror or error}")


def _entries(folder: Path) -> list["os.DirEntry[str]"]:
    with os.scandir(folder) as entries:
        return list(entries)


def _remove_all(gone: Path, others: "list[Path] | tuple[Path, ...]") -> None:
    for path in (*others, gone):
        path.unlink(missing_ok=True)


def _described(path: Path, name: str) -> _Described | None:
    """What the sidecar at ``path``, whose name is or was ``name``, says; None: it is none of ours."""
    named = _SIDECAR.fullmatch(name)
    try:
        if named is None or path.stat().st_size > _MAX_SIDECAR_BYTES:
            return None
        told: Any = json.loads(path.read_bytes(), parse_int=float)
    except (OSError, ValueError, RecursionError):  # gone meanwhile, or somebody else's
        return None
    if not isinstance(told, dict) or told.get("id") != named["id"] or "schema" not in told:
        return None
    clip, picture, score = told.get("filename"), told.get("picture"), told.get("score")
    if not isinstance(clip, str) or not re.fullmatch(rf"{re.escape(named['stem'])}\.[A-Za-z0-9]+", clip) or clip == name:
        return None
    if picture not in (None, f"{named['stem']}.jpg"):
        return None
    if not isinstance(score, float) or not math.isfinite(score):
        score = -math.inf
    return _Described(named["id"], (clip,) if picture is None else (clip, picture), score)
