"""What was measured, kept for the next run, so that other weights, prompts, k or distances need no decoding.

::

    FOLDER/v1/CONTENT-SAMPLING/video.json           length, size, stretches … of the video
                               rows.npz             times and numbers of the sampled frames
                               look-KEY-D.f32       looks, float32 of D dimensions, mapped and never read whole
                               signal-NAME-KEY.npz  times and values

CONTENT is the file's content key, SAMPLING and KEY say what the numbers depend on besides. A signal that is asked for later is
added beside the others. Everything is plain numbers (no pickle), written under a temporary name and renamed; ``video.json`` comes
last. What cannot be read is thrown away and measured anew.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import shutil
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from stream_processor.best.records import Stretch, Video
from stream_processor.best.tape import LOOK, Tape, mapped
from stream_processor.records import Samples

log = structlog.get_logger()

FORMAT = "v1"
"""Numbers of another format are never read."""

_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)
_LEFT_OVER_SECONDS = 86_400.0
_WORKING = ".working-"
_OURS = re.compile(r"\.working-\d+-\d+|[0-9a-f]{32}-[0-9a-f]{12}")
"""No other folder is ever removed: somebody may keep things of their own there."""


class Cache:
    """``folder`` is made when something is kept. ``max_mb`` of 10^6 bytes; ``sampling`` says how frames were chosen."""

    def __init__(self, folder: Path, *, max_mb: float, sampling: str) -> None:
        self.folder = folder
        self._folder = folder / FORMAT
        self._max_bytes = max_mb * 1e6
        self._sampling = _short(sampling)

    def load(self, file: Path, content: str, keys: Mapping[str, str]) -> Tape | None:
        """What is known of the video: its frames and those ``signals`` of ``keys`` (name -> key) that were kept.

        None: nothing, or not what it looks like; ``keys`` must have the look's.
        """
        place = self._place(content)
        if not (place / "video.json").exists():
            return None
        try:
            tape = self._read(place, file, keys)
        except _UNREADABLE as error:
            reason = getattr(error, "strerror", None) or "damaged"
            log.warning("kept scores cannot be read: scored anew", video=file.name, reason=reason)
            self.forget(content)
            return None
        with contextlib.suppress(OSError):
            os.utime(place)  # the oldest go first
        return tape

    def _read(self, place: Path, file: Path, keys: Mapping[str, str]) -> Tape | None:
        said = json.loads((place / "video.json").read_text(encoding="utf-8"))
        looks = next(place.glob(f"look-{_short(keys[LOOK])}-*.f32"), None)
        if looks is None:
            return None
        facts = said["video"] | {"path": file, "stretches": tuple(Stretch(**one) for one in said["video"]["stretches"])}
        times, frames = _load(place / "rows.npz", "times", "frames")
        signals = {}
        for name, key in keys.items():
            kept = place / _signal_name(name, key)
            if name != LOOK and kept.exists():
                signals[name] = Samples(*_load(kept, "times", "values"))
        return Tape(Video(**facts), times, frames, signals, mapped(looks, len(times), int(looks.stem.rpartition("-")[2])))

    def working_folder(self) -> Path:
        """A new one on the cache's own disk, for what is not finished. OSError: the disk takes nothing."""
        made = self._folder / f"{_WORKING}{os.getpid()}-{time.monotonic_ns()}"
        made.mkdir(parents=True)
        return made

    def keep(self, tape: Tape, looks_file: Path | None, keys: Mapping[str, str]) -> Tape:
        """Put what is new into its place. ``looks_file`` is moved there; None: it is there. OSError: the disk refuses."""
        place = self._place(tape.video.key)
        place.mkdir(parents=True, exist_ok=True)
        dimensions = tape.looks.shape[1]
        kept = place / f"look-{_short(keys[LOOK])}-{dimensions}.f32"
        if looks_file is not None:
            tape = dataclasses.replace(tape, looks=np.empty((0, 0), np.float32))  # Windows moves no file that is mapped
            looks_file.replace(kept)
            _save(place / "rows.npz", times=tape.times, frames=tape.frames)
        for name, samples in tape.signals.items():
            file = place / _signal_name(name, keys[name])
            if not file.exists():
                _save(file, times=samples.times, values=samples.values)
        facts = {name: value for name, value in dataclasses.asdict(tape.video).items() if name != "path"}
        unfinished = place / f".video.json-{os.getpid()}"
        unfinished.write_text(json.dumps({"video": facts}, ensure_ascii=False), encoding="utf-8")
        unfinished.replace(place / "video.json")
        return dataclasses.replace(tape, looks=mapped(kept, len(tape.times), dimensions))

    def forget(self, content: str) -> None:
        shutil.rmtree(self._place(content), ignore_errors=True)

    def tidy(self) -> None:
        """Remove what crashes left behind and, beyond ``max_mb``, the oldest videos' scores. Never raises."""
        with contextlib.suppress(OSError):
            places = sorted((place.stat().st_mtime, place) for place in self._folder.iterdir() if _OURS.fullmatch(place.name))
            now = time.time()
            left_over = [p for age, p in places if p.name.startswith(_WORKING) and now - age > _LEFT_OVER_SECONDS]
            sizes = {place: _bytes_in(place) for _, place in places if not place.name.startswith(_WORKING)}
            total = sum(sizes.values())
            for place, size in sizes.items():  # the oldest first
                if total <= self._max_bytes:
                    break
                left_over.append(place)
                total -= size
            for place in left_over:
                shutil.rmtree(place, ignore_errors=True)

    def _place(self, content: str) -> Path:
        return self._folder / f"{content}-{self._sampling}"


def _signal_name(name: str, key: str) -> str:
    plain = re.sub(r"[^\w.]", "_", name)  # an observer may be called package.module:Class
    return f"signal-{plain}-{_short(key)}.npz"


def _short(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _load(file: Path, *names: str) -> list[Any]:
    """The arrays of these names. Opened here: NumPy leaves a file open that is no archive."""
    with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
        return [arrays[name] for name in names]


def _save(file: Path, **arrays: "np.typing.NDArray[np.generic]") -> None:
    unfinished = file.with_name(f".{file.name}-{os.getpid()}")
    named: Any = arrays  # whose names are none of savez' own
    try:
        with unfinished.open("wb") as opened:
            np.savez(opened, **named)
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def _bytes_in(place: Path) -> int:
    return sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
