"""The selection as editors see it: one clip after the other in rank order, counted in frames. Pure."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from stream_processor.best.exports.rates import frame_of, is_drop_frame, nearest
from stream_processor.best.labels import printable
from stream_processor.best.records import Chosen, FrameTable, Selection, Video
from stream_processor.best.sidecars import why
from stream_processor.clipping.encode import JUST_BEFORE


@dataclass(frozen=True)
class Medium:
    """A recording. ``rate``: frames a second as it is counted; ``first_frame``: of its own timecode; ``frames``: its length."""

    video: Video
    rate: Fraction
    first_frame: int
    frames: int

    @property
    def name(self) -> str:
        return printable(self.video.path.name)

    @property
    def path(self) -> Path:
        return self.video.path.resolve()

    @property
    def url(self) -> str:
        """``file:///…``, with everything escaped that a URL cannot have."""
        return self.path.as_uri()


@dataclass(frozen=True)
class Edit:
    """A clip: ``source_in`` counts the medium's frames from its first, at the medium's rate; ``frames`` at the list's rate."""

    medium: int
    rank: int
    source_in: int
    source_frames: int
    record_in: int
    frames: int
    peak: int
    """Frames of the medium from the clip's start."""
    comment: str


@dataclass(frozen=True)
class EditList:
    """``rate`` is that of most clips. ``notes``: where a cut can be right to the nearest frame only."""

    rate: Fraction
    media: Sequence[Medium]
    edits: Sequence[Edit]
    notes: Sequence[str]

    @property
    def is_drop_frame(self) -> bool:
        return is_drop_frame(self.rate)

    @property
    def frames(self) -> int:
        return sum(edit.frames for edit in self.edits)


def of(selection: Selection, start_timecodes: Sequence[str | None]) -> EditList:
    """``start_timecodes``: what each video's own timecode begins with, where it has one."""
    media, notes = [], []
    used = {one.moment.video for one in selection.chosen}
    for index, (scored, start) in enumerate(zip(selection.tables, start_timecodes, strict=True)):
        video = scored.table.video
        rate, is_exact = nearest(video.fps)
        first_frame = (frame_of(start, rate) if start else None) or 0
        medium = Medium(video, rate, first_frame, _frames(video.duration_seconds, rate))
        media.append(medium)
        if index not in used:
            continue
        if not is_exact:
            fps = f"{video.fps:g}" if video.fps else "an unknown number of"
            notes.append(f"{medium.name} has {fps} frames a second, counted here in {_said(rate)}: its cuts are at the nearest")
        elif has_variable_rate(scored.table):
            notes.append(f"{medium.name} has a variable frame rate: its cuts are at the nearest frame of {_said(rate)} a second")
    counts = Counter(media[one.moment.video].rate for one in selection.chosen)
    rate = max(counts, key=lambda one: counts[one]) if counts else media[0].rate
    notes += [
        f"{media[index].name} is counted in {_said(media[index].rate)} frames a second, the list in {_said(rate)}"
        for index in sorted(used)
        if media[index].rate != rate
    ]
    edits: list[Edit] = []
    record_in = 0
    for chosen in selection.chosen:
        edit = _edit(chosen, media[chosen.moment.video], rate, record_in)
        edits.append(edit)
        record_in += edit.frames
    return EditList(rate, media, edits, notes)


def has_variable_rate(table: FrameTable) -> bool:
    """Some sampled frame is not where its number says."""
    fps = table.video.fps
    if not fps or len(table.times) == 0:
        return False
    return bool(np.abs(table.times * fps - table.frames).max() > 0.75)


def _edit(chosen: Chosen, medium: Medium, rate: Fraction, record_in: int) -> Edit:
    source_in = _boundary(chosen.start_seconds, medium)
    source_frames = max(1, _boundary(chosen.end_seconds, medium) - source_in)
    frames = source_frames if medium.rate == rate else max(1, round(Fraction(source_frames) / medium.rate * rate))
    return Edit(
        medium=chosen.moment.video,
        rank=chosen.rank,
        source_in=source_in,
        source_frames=source_frames,
        record_in=record_in,
        frames=frames,
        peak=max(0, min(_frames(chosen.moment.peak_seconds, medium.rate) - source_in, source_frames - 1)),
        comment=f"score {chosen.moment.score:.2f}: {why(chosen.moment)}",
    )


def _boundary(seconds: float, medium: Medium) -> int:
    """The first frame that is not before it, as the clip file has it; counted at the medium's rate."""
    fps = medium.video.fps or float(medium.rate)
    return round(math.ceil((seconds - float(JUST_BEFORE)) * fps) / fps * float(medium.rate))


def _frames(seconds: float, rate: Fraction) -> int:
    return round(seconds * float(rate))


def _said(rate: Fraction) -> str:
    return f"{float(rate):.5g}"
