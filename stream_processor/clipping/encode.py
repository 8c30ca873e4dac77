"""A clip's picture and sound encoded anew: for a cut that is right to the frame, and for codecs that no container holds.

Picture: libx264, crf 18, veryfast, with the source's rotation, pixel shape and colours. Sound: AAC.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import av.error
import numpy as np
from av.sidedata.sidedata import Type

_PICTURE_OPTIONS = {"crf": "18", "preset": "veryfast"}
_JUST_BEFORE = Fraction(1, 1000)
"""Containers round to milliseconds: a frame that lies so little before the start is the one at the start."""


class PictureEncoder:
    """Encodes what is shown in [start, end) of the spool. ``first`` and ``last`` are the times of the frames taken so far.

    ``fps`` serves the encoder's rate control alone: the timestamps stay the source's.
    """

    def __init__(self, output: Any, source: Any, *, start_seconds: float, end_seconds: float, fps: Fraction) -> None:
        self._decoder = source.codec_context
        self._start = Fraction(start_seconds) - _JUST_BEFORE
        self._end = Fraction(end_seconds)
        self._time_base: Fraction | None = None
        self.first: Fraction | None = None
        self.last: Fraction | None = None
        self._stream = output.add_stream("libx264", rate=fps, options=_PICTURE_OPTIONS)
        self._stream.width, self._stream.height = self._decoder.width // 2 * 2, self._decoder.height // 2 * 2
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
            if frame.pts is not None and self._takes(frame):
                yield from self._stream.encode(frame)
        if packet is None and self.first is not None:
            yield from self._stream.encode(None)

    def _takes(self, frame: Any) -> bool:
        assert self._time_base is not None
        seconds = frame.pts * self._time_base
        if not self._start <= seconds < self._end or (self.last is not None and seconds <= self.last):
            return False
        if self.first is None:
            self.first = seconds
            self._stream.codec_context.time_base = self._time_base
            matrix = frame.side_data.get(Type.DISPLAYMATRIX)
            if matrix is not None:
                self._stream.set_display_matrix([int(value) for value in np.frombuffer(matrix, np.int32)])
        self.last = seconds
        frame.pts = round((seconds - self.first) / self._time_base)
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
