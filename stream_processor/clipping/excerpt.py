"""Which of a spool's packets a clip needs. Pure.

::

    decoding order   I0 P4 B2 B1 B3 | P8 B6 B5 B7 | P12 …     numbers: the order of showing

[0, 5) ends at the first bar; [0, 6) needs B5, which refers to P8, and ends at the second.
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
    last_inside = max((index for index, item in enumerate(pictures) if item.seconds < end_seconds), default=-1)
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
