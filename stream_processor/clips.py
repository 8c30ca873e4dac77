"""The cutting thread of one channel: follows open highlights through the packet ring into spools, and cuts closed ones.

Order on disk: spool while open; then clip, picture (``cut``), sidecar (the pipeline); the spool goes only when the journal has
the highlight's end, so that a restart can always complete what was closing. When the disk does not take a spool, its packets
stay in the ring (up to ``ring.max_mb``) and are written as soon as it does; a cut that fails is tried again likewise.
"""

import contextlib
import math
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from stream_processor.clipping.clip_job import ClipJob
from stream_processor.clipping.clip_outcome import Outcome, Overdue
from stream_processor.clipping.clip_work import ClipWork
from stream_processor.clipping.cut import Cutter
from stream_processor.clipping.spool import SpoolWriter
from stream_processor.packets import PacketRing
from stream_processor.receiving.templates import Template
from stream_processor.records import Epoch, Highlight
from stream_processor.settings import ClipSettings

CUTTERS = {"ffmpeg": "stream_processor.clipping.cut:FfmpegCutter"}
SPOOL_FOLDER = ".spool"
_WAIT_SECONDS = 0.25


class Clips:
    """Start it, tell it what opens and closes, stop it. All methods may be called from any thread and return at once.

    ``deliver`` is called once for each closed highlight, from the cutting thread. ``free_bytes`` says how many there are.
    ``longest_seconds``: of a highlight that nobody closes no more than that is kept, besides its pre-roll and post-roll.
    ``before_seconds``: so much earlier than its pre-roll a clip may still be made to begin, before its end is known.
    """

    def __init__(
        self,
        ring: PacketRing,
        folder: Path,
        settings: ClipSettings,
        cutter: Cutter,
        deliver: Callable[[Outcome | Overdue], None],
        *,
        before_seconds: float = 0.0,
        min_free_mb: float = 0.0,
        longest_seconds: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._ring = ring
        self._folder = folder
        self._settings = settings
        self._work = ClipWork(folder, settings.cut, cutter, deliver, self._drop, min_free_mb, clock=clock, free_bytes=free_bytes)
        self._before_seconds = before_seconds
        self._longest_seconds = longest_seconds + before_seconds + settings.pre_roll_seconds + settings.post_roll_seconds
        self._jobs: dict[str, ClipJob] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="clips", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def open(self, highlight: Highlight, epoch: Epoch, template: Template) -> None:
        """Begin to spool, from the last keyframe at or before the earliest time at which its clip may begin."""
        start_seconds = max(0.0, highlight.start_seconds - epoch.start_seconds - self._settings.pre_roll_seconds)
        from_seconds = max(0.0, start_seconds - self._before_seconds)
        stem = self._folder / SPOOL_FOLDER / highlight.id
        job = ClipJob(
            id=highlight.id,
            epoch=epoch,
            template=template,
            ring=self._ring,
            reader=self._ring.reader(epoch.number, from_seconds),
            spool_stem=stem,
            from_seconds=from_seconds,
            start_seconds=start_seconds,
            spool=SpoolWriter(stem, template),
            longest_seconds=self._longest_seconds,
        )
        with self._lock:
            self._jobs[highlight.id] = job
        self._wake.set()

    def close(self, highlight: Highlight, stem: Path, span: tuple[float, float] | None = None) -> None:
        """The highlight is final: cut ``stem`` (a path without suffix) once all of it has arrived.

        ``span``: the clip's start and end in stream seconds; without it, the highlight's with pre-roll and post-roll.
        """
        with self._lock:
            job = self._jobs[highlight.id]
            epoch_start = job.epoch.start_seconds
            job.peak_seconds = highlight.peak_seconds - epoch_start
            if span is None:
                job.end_seconds = highlight.end_seconds - epoch_start + self._settings.post_roll_seconds
            else:
                job.start_seconds, job.end_seconds = span[0] - epoch_start, span[1] - epoch_start
            job.stem = stem  # last: from here on it may be cut
        self._wake.set()

    def discard(self, highlight: Highlight, reason: str) -> None:
        """The highlight is final, and no clip is to be made of it."""
        with self._lock:
            self._jobs[highlight.id].unwanted = reason
        self._wake.set()

    def ask_at(self, highlight: Highlight, seconds: float) -> None:
        """Deliver that it gets late, once the packets of that stream time have come and it is neither closed nor discarded."""
        with self._lock:
            job = self._jobs[highlight.id]
            job.ask_at_seconds = seconds - job.epoch.start_seconds
        self._wake.set()

    def begins_at(self, highlight_id: str) -> float:
        """Stream time from which on there are packets for its clip."""
        with self._lock:
            job = self._jobs[highlight_id]
        base_seconds = job.spool.base_seconds
        return job.epoch.start_seconds + max(job.from_seconds, job.from_seconds if base_seconds is None else base_seconds)

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
        progress = [self._work.advance(job, is_stopping=self._stopping) for job in jobs]
        if not any(progress):
            self._wake.wait(_WAIT_SECONDS if not self._stopping else 0.01)
            self._wake.clear()
        return True

    def _drop(self, job: ClipJob) -> None:
        with self._lock:
            del self._jobs[job.id]

    def _spools(self, highlight_id: str) -> list[Path]:
        return list(self._folder.joinpath(SPOOL_FOLDER).glob(f"{highlight_id}.*"))
