"""A live stream's cuts, placed to the frame by the packets that the ring still holds."""

from collections.abc import Iterator

from stream_processor.finishing.placing import Placing
from stream_processor.packets import PacketRing, RingReader
from stream_processor.receiving.templates import Template
from stream_processor.records import Packet


def first_frame_after_cut(
    ring: PacketRing, epoch: int, template: Template, before_seconds: float, after_seconds: float, *, placing: Placing
) -> float | None:
    """The time of the first frame behind the strongest cut in (before, after], all in epoch seconds.

    Call it in a thread: it decodes up to one GOP. For ``Evidence``, which speaks of stream seconds, take off
    ``epoch.start_seconds`` before and add it after::

        placing = Placing(settings.scene.kind, settings.scene.threshold, is_cancelled=...)
        found = first_frame_after_cut(ring, epoch.number, codecs.template, before - start, after - start, placing=placing)

    ``template``: the epoch's; it is not touched, nor is the channel's decoder. None: no cut, or its packets are gone.
    """
    video = template.streams.get("video")
    if video is None:
        return None
    with ring.reader(epoch, before_seconds, is_bystander=True) as reader:
        return placing.first_frame_after_cut(_held(reader), video.codec_context, before_seconds, after_seconds)  # type: ignore[arg-type]


def _held(reader: RingReader) -> Iterator[Packet]:
    """What the ring has by now; what is still to come is not waited for."""
    while packets := reader.read():
        yield from packets
