"""Videos to tapes: what is kept from earlier runs, what follows from it, and decoding only for what is missing then."""

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import structlog

from stream_processor.best.cache import Cache
from stream_processor.best.interrupting import Interruptions
from stream_processor.best.reading import ENGINE_PANES, Position, Want, read_video
from stream_processor.best.records import Float64s
from stream_processor.best.tape import LOOK, Tape
from stream_processor.best.telling import Teller
from stream_processor.engine import Engine
from stream_processor.errors import ClipWriteError
from stream_processor.records import Samples, replace

log = structlog.get_logger()

Head = Callable[[npt.NDArray[np.float32]], Float64s]


@dataclass(frozen=True)
class Measuring:
    """What is measured of each video. ``want.scorers`` has ``look`` and all else that ``keys`` names.

    ``keys``: name -> what its numbers depend on besides the video and its sampling. ``heads``: those that are functions of the
    looks alone.
    """

    want: Want
    keys: Mapping[str, str]
    heads: Mapping[str, Head]
    cache: Cache
    teller: Teller
    interruptions: Interruptions

    def tape(self, path: Path, content: str, title: str) -> Tape:
        """The video, measured. Errors as ``read_video``."""
        kept = self.cache.load(path, content, self.keys)
        if kept is None:
            with _working_folder(self.cache) as folder:
                return self._keep(self._read(path, content, title, set(self.keys), folder), folder.looks)
        tape = self._with_heads(kept)
        missing = self.keys.keys() - {LOOK} - tape.signals.keys()
        if missing:
            with _working_folder(self.cache) as folder:
                read = self._read(path, content, title, missing, folder)
            tape = replace(tape, signals={**tape.signals, **read.signals}, torn=read.torn)
        else:
            self.teller.say(f"{title}: scores kept from an earlier run")
        return tape if tape.signals.keys() == kept.signals.keys() else self._keep(tape, None)

    def _read(self, path: Path, content: str, title: str, wanted: set[str], folder: "_Folder") -> Tape:
        scorers = {name: scorer for name, scorer in self.want.scorers.items() if name in wanted}
        if not scorers:
            raise ValueError("nothing to measure")
        position, began = Position(), time.monotonic()

        def tell() -> None:
            speed = position.seconds / max(time.monotonic() - began, 0.001)
            self.teller.at(f"{title}: scoring", position.seconds, position.total_seconds, f"{speed:.1f}x real time")
            self.interruptions.check()

        with self.interruptions.held(), Engine(max_panes=ENGINE_PANES) as engine:
            tape = read_video(path, content, replace(self.want, scorers=scorers), engine, folder.looks, position, tell)
        self.teller.end()
        spent = time.monotonic() - began
        length = tape.video.duration_seconds
        self.teller.say(f"{title}: {length:.0f} s scored in {spent:.0f} s, {length / max(spent, 0.001):.1f}x real time")
        measured = {name: tape.signals.get(name, Samples.none()) for name in scorers.keys() - {LOOK}}  # nothing is known, too
        return replace(tape, signals=measured)

    def _with_heads(self, tape: Tape) -> Tape:
        found = dict(tape.signals)
        for name in self.heads.keys() - found.keys():
            found[name] = Samples(tape.times, self.heads[name](tape.looks))
        return replace(tape, signals=found)

    def _keep(self, tape: Tape, looks: Path | None) -> Tape:
        keys = {name: f"{key}, torn" if name in tape.torn else key for name, key in self.keys.items()}  # nobody asks for that
        try:
            return self.cache.keep(tape, looks, keys)
        except OSError as error:
            if looks is not None:
                raise ClipWriteError(f"scores cannot be kept: {error.strerror or error} (another disk: best.cache)") from error
            log.warning("scores cannot be kept for the next run", reason=error.strerror or str(error))
            return tape


class _Folder:
    """Where looks are written as they come; gone, with whatever is still in it, at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.looks = path / "looks.f32"

    def __enter__(self) -> "_Folder":
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._path, ignore_errors=True)


def _working_folder(cache: Cache) -> _Folder:
    try:
        return _Folder(cache.working_folder())
    except OSError as error:
        reason = error.strerror or error
        raise ClipWriteError(f"{cache.folder} cannot be written: {reason} (another place: best.cache, or --no-cache)") from error
