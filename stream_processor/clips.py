"""The cutting thread of one channel: follows open highlights through the packet ring into spools, and cuts closed ones.

Order on disk: spool while open; then clip, picture (``cut``), sidecar (the pipeline); the spool goes only when the journal has
the highlight's end, so that a restart can always complete what was closing. When the disk does not take a spool, its packets
stay in the ring (up to ``ring.max_mb``) and are written as soon as it does; a cut that fails is tried again likewise.
"""

import contextlib
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from stream_processor.cut import CutJob
from stream_processor.demux import Template
from stream_processor.errors import ClipImpossible, ClipWriteError
from stream_processor.packets import PacketRing, RingReader
from stream_processor.records import Clip, Epoch, Highlight
from stream_processor.redact import redact
from stream_processor.salvage import salvage
from stream_processor.settings import ClipSettings
from stream_processor.spool import SpoolWriter

log = structlog.get_logger()

CUTTERS = {"ffmpeg": "stream_processor.cut:FfmpegCutter"}
SPOOL_FOLDER = ".spool"
RETRY_SECONDS = 2.0
_WAIT_SECONDS = 0.25


class Cutter(Protocol):
    """Makes the clip file out of a spool. ClipWriteError: not now; the spool stays and is tried again.

    ClipImpossible, or any other exception: this highlight has no clip, and the next one is cut all the same.
    """

    def cut(self, job: CutJob) -> Clip: ...


@dataclass(frozen=True)
class Outcome:
    """What became of a closed highlight: its clip, and why there is none or what it lacks."""

    highlight_id: str
    clip: Clip | None
    reason: str | None


@dataclass
class _Job:
    """One highlight on its way to a clip. Seconds are epoch time; ``end_seconds`` is None while it is open."""

    id: str
    epoch: Epoch
    template: Template
    reader: RingReader
    start_seconds: float
    spool: SpoolWriter
    end_seconds: float | None = None
    peak_seconds: float = 0.0
    stem: Path | None = None
    complete: bool = False
    retry_at: float = 0.0
    warned: bool = False
    shortfall: str | None = None
    """What the clip lacks, where the disk did not take all of it."""
    lost: str | None = None
    """Why there will be no clip, where that is known before the highlight is closed."""


class Clips:
    """Start it, tell it what opens and closes, stop it. All methods may be called from any thread and return at once.

    ``deliver`` is called once for each closed highlight, from the cutting thread. ``has_room`` says how many bytes are free.
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
        clock: Callable[[], float] = time.monotonic,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._ring = ring
        self._folder = folder
        self._settings = settings
        self._cutter = cutter
        self._deliver = deliver
        self._min_free_bytes = int(min_free_mb * 1e6)
        self._clock = clock
        self._free_bytes = free_bytes
        self._jobs: dict[str, _Job] = {}
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
        job = _Job(
            id=highlight.id,
            epoch=epoch,
            template=template,
            reader=self._ring.reader(epoch.number, start_seconds),
            start_seconds=start_seconds,
            spool=SpoolWriter(self._spool_stem(highlight.id), template),
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
        """The highlight's end is journaled: its spool is no longer needed."""
        for path in self._folder.joinpath(SPOOL_FOLDER).glob(f"{highlight_id}.*"):
            path.unlink(missing_ok=True)

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

    def _advance(self, job: _Job) -> bool:
        """Do what can be done for one highlight now; False: nothing but waiting."""
        if self._clock() < job.retry_at and not self._stopping:
            return False
        try:
            if not job.complete:
                return self._spool(job)
            if job.stem is None:
                if self._stopping:
                    self._drop(job)  # never closed: what there is of its spool stays for the next start
                return False
            outcome = Outcome(job.id, self._cut(job), job.shortfall)
        except ClipImpossible as error:
            outcome = Outcome(job.id, None, str(error))
        except ClipWriteError as error:
            self._put_off(job, error)
            return False
        except Exception as error:  # cutters may come from anywhere: what one raises costs this clip, and nothing else
            reason = redact(f"{type(error).__name__}: {error}")
            log.error("a clip failed", highlight=job.id, reason=reason, exc_info=True)
            outcome = Outcome(job.id, None, reason)
        job.spool.close()
        job.reader.close()
        if job.stem is None:
            job.complete, job.lost = True, outcome.reason
            return False
        self._finish(job, outcome)
        return True

    def _spool(self, job: _Job) -> bool:
        if job.spool.base_seconds is None:
            self._check_room()
        packets = job.reader.read()
        passed = False
        for packet in packets or ():
            job.spool.write(packet)
            passed = job.end_seconds is not None and job.spool.decoded_seconds >= job.end_seconds
            if passed:
                break
        ended = packets is None
        if ended or passed or (self._stopping and not packets):
            job.spool.close()
            job.reader.close()
            job.complete = True
            if job.end_seconds is None and self._stopping:
                self._drop(job)  # never closed: its spool stays for the next start
            return True
        return bool(packets)

    def _cut(self, job: _Job) -> Clip:
        assert job.stem is not None
        assert job.end_seconds is not None
        if job.lost is not None:
            raise ClipImpossible(job.lost)
        if job.spool.base_seconds is None:
            raise ClipImpossible("the packet ring no longer held any of it")
        self._check_room()
        return self._cutter.cut(self._cut_job(job))

    def _cut_job(self, job: _Job) -> CutJob:
        assert job.stem is not None
        assert job.end_seconds is not None
        return CutJob(
            spool=job.spool.path,
            times=job.spool.times,
            stem=job.stem,
            start_seconds=job.start_seconds,
            end_seconds=job.end_seconds,
            peak_seconds=job.peak_seconds,
            epoch_start_seconds=job.epoch.start_seconds,
            cut=self._settings.cut,
        )

    def _put_off(self, job: _Job, error: ClipWriteError) -> None:
        """Not now: say so once, and come back. At the program's end, the spool is the clip, or it is lost."""
        job.retry_at = self._clock() + RETRY_SECONDS
        if not job.complete:
            if job.reader.rewind():
                job.spool = SpoolWriter(self._spool_stem(job.id), job.template)
            else:
                job.complete = True
                job.shortfall = "its end is missing: the disk refused it, and the packet ring no longer held it"
                job.reader.close()
        if self._stopping:
            job.reader.close()
            if job.stem is None:
                self._drop(job)
            else:
                self._finish(job, self._last_resort(job, error))
        elif not job.warned:
            job.warned = True
            log.warning("clip cannot be written yet, its packets are kept", highlight=job.id, reason=str(error))

    def _last_resort(self, job: _Job, error: ClipWriteError) -> Outcome:
        if job.complete and job.stem is not None and job.spool.base_seconds is not None:
            with contextlib.suppress(ClipWriteError, OSError):
                return Outcome(job.id, salvage(self._cut_job(job)), f"not cut, this is all of its spool: {error}")
        return Outcome(job.id, None, str(error))

    def _finish(self, job: _Job, outcome: Outcome) -> None:
        self._drop(job)
        self._deliver(outcome)

    def _drop(self, job: _Job) -> None:
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

    def _spool_stem(self, highlight_id: str) -> Path:
        return self._folder / SPOOL_FOLDER / highlight_id
