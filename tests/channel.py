"""A recording in the packet ring, as the demuxing thread would have put it there, and highlights to cut out of it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av

from stream_processor.clipping.clip_outcome import Outcome
from stream_processor.clipping.cut import FfmpegCutter
from stream_processor.clips import Clips
from stream_processor.demux import AvDemuxer, open_container
from stream_processor.errors import SourceUnusable
from stream_processor.packets import PacketRing
from stream_processor.receiving.templates import Codecs
from stream_processor.records import Epoch, Highlight, Packet
from stream_processor.settings import ClipSettings, RingSettings
from stream_processor.timeline import Timeline

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@dataclass
class Channel:
    """``packets`` are those of the last epoch, on its repaired timeline."""

    ring: PacketRing
    epoch: Epoch
    codecs: Codecs
    packets: list[Packet]
    epochs: list[Epoch]

    @property
    def end_seconds(self) -> float:
        return max(packet.end_seconds for packet in self.packets)


def read(path: Path, *, from_seconds: float = 0.0, to_seconds: float = float("inf")) -> Channel:
    """Demux the file from the keyframe before ``from_seconds``, repair its timestamps, put it all into a roomy ring."""
    container = open_container(str(path), name=path.name)
    if from_seconds:
        container.seek(int(from_seconds * av.time_base))
    demuxer = AvDemuxer(container, name=path.name)
    timeline = Timeline(live=False, max_gap_seconds=10.0, utc_at=lambda _stream, _arrived: NOON)
    timeline.begin_part(demuxer.media)
    ring = PacketRing(RingSettings(seconds=3600, max_mb=1000))
    channel: Channel | None = None
    items: list[Epoch | Packet] = []
    for raw in demuxer.packets():
        if raw.dts is not None and raw.dts * raw.time_base > to_seconds:
            break
        items.extend(timeline.push(raw))
    items.extend(timeline.end_part())
    demuxer.close()
    for item in items:
        if isinstance(item, Epoch):
            epochs = [*channel.epochs, item] if channel else [item]
            channel = Channel(ring, item, demuxer.codecs, [], epochs)
        else:
            assert channel is not None
            channel.packets.append(item)
            ring.append(item, channel.epoch.start_seconds + item.seconds)
    if channel is None:
        raise SourceUnusable(f"{path.name}: no packet of it could be used")
    ring.end_epoch(channel.epoch.number)
    return channel


def highlight(start: float, end: float, *, peak: float | None = None, epoch: int = 0, id: str = "a-0-1") -> Highlight:
    return Highlight(
        id, epoch, start, end, (start + end) / 2 if peak is None else peak, 3.0, 1.0, {"motion": 1.0}, {"motion": 3.0}
    )


def cut(channel: Channel, moment: Highlight, folder: Path, *, cutter: Any = None, **settings: Any) -> Outcome:
    """What the cutting thread makes of a highlight that opens and closes; no roll unless ``settings`` say so."""
    outcomes: list[Outcome] = []
    clip = ClipSettings(**{"pre_roll_seconds": 0.0, "post_roll_seconds": 0.0, **settings})
    clips = Clips(channel.ring, folder, clip, cutter or FfmpegCutter(), outcomes.append)
    clips.start()
    clips.open(moment, channel.epoch, channel.codecs.template)
    clips.close(moment, folder / f"clip-{moment.id}")
    clips.stop()
    assert len(outcomes) == 1
    return outcomes[0]
