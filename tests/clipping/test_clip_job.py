"""One highlight's spool follows the packet ring, and is whole as soon as all of it has come, whenever its end is decided."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stream_processor.clipping.clip_job import ClipJob
from stream_processor.clipping.spool import SpoolWriter
from stream_processor.packets import PacketRing
from stream_processor.settings import RingSettings
from tests.channel import Channel, read

START, END = 2.5, 5.3
CAME = 6.5
"""The last packet for now: the stream goes on, and nobody knows when."""


@pytest.fixture
def channel(made: Callable[..., Path]) -> Channel:
    return read(made("h264 in mp4"))


@pytest.fixture
def ring() -> PacketRing:
    return PacketRing(RingSettings(seconds=3600, max_mb=1000))


@pytest.fixture
def job(channel: Channel, ring: PacketRing, tmp_path: Path) -> Iterator[ClipJob]:
    stem = tmp_path / "a-0-1"
    job = ClipJob(
        id="a-0-1",
        epoch=channel.epoch,
        template=channel.codecs.template,
        ring=ring,
        reader=ring.reader(channel.epoch.number, START),
        spool_stem=stem,
        from_seconds=START,
        start_seconds=START,
        spool=SpoolWriter(stem, channel.codecs.template),
    )
    yield job
    job.spool.close()


def come(ring: PacketRing, channel: Channel, from_seconds: float, to_seconds: float) -> None:
    for packet in channel.packets:
        if from_seconds <= packet.dts * packet.time_base < to_seconds:
            ring.append(packet, packet.seconds)


def followed(job: ClipJob) -> bool:
    """Whether all of it is there, once it has written whatever has come."""
    while came := job.follow():
        pass
    return came is None


@pytest.mark.parametrize("decided_at", [3.0, 5.0, 5.6, CAME])
def test_it_is_whole_without_another_packet_whenever_the_end_is_decided(
    job: ClipJob, ring: PacketRing, channel: Channel, decided_at: float
) -> None:
    #  ring      K....K....K..[.K....K....].K..    and then nothing for a long time
    #  decided                   ↑    ↑    ↑ ↑
    come(ring, channel, -1.0, decided_at)
    assert not followed(job)
    job.end_seconds = END
    come(ring, channel, decided_at, CAME)
    assert followed(job)
    job.end()
    assert job.spool.decoded_seconds >= END


def test_it_waits_for_what_has_not_come(job: ClipJob, ring: PacketRing, channel: Channel) -> None:
    come(ring, channel, -1.0, END)  # the pictures shown just before the end are decoded after it
    assert not followed(job)
    job.end_seconds = END
    assert not followed(job)
    come(ring, channel, END, CAME)
    assert followed(job)
