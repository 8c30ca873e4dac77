"""The cutting thread of one channel: follows open highlights through the packet ring into spools, and cuts closed ones.

Order on disk: spool while open; then clip, picture (``cut``), sidecar (the pipeline); the spool goes only when the journal has
the highlight's end, so that a restart can always complete what was closing. When the disk does not take a spool, its packets
stay in the ring (up to ``ring.max_mb``) and are written as soon as it does; a cut that fails is tried again likewise.
"""

import contextlib
import math
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import structlog

from stream_processor.clipping.clip_job import ClipJob
from stream_processor.clipping.clip_outcome import Outcome
from stream_processor.clipping.cut import CutJob
from stream_processor.clipping.picture import illustrate
from stream_processor.clipping.salvage import salvage
from stream_processor.clipping.spool import SpoolWriter
from stream_processor.errors import ClipImpossible, ClipWriteError
from stream_processor.packets import PacketRing
from stream_processor.receiving.templates import Template
from stream_processor.records import Clip, Epoch, Highlight
from stream_processor.redact import redact
from stream_processor.settings import ClipSettings

log = structlog.get_logger()

CUTTERS = {"ffmpeg": "stream_processor.clipping.cut:FfmpegCutter"}
SPOOL_FOLDER = ".spool"
RETRY_SECONDS = 2.0
_WAIT_SECONDS = 0.25


class Cutter(Protocol):
    """Makes the clip file out of a spool. ClipWriteError: not now; the spool stays and is tried again.

    ClipImpossible, or any other exception: this highlight has no clip, and the next one is cut all the same.
    """

    def cut(self, job: CutJob) -> Clip: ...


class Clips:
    """Start it, tell it what opens and closes, stop it. All methods may be called from any thread and return at once.

    ``deliver`` is called once for each closed highlight, from the cutting thread. ``free_bytes`` says how many there are.
    ``longest_seconds``: of a highlight that nobody closes no more than that is kept, besides its pre-roll and post-roll.
    """

    def __init__(
        self,
        ring: PacketRing,
        folder: Path,
        settings: ClipSettings,
        cutter: Cutter,
        deliver: Callable[[Outcome], None],
        *,
        min_free_mb: float = 0.0,
        longest_seconds: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._ring = ring
        self._folder = folder
        self._settings = settings
        self._cutter = cutter
        self._deliver = deliver
        self._min_free_bytes = int(min_free_mb * 1e6)
        self._longest_seconds = longest_seconds + settings.pre_roll_seconds + settings.post_roll_seconds
        self._clock = clock
        self._free_bytes = free_bytes
        self._jobs: dict[str, ClipJob] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="clips", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def open(self, highlight: Highlight, epoch: Epoch, template: Template) -> None:
        """Begin to spool, from the last keyframe at or before the highlight's start less the pre-roll."""
        start_seconds = max(0.0, highlight.start_seconds - epoch.start_seconds - self._settings.pre_roll_seconds)
        stem = self._folder / SPOOL_FOLDER / highlight.id
        job = ClipJob(
            id=highlight.id,
            epoch=epoch,
            template=template,
            ring=self._ring,
            reader=self._ring.reader(epoch.number, start_seconds),
            spool_stem=stem,
            start_seconds=start_seconds,
            spool=SpoolWriter(stem, template),
            longest_seconds=self._longest_seconds,
        )
        with self._lock:
            self._jobs[highlight.id] = job
        self._wake.set()

    def close(self, highlight: Highlight, stem: Path) -> None:
        """The highlight is final: cut ``stem`` (a path without suffix) once its post-roll has arrived."""
        with self._lock:
            job = self._jobs[highlight.id]
            start = job.epoch.start_seconds
            job.peak_seconds = highlight.peak_seconds - start
            job.end_seconds = highlight.end_seconds - start + self._settings.post_roll_seconds
            job.stem = stem  # last: from here on it may be cut
        self._wake.set()

    def forget(self, highlight_id: str) -> None:
        """The highlight's end is journaled: its spool is no longer needed. What cannot be removed goes with the next start."""
        with contextlib.suppress(OSError):
            for path in self._spools(highlight_id):
                path.unlink(missing_ok=True)

    def has_spool(self, highlight_id: str) -> bool:
        """Whether the next start could still make this highlight's clip."""
        return bool(self._spools(highlight_id))

    def stop(self) -> None:
        """Cut what is closed, give every closed job its outcome, join. Errors of the thread are raised here.

        A cut that encodes takes as long as it takes; what the disk refuses is tried once more, and then lost.
        """
        self._stopping = True
        self._wake.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    # ---- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while self._step():
                pass
        except BaseException as error:  # raised again by stop()
            self._error = error

    def _step(self) -> bool:
        with self._lock:
            jobs = list(self._jobs.values())
        if not jobs:
            if self._stopping:
                return False
            self._wake.wait()
            self._wake.clear()
            return True
        progress = [self._advance(job) for job in jobs]
        if not any(progress):
            self._wake.wait(_WAIT_SECONDS if not self._stopping else 0.01)
            self._wake.clear()
        return True

    def _advance(self, job: ClipJob) -> bool:
        """Do what can be done for one highlight now; False: nothing but waiting."""
        if self._clock() < job.retry_at and not self._stopping:
            return False
        try:
            if job.complete and job.lost is None and job.clip is None and job.is_removed:
                job.begin_again()
            if not job.complete:
                return self._spool(job)
            if job.stem is None:
                if self._stopping:
                    self._drop(job)  # never closed: what there is of its spool stays for the next start
                return False
            outcome = job.lost or self._cut(job)
        except ClipImpossible as error:
            outcome = Outcome(job.id, None, str(error), "impossible" if job.has_begun else "ring")
        except ClipWriteError as error:
            self._put_off(job, error)
            return False
        except Exception as error:  # cutters may come from anywhere: what one raises costs this clip, and nothing else
            reason = redact(f"{type(error).__name__}: {error}")
            log.error("a clip failed", highlight=job.id, reason=reason, exc_info=True)
            outcome = Outcome(job.id, None, reason, "failed")
        job.spool.close()
        job.reader.close()
        if job.stem is None:
            job.complete, job.lost = True, outcome
            return False
        self._finish(job, outcome)
        return True

    def _spool(self, job: ClipJob) -> bool:
        if not job.has_begun:
            self._check_room()
        came = job.follow()
        if came or (came is False and not self._stopping):
            return came
        job.end()
        if job.is_full:
            log.error("a highlight stays open for too long: no more of it is kept", highlight=job.id, seconds=job.longest_seconds)
        if job.end_seconds is None and self._stopping:
            self._drop(job)  # never closed: its spool stays for the next start
        return True

    def _cut(self, job: ClipJob) -> Outcome:
        if not job.has_begun:
            raise ClipImpossible(job.why_nothing())
        self._check_room()
        what = job.cut_job(self._settings.cut)
        if job.clip is None or not os.path.exists(what.stem.with_name(job.clip.filename)):  # noqa: PTH110 # which never raises
            job.clip = self._cutter.cut(what)
        clip = illustrate(job.clip, what)
        without_picture = clip.codec is not None and clip.picture is None
        return Outcome(job.id, clip, job.lacks or ("no picture could be made of it" if without_picture else None))

    def _put_off(self, job: ClipJob, error: ClipWriteError) -> None:
        """Not now: say so once, and come back. At the program's end, the spool is the clip, or is left to the next start."""
        job.retry_at = self._clock() + RETRY_SECONDS
        job.put_off(error)
        if self._stopping:
            job.reader.close()
            self._last_resort(job, error)
        elif not job.warned:
            job.warned = True
            log.error("a clip cannot be written yet: its packets are kept", highlight=job.id, reason=str(error))

    def _last_resort(self, job: ClipJob, error: ClipWriteError) -> None:
        outcome = None
        if job.clip is not None:
            outcome = Outcome(job.id, job.clip, job.lacks or f"without a picture: {error}")
        elif job.stem is not None and job.complete:
            outcome = self._salvaged(job, error)
        elif job.stem is not None and not job.is_partly_on_disk:
            outcome = Outcome(job.id, None, str(error))
        if outcome is not None:
            self._finish(job, outcome)
            return
        if job.stem is not None:
            log.error("a clip cannot be written: its spool is left to the next start", highlight=job.id, reason=str(error))
        self._drop(job)

    def _salvaged(self, job: ClipJob, error: ClipWriteError) -> Outcome | None:
        try:
            clip = salvage(job.cut_job(self._settings.cut))
        except (ClipWriteError, OSError):
            return None
        return Outcome(job.id, clip, "; ".join(filter(None, [job.lacks, f"not cut, this is all of its spool: {error}"])))

    def _finish(self, job: ClipJob, outcome: Outcome) -> None:
        self._drop(job)
        if job.warned and outcome.clip is not None:
            log.warning("the clip is written, though the disk refused it before", highlight=job.id, clip=outcome.clip.filename)
        self._deliver(outcome)

    def _drop(self, job: ClipJob) -> None:
        with self._lock:
            del self._jobs[job.id]

    def _check_room(self) -> None:
        folder = self._folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            free_bytes = self._free_bytes(folder)
        except OSError as error:
            raise ClipWriteError(f"{folder.name}: {error.strerror or error}") from error
        if free_bytes < self._min_free_bytes:
            raise ClipWriteError(f"only {free_bytes / 1e6:.0f} MB free in {folder.name} (output.min_free_mb)")

    def _spools(self, highlight_id: str) -> list[Path]:
        return list(self._folder.joinpath(SPOOL_FOLDER).glob(f"{highlight_id}.*"))
