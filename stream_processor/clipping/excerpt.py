"""Which of a spool's packets a clip needs. Pure.

::

    decoding order   I0 P4 B2 B1 B3 | P8 B6 B5 B7 | P12 …     numbers: the order of showing

[0, 5) ends at the first bar; [0, 6) needs B5, which refers to P8, and ends at the second.

::

    spool    K . . . . K . [ . . . K . . . ] . .      [ ]: what is wanted of it; it may begin long before
    clip               K . . . . . K . . . .          from the last keyframe before it
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from stream_processor.clipping.spool import SpooledPacket


def until(packets: Iterable[SpooledPacket], end_seconds: float) -> list[SpooledPacket]:
    """The packets that show [0, end): no frame is left out that one of them refers to.

    In decoding order the picture stops at the first place at or after ``end`` where all that was taken is shown before all
    that was not, so that the last frames are whole also with B-frames. The sound goes on to the last picture.
    """
    everything = [item for item in packets if item.packet.pts is not None]
    pictures = [item for item in everything if item.kind == "video"]
    keep = len(pictures)
    inside = end_seconds - _JUST_AFTER_SECONDS  # however times round: a frame at the very end, a new shot's first, is not shown
    last_inside = max((index for index, item in enumerate(pictures) if item.seconds < inside), default=-1)
    earliest_after = float("inf")
    for index in range(len(pictures) - 1, last_inside, -1):
        if max((item.seconds for item in pictures[max(0, index - 32) : index]), default=-1.0) < min(
            earliest_after, pictures[index].seconds
        ):
            keep = index
        earliest_after = min(earliest_after, pictures[index].seconds)
    taken = {id(item) for item in pictures[:keep]}
    stop_seconds = max((item.seconds for item in pictures[:keep]), default=end_seconds)
    stop_seconds = max(stop_seconds, end_seconds)  # also where the picture has stopped before
    return [item for item in everything if (id(item) in taken if item.kind == "video" else item.seconds < stop_seconds)]


_JUST_AFTER_SECONDS = 0.001
"""Containers round to milliseconds: a keyframe so little behind the start is the one at the start."""


def since(packets: Sequence[SpooledPacket], start_seconds: float) -> tuple[list[SpooledPacket], Fraction]:
    """What a decoder needs to show everything from ``start`` on, and the time of its first picture, or of its sound alone.

    It begins at the last keyframe at or before ``start``, or at the first there is. Pictures in front of it that refer to
    before it (an open GOP) are left out, and so is the sound from before it.
    """
    keys = [item for item in packets if item.kind == "video" and item.packet.is_keyframe]
    before = [item for item in keys if item.seconds <= start_seconds + _JUST_AFTER_SECONDS]
    if not any(item.kind == "video" for item in packets):
        heard = [item for item in packets if item.end_seconds > start_seconds]
        return (heard, _time(heard[0])) if heard else (list(packets), Fraction(0))
    if not before or before[-1] is keys[0]:
        return list(packets), Fraction(0)
    key = before[-1]
    has_begun, taken = False, []
    for item in packets:
        has_begun = has_begun or item is key
        if (has_begun or item.kind == "audio") and _time(item) >= _time(key) - _HALF_TICK * item.packet.time_base:
            taken.append(item)
    return taken, _time(key)


_HALF_TICK = Fraction(1, 2)


def _time(item: SpooledPacket) -> Fraction:
    return Fraction(item.packet.pts * item.packet.time_base)


def shorten(packets: Iterable[SpooledPacket], end_seconds: float) -> None:
    """A frame with a hole behind it lasts until the picture goes on, which may be long after ``end``: there it stops."""
    for item in packets:
        if item.kind == "video" and item.seconds < end_seconds < item.end_seconds:
            item.packet.duration = max(1, round((end_seconds - item.seconds) / item.packet.time_base))


def average_fps(packets: Sequence[SpooledPacket]) -> Fraction | None:
    """The average frame rate as it is, whatever headers say."""
    times = [item.packet.pts * item.packet.time_base for item in packets if item.kind == "video"]
    lasts = max(times) - min(times) if times else 0
    return (len(times) - 1) / Fraction(lasts) if lasts else None
