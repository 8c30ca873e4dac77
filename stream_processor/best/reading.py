"""One video, from its file to its tape: the way that a live stream's packets take, as fast as it goes and without loss.

::

    file ─▶ intake ─▶ backlog ─▶ decoding, scaling ─▶ thinning ─▶ engine ─▶ tape
            (thread)  (seconds)  (thread)                         (thread)  (numbers, looks on disk)

Each queue is bounded and whoever is ahead waits, so memory does not grow with the length of the video.
"""

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from stream_processor.backlog import Backlog
from stream_processor.best.numbering import FrameNumbers
from stream_processor.best.records import Video
from stream_processor.best.settings import BestSettings
from stream_processor.best.tape import Tape, TapeWriter
from stream_processor.best.thinning import Thinner
from stream_processor.contracts import Scorer
from stream_processor.decode import Sampling
from stream_processor.demux import open_container
from stream_processor.engine import Engine
from stream_processor.errors import ClipWriteError, SourceUnusable
from stream_processor.intake import EpochNotice, Intake, Notice, Patience
from stream_processor.records import PaneScore, replace
from stream_processor.redact import redact
from stream_processor.settings import SourceSettings
from stream_processor.sources.file import FileSource
from stream_processor.timeline import Timeline
from stream_processor.upstream import Analysis, Upstream

PANE_SECONDS = Fraction(1)
ENGINE_PANES = 1
"""That wait to be scored: one, so that scorers can share what they make of a pane. Five frames of 720 lines are 7 MB."""
_ON_THEIR_WAY = 2 * ENGINE_PANES + 1
_LOOK_SECONDS = 0.1
_DAY_ONE = datetime(1970, 1, 1, tzinfo=UTC)
_PICTURES = ("image2", "ico", "svg")


@dataclass(frozen=True)
class Want:
    """What is to be measured, and how a video is sampled for it. ``whole``: names of which every sample is kept.

    ``picture_size``: the shorter side of pictures in pixels; None: no scorer wants any. ``threads`` decode.
    """

    scorers: Mapping[str, Scorer]
    picture_size: int | None
    whole: Collection[str]
    best: BestSettings
    source: SourceSettings
    threads: int


@dataclass
class Position:
    """How far reading has come, in seconds of video; ``total_seconds`` None: not known. Written by other threads."""

    seconds: float = 0.0
    total_seconds: float | None = None


def check(path: Path, source: SourceSettings) -> None:
    """Before anything is begun. SourceUnusable: no such file, no video in it, a picture, or nothing that can be read."""
    file = FileSource(str(path), source)
    file.check()
    with open_container(f"file:{path}", name=str(path)) as container:
        form = container.format.name
    if form.endswith("_pipe") or form in _PICTURES:
        raise SourceUnusable(f"{redact(str(path))}: a picture ({form.removesuffix('_pipe')}), not a video")
    demuxer = file.open()
    try:
        if demuxer.media.video is None:
            raise SourceUnusable(f"{redact(str(path))}: has sound alone, no picture to choose from")
    finally:
        demuxer.close()


def read_video(
    path: Path, key: str, want: Want, engine: Engine, looks_file: Path, position: Position, tell: Callable[[], None]
) -> Tape:
    """Measure it all, blocking. ``key`` is its content key, ``looks_file`` is written and must stay while the tape is used.

    ``tell`` is called again and again meanwhile; what it raises (KeyboardInterrupt, too) ends the reading.
    SourceUnusable: it cannot be read, or nothing in it decoded. ClipWriteError: no room for the looks.
    """
    numbers = FrameNumbers()
    with TapeWriter(looks_file, numbers, whole=want.whole) as writer:
        torn = _run(path, want, engine, writer, numbers, position, tell)
        stretches, epochs = writer.stretches(), writer.epochs
        video = next((epoch.media.video for epoch in epochs if epoch.media.video is not None), None)
        if video is None or not stretches:
            raise SourceUnusable(f"{redact(str(path))}: not one frame of it could be decoded", reason="damaged")
        found = Video(
            path=path,
            key=key,
            duration_seconds=stretches[-1].end_seconds,
            width=video.width,
            height=video.height,
            fps=video.fps,
            codec=video.codec,
            has_sound=any(epoch.media.audio is not None for epoch in epochs),
            stretches=stretches,
        )
        try:
            return replace(writer.finish(found), torn=torn)
        except OSError as error:
            raise _unkept(error) from error


def _run(
    path: Path,
    want: Want,
    engine: Engine,
    writer: TapeWriter,
    numbers: FrameNumbers,
    position: Position,
    tell: Callable[[], None],
) -> frozenset[str]:
    """The names of the scorers that failed at some pane."""
    best = want.best
    thinner = Thinner(best.sample_fps, best.busy_change)
    backlog = Backlog(seconds=6.0, lossless=True)
    sampling = Sampling(
        pane_seconds=PANE_SECONDS,
        fps=best.max_sample_fps,
        height=best.sample_height,
        picture_size=want.picture_size,
        picture_fps=best.max_sample_fps,
        blocks=_ON_THEIR_WAY,
        threads=want.threads,
        max_megapixels=want.source.max_megapixels,
    )

    def report(notice: Notice) -> None:
        if isinstance(notice, EpochNotice):
            writer.begin(notice.epoch)
            position.total_seconds = notice.total_seconds

    def deliver(score: PaneScore) -> None:
        try:
            writer.add(score)
        except OSError as error:
            raise _unkept(error) from error
        position.seconds = score.start_seconds + score.duration_seconds

    feed = engine.register(path.name, want.scorers, deliver)
    timeline = Timeline(live=False, max_gap_seconds=want.source.max_part_gap_seconds, utc_at=lambda _, __: _DAY_ONE)
    intake = Intake(FileSource(str(path), want.source), timeline, numbers, backlog, report, want.source, Patience(wait=False))
    upstream = Upstream(intake, backlog, lambda: Analysis(sampling, feed, thinner.thin))
    upstream.start()
    joining = threading.Thread(target=upstream.join, name="join", daemon=True)
    joining.start()
    try:
        while joining.is_alive():
            joining.join(_LOOK_SECONDS)
            tell()
    finally:
        upstream.abandon()
        joining.join()
        feed.close()
    upstream.raise_error()
    return frozenset(name for name, errors in feed.errors.items() if errors)


def _unkept(error: OSError) -> ClipWriteError:
    return ClipWriteError(f"scores cannot be kept: {error.strerror or error} (set best.cache to another disk)")
