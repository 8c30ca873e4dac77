"""What the cutting thread does next for one highlight: spool it, cut it, put it off where the disk refuses, or give it up."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import structlog

from stream_processor.clipping.clip_job import ClipJob
from stream_processor.clipping.clip_outcome import Outcome, Overdue
from stream_processor.clipping.cut import Cutter
from stream_processor.clipping.picture import illustrate
from stream_processor.clipping.salvage import salvage
from stream_processor.errors import ClipImpossible, ClipWriteError
from stream_processor.redact import redact

log = structlog.get_logger()

RETRY_SECONDS = 2.0


class ClipWork:
    """Used by the cutting thread alone. ``deliver`` is told what became of a job; ``drop``, that nothing more is done for it.

    ``clock`` is monotonic; ``free_bytes`` says how many there are in a folder.
    """

    def __init__(
        self,
        folder: Path,
        cut: Literal["copy", "exact"],
        cutter: Cutter,
        deliver: Callable[[Outcome | Overdue], None],
        drop: Callable[[ClipJob], None],
        min_free_mb: float,
        *,
        clock: Callable[[], float],
        free_bytes: Callable[[Path], int],
    ) -> None:
        self._folder = folder
        self._how = cut
        self._cutter = cutter
        self._deliver = deliver
        self._drop = drop
        self._min_free_bytes = int(min_free_mb * 1e6)
        self._clock = clock
        self._free_bytes = free_bytes

    def advance(self, job: ClipJob, *, is_stopping: bool) -> bool:
        """Do what can be done now; False: nothing but waiting. ``is_stopping``: nothing more comes, and no disk is waited for."""
        if self._clock() < job.retry_at and not is_stopping:
            return False
        if job.unwanted is not None:
            job.spool.close()
            job.reader.close()
            self._finish(job, Outcome(job.id, None, job.unwanted, is_wanted=False))
            return True
        try:
            if job.complete and job.lost is None and job.clip is None and job.is_removed:
                job.begin_again()
            if not job.complete:
                return self._spool(job, is_stopping)
            if job.stem is None:
                if is_stopping:
                    self._drop(job)  # never closed: what there is of its spool stays for the next start
                return False
            outcome = job.lost or self._cut(job)
        except ClipImpossible as error:
            outcome = Outcome(job.id, None, str(error), "impossible" if job.has_begun else "ring")
        except ClipWriteError as error:
            self._put_off(job, error, is_stopping)
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

    def _spool(self, job: ClipJob, is_stopping: bool) -> bool:
        if not job.has_begun:
            self._check_room()
        came = job.follow()
        if job.is_overdue:
            job.ask_at_seconds = None
            self._deliver(Overdue(job.id))
        if came or (came is False and not is_stopping):
            return came
        job.end()
        if job.is_full:
            log.error("a highlight stays open for too long: no more of it is kept", highlight=job.id, seconds=job.longest_seconds)
        if job.end_seconds is None and is_stopping:
            self._drop(job)  # never closed: its spool stays for the next start
        return True

    def _cut(self, job: ClipJob) -> Outcome:
        if not job.has_begun:
            raise ClipImpossible(job.why_nothing())
        self._check_room()
        what = job.cut_job(self._how)
        if job.clip is None or not os.path.exists(what.stem.with_name(job.clip.filename)):  # noqa: PTH110 # which never raises
            job.clip = self._cutter.cut(what)
        clip = illustrate(job.clip, what)
        without_picture = clip.codec is not None and clip.picture is None
        return Outcome(job.id, clip, job.lacks or ("no picture could be made of it" if without_picture else None))

    def _put_off(self, job: ClipJob, error: ClipWriteError, is_stopping: bool) -> None:
        """Not now: say so once, and come back. At the program's end, the spool is the clip, or is left to the next start."""
        job.retry_at = self._clock() + RETRY_SECONDS
        job.put_off(error)
        if is_stopping:
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
            clip = salvage(job.cut_job(self._how))
        except (ClipWriteError, OSError):
            return None
        return Outcome(job.id, clip, "; ".join(filter(None, [job.lacks, f"not cut, this is all of its spool: {error}"])))

    def _finish(self, job: ClipJob, outcome: Outcome) -> None:
        self._drop(job)
        if job.warned and outcome.clip is not None:
            log.warning("the clip is written, though the disk refused it before", highlight=job.id, clip=outcome.clip.filename)
        self._deliver(outcome)

    def _check_room(self) -> None:
        folder = self._folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            free_bytes = self._free_bytes(folder)
        except OSError as error:
            raise ClipWriteError(f"{folder.name}: {error.strerror or error}") from error
        if free_bytes < self._min_free_bytes:
            raise ClipWriteError(f"only {free_bytes / 1e6:.0f} MB free in {folder.name} (output.min_free_mb)")
