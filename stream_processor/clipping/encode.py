"""A clip's picture and sound encoded anew: for a cut that is right to the frame, and for codecs that no container holds.

Picture: libx264, crf 18, veryfast, with the source's rotation, pixel shape and colours. Sound: AAC.
"""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from math import ceil
from typing import Any, Protocol

import av
import av.error
import numpy as np
from av.sidedata.sidedata import Type

_PICTURE_OPTIONS = {"crf": "18", "preset": "veryfast"}
JUST_BEFORE = Fraction(2, 1000)
"""Containers round each timestamp to milliseconds, and floats round, too: a frame that lies so little before the start is the one
at the start, and one so little before the end is the one at the end, which is no longer shown."""


_LONG_HELD = Fraction(1, 2)
"""A frame that was already shown when the clip begins is taken into it, where the next one lets wait for so many seconds."""


class Retouch(Protocol):
    """What is done to each picture before it is encoded."""

    size: tuple[int, int]
    """Width and height of what comes out, in pixels."""

    def push(self, frame: Any) -> Iterable[Any]:
        """Frames with the timestamps they came with; None: there are no more."""
        ...


class PictureEncoder:
    """Encodes what is shown in [start, end) of the spool. ``first`` and ``last`` are the times of the frames taken so far,
    ``after`` is that of the first one past the end, once it was seen.

    ``fps`` serves the encoder's rate control alone: the timestamps stay the source's. A frame that stands still over the start,
    as in a screen capture, is taken from there on.
    """

    def __init__(
        self,
        output: Any,
        source: Any,
        *,
        start_seconds: float,
        end_seconds: float,
        fps: Fraction,
        options: Mapping[str, str] = _PICTURE_OPTIONS,
        retouch: Retouch | None = None,
    ) -> None:
        self._decoder = source.codec_context
        self._start = Fraction(start_seconds) - JUST_BEFORE
        self._end = Fraction(end_seconds) - JUST_BEFORE
        self._time_base: Fraction | None = None
        self.first: Fraction | None = None
        self.last: Fraction | None = None
        self.after: Fraction | None = None
        self._held: Any = None
        self._retouch = retouch
        self._stream = output.add_stream("libx264", rate=fps, options=dict(options))
        width, height = retouch.size if retouch is not None else (self._decoder.width, self._decoder.height)
        self._stream.width, self._stream.height = width // 2 * 2, height // 2 * 2
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.sample_aspect_ratio = self._decoder.sample_aspect_ratio or Fraction(1)
        for name in ("color_range", "color_primaries", "color_trc", "colorspace"):
            setattr(context, name, getattr(self._decoder, name))

    def push(self, packet: Any) -> Iterator[Any]:
        """Packets for the output; ``packet`` None: there are no more. Frames out of order, at a torn place, are left out."""
        if packet is not None:
            self._time_base = packet.time_base
        try:
            frames = self._decoder.decode(packet)
        except av.error.InvalidDataError:
            frames = []
        for frame in frames:
            if frame.pts is not None:
                yield from self._picture(frame)
        if packet is None:
            yield from self._take_held()
        if packet is None and self.first is not None:
            yield from self._encode(None)
            yield from self._stream.encode(None)

    def _picture(self, frame: Any) -> Iterator[Any]:
        assert self._time_base is not None
        seconds = frame.pts * self._time_base
        if seconds < self._start:
            self._held = frame
            return
        if seconds - self._start > _LONG_HELD:
            yield from self._take_held()
        if seconds >= self._end and self.after is None:
            self.after = seconds
        if self._takes(frame, seconds):
            yield from self._encode(frame)

    def _take_held(self) -> Iterator[Any]:
        """The clip begins in the middle of it: shown from the start on."""
        frame, self._held = self._held, None
        if frame is not None and self.first is None and self._time_base is not None:
            ticks = max(ceil(self._start / self._time_base), round((self._start + JUST_BEFORE) / self._time_base))
            seconds = ticks * self._time_base
            if self._takes(frame, seconds):
                yield from self._encode(frame)

    def _encode(self, frame: Any) -> Iterator[Any]:
        """None: there are no more."""
        untouched = () if frame is None else (frame,)
        for retouched in untouched if self._retouch is None else self._retouch.push(frame):
            retouched.pts -= round((self.first or 0) / retouched.time_base)
            yield from self._stream.encode(retouched)

    def _takes(self, frame: Any, seconds: Fraction) -> bool:
        assert self._time_base is not None
        if not self._start <= seconds < self._end or (self.last is not None and seconds <= self.last):
            return False
        if self.first is None:
            self.first = seconds
            self._stream.codec_context.time_base = self._time_base
            matrix = frame.side_data.get(Type.DISPLAYMATRIX)
            if matrix is not None:
                self._stream.set_display_matrix([int(value) for value in np.frombuffer(matrix, np.int32)])
        self.last = seconds
        frame.pts = round(seconds / self._time_base)
        frame.time_base = self._time_base
        frame.pict_type = 0
        return True


class SoundEncoder:
    """Encodes the sound, with timestamps less ``first`` (seconds); what lies before it is left out."""

    def __init__(self, output: Any, source: Any) -> None:
        self._decoder = source.codec_context
        self._time_base = Fraction(1, self._decoder.sample_rate)
        self._stream = output.add_stream("aac", rate=self._decoder.sample_rate, layout=self._decoder.layout.name)
        self._next = 0

    def push(self, packet: Any, first: Fraction) -> Iterator[Any]:
        """Packets for the output; ``packet`` None: there are no more."""
        try:
            frames = self._decoder.decode(packet)
        except av.error.InvalidDataError:
            frames = []
        for frame in frames:
            if frame.pts is None or packet is None:
                continue
            pts = round((frame.pts * packet.time_base - first) / self._time_base)
            if pts < self._next:
                continue
            self._next = pts + 1
            frame.pts, frame.time_base = pts, self._time_base
            yield from self._stream.encode(frame)
        if packet is None:
            yield from self._stream.encode(None)
