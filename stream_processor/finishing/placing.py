"""A cut that was found between two sampled frames, placed to the frame: the packets between the two are decoded, and no others
but those that lead there from the keyframe before, as a decoder must. Of these the ones that no frame refers to are left out.

::

    packets       K ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ │ K     decoding order, from the last keyframe at or before ``before_seconds``
    sampled       ●               ●               ●
                                  before     ↑    after     the first frame behind the cut: in (before, after]

``placing_in_ring`` and ``placing_in_file`` say where packets come from. Blocking; call it in a thread of its own.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, takewhile
from typing import Any

import av
import av.error
import numpy as np
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext

from stream_processor.decoding.hardware import copy_parameters
from stream_processor.decoding.scaling import HostScaler
from stream_processor.finishing.shots import HEIGHT, NEIGHBOURS, WIDTH, Differences, Kind, cut_among
from stream_processor.records import Packet, RawPacket

LONGEST_GOP_SECONDS = 20.0
"""A keyframe that lies further back than this is not decoded from: the cut is not placed."""

_LEAD_SECONDS = 0.25
"""So much before ``before_seconds`` every frame is decoded: a cut must stand out from the frames before it, too."""

_ROUNDING_SECONDS = 0.0005
"""Times that went through a float and a shift are still the same frame's."""


@dataclass(frozen=True)
class Placing:
    """What counts as a cut: the settings ``scene.kind`` and ``scene.threshold``. ``is_cancelled``: nobody waits any more."""

    kind: Kind
    threshold: float
    is_cancelled: Callable[[], bool] = lambda: False

    def first_frame_after_cut(
        self, packets: Iterable[Packet | RawPacket], source: VideoCodecContext, before_seconds: float, after_seconds: float
    ) -> float | None:
        """The time of the first frame behind the strongest cut in (before, after]; None: there is none, or no keyframe before.

        ``packets``: of one unbroken part, in its order, picture and sound; only as many are taken as are needed. All times are
        those of the packets. ``source``: a decoder of that part, which is left alone: a new one is made after its model.
        """
        times: list[float] = []
        strengths: list[float] = []
        differences, scaler = Differences(self.kind), HostScaler()
        planes = np.empty((HEIGHT * 3 // 2, WIDTH), np.uint8)
        behind = 0
        for seconds, frame in _frames(packets, source, before_seconds, self.is_cancelled):
            if self.is_cancelled():
                return None
            scaler.i420(frame, planes)
            strength = differences.push(planes)
            times.append(seconds)
            strengths.append(strength)
            behind += seconds > after_seconds + _ROUNDING_SECONDS
            if behind == NEIGHBOURS:
                break
        first = next((place for place, at in enumerate(times) if at > before_seconds + _ROUNDING_SECONDS), len(times))
        if first == 0:
            return None  # nothing to compare it with: the frame before it is not there any more
        found = cut_among(strengths[1:], first - 1, len(times) - behind - 1, self.threshold)  # the first has none before it
        return None if found is None else times[found + 1]


def _frames(
    packets: Iterable[Packet | RawPacket], source: VideoCodecContext, before_seconds: float, is_cancelled: Callable[[], bool]
) -> Iterator[tuple[float, Any]]:
    """Frames with their times, rising, from a little before ``before_seconds`` on. One thread: others decode a live stream."""
    from_seconds = before_seconds - _LEAD_SECONDS
    decoder = _decoder_like(source)
    last, time_base = float("-inf"), Fraction(1)
    needed = takewhile(lambda _: not is_cancelled(), _from_last_keyframe(packets, before_seconds))  # a GOP may be long
    for packet in chain(needed, (None,)):
        if packet is not None:
            assert packet.seconds is not None
            time_base = packet.time_base
            if last == float("-inf"):  # what is shown before the keyframe refers to what is not there (an open GOP)
                last = max(packet.seconds - _ROUNDING_SECONDS, from_seconds)
            decoder.skip_frame = "NONREF" if packet.seconds < from_seconds else "DEFAULT"
        for frame in _decoded(decoder, packet):
            seconds = None if frame.pts is None else float(frame.pts * time_base)
            if seconds is not None and seconds > last:
                last = seconds
                yield seconds, frame


def _from_last_keyframe(packets: Iterable[Packet | RawPacket], before_seconds: float) -> Iterator[Packet | RawPacket]:
    """The picture's packets from the last keyframe that is shown at or before this time; none where there is no such keyframe.

    Up to a change of the parameters. No more than one GOP is held.
    """
    lead: deque[Packet | RawPacket] | None = deque()
    for packet in packets:
        if packet.kind != "video" or packet.seconds is None:
            continue
        if lead is None:
            if getattr(packet, "changed", None) is not None:
                return
            yield packet
        elif packet.seconds <= before_seconds + _ROUNDING_SECONDS:
            if packet.is_key:
                lead = deque([packet])
            elif lead:
                lead.append(packet)
        else:
            key_seconds = lead[0].seconds if lead else None
            if key_seconds is None or before_seconds - key_seconds > LONGEST_GOP_SECONDS:
                return
            yield from lead
            lead = None
            yield packet


def _decoded(decoder: VideoCodecContext, packet: Packet | RawPacket | None) -> list[Any]:
    """What cannot be decoded is left out: there are other frames to compare."""
    encoded: av.Packet[Any] | None = None
    if packet is not None:
        encoded = av.Packet(packet.data)
        encoded.pts, encoded.dts, encoded.time_base = packet.pts, packet.dts, packet.time_base
        encoded.is_keyframe = packet.is_key
    try:
        return list(decoder.decode(encoded))
    except av.error.FFmpegError:
        return []


def _decoder_like(source: VideoCodecContext) -> VideoCodecContext:
    """A new one for the same stream. A picture much larger than announced is refused before there is memory for it."""
    context: Any = CodecContext.create(source.codec.name, "r")
    copy_parameters(source, context)
    context.thread_count = 1
    context.options = {"max_pixels": str(2 * source.width * source.height + 100_000)}
    made: VideoCodecContext = context
    return made
